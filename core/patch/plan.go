// Package patch changes an image without touching it: a Plan is data that says which bytes
// would be written where and why, an Overlay is the source with plans applied. It knows
// nothing about qcow2.
package patch

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"qcowscope/core/source"
)

// Write is one run of bytes to be written at Off, and the reason.
type Write struct {
	Off  int64
	Data []byte
	Why  string
}

// End is the offset after the last byte written.
func (w Write) End() int64 { return w.Off + int64(len(w.Data)) }

// Target is the file that a plan changes.
type Target string

// An image's own file, and the external data file that holds its guest data.
const (
	TargetImage    Target = "image"
	TargetDataFile Target = "data-file"
)

// Plan is a change of one file: batches of writes, of which batch n is durable before
// batch n+1 begins, and the file's size before and after. Writes within a batch may
// become durable in any order, so they do not overlap.
type Plan struct {
	File                  Target
	Batches               [][]Write
	SizeBefore, SizeAfter int64
}

// New is an empty plan for an image file of size bytes.
func New(size int64) *Plan {
	return &Plan{File: TargetImage, SizeBefore: size, SizeAfter: size}
}

// Add puts a write into batch n, which is created if it is not there.
func (p *Plan) Add(n int, off int64, data []byte, why string) {
	for len(p.Batches) <= n {
		p.Batches = append(p.Batches, nil)
	}
	p.Batches[n] = append(p.Batches[n], Write{off, data, why})
	p.SizeAfter = max(p.SizeAfter, off+int64(len(data)))
}

// Empty tells whether the plan changes nothing.
func (p *Plan) Empty() bool { return p.Writes() == 0 && p.SizeBefore == p.SizeAfter }

// Writes is how many there are in all batches.
func (p *Plan) Writes() int {
	n := 0
	for _, b := range p.Batches {
		n += len(b)
	}
	return n
}

// Bytes is how many are written.
func (p *Plan) Bytes() int64 {
	var n int64
	for _, b := range p.Batches {
		for _, w := range b {
			n += int64(len(w.Data))
		}
	}
	return n
}

// Compact drops empty batches, so that a barrier stands only between writes.
func (p *Plan) Compact() {
	kept := p.Batches[:0]
	for _, b := range p.Batches {
		if len(b) > 0 {
			kept = append(kept, b)
		}
	}
	p.Batches = kept
}

// ErrPlanMismatch says that a plan was made for another file.
var ErrPlanMismatch = errors.New("patch: the plan was made for another file")

// MaxGrowth is how much longer a plan may make a file. No table entry of a qcow2 image points
// behind 2^56, which bounds what a repair gives back to a truncated file; the other half is
// for the tables of that much.
const MaxGrowth = 1 << 57

// Check says whether the plan can be applied to a file of size bytes.
func (p *Plan) Check(size int64) error {
	if size != p.SizeBefore {
		return fmt.Errorf("%w: it expects %d bytes, the file has %d", ErrPlanMismatch, p.SizeBefore, size)
	}
	if p.SizeBefore < 0 || p.SizeAfter < 0 {
		return fmt.Errorf("patch: size before is %d, size after %d", p.SizeBefore, p.SizeAfter)
	}
	if p.SizeAfter-p.SizeBefore > MaxGrowth {
		return fmt.Errorf("patch: it would make a file of %d bytes %d bytes long, which no image is", p.SizeBefore, p.SizeAfter)
	}
	for i, b := range p.Batches {
		for _, w := range b {
			if w.Off < 0 || w.End() < w.Off || w.End() > max(p.SizeBefore, p.SizeAfter) {
				return fmt.Errorf("patch: write at 0x%x+0x%x in batch %d leaves the file", w.Off, len(w.Data), i)
			}
		}
		if off, ok := overlap(b); ok {
			return fmt.Errorf("patch: writes of batch %d overlap at 0x%x, and a batch has no order", i, off)
		}
	}
	return nil
}

// overlap finds a byte that two writes of a batch would set.
func overlap(batch []Write) (off int64, found bool) {
	byOff := func(a, b Write) int { return cmp.Compare(a.Off, b.Off) }
	if !slices.IsSortedFunc(batch, byOff) {
		batch = slices.SortedFunc(slices.Values(batch), byOff)
	}
	end := int64(0)
	for _, w := range batch {
		if len(w.Data) > 0 && w.Off < end {
			return w.Off, true
		}
		end = max(end, w.End())
	}
	return 0, false
}

// String is the plan in its golden form: a line a write, with the first bytes.
func (p *Plan) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "size %d -> %d\n", p.SizeBefore, p.SizeAfter)
	for i, b := range p.Batches {
		fmt.Fprintf(&s, "batch %d\n", i)
		for _, w := range b {
			head, more := w.Data, ""
			if len(head) > 16 {
				head, more = head[:16], "..."
			}
			fmt.Fprintf(&s, "  0x%x+0x%x %x%s %s\n", w.Off, len(w.Data), head, more, w.Why)
		}
	}
	return s.String()
}

// Undo is the plan that brings src back from the state after p: batch by batch in reverse
// order, each with the bytes that were there before it, and the old size. So every state
// between two batches is one that p went through. src is the file before p.
func (p *Plan) Undo(src source.Source) (*Plan, error) {
	u := &Plan{File: p.File, SizeBefore: p.SizeAfter, SizeAfter: p.SizeBefore}
	was := state{baseEnd: math.MaxInt64} // what the batches have written so far
	for i, b := range p.Batches {
		if i > 0 {
			was = was.with(p.Batches[i-1], math.MaxInt64)
		}
		batch, err := p.undoBatch(b, src, &was)
		if err != nil {
			return nil, err
		}
		if len(batch) > 0 {
			u.Batches = append(u.Batches, batch)
		}
	}
	slices.Reverse(u.Batches)
	tail, err := cutTail(src, p.SizeAfter, p.SizeBefore)
	if err != nil {
		return nil, err
	}
	if len(tail) > 0 {
		u.Batches = append([][]Write{tail}, u.Batches...)
	}
	return u, nil
}

// undoBatch is the bytes that the batch replaces.
func (p *Plan) undoBatch(b []Write, src source.Source, was *state) (batch []Write, err error) {
	for _, w := range slices.Backward(b) {
		keep := p.oldBytes(w)
		if keep == 0 {
			continue // beyond the old end: the size takes it away
		}
		old := make([]byte, keep)
		if err := source.ReadFull(src, old, w.Off); err != nil {
			return nil, err
		}
		was.patch(old, w.Off)
		batch = append(batch, Write{w.Off, old, "undo: " + w.Why})
	}
	return batch, nil
}

// cutTail is the nonzero part of src between the new end and the old one.
func cutTail(src source.Source, from, to int64) ([]Write, error) {
	const chunk = 1 << 16
	var ws []Write
	zero := make([]byte, chunk)
	for off := from; off < to; off += chunk {
		buf := make([]byte, min(chunk, to-off))
		if err := source.ReadFull(src, buf, off); err != nil {
			return nil, err
		}
		if !bytes.Equal(buf, zero[:len(buf)]) {
			ws = append(ws, Write{off, buf, "undo: truncated tail"})
		}
	}
	return ws, nil
}
