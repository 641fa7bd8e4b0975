package skeleton

import "bytes"

// symbols of names that stand for others. x fills them up, so it is none.
const symbols = "0123456789abcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// placeholders gives each name another of the same length: equal ones for equal names, and
// different ones for different names.
type placeholders struct {
	given map[string][]byte
	next  map[int]int // number of the next name of a length
}

func newPlaceholders() *placeholders {
	return &placeholders{given: map[string][]byte{}, next: map[int]int{}}
}

// of is the name that stands for b: x and a number. Programs take a name up to its first
// NUL; what lies behind is zero.
func (p *placeholders) of(b []byte) []byte {
	if name := p.given[string(b)]; name != nil || len(b) == 0 {
		return name
	}
	seen, _, _ := bytes.Cut(b, []byte{0})
	name := make([]byte, len(b))
	copy(name, bytes.Repeat([]byte{'x'}, len(seen)))
	n := p.next[len(seen)]
	p.next[len(seen)]++
	for i := len(seen) - 1; i >= 0; i-- {
		name[i] = symbols[n%len(symbols)]
		if n /= len(symbols); n == 0 {
			break
		}
	}
	p.given[string(b)] = name
	return name
}

// isNumber tells whether b is a short number, as ids of snapshots are: no secret.
func isNumber(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 6
}
