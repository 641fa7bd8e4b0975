package check

import (
	"encoding/binary"
	"iter"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// An image can have millions of findings of one code. Group.Findings holds the first ones as
// they are; those behind them are packed: each as what differs from the one before it, which
// is less than ten bytes for most.

const (
	packedRun   = 64       // findings that are decoded to get at one of them
	packedChunk = 64 << 10 // bytes
	// packedMost is more than a finding can take: the mask and 16 varints.
	packedMost = 2 + packedFields*binary.MaxVarintLen64
	// packedBeside is about what a name or an error takes.
	packedBeside = 128
)

// packedFields is how many numbers a finding is made of.
const packedFields = 16

type packedNumbers [packedFields]int64

// packed are findings of one code, in their order.
type packed struct {
	n      int
	chunks [][]byte
	starts []packedAt // of each run
	last   packedNumbers
	names  []string // of the places
	errs   []error
}

// packedAt is a place in the chunks.
type packedAt struct{ chunk, off int }

// add packs a finding behind the others and tells how many bytes that took.
func (p *packed) add(f Finding) (size int) {
	if p.n%packedRun == 0 {
		if n := len(p.chunks); n == 0 || len(p.chunks[n-1])+packedRun*packedMost > packedChunk {
			p.chunks = append(p.chunks, make([]byte, 0, packedChunk))
			size += packedChunk
		}
		p.starts = append(p.starts, packedAt{len(p.chunks) - 1, len(p.chunks[len(p.chunks)-1])})
		p.last = packedNumbers{}
	}
	p.n++
	beside := len(p.names) + len(p.errs)
	v := p.numbers(f)
	size += (len(p.names) + len(p.errs) - beside) * packedBeside
	mask, differ := uint16(0), make([]byte, 0, packedMost)
	for i := range v {
		if v[i] != p.last[i] {
			mask |= 1 << i
			differ = binary.AppendVarint(differ, v[i]-p.last[i])
		}
	}
	chunk := &p.chunks[len(p.chunks)-1]
	*chunk = append(binary.BigEndian.AppendUint16(*chunk, mask), differ...)
	p.last = v
	return size
}

// numbers are all that a finding consists of. Names and errors are kept beside them.
func (p *packed) numbers(f Finding) packedNumbers {
	if n := len(p.names); n == 0 || p.names[n-1] != f.At.Name {
		p.names = append(p.names, f.At.Name)
	}
	err := 0
	if f.Err != nil {
		p.errs = append(p.errs, f.Err)
		err = len(p.errs)
	}
	return packedNumbers{int64(f.At.Kind), int64(len(p.names) - 1), int64(f.At.Role), int64(f.At.Root), f.At.L1Index, f.At.L2Index, int64(f.At.Off),
		int64(f.Host.Start), int64(f.Host.Len), int64(f.Guest.Start), int64(f.Guest.Len), int64(f.Got), int64(f.Want), int64(f.Count), int64(f.Times), int64(err)}
}

// from are the findings of the code from the i-th one on.
func (p *packed) from(code Code, i int) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		for run := i / packedRun; run < len(p.starts); run++ {
			at := p.starts[run]
			b, v := p.chunks[at.chunk][at.off:], packedNumbers{}
			for j := run * packedRun; j < min((run+1)*packedRun, p.n); j++ {
				b = v.next(b)
				if j >= i && !yield(p.finding(code, v)) {
					return
				}
			}
		}
	}
}

// next reads the differences to the next finding.
func (v *packedNumbers) next(b []byte) []byte {
	mask := binary.BigEndian.Uint16(b)
	b = b[2:]
	for i := range v {
		if mask>>i&1 != 0 {
			d, n := binary.Varint(b)
			v[i] += d
			b = b[n:]
		}
	}
	return b
}

func (p *packed) finding(code Code, v packedNumbers) Finding {
	f := Finding{Code: code, Class: code.Class(),
		At:    Place{Kind: FieldKind(v[0]), Name: p.names[v[1]], Role: refcount.Role(v[2]), Root: int(v[3]), L1Index: v[4], L2Index: v[5], Off: qcow2.HostOff(v[6])},
		Host:  qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(v[7]), Len: qcow2.HostOff(v[8])},
		Guest: qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(v[9]), Len: qcow2.GuestOff(v[10])},
		Got:   uint64(v[11]), Want: uint64(v[12]), Count: uint64(v[13]), Times: uint64(v[14])}
	if v[15] > 0 {
		f.Err = p.errs[v[15]-1]
	}
	return f
}

// Kept is how many findings From gives; Places is how many there are.
func (g *Group) Kept() int { return len(g.Findings) + g.more.n }

// From are the findings from the i-th one on, with their numbers: those of Findings, and
// those that were packed because there are so many.
func (g *Group) From(i int) iter.Seq2[int, Finding] {
	return func(yield func(int, Finding) bool) {
		i := max(0, i)
		for ; i < len(g.Findings); i++ {
			if !yield(i, g.Findings[i]) {
				return
			}
		}
		for f := range g.more.from(g.Code, i-len(g.Findings)) {
			if !yield(i, f) {
				return
			}
			i++
		}
	}
}
