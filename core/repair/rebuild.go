package repair

import (
	"encoding/binary"
	"errors"
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// rebuild replaces the whole refcount structure. The new one goes to clusters that nothing
// refers to, the old one included, so the old stays whole until the header switches over;
// its clusters are free in the new one.
func (r *repairer) rebuild() error {
	want, err := r.wanted()
	if err != nil {
		return err
	}
	r.tracePasses()
	s, g, err := r.placed(want)
	if err != nil {
		return err
	}
	if err := s.AddTo(r.ctx, r.stage, batchRaise, g, want, r.opt.Trace); err != nil {
		return err
	}
	if err := r.switchTo(s, g); err != nil {
		return err
	}
	r.traceSwitch(s, want)
	r.step(check.RefcountZero, uint64(len(s.Blocks)), "write a new refcount block")
	r.step(check.RefcountZero, 1, "write a new refcount table and switch the header to it")
	return nil
}

// switchTo points the header to the new structure, in one write, whatever else changes with
// it: half of it would be a third structure that there is not.
func (r *repairer) switchTo(s alloc.Structure, g qcow2.Geometry) error {
	head, why := s.Pointer(g), "refcount_table_offset and refcount_table_clusters: switch to the new refcount table"
	if g.RefcountOrder != r.img.Geo.RefcountOrder {
		rest := make([]byte, qcow2.OffRefcountOrder-qcow2.OffReftable-len(head))
		if err := source.ReadFull(r.img.Src, rest, int64(qcow2.OffReftable+len(head))); err != nil {
			return err
		}
		head = binary.BigEndian.AppendUint32(append(head, rest...), uint32(g.RefcountOrder))
		why = fmt.Sprintf("refcount_table_offset, refcount_table_clusters and refcount_order: switch to the new refcount table, of %d bits a refcount", g.RefcountBits())
	}
	r.stage.Add(batchSwitch, qcow2.OffReftable, head, why)
	return nil
}

// placed finds the place of the new structure, of the width that the options ask for.
func (r *repairer) placed(want *counts) (alloc.Structure, qcow2.Geometry, error) {
	g, err := r.newGeometry(want)
	if err != nil {
		return alloc.Structure{}, g, err
	}
	want.limit = g.RefcountMax()
	s, err := r.place(g, want, r.opt.ReuseTables, r.opt.Trace)
	var full *alloc.NoRoomError
	if errors.As(err, &full) {
		err = &NoRoomError{NoRoomError: *full, Ways: r.waysThatFit(want)}
	}
	return s, g, err
}

// place tries one way to place the new structure.
func (r *repairer) place(g qcow2.Geometry, want *counts, reuse bool, trace alloc.Tracer) (alloc.Structure, error) {
	a := alloc.New(r.report.Refcounts.Table)
	if reuse {
		for c := range want.old {
			if want.at(int64(c)) == 0 {
				a.Release(c)
			}
		}
	} else {
		r.avoidOldBlocks(a)
	}
	if err := r.avoidDangling(a); err != nil {
		return alloc.Structure{}, err
	}
	if r.out.KeptLeaks != "" || r.mayHoldLostData() {
		a.AvoidBelow(qcow2.HostCluster(r.img.HostClusters()))
	}
	return alloc.Placement{Geometry: g, Clusters: r.fileClusters(), Fixed: r.opt.FixedSize, Trace: trace}.Place(want, a)
}

// avoidOldBlocks keeps clear of refblocks that a damaged reftable entry may mean.
func (r *repairer) avoidOldBlocks(a *alloc.Allocator) {
	for _, e := range r.img.Reftable {
		if h := e.Refblock(); h > 0 && int64(h) < r.img.Src.Size() {
			a.Avoid(r.img.Geo.Cluster(h))
		}
	}
}

// mayHoldLostData tells whether a cluster that looks free may be what a broken pointer
// meant: something stays wrong after the refcounts are right, or pointers were given up.
func (r *repairer) mayHoldLostData() bool {
	if r.cut || r.lostTable || r.separated {
		return true
	}
	for _, g := range r.report.Groups {
		seen := g.Class == check.Corruption || g.Class == check.CheckError || g.Code.Severity() >= check.Damage
		if seen && !g.Code.Mendable() {
			return true
		}
	}
	return false
}

// counts are the refcounts that the new structure shall hold: a read view of the recount
// without the old structure, and of stored refcounts that must be kept.
type counts struct {
	r    *repairer
	old  map[qcow2.HostCluster]uint64 // references by the old reftable and its refblocks
	kept map[int64]uint64             // stored refcounts of leaked clusters that are not given back
	n    int64

	limit uint64 // the greatest refcount that fits
}

func (r *repairer) wanted() (*counts, error) {
	w := &counts{r: r, old: map[qcow2.HostCluster]uint64{}, n: r.report.Refcounts.Len(), limit: r.img.Geo.RefcountMax()}
	g := r.img.Geo
	off, n := int64(r.img.Header.RefcountTableOffset), r.img.ReftableBytes()
	// A table that passes the end of the file was not counted.
	if n > 0 && off+n-r.img.Src.Size() < g.ClusterSize() {
		first := g.Cluster(qcow2.HostOff(off))
		for c := first; c < first+qcow2.HostCluster(g.Clusters(n)); c++ {
			w.drop(c)
		}
	}
	for _, e := range r.img.Reftable {
		if h := e.Refblock(); h > 0 && e.Reserved() == 0 && g.Aligned(h) {
			w.drop(g.Cluster(h))
		}
	}
	if r.out.KeptLeaks == "" && r.opt.Leave.Empty() {
		return w, nil
	}
	return w, w.keepStored()
}

// drop takes one reference off a cluster of the old structure.
func (w *counts) drop(c qcow2.HostCluster) {
	if w.old[c] < w.r.report.Refcounts.Count(c) {
		w.old[c]++
	}
}

// keepStored collects the refcounts of clusters without a reference, as far as they can
// still be read.
func (w *counts) keepStored() error {
	w.kept = map[int64]uint64{}
	if w.r.reftableBogus() {
		return nil
	}
	g, per := w.r.img.Geo, w.r.img.Geo.RefblockEntries()
	block := make(qcow2.Refblock, g.ClusterSize())
	for k, e := range w.r.img.Reftable {
		h := e.Refblock()
		// Stray bits in the entry make no difference to where its refblock is read.
		if h <= 0 || !g.Aligned(h) || int64(h) >= w.r.img.Src.Size() {
			continue
		}
		if err := source.ReadFull(w.r.img.Src, block, int64(h)); err != nil {
			return err
		}
		for i := range per {
			c := int64(k)*per + i
			if c >= w.n {
				break
			}
			stored, counted := block.At(g.RefcountOrder, i), w.r.report.Refcounts.Capped(qcow2.HostCluster(c))
			if stored > counted && (w.r.out.KeptLeaks != "" || w.r.leavesRefcount(c, counted, stored)) {
				w.kept[c] = stored
			}
		}
	}
	return nil
}

// at is the refcount of cluster c in the new structure, without the structure itself.
func (w *counts) at(c int64) uint64 {
	if v, ok := w.kept[c]; ok {
		return v
	}
	hc := qcow2.HostCluster(c)
	return min(w.r.report.Refcounts.Count(hc)-w.old[hc], w.limit)
}

// Len is the number of clusters.
func (w *counts) Len() int64 { return w.n }

// Each visits the clusters of [from, to) whose refcount is not zero. Most have the count of
// the recount: only those of the old structure, and all when stored refcounts are kept, are
// looked up.
func (w *counts) Each(from, to int64, visit func(c int64, n uint64) bool) {
	t := w.r.report.Refcounts
	if to = min(to, w.n); from >= to {
		return
	}
	counts, roles := t.Counts(from, to), t.Roles(from, to)
	limit := w.limit
	for i, n := range counts {
		v := min(uint64(n), limit)
		switch role := refcount.RoleOf(roles[i]); {
		case w.kept != nil || n == 255 || role == refcount.Reftable || role == refcount.Refblock || refcount.Troubled(roles[i]):
			v = w.at(from + int64(i))
		case n == 0:
			continue
		}
		if v != 0 && !visit(from+int64(i), v) {
			return
		}
	}
}
