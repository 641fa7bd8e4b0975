package clustermap

import (
	"context"
	"math"
)

// looks tells how clusters show.
type looks interface {
	// run is how cluster first looks, and how many from it on look the same: at least one,
	// at most limit. first+limit is never more than there are clusters.
	run(first, limit int64) (k look, n int64)
}

const (
	// lowestLeaf is the lowest level that is stored: below it cells are made when asked for,
	// so that a pyramid takes a sixth of a byte a cluster. Of planes beyond all measure only
	// so many cells are.
	lowestLeaf = 2
	mostLeaves = 1 << 28
	// A chunk is the cells of a level that one cell so many levels above stands for. Where
	// they are all alike it takes no room.
	chunkLevels = 6
	chunkCells  = 1 << (2 * chunkLevels)
)

// pyramid holds the cells of all levels in one order. Severities are exact at every level,
// and so are the kinds: they are counted, not guessed from the level below.
type pyramid struct {
	order  Order
	plane  Plane
	pack   func(*tally) Cell
	leaf   int // the lowest level that is stored
	levels []storey
}

// storey is one level of a pyramid.
type storey struct {
	columns int64 // of chunks, side by side
	chunks  []chunk
}

type chunk struct {
	alike Cell   // every cell, if body is nil
	bad   uint32 // the same
	body  *body
}

type body struct {
	cells [chunkCells]Cell
	bad   []uint32 // clusters of the worst severity in each cell; nil if there are none
}

func newPyramid(o Order, p Plane, pack func(*tally) Cell) *pyramid {
	y := &pyramid{order: o, plane: p, pack: pack, leaf: p.leaf()}
	for level := y.leaf; level <= p.Top(); level++ {
		last := p.size(o, level)
		last = o.within(place{max(0, last.x-1), max(0, last.y-1)}, chunkLevels)
		y.levels = append(y.levels, storey{last.x + 1, make([]chunk, (last.x+1)*(last.y+1))})
	}
	return y
}

// leaf is the lowest level that a pyramid stores.
func (p Plane) leaf() int {
	level := lowestLeaf
	for p.Clusters>>(2*level) > mostLeaves {
		level++
	}
	return level
}

// at is where a cell's chunk is, and its number in it.
func (y *pyramid) at(level int, cell place) (*chunk, int64) {
	s := &y.levels[level-y.leaf]
	c := y.order.within(cell, chunkLevels)
	return &s.chunks[c.y*s.columns+c.x], y.order.number(cell, chunkLevels)
}

// get is a cell of a stored level, and how many clusters of its worst severity it has.
func (y *pyramid) get(level int, cell place) (Cell, uint32) {
	c, i := y.at(level, cell)
	if c.body == nil {
		return c.alike, c.bad
	}
	if c.body.bad == nil {
		return c.body.cells[i], 0
	}
	return c.body.cells[i], c.body.bad[i]
}

// set stores a cell.
func (y *pyramid) set(level int, cell place, v Cell, bad uint32) {
	c, i := y.at(level, cell)
	if c.body == nil {
		if c.alike == v && c.bad == bad {
			return
		}
		c.open()
	}
	c.body.cells[i] = v
	if bad != 0 && c.body.bad == nil {
		c.body.bad = make([]uint32, chunkCells)
	}
	if c.body.bad != nil {
		c.body.bad[i] = bad
	}
}

// open gives every cell of the chunk a place of its own.
func (c *chunk) open() {
	c.body = &body{}
	for i := range c.body.cells {
		c.body.cells[i] = c.alike
	}
	if c.bad != 0 {
		c.body.bad = make([]uint32, chunkCells)
		for i := range c.body.bad {
			c.body.bad[i] = c.bad
		}
	}
}

// fill stores a cell whose clusters all look the same, and all below it.
func (y *pyramid) fill(level int, cell place, k look) {
	for l := y.leaf; l <= level; l++ {
		var t tally
		t.add(k, 1<<(2*l))
		v, bad := y.pack(&t), capped(t.bad)
		up := level - l
		if up < chunkLevels {
			for i := range int64(1) << (2 * up) {
				y.set(l, y.order.cellAt(cell, up, i), v, bad)
			}
			continue
		}
		for i := range int64(1) << (2 * (up - chunkLevels)) {
			at := y.order.cellAt(cell, up-chunkLevels, i) // of a chunk
			s := &y.levels[l-y.leaf]
			s.chunks[at.y*s.columns+at.x] = chunk{alike: v, bad: bad}
		}
	}
}

func capped(n int64) uint32 { return uint32(min(n, math.MaxUint32)) }

// builder fills a pyramid from the top down, cell by cell.
type builder struct {
	*pyramid
	ctx   context.Context
	looks looks
	// summed: so few clusters as the lowest cells stand for are summed up sooner than compared.
	summed bool
	// The run that was met last: clusters [from, end) look like k.
	k         look
	from, end int64
}

// build fills the pyramid. An error is the context's.
func (y *pyramid) build(ctx context.Context, l looks) error {
	_, faster := l.(summed)
	b := &builder{pyramid: y, ctx: ctx, looks: l, summed: faster && y.leaf == lowestLeaf}
	var t tally
	return b.cell(y.plane.Top(), place{}, &t)
}

// Levels from which on a build looks for cancellation, and whether cells are all alike. With
// rows a cell's clusters are far apart, which makes the look dear for small ones.
const (
	pauseLevel = 10
	alikeRows  = 5
)

// cell stores a cell and all below it, and sums it up.
func (b *builder) cell(level int, at place, t *tally) error {
	if !b.plane.has(b.order, level, at) {
		return nil
	}
	if level >= pauseLevel && b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if k, ok := b.alike(level, at); ok {
		t.add(k, b.plane.count(b.order, level, at))
		b.fill(level, at, k)
		return nil
	}
	if level == b.leaf {
		b.plane.slices(b.order, level, at, func(first, n int64) bool {
			sum(b.looks, first, n, t)
			return true
		})
	} else {
		for _, child := range b.order.children(at) {
			var c tally
			if err := b.cell(level-1, child, &c); err != nil {
				return err
			}
			t.join(&c)
		}
	}
	b.set(level, at, b.pack(t), capped(t.bad))
	return nil
}

// alike tells whether all clusters of a cell, and those between them, look the same. A cell
// that is cut short does not count where its clusters do: where they have a mark.
func (b *builder) alike(level int, at place) (k look, ok bool) {
	if b.order == Rows && level < alikeRows || b.summed && level == b.leaf {
		return k, false
	}
	first, end := b.plane.span(b.order, level, at)
	if first < b.from || first >= b.end {
		limit := end - first
		if b.order == Along {
			limit = b.plane.Clusters - first // what follows is asked for next
		}
		k, n := b.looks.run(first, limit)
		b.k, b.from, b.end = k, first, first+n
	}
	if end > b.end || b.k.severity >= marked && b.plane.count(b.order, level, at) < 1<<(2*level) {
		return k, false
	}
	return b.k, true
}
