package skeleton

import (
	"context"

	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// What is read at a time: a table is small, and where reads are slow many of them together
// take as long as one.
const (
	segmentBytes = 1 << 20
	segmentReads = 256
)

// runs gathers segments, reads their bytes together and yields them.
type runs struct {
	tables   *tables
	yield    func(patch.Segment, error) bool
	buf      []byte
	used     int64
	waiting  []patch.Segment
	reads    []source.Request
	replaced int64
	stopped  bool
}

// add takes in a segment of the overlay over the tables; false when no more are wanted.
func (r *runs) add(ctx context.Context, s patch.Segment) bool {
	if s.Start < 0 {
		r.waiting = append(r.waiting, s)
		return !r.stopped
	}
	for off, end := s.Start, s.Start+s.Len; off < end && !r.stopped; {
		part := r.tables.segment(off, end)
		if part.Data != nil {
			if r.used+part.Len > segmentBytes || len(r.reads) == segmentReads {
				r.flush(ctx)
			}
			part.Data = r.buf[r.used : r.used+part.Len]
			r.used += part.Len
			r.reads = append(r.reads, source.Request{Off: off, Buf: part.Data})
		}
		r.waiting = append(r.waiting, part)
		off += part.Len
	}
	return !r.stopped
}

// flush reads what is waiting and yields it.
func (r *runs) flush(ctx context.Context) {
	if r.stopped {
		return
	}
	n, err := r.tables.read(ctx, r.reads)
	r.replaced += n
	if err != nil {
		r.stopped = true
		r.yield(patch.Segment{}, err)
		return
	}
	for _, s := range r.waiting {
		if r.stopped = !r.yield(s, nil); r.stopped {
			return
		}
	}
	r.used, r.waiting, r.reads = 0, r.waiting[:0], r.reads[:0]
}
