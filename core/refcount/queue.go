package refcount

import (
	"encoding/binary"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// queue adds the table to the jobs. A table that another root names at the same L1 index
// (begin marks the first job of this index) is the same job, and queue is true; one that
// is named again from elsewhere is kept for walkRepeats.
func (w *walker) queue(j l2Job, begin int, first bool) (same bool) {
	for k := begin; k < len(w.jobs); k++ {
		if job := &w.jobs[k]; job.off == j.off {
			job.active += j.active
			job.snaps += j.snaps
			return true
		}
	}
	if int64(j.off) >= w.t.end {
		return false // reads as zeros: no entries
	}
	if first && w.g.Aligned(j.off) {
		w.jobs = append(w.jobs, j)
		return false
	}
	if r := w.repeats[j.off]; r != nil {
		r.active += j.active
		r.snaps += j.snaps
		return r.l1Index == j.l1Index
	}
	j.repeat = true
	w.repeats[j.off] = &j
	w.order = append(w.order, j.off)
	return false
}

// flush reads and walks the queued tables.
func (w *walker) flush() error {
	jobs := w.jobs
	w.jobs = nil
	n := int(w.g.ClusterSize())
	use := func(b *source.Batch, err error) error { return w.walkBatch(jobs, b, err) }
	for k := range jobs {
		if !w.batch.Add(int64(jobs[k].off), n, k) {
			if err := w.pipe.Submit(w.batch, use); err != nil {
				return err
			}
			w.batch = w.pipe.Next()
			w.batch.Add(int64(jobs[k].off), n, k)
		}
	}
	if len(w.batch.Reqs) > 0 {
		if err := w.pipe.Submit(w.batch, use); err != nil {
			return err
		}
		w.batch = w.pipe.Next()
	}
	return nil
}

// walkBatch walks the tables of a batch. When the batch could not be read its tables are
// read one by one, so that only the unreadable ones are lost.
func (w *walker) walkBatch(jobs []l2Job, b *source.Batch, err error) error {
	for i, r := range b.Reqs {
		j := &jobs[b.Jobs[i]]
		if err != nil {
			if e := source.ReadFull(w.img.Src, r.Buf, r.Off); e != nil {
				if w.ctx.Err() != nil {
					return w.ctx.Err()
				}
				w.unreadable(L2, j.root, j.l1Index, r.Off, int64(len(r.Buf)), e)
				continue
			}
		}
		w.walkL2(j, r.Buf)
	}
	if w.opt.Progress != nil && len(b.Jobs) > 0 {
		w.opt.Progress(min(w.total, jobs[b.Jobs[len(b.Jobs)-1]].l1Index+1), w.total)
	}
	return nil
}

// walkRepeats walks the tables that several L1 entries name or that lie across cluster
// boundaries. Tables that overlap may add up to far more than the file, so their bytes are
// bounded.
func (w *walker) walkRepeats() error {
	buf := make([]byte, w.g.ClusterSize())
	for _, off := range w.order {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		j := w.repeats[off]
		if w.budget -= int64(len(buf)); w.budget < 0 {
			w.aborted = true
			w.trouble(TablesOverlap, Trouble{Role: L2, Root: j.root, L1Index: j.l1Index, L2Index: -1, Times: 1,
				Host: qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(len(buf))}})
			return nil
		}
		if err := source.ReadFull(w.img.Src, buf, int64(off)); err != nil {
			w.unreadable(L2, j.root, j.l1Index, int64(off), int64(len(buf)), err)
			continue
		}
		w.walkL2(j, buf)
	}
	return nil
}
