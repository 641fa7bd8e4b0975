package patch

import (
	"context"
	"io"
	"iter"
	"slices"
	"sort"

	"qcowscope/core/source"
)

// extent is patched bytes; extents of a state are sorted and do not overlap.
type extent struct {
	off  int64
	data []byte
}

func (e extent) end() int64 { return e.off + int64(len(e.data)) }

// state is what the file looks like: base bytes below baseEnd, zeros from there to size,
// and the extents over both.
type state struct {
	extents       []extent
	baseEnd, size int64
}

// Overlay is a source with plans applied to it, in memory. It is a Source; it is not safe
// to apply or undo while it is read.
type Overlay struct {
	base source.Source
	now  state
	past []state
}

// NewOverlay shows base unchanged.
func NewOverlay(base source.Source) *Overlay {
	return &Overlay{base: base, now: state{baseEnd: base.Size(), size: base.Size()}}
}

// Apply lays the plan over what is there.
func (o *Overlay) Apply(p *Plan) error {
	if err := p.Check(o.now.size); err != nil {
		return err
	}
	var ws []Write
	for _, b := range p.Batches {
		ws = append(ws, b...)
	}
	o.past = append(o.past, o.now)
	o.now = o.now.with(ws, p.SizeAfter)
	return nil
}

// Undo takes the last applied plan back; false when there is none.
func (o *Overlay) Undo() bool {
	if len(o.past) == 0 {
		return false
	}
	o.now = o.past[len(o.past)-1]
	o.past = o.past[:len(o.past)-1]
	return true
}

// Depth is how many plans are applied.
func (o *Overlay) Depth() int { return len(o.past) }

// Size is the size after the applied plans.
func (o *Overlay) Size() int64 { return o.now.size }

// with paints the writes over the state, later ones over earlier ones.
func (s state) with(ws []Write, size int64) state {
	layers := slices.Clone(s.extents)
	for _, w := range ws {
		if len(w.Data) > 0 {
			layers = append(layers, extent{w.Off, w.Data})
		}
	}
	next := state{baseEnd: min(s.baseEnd, size), size: size}
	next.extents = clip(flatten(layers), size)
	return next
}

// flatten makes extents disjoint. All starts and ends cut the line into pieces; each
// layer in turn paints the pieces it covers.
func flatten(layers []extent) []extent {
	byOff := slices.Clone(layers)
	sort.SliceStable(byOff, func(i, j int) bool { return byOff[i].off < byOff[j].off })
	if disjoint(byOff) {
		return byOff
	}
	cuts := make([]int64, 0, 2*len(layers))
	for _, l := range layers {
		cuts = append(cuts, l.off, l.end())
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	pieces := make([][]byte, len(cuts))
	for _, l := range layers {
		i, _ := slices.BinarySearch(cuts, l.off)
		for ; cuts[i] < l.end(); i++ {
			pieces[i] = l.data[cuts[i]-l.off : cuts[i+1]-l.off]
		}
	}
	var out []extent
	for i, p := range pieces {
		if p != nil {
			out = append(out, extent{cuts[i], p})
		}
	}
	return out
}

func disjoint(sorted []extent) bool {
	for i := 1; i < len(sorted); i++ {
		if sorted[i-1].end() > sorted[i].off {
			return false
		}
	}
	return true
}

func clip(es []extent, size int64) []extent {
	for i, e := range es {
		if e.end() > size {
			if e.off < size {
				es[i].data = e.data[:size-e.off]
				i++
			}
			return es[:i]
		}
	}
	return es
}

// from is the index of the first extent that ends after off.
func (s *state) from(off int64) int {
	return sort.Search(len(s.extents), func(i int) bool { return s.extents[i].end() > off })
}

// patch copies the extents that touch [off, off+len(buf)) into buf and zeroes what lies
// past the base.
func (s *state) patch(buf []byte, off int64) {
	if past := s.baseEnd - off; past < int64(len(buf)) {
		clear(buf[max(0, past):])
	}
	end := off + int64(len(buf))
	for _, e := range s.extents[s.from(off):] {
		if e.off >= end {
			return
		}
		skip := max(0, off-e.off)
		copy(buf[e.off+skip-off:], e.data[skip:])
	}
}

// covered tells whether extents fill [off, end) wholly, so that the base need not be read.
func (s *state) covered(off, end int64) bool {
	for _, e := range s.extents[s.from(off):] {
		if e.off > off {
			return false
		}
		if off = e.end(); off >= end {
			return true
		}
	}
	return off >= s.baseEnd
}

// ReadAt reads through the patches.
func (o *Overlay) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= o.now.size {
		return 0, io.EOF
	}
	var err error
	if int64(len(p)) > o.now.size-off {
		p, err = p[:o.now.size-off], io.EOF
	}
	if !o.now.covered(off, off+int64(len(p))) {
		if rerr := source.ReadFull(o.base, p, off); rerr != nil {
			return 0, rerr
		}
	}
	o.now.patch(p, off)
	return len(p), err
}

// ReadBatch reads through the patches; the base serves its part as one batch.
func (o *Overlay) ReadBatch(ctx context.Context, reqs []source.Request) error {
	var need []source.Request
	for _, r := range reqs {
		if r.Off < 0 || !o.now.covered(r.Off, r.Off+int64(len(r.Buf))) {
			need = append(need, r) // the base refuses a negative offset
		}
	}
	if err := source.ReadBatch(ctx, o.base, need); err != nil {
		return err
	}
	for _, r := range reqs {
		o.now.patch(r.Buf, r.Off)
	}
	return nil
}

// Segment is a run of the patched file: Len bytes of the base from Start on, or Data, or
// zeros when Start is negative and Data is nil.
type Segment struct {
	Start int64 // in the base; -1 for Data and zeros
	Len   int64
	Data  []byte
}

// Segments are the file as it is now, in order and without gaps.
func (o *Overlay) Segments() iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		off := int64(0)
		gap := func(end int64) bool { // base bytes, then zeros
			if b := min(end, o.now.baseEnd); off < b {
				if !yield(Segment{Start: off, Len: b - off}) {
					return false
				}
				off = b
			}
			if off < end {
				if !yield(Segment{Start: -1, Len: end - off}) {
					return false
				}
				off = end
			}
			return true
		}
		for _, e := range o.now.extents {
			if !gap(e.off) || !yield(Segment{-1, int64(len(e.data)), e.data}) {
				return
			}
			off = e.end()
		}
		gap(o.now.size)
	}
}
