package clustermap

import (
	"math/bits"

	"qcowscope/core/check"
)

// look is how one cluster shows on a map.
type look struct {
	kind uint8 // below kinds
	// severity is 0 where nothing is wrong, else 1 + check.Severity.
	severity uint8
	// tone is a number that goes with the kind, see the map.
	tone uint8
	// part is how much of the cluster is in use, of wholePart.
	part uint8
}

const (
	kinds     = 32
	wholePart = 15
)

// marked are the severities that get a mark on the map.
const marked = 1 + uint8(check.Waste)

// Cell is how a cell shows, as two bytes that a texture holds.
//
// The first holds the kind that most of its clusters have (of equally many the less ordinary
// one; kind 0, which stands for nothing, only where there is nothing else) in the low five bits and in the high three
// the worst severity of any, so that one bad cluster among millions shows at every level.
// The second is made by the map's own rule.
type Cell [2]byte

// CellPastEnd lies behind the last cluster.
const CellPastEnd = 0xff

// Kind is the kind of most clusters of the cell.
func (c Cell) Kind() uint8 { return c[0] & (kinds - 1) }

// Severity is the worst of the cell: 0 if nothing is wrong, else 1 + check.Severity.
func (c Cell) Severity() uint8 { return c[0] >> 5 }

// tally sums up clusters.
type tally struct {
	n     int64
	kinds [kinds]int64
	seen  uint32 // the kinds that there are, as bits
	parts int64
	high  uint8 // the highest tone
	first uint8 // the first tone that is not 0
	worst uint8
	bad   int64 // clusters of the worst severity, if it is marked
}

// add counts n clusters that look alike.
func (t *tally) add(k look, n int64) {
	t.n += n
	t.kinds[k.kind&(kinds-1)] += n
	t.seen |= 1 << (k.kind & (kinds - 1))
	t.parts += int64(k.part) * n
	t.tone(k.tone, k.tone)
	bad := n
	if k.severity < marked {
		bad = 0
	}
	t.trouble(k.severity, bad)
}

// join adds what follows.
func (t *tally) join(b *tally) {
	t.n += b.n
	for left := b.seen; left != 0; left &= left - 1 {
		k := bits.TrailingZeros32(left)
		t.kinds[k] += b.kinds[k]
	}
	t.seen |= b.seen
	t.parts += b.parts
	t.tone(b.high, b.first)
	t.trouble(b.worst, b.bad)
}

func (t *tally) tone(high, first uint8) {
	t.high = max(t.high, high)
	if t.first == 0 {
		t.first = first
	}
}

func (t *tally) trouble(worst uint8, bad int64) {
	switch {
	case worst > t.worst:
		t.worst, t.bad = worst, bad
	case worst == t.worst:
		t.bad += bad
	}
}

// rank is for each kind of a map how far it is out of the ordinary. Where two kinds are
// equally many, the one with the higher rank shows.
type rank [kinds]uint8

// rankOf ranks kinds that are given from the most ordinary one on.
func rankOf[K ~uint8](ordinary ...K) *rank {
	r := &rank{}
	for i, k := range ordinary {
		r[k] = uint8(i + 1)
	}
	return r
}

// most is the kind that most clusters have; nothing, only where there is nothing else.
func (t *tally) most(r *rank) uint8 {
	best := 0
	for left := t.seen &^ 1; left != 0; left &= left - 1 {
		k := bits.TrailingZeros32(left)
		if n := t.kinds[k] - t.kinds[best]; best == 0 || n > 0 || n == 0 && r[k] > r[best] {
			best = k
		}
	}
	return uint8(best)
}

// share is how much of the clusters is in use, of wholePart. What is in use at all shows.
func (t *tally) share() uint8 {
	if t.parts == 0 || t.n == 0 {
		return 0
	}
	return uint8(max(1, (t.parts+t.n/2)/t.n))
}

// judged makes the cells of maps that show use and severity: the second byte is the highest
// tone (below 16) in the low bits and the share in use, of 15, in the high ones.
func judged(r *rank) func(*tally) Cell {
	return func(t *tally) Cell { return Cell{t.most(r) | t.worst<<5, t.high | t.share()<<4} }
}
