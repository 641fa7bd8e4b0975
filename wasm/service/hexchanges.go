package service

import (
	"cmp"
	"context"
	"slices"
	"sort"

	"qcowscope/core/patch"
)

// Bounds of the search for what a plan changes.
const (
	changeGap       = 8 // equal bytes between two changes that are shown as one
	maxChangePlaces = 1 << 17
	maxChangeBytes  = 256 << 20
	changeChunk     = 256 << 10
)

// place is a run of bytes, [from, to).
type place struct{ from, to int64 }

// hexChanges are the places where the sides differ, in order.
type hexChanges struct {
	places []place
	more   bool // there are others, which were not looked for
}

// HexChange is the place of a change near an offset.
func (s *Session) HexChange(ctx context.Context, req HexChangeRequest) (HexChangeReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	off, err := hexOffset(req.Offset)
	if err != nil {
		return HexChangeReply{}, err
	}
	x, err := s.sides(ctx)
	if err != nil || x.plan == nil {
		return HexChangeReply{}, err
	}
	if x.changes == nil {
		if x.changes, err = x.findChanges(ctx); err != nil {
			return HexChangeReply{}, problemError(err)
		}
	}
	return x.changes.near(off, req.Step), nil
}

func (c *hexChanges) near(off int64, step int) HexChangeReply {
	reply := HexChangeReply{Count: len(c.places), More: c.more}
	i := sort.Search(len(c.places), func(i int) bool { return c.places[i].to > off }) // the one at off, or the next
	if i < len(c.places) && c.places[i].from <= off && step > 0 {
		i++
	} else if step < 0 {
		i--
	}
	if i >= 0 && i < len(c.places) {
		reply.Index, reply.Offset, reply.Length = i+1, hex(c.places[i].from), hex(c.places[i].to-c.places[i].from)
	}
	return reply
}

// findChanges compares the sides wherever the plan writes, and where only one of them has
// bytes.
func (x *hexSides) findChanges(ctx context.Context) (*hexChanges, error) {
	c, left := &hexChanges{}, int64(maxChangeBytes)
	shared := min(x.before.src.Size(), x.after.src.Size())
	for _, w := range written(x.plan) {
		for off := w.from; off < min(w.to, shared); off += changeChunk {
			n := min(changeChunk, min(w.to, shared)-off)
			if left -= n; left < 0 || len(c.places) >= maxChangePlaces {
				c.more = true
				return c, nil
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			before, err := readAround(x.before.src, off, n)
			if err != nil {
				return nil, err
			}
			after, err := readAround(x.after.src, off, n)
			if err != nil {
				return nil, err
			}
			c.compare(off, before, after)
		}
	}
	if end := max(x.before.src.Size(), x.after.src.Size()); end > shared {
		c.add(shared, end)
	}
	return c, nil
}

func (c *hexChanges) compare(off int64, before, after []byte) {
	for i := 0; i < len(after); i++ {
		if before[i] == after[i] {
			continue
		}
		from := i
		for i < len(after) && before[i] != after[i] {
			i++
		}
		c.add(off+int64(from), off+int64(i))
	}
}

// add notes a difference that lies behind all others.
func (c *hexChanges) add(from, to int64) {
	if n := len(c.places); n > 0 && from-c.places[n-1].to < changeGap {
		c.places[n-1].to = to
		return
	}
	c.places = append(c.places, place{from, to})
}

// written are the ranges that a plan writes to, in order and apart from each other.
func written(p *patch.Plan) []place {
	var all []place
	for _, batch := range p.Batches {
		for _, w := range batch {
			all = append(all, place{w.Off, w.End()})
		}
	}
	return joinedPlaces(all)
}

// joinedPlaces puts the ranges in order and joins those that touch.
func joinedPlaces(all []place) []place {
	slices.SortFunc(all, func(a, b place) int { return cmp.Compare(a.from, b.from) })
	out := all[:0]
	for _, w := range all {
		if n := len(out); n > 0 && w.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, w.to)
		} else {
			out = append(out, w)
		}
	}
	return out
}
