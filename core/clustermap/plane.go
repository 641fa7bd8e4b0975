package clustermap

import "math/bits"

// A map shows clusters as the cells of a plane. A cell of level k stands for 4^k clusters
// (at the end of the file for fewer): which ones depends on the order.

// Order is how clusters lie in the plane.
type Order uint8

const (
	// Along: a cell of level k is 4^k clusters in a row. On a Hilbert curve these are a
	// square, so that one and the same row of cells serves every zoom.
	Along Order = iota
	// Rows: clusters lie in rows of Plane.Columns; a cell of level k is a square of 2^k by
	// 2^k of them.
	Rows
	orders
)

// Plane is how many clusters a map has and how long its rows are.
type Plane struct {
	Clusters int64
	// ColumnBits is the binary logarithm of the clusters in a row, and of the side of the
	// square that a Hilbert curve fills.
	ColumnBits uint
}

const fewestColumnBits = 3

// PlaneOf is the plane that is as near to a square as powers of two can be, whatever the
// screen: an offset keeps its column.
func PlaneOf(clusters int64) Plane {
	n := uint(bits.Len64(uint64(max(0, clusters-1))))
	return Plane{clusters, max(fewestColumnBits, (n+1)/2)}
}

// Columns is how many clusters a row has.
func (p Plane) Columns() int64 { return 1 << p.ColumnBits }

// rows is how many rows there are, the last may be cut short.
func (p Plane) rows() int64 { return (p.Clusters + p.Columns() - 1) >> p.ColumnBits }

// Top is the level at which one cell stands for everything.
func (p Plane) Top() int { return int(p.ColumnBits) }

// size is how many cells a level has: side by side and, with rows, below each other.
func (p Plane) size(o Order, level int) place {
	if o == Along {
		n := p.Clusters >> (2 * level)
		if p.Clusters&(1<<(2*level)-1) != 0 {
			n++
		}
		return place{n, 1}
	}
	return place{max(1, p.Columns()>>level), (p.rows() + 1<<level - 1) >> level}
}

// place is where a cell lies on its level: its number, or its column and row.
type place struct{ x, y int64 }

// slices visits the clusters that a cell stands for, as runs of consecutive ones in
// ascending order, until visit is false.
func (p Plane) slices(o Order, level int, at place, visit func(first, n int64) bool) {
	if o == Along {
		first := at.x << (2 * level)
		visit(first, min(p.Clusters-first, 1<<(2*level)))
		return
	}
	for y := at.y << level; y < (at.y+1)<<level; y++ {
		first := y<<p.ColumnBits + at.x<<level
		n := min(p.Clusters-first, 1<<level)
		if n <= 0 || !visit(first, n) {
			return
		}
	}
}

// span is the first cluster that a cell stands for, and the first behind its last.
func (p Plane) span(o Order, level int, at place) (first, end int64) {
	if o == Along {
		first = at.x << (2 * level)
		return first, min(p.Clusters, first+1<<(2*level))
	}
	first = at.y<<(level+int(p.ColumnBits)) + at.x<<level
	last := ((at.y+1)<<level-1)<<p.ColumnBits + (at.x+1)<<level
	return first, min(p.Clusters, last)
}

// count is how many clusters a cell stands for.
func (p Plane) count(o Order, level int, at place) int64 {
	first, end := p.span(o, level, at)
	if o == Along {
		return end - first
	}
	width := int64(1) << level
	whole := min(width, max(0, p.Clusters>>p.ColumnBits-at.y<<level)) // rows
	n := whole * width
	if whole < width { // the last row of the plane may be cut short
		n += max(0, min(width, p.Clusters-(first+whole<<p.ColumnBits)))
	}
	return n
}

// has tells whether a cell stands for any cluster.
func (p Plane) has(o Order, level int, at place) bool {
	if o == Along {
		return at.x < p.size(o, level).x
	}
	first, _ := p.span(o, level, at)
	return at.x < p.size(o, level).x && first < p.Clusters
}

// children are the four cells of the level below.
func (o Order) children(at place) [4]place {
	if o == Along {
		x := at.x << 2
		return [4]place{{x, 0}, {x + 1, 0}, {x + 2, 0}, {x + 3, 0}}
	}
	x, y := at.x<<1, at.y<<1
	return [4]place{{x, y}, {x + 1, y}, {x, y + 1}, {x + 1, y + 1}}
}

// within is the cell of a level that holds the cell at a level so many below.
func (o Order) within(at place, levels int) place {
	if o == Along {
		return place{at.x >> (2 * levels), 0}
	}
	return place{at.x >> levels, at.y >> levels}
}

// number is a cell's number in the block that is so many levels above it, from 0 on.
func (o Order) number(at place, levels int) int64 {
	if o == Along {
		return at.x & (1<<(2*levels) - 1)
	}
	low := int64(1)<<levels - 1
	return (at.y&low)<<levels | at.x&low
}

// cellAt is the cell of that number in a block that is so many levels above it.
func (o Order) cellAt(block place, levels int, number int64) place {
	if o == Along {
		return place{block.x<<(2*levels) | number, 0}
	}
	return place{block.x<<levels | number&(1<<levels-1), block.y<<levels | number>>levels}
}
