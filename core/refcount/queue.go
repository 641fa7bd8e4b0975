package refcount

import (
	"encoding/binary"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// fewJobs is how many jobs of one L1 index are looked through one by one.
const fewJobs = 16

// sameJob is the job of this L1 index (they begin at begin) for the table at off, or nil.
// Many snapshots can make many jobs: those past the first few are found by the map.
func (w *walker) sameJob(off qcow2.HostOff, begin int) *l2Job {
	for k := begin; k < min(len(w.jobs), begin+fewJobs); k++ {
		if w.jobs[k].off == off {
			return &w.jobs[k]
		}
	}
	if k, ok := w.jobAt[off]; ok {
		return &w.jobs[k]
	}
	return nil
}

// queue adds the table to the jobs. A table that another root names at the same L1 index
// (begin marks the first job of this index) is the same job, and queue is true; one that
// is named again from elsewhere is kept for walkRepeats.
func (w *walker) queue(j l2Job, begin int, first bool) (same bool) {
	if job := w.sameJob(j.off, begin); job != nil {
		job.active += j.active
		job.snaps += j.snaps
		return true
	}
	if int64(j.off) >= w.t.end {
		return false // reads as zeros: no entries
	}
	if first && w.g.Aligned(j.off) {
		w.jobs = append(w.jobs, j)
		if k := len(w.jobs) - 1; k >= begin+fewJobs {
			if w.jobAt == nil {
				w.jobAt = map[qcow2.HostOff]int{}
			}
			w.jobAt[j.off] = k
		}
		return false
	}
	if r := w.repeats[j.off]; r != nil {
		r.active += j.active
		r.snaps += j.snaps
		return r.l1Index == j.l1Index
	}
	w.repeat(j)
	return false
}

// Bounds of the tables that lie across other tables: no image that a program wrote has any.
const (
	overlapSlack = 1 << 30
	maxRepeats   = 1 << 18
)

// repeat keeps the table for walkRepeats. Tables that overlap may add up to far more than
// the file, so how many are walked is bounded.
func (w *walker) repeat(j l2Job) {
	if n := int64(len(w.order)); n >= maxRepeats || n*w.g.ClusterSize() >= overlapSlack {
		if !w.overlapped {
			w.overlapped = true
			w.overlap(Trouble{Role: L2, Root: j.root, L1Index: j.l1Index, L2Index: -1,
				Host: qcow2.Range[qcow2.HostOff]{Start: j.off, Len: qcow2.HostOff(w.g.ClusterSize())}})
		}
		return
	}
	j.repeat = true
	w.repeats[j.off] = &j
	w.order = append(w.order, j.off)
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
// boundaries.
func (w *walker) walkRepeats() error {
	buf := make([]byte, w.g.ClusterSize())
	for _, off := range w.order {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		j := w.repeats[off]
		if err := source.ReadFull(w.img.Src, buf, int64(off)); err != nil {
			w.unreadable(L2, j.root, j.l1Index, int64(off), int64(len(buf)), err)
			continue
		}
		w.walkL2(j, buf)
	}
	return nil
}
