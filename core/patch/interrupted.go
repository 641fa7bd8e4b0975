package patch

import (
	"bytes"
	"fmt"

	"qcowscope/core/source"
)

// sectorBytes is what a disk writes wholly or not at all.
const sectorBytes = 512

// DecodeInterruptedJSON reads a saved undo plan for a file in which the change that it undoes
// stopped half-way: every sector that the plan writes has either the bytes that the whole
// change would have left, or some that the plan itself writes there. The plan that it
// returns is for the file as it is. It refuses files that are in no such state, and those in
// which the change was whole and that were used since.
func DecodeInterruptedJSON(b []byte, src source.Source) (*Plan, error) {
	in, p, err := decodeJSON(b)
	if err != nil {
		return nil, err
	}
	size := src.Size()
	if size < min(p.SizeBefore, p.SizeAfter) || size > max(p.SizeBefore, p.SizeAfter) {
		return nil, fmt.Errorf("%w: it leads from %d bytes to %d, the file has %d", ErrPlanMismatch, p.SizeBefore, p.SizeAfter, size)
	}
	past, whole := false, true // the change's first batch; all that it wrote over is as it left it
	at := p.bySector()
	for i, b := range in.Batches {
		for j, w := range b {
			there, missing, err := at.halfWay(p.Batches[i][j], w.Old, src)
			if err != nil {
				return nil, err
			}
			past = past || there && i < len(in.Batches)-1
			whole = whole && !missing
		}
	}
	if past && size < p.SizeBefore || whole && size != p.SizeBefore && size != p.SizeAfter {
		return nil, fmt.Errorf("%w: so far on its way the file has %d bytes, not %d", ErrPlanMismatch, p.SizeBefore, size)
	}
	if err := in.Kept.match(src); err != nil {
		return nil, err
	}
	if past || whole {
		if err := in.Made.match(src); err != nil {
			return nil, err
		}
	}
	p.Compact()
	p.SizeBefore = size
	return p, p.Check(size)
}

// halfWay says which sector of the write's place is in no state on the way; there tells that
// something in it is only so after the change, and missing that something is not so.
func (at sectors) halfWay(w Write, old []byte, src source.Source) (there, missing bool, err error) {
	end := min(w.End(), src.Size()) // behind the end of the file nothing was written yet
	if end <= w.Off {
		return false, false, nil
	}
	now := make([]byte, end-w.Off)
	if err := source.ReadFull(src, now, w.Off); err != nil {
		return false, false, err
	}
	whole := make([]byte, len(w.Data)) // zeros where the file was longer
	copy(whole, old)
	for from := w.Off; from < end; {
		to := min(end, from/sectorBytes*sectorBytes+sectorBytes)
		piece := now[from-w.Off : to-w.Off]
		known, last := at.write(from, piece)
		done := bytes.Equal(piece, whole[from-w.Off:to-w.Off])
		if !known && !done {
			return false, false, fmt.Errorf("%w: what is at 0x%x is from neither before nor after it", ErrPlanMismatch, from)
		}
		there = there || !last
		missing = missing || !done
		from = to
	}
	return there, missing, nil
}

// sectors are the writes of a plan that touch each sector, in order.
type sectors map[int64][]Write

func (p *Plan) bySector() sectors {
	at := sectors{}
	for _, b := range p.Batches {
		for _, w := range b {
			for s := w.Off / sectorBytes; s*sectorBytes < w.End(); s++ {
				at[s] = append(at[s], w)
			}
		}
	}
	return at
}

// write tells whether any write of the plan puts these bytes there, and whether the last one
// that writes there does. They are of one sector.
func (at sectors) write(off int64, piece []byte) (any, last bool) {
	for _, w := range at[off/sectorBytes] {
		if w.Off <= off && off+int64(len(piece)) <= w.End() {
			last = bytes.Equal(w.Data[off-w.Off:off-w.Off+int64(len(piece))], piece)
			any = any || last
		}
	}
	return any, last
}
