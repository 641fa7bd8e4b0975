package redirect

import (
	"encoding/binary"
	"slices"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// canvas is the sectors that a log writes before its commit: what they hold is built up in
// memory, over the old image.
type canvas struct {
	base    source.Source
	sectors map[int64]*painted // by offset / canvasBytes
}

// canvasBytes is how much of the file is held together.
const canvasBytes = 4096

type painted struct {
	data  [canvasBytes]byte
	dirty uint8 // a bit a sector
	why   [canvasBytes / qcow2.SectorSize]string
}

// each visits the parts of [off, off+n), of which none crosses a painted piece.
func (c *canvas) each(off, n int64, visit func(p *painted, in, done, n int64) error) error {
	for done := int64(0); done < n; {
		key := (off + done) / canvasBytes
		p := c.sectors[key]
		if p == nil {
			p = &painted{}
			if err := source.ReadFull(c.base, p.data[:], key*canvasBytes); err != nil {
				return err
			}
			c.sectors[key] = p
		}
		in := (off + done) % canvasBytes
		part := min(canvasBytes-in, n-done)
		if err := visit(p, in, done, part); err != nil {
			return err
		}
		done += part
	}
	return nil
}

// paint marks the sectors of the piece that [in, in+n) touches.
func (p *painted) paint(in, n int64, why string) {
	for s := in / qcow2.SectorSize; s*qcow2.SectorSize < in+n; s++ {
		if p.dirty>>s&1 == 0 || p.why[s] == "" {
			p.dirty |= 1 << s
			p.why[s] = why
		}
	}
}

func (c *canvas) write(off int64, data []byte, why string) error {
	return c.each(off, int64(len(data)), func(p *painted, in, done, n int64) error {
		copy(p.data[in:], data[done:done+n])
		p.paint(in, n, why)
		return nil
	})
}

func (c *canvas) copy(to, from, n int64, why string) error {
	return c.each(to, n, func(p *painted, in, done, n int64) error {
		p.paint(in, n, why)
		return source.ReadFull(c.base, p.data[in:in+n], from+done)
	})
}

// count sets a refcount in the refblock at off.
func (c *canvas) count(off, index int64, order uint, v uint64, why string) error {
	first := index << order / 8
	return c.each(off+first&^7, 8, func(p *painted, in, _, _ int64) error {
		per := int64(64) >> order
		qcow2.Refblock(p.data[in:in+8]).Set(order, index%per, v)
		p.paint(first&7+in, max(1, int64(1)<<order/8), why)
		return nil
	})
}

// plan adds the painted sectors of a file of size bytes to batch 0, runs with the same
// reason as one write.
func (c *canvas) plan(p *patch.Plan, size int64) {
	keys := make([]int64, 0, len(c.sectors))
	for k := range c.sectors {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var w patch.Write
	flush := func() {
		if w.Data = w.Data[:max(0, min(int64(len(w.Data)), size-w.Off))]; len(w.Data) > 0 {
			p.Add(0, w.Off, w.Data, w.Why)
		}
		w = patch.Write{}
	}
	for _, k := range keys {
		piece := c.sectors[k]
		for s := range int64(canvasBytes / qcow2.SectorSize) {
			if piece.dirty>>s&1 == 0 {
				continue
			}
			off := k*canvasBytes + s*qcow2.SectorSize
			if w.End() != off || w.Why != piece.why[s] || len(w.Data) == 0 {
				flush()
				w = patch.Write{Off: off, Why: piece.why[s]}
			}
			w.Data = append(w.Data, piece.data[s*qcow2.SectorSize:(s+1)*qcow2.SectorSize]...)
		}
	}
	flush()
}

// Replay is the plan that the log means for the old image: it leads to the new one when
// the log has its commit, and else changes nothing.
func (l Log) Replay(old source.Source) (*patch.Plan, error) {
	p := patch.New(old.Size())
	size, ok := l.committed()
	if !ok {
		return p, nil
	}
	c := canvas{base: old, sectors: map[int64]*painted{}}
	for _, r := range l {
		if err := c.replay(r); err != nil {
			return nil, err
		}
	}
	c.plan(p, size)
	l.steps(p)
	p.SizeAfter = size
	p.Compact()
	return p, nil
}

// replay takes in a record of what goes to new places. Those of the header are its steps.
func (c *canvas) replay(r Record) error {
	what := r.Kind.String() + " " + r.Node.String()
	switch r.Op {
	case OpCopy:
		return c.copy(int64(r.Off), int64(r.From), r.Len, "copy of "+what)
	case OpWrite:
		return c.write(int64(r.Off), r.Data, r.Why)
	case OpUpdate:
		if r.Parent == 0 {
			return nil // it is in the steps of the header
		}
		return c.write(int64(r.Off), binary.BigEndian.AppendUint64(nil, r.New), "pointer to "+what)
	case OpCount:
		return c.count(int64(r.Off), r.Index, r.Order, r.New, what)
	}
	return nil
}

// steps adds the switch, a batch a step, and what comes after it.
func (l Log) steps(p *patch.Plan) {
	last := len(p.Batches)
	for _, r := range l {
		if r.Op == OpHeader {
			last = max(last, 1+r.Step)
			p.Add(1+r.Step, int64(r.Off), r.Data, r.Why)
		}
	}
	for _, r := range l {
		if r.Op == OpLate {
			p.Add(last+1, int64(r.Off), r.Data, r.Why)
		}
	}
}
