package clustermap

import (
	"context"
	"slices"
)

// TileBits is the binary logarithm of a tile's side in cells.
const TileBits = 10

// paintAhead bounds the clusters that are looked at ahead for ones that look the same.
const paintAhead = 1 << 14

// pinBits is that of the block of cells whose pins are asked for together.
const pinBits = 5

// Picture shows clusters at every level and in both orders. It is not safe for concurrent
// use. Its pyramids are built when they are first asked for.
type Picture struct {
	Plane    Plane
	looks    looks
	pack     func(*tally) Cell
	pyramids [orders]*pyramid
}

func newPicture(clusters int64, l looks, pack func(*tally) Cell) *Picture {
	return &Picture{Plane: PlaneOf(clusters), looks: l, pack: pack}
}

// Cut is the picture of the first clusters only, of which there must be so many.
func (p *Picture) Cut(clusters int64) *Picture {
	if clusters == p.Plane.Clusters {
		return p
	}
	return newPicture(clusters, p.looks, p.pack)
}

// pyramid is the one of the order.
func (p *Picture) pyramid(ctx context.Context, o Order) (*pyramid, error) {
	if p.pyramids[o] == nil {
		y := newPyramid(o, p.Plane, p.pack)
		if err := y.build(ctx, p.looks); err != nil {
			return nil, err
		}
		p.pyramids[o] = y
	}
	return p.pyramids[o], nil
}

// Tile is a part of a level, two bytes a cell, in rows of Width.
type Tile struct {
	Width, Height int
	Cells         []byte
}

// Tile is the tile in column x and row y of a level. In order Along tiles lie in one row,
// and so do their cells, which are broken into rows of at most 1<<TileBits; what is missing
// in the last is CellPastEnd. A tile that does not exist is empty. The error is the context's.
func (p *Picture) Tile(ctx context.Context, o Order, level int, x, y int64) (Tile, error) {
	size := p.Plane.size(o, level)
	origin := o.cellAt(place{x, y}, TileBits, 0)
	if x < 0 || y < 0 || !p.Plane.has(o, level, origin) {
		return Tile{}, nil
	}
	const side = 1 << TileBits
	var t Tile
	if o == Along {
		cells := min(size.x-origin.x, side*side)
		t.Width, t.Height = int(min(cells, side)), int((cells+side-1)/side)
	} else {
		t.Width, t.Height = int(min(size.x-origin.x, side)), int(min(size.y-origin.y, side))
	}
	t.Cells = make([]byte, 2*t.Width*t.Height)
	if level < p.Plane.leaf() {
		p.paint(ctx, o, level, origin, t)
		return t, ctx.Err()
	}
	pyramid, err := p.pyramid(ctx, o)
	if err != nil {
		return Tile{}, err
	}
	p.each(o, level, origin, t, func(at place, cell []byte) {
		c, _ := pyramid.get(level, at)
		copy(cell, c[:])
	})
	return t, nil
}

// each visits the cells of the tile in their order.
func (p *Picture) each(o Order, level int, origin place, t Tile, visit func(at place, cell []byte)) {
	for i := range int64(t.Width) * int64(t.Height) {
		cell := t.Cells[2*i : 2*i+2]
		at := place{origin.x + i, 0}
		if o == Rows {
			at = place{origin.x + i%int64(t.Width), origin.y + i/int64(t.Width)}
		}
		if !p.Plane.has(o, level, at) {
			cell[0], cell[1] = CellPastEnd, CellPastEnd
			continue
		}
		visit(at, cell)
	}
}

// paint makes the cells of a level that is not stored.
func (p *Picture) paint(ctx context.Context, o Order, level int, origin place, t Tile) {
	var run struct {
		cell       Cell
		first, end int64 // cells of whole clusters in a row look alike
	}
	p.each(o, level, origin, t, func(at place, cell []byte) {
		first, end := p.Plane.span(o, level, at)
		if first < run.first || first >= run.end {
			k, n := p.looks.run(first, min(p.Plane.Clusters-first, max(paintAhead, 16*(end-first))))
			run.first, run.end = first, first+n
			var one tally
			one.add(k, 1)
			run.cell = p.pack(&one)
		}
		if end <= run.end {
			copy(cell, run.cell[:])
			return
		}
		if at.x%64 == 0 && ctx.Err() != nil {
			return
		}
		c := p.pack(p.tally(o, level, at))
		copy(cell, c[:])
	})
}

func (p *Picture) tally(o Order, level int, at place) *tally {
	t := &tally{}
	p.Plane.slices(o, level, at, func(first, n int64) bool {
		sum(p.looks, first, n, t)
		return true
	})
	return t
}

// Pin marks a cell in which something is wrong.
type Pin struct {
	Cluster  int64 // one of the worst in the cell; in order Along the first
	Count    int64 // how many clusters are as bad; no more than a uint32 can hold
	Severity uint8 // as in a Cell
}

// Pins are those of the block of 32 by 32 cells (in order Along of 1024 cells) in column x
// and row y of a level. The error is the context's.
func (p *Picture) Pins(ctx context.Context, o Order, level int, x, y int64) ([]Pin, error) {
	pyramid, err := p.pyramid(ctx, o)
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for i := range int64(1) << (2 * pinBits) {
		at := o.cellAt(place{x, y}, pinBits, i)
		if !p.Plane.has(o, level, at) {
			continue
		}
		severity, count := p.trouble(pyramid, level, at)
		if severity >= marked {
			pins = append(pins, Pin{p.oneOf(pyramid, level, at, severity), count, severity})
		}
	}
	return pins, nil
}

// trouble is the worst severity of a cell and how many clusters have it.
func (p *Picture) trouble(y *pyramid, level int, at place) (severity uint8, count int64) {
	if level < y.leaf {
		t := p.tally(y.order, level, at)
		return t.worst, t.bad
	}
	c, bad := y.get(level, at)
	return c.Severity(), int64(bad)
}

// oneOf goes down to a cluster of a severity, which the cell has.
func (p *Picture) oneOf(y *pyramid, level int, at place, severity uint8) int64 {
	for ; level > y.leaf; level-- {
		children := y.order.children(at)
		i := slices.IndexFunc(children[:], func(c place) bool {
			if !p.Plane.has(y.order, level-1, c) {
				return false
			}
			v, _ := y.get(level-1, c)
			return v.Severity() == severity
		})
		if i < 0 {
			break
		}
		at = children[i]
	}
	found := int64(-1)
	p.Plane.slices(y.order, level, at, func(first, n int64) bool {
		for end := first + n; first < end && found < 0; {
			k, n := p.looks.run(first, end-first)
			if k.severity == severity {
				found = first
			}
			first += n
		}
		return found < 0
	})
	return found
}

// Worst is one of the worst clusters that a cell of a level stands for, in order Along the
// first; -1 if there is no such cell.
func (p *Picture) Worst(ctx context.Context, o Order, level int, x, y int64) (int64, error) {
	pyramid, err := p.pyramid(ctx, o)
	if err != nil {
		return 0, err
	}
	at := place{x, y}
	if x < 0 || y < 0 || !p.Plane.has(o, level, at) {
		return -1, nil
	}
	severity, _ := p.trouble(pyramid, level, at)
	return p.oneOf(pyramid, level, at, severity), nil
}
