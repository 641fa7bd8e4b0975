package refcount

import (
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// root is an L1 table to walk. Snapshots that name the same table are one root, walked
// once and counted as often as they are.
type root struct {
	image.L1Table
	index  int // 0 the active layer, n the nth snapshot
	active uint64
	snaps  uint64
	window []byte // the entries [first, first+len/8) of the walk
	first  int64
}

// roots lists the active L1 table and those of the snapshots, and counts their own
// clusters.
func (w *walker) roots(snaps *image.SnapshotTable) []*root {
	all := []*root{{L1Table: w.img.L1, index: 0, active: 1}}
	seen := map[image.L1Table]*root{}
	for i, s := range snaps.Snapshots {
		t := image.L1Table{Off: qcow2.HostOff(s.L1TableOffset), Entries: int64(s.L1Size)}
		if r := seen[t]; r != nil {
			r.snaps++
		} else if w.judgeSnapshotL1(t, i, snaps) {
			r := &root{L1Table: t, index: i + 1, snaps: 1}
			seen[t] = r
			all = append(all, r)
		}
	}
	return w.withinBudget(all)
}

// judgeSnapshotL1 tells whether snapshot i has an L1 table that can be walked.
func (w *walker) judgeSnapshotL1(t image.L1Table, i int, snaps *image.SnapshotTable) bool {
	at := Trouble{Role: InactiveL1, Root: i + 1, L1Index: -1, L2Index: -1, At: qcow2.HostOff(snaps.Offsets[i]),
		Host: qcow2.Range[qcow2.HostOff]{Start: t.Off, Len: qcow2.HostOff(t.Bytes())}, Entry: uint64(t.Off), Times: 1}
	switch {
	case !w.g.Aligned(t.Off):
		w.trouble(SnapshotL1Unaligned, at)
	case t.Entries > qcow2.MaxL1Entries:
		w.trouble(SnapshotL1TooLarge, at)
	case t.Entries == 0: // an empty table may lie anywhere
	case !image.Readable(t.Off, t.Bytes()):
		w.aborted = true // QEMU gives up
		w.trouble(RegionBeyondEOF, at)
	default:
		return true
	}
	return false
}

// withinBudget counts the clusters of the L1 tables. It drops tables that overlap each
// other so often that walking them all would take longer than the file is large: no image
// that a program wrote has any.
func (w *walker) withinBudget(all []*root) []*root {
	budget := overlapSlack + w.t.end
	for i, r := range all {
		inFile := max(0, min(r.Bytes(), w.t.end-int64(r.Off)))
		if budget -= inFile; budget < 0 {
			w.overlap(Trouble{Role: InactiveL1, Root: r.index, L1Index: -1, L2Index: -1,
				Host: qcow2.Range[qcow2.HostOff]{Start: r.Off, Len: qcow2.HostOff(r.Bytes())}})
			return all[:i]
		}
		w.region(r.Off, r.Bytes(), r.role(), r.index, r.active+r.snaps)
		// Entries past the end of the file are zero: nothing to walk.
		r.Entries = (inFile + qcow2.L1EntrySize - 1) / qcow2.L1EntrySize
	}
	return all
}

// overlap notes that tables lie across each other beyond reason and that the rest of them
// is not walked.
func (w *walker) overlap(at Trouble) {
	w.aborted = true
	at.Times = 1
	w.trouble(TablesOverlap, at)
}

// indices is how many L1 indices the longest of the roots has.
func indices(roots []*root) (n int64) {
	for _, r := range roots {
		n = max(n, r.Entries)
	}
	return n
}

// walkRoots walks the L1 indices [from, last) of all roots side by side, index by index, so
// that the tables that map the same guest range are met together.
func (w *walker) walkRoots(roots []*root, from, last int64) error {
	w.pipe = source.NewPipeline(w.ctx, w.img.Src, readAhead, batchBytes)
	w.batch = w.pipe.Next()
	for _, r := range roots {
		w.total += r.Entries
	}
	step := max(64, int64(8<<20)/qcow2.L1EntrySize/int64(len(roots)))
	for first := from; first < last; first += step {
		if err := w.readWindows(roots, first, min(step, last-first)); err != nil {
			return err
		}
		for i := first; i < min(first+step, last); i++ {
			if err := w.l1Index(roots, i); err != nil {
				return err
			}
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.pipe.Drain(); err != nil {
		return err
	}
	return w.walkRepeats()
}

// readWindows reads the entries [first, first+n) of every root that has them, all in one
// batch; when that fails one by one, so that only what is unreadable is lost.
func (w *walker) readWindows(roots []*root, first, n int64) error {
	var reqs []source.Request
	var of []*root
	for _, r := range roots {
		have := qcow2.L1EntrySize * max(0, min(n, r.Entries-first))
		r.first = first
		if r.window = r.window[:0]; have == 0 {
			continue
		}
		if int64(cap(r.window)) < have {
			r.window = make([]byte, have)
		}
		r.window = r.window[:have]
		reqs = append(reqs, source.Request{Off: int64(r.Off) + first*qcow2.L1EntrySize, Buf: r.window})
		of = append(of, r)
	}
	if w.img.ReadBatch(w.ctx, reqs) == nil {
		return nil
	}
	for i, q := range reqs {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := source.ReadFull(w.img.Src, q.Buf, q.Off); err != nil {
			w.unreadable(of[i].role(), of[i].index, -1, q.Off, int64(len(q.Buf)), err)
			of[i].window = of[i].window[:0]
		}
	}
	return nil
}

func (r *root) role() Role {
	if r.active > 0 {
		return L1
	}
	return InactiveL1
}

// unreadable notes a table that could not be read. QEMU stops there.
func (w *walker) unreadable(role Role, root int, l1Index, off, n int64, err error) {
	w.aborted = true
	w.trouble(TableReadError, Trouble{Role: role, Root: root, L1Index: l1Index, L2Index: -1,
		Host: qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(off), Len: qcow2.HostOff(n)}, Times: 1, Err: err})
}

// l1Index handles entry i of all roots: each distinct L2 table becomes one job.
func (w *walker) l1Index(roots []*root, i int64) error {
	begin := len(w.jobs)
	w.jobAt = nil
	for _, r := range roots {
		k := 8 * (i - r.first)
		if k >= int64(len(r.window)) {
			continue
		}
		if e := qcow2.L1Entry(be64(r.window[k:])); e != 0 {
			w.l1Entry(r, i, e, begin)
		}
	}
	for k := begin; k < len(w.jobs); k++ {
		w.jobs[k].alone = len(w.jobs) == begin+1
	}
	if len(w.jobs) > batchTables {
		return w.flush()
	}
	return nil
}

// l1Entry judges an L1 entry, counts its L2 table and queues the table to be walked. Jobs
// from begin on are those of the same L1 index.
func (w *walker) l1Entry(r *root, i int64, e qcow2.L1Entry, begin int) {
	off, times := e.L2Table(), r.active+r.snaps
	at := Trouble{Role: L2, Root: r.index, L1Index: i, L2Index: -1, At: r.Off + qcow2.HostOff(8*i), Entry: uint64(e), Times: times,
		Host: qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(w.g.ClusterSize())}}
	if r.active == 0 {
		at.Role = InactiveL2
	}
	if e.Reserved() != 0 {
		w.trouble(L1ReservedBits, at)
	}
	c := w.g.Cluster(off)
	first, was := w.t.Count(c) == 0, w.t.Role(c)
	fits := w.t.addRegion(off, w.g.ClusterSize(), at.Role, times)
	if !fits {
		w.trouble(RegionBeyondEOF, at)
	}
	if off == 0 {
		w.trouble(L1OffsetZero, at)
	}
	if !w.g.Aligned(off) {
		w.trouble(L2TableUnaligned, at)
	}
	if r.active > 0 && off != 0 {
		w.sawFlag(off, e.Copied())
	}
	job := l2Job{off: off, l1Index: i, root: r.index, active: r.active, snaps: r.snaps, phantom: off == 0}
	if w.queue(job, begin, first && fits) || first || off == 0 {
		return
	}
	switch {
	case was == L2 || was == InactiveL2:
		w.trouble(L2TableShared, at)
	default:
		at.Count = uint64(was)
		w.trouble(MetadataOverlap, at)
	}
}
