package repair

import (
	"errors"
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// ErrReftableTooLarge says that the refcounts of the image would need a larger reftable
// than the format allows to open.
var ErrReftableTooLarge = errors.New("repair: a new reftable would be larger than 8 MiB")

// structure is a new refcount structure: where the reftable and each refblock go.
//
//	header[48..59] -> reftable (tableLen clusters from table on)
//	                    [k] -> blocks[k], the refblock of clusters [k*e, (k+1)*e)
type structure struct {
	table    qcow2.HostCluster
	tableLen int64
	blocks   map[int64]qcow2.HostCluster
}

// rebuild replaces the whole refcount structure. The new one goes to clusters that nothing
// refers to, the old one included, so the old stays whole until the header's 12 bytes
// switch over; its clusters are free in the new one.
func (r *repairer) rebuild() error {
	t, g := r.report.Refcounts, r.img.Geo
	a := alloc.New(t.Table)
	r.avoidOldBlocks(a)
	if err := r.avoidDangling(a); err != nil {
		return err
	}
	if r.out.KeptLeaks != "" || r.mayHoldLostData() {
		a.AvoidBelow(qcow2.HostCluster(r.img.HostClusters()))
	}
	want, err := r.wanted()
	if err != nil {
		return err
	}
	s, err := place(g, want, a)
	if err != nil {
		return err
	}
	if err := r.writeStructure(s, want, a); err != nil {
		return err
	}
	r.step(check.RefcountZero, uint64(len(s.blocks)), "write a new refcount block")
	r.step(check.RefcountZero, 1, "write a new refcount table and switch the header to it")
	return nil
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
}

func (r *repairer) wanted() (*counts, error) {
	w := &counts{r: r, old: map[qcow2.HostCluster]uint64{}, n: r.report.Refcounts.Len()}
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
	if r.out.KeptLeaks == "" {
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
			if stored := block.At(g.RefcountOrder, i); stored > w.r.report.Refcounts.Capped(qcow2.HostCluster(c)) {
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
	return min(w.r.report.Refcounts.Count(hc)-w.old[hc], w.r.img.Geo.RefcountMax())
}

// each visits the clusters of [from, to) whose refcount is not zero. Most have the count of
// the recount: only those of the old structure, and all when stored refcounts are kept, are
// looked up.
func (w *counts) each(from, to int64, visit func(c int64, n uint64) bool) {
	t := w.r.report.Refcounts
	if to = min(to, w.n); from >= to {
		return
	}
	counts, roles := t.Counts(from, to), t.Roles(from, to)
	limit := w.r.img.Geo.RefcountMax()
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

// place finds where the new structure goes: the smallest table, everything at the lowest
// free clusters.
//
// A refblock or the table may fall into a range that has no refblock yet, which then needs
// one, which needs a place; and the more ranges, the larger the table. It ends because for
// a fixed table length each round gives a block to a range that had none, of which there
// are finitely many below the end, and at the end one new block covers itself and e-1
// more; and because the table length only grows, by ranges that the previous length did
// not reach, up to the limit of 8 MiB. Before each retry everything is released, so that a
// retry never has less room than the one before it.
func place(g qcow2.Geometry, want *counts, a *alloc.Allocator) (structure, error) {
	per := g.RefblockEntries()
	needed := neededBlocks(want, per)
	tableLen := int64(1)
	if len(needed) > 0 {
		tableLen = needed[len(needed)-1]/g.ReftableEntries() + 1
	}
	for {
		if tableLen<<g.ClusterBits > qcow2.MaxReftableBytes {
			return structure{}, ErrReftableTooLarge
		}
		s := structure{table: a.TakeRun(tableLen), tableLen: tableLen, blocks: make(map[int64]qcow2.HostCluster, len(needed))}
		last := s.fill(g, needed, a)
		if need := last/g.ReftableEntries() + 1; need > tableLen {
			a.ReleaseAll()
			tableLen = need
			continue
		}
		return s, nil
	}
}

// neededBlocks are the ranges in which something is in use, ascending.
func neededBlocks(want *counts, per int64) []int64 {
	var ks []int64
	for k := int64(0); k*per < want.n; k++ {
		want.each(k*per, (k+1)*per, func(int64, uint64) bool {
			ks = append(ks, k)
			return false
		})
	}
	return ks
}

// fill gives a refblock to every needed range, to the table's own and to those that the
// refblocks fall into. It returns the last range with a refblock.
func (s *structure) fill(g qcow2.Geometry, needed []int64, a *alloc.Allocator) (last int64) {
	per := g.RefblockEntries()
	queue := append([]int64(nil), needed...)
	for k := int64(s.table) / per; k <= (int64(s.table)+s.tableLen-1)/per; k++ {
		queue = append(queue, k)
	}
	for i := 0; i < len(queue); i++ {
		k := queue[i]
		if _, ok := s.blocks[k]; ok {
			continue
		}
		c := a.Take()
		s.blocks[k] = c
		last = max(last, k)
		queue = append(queue, int64(c)/per)
	}
	return last
}

// writeStructure adds the new refblocks and the table in one batch, and the header's
// pointer in the next.
func (r *repairer) writeStructure(s structure, want *counts, a *alloc.Allocator) error {
	g := r.img.Geo
	per := g.RefblockEntries()
	table := make([]byte, s.tableLen<<g.ClusterBits)
	blocks := make(map[int64]qcow2.Refblock, len(s.blocks))
	for k := range s.tableLen * g.ReftableEntries() {
		c, ok := s.blocks[k]
		if !ok {
			continue
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		putBE64(table[8*k:], uint64(g.Offset(c)))
		block := make(qcow2.Refblock, g.ClusterSize())
		want.each(k*per, (k+1)*per, func(c int64, n uint64) bool {
			block.Set(g.RefcountOrder, c-k*per, n)
			return true
		})
		blocks[k] = block
		r.stage.Add(batchRaise, int64(g.Offset(c)), block, fmt.Sprintf("new refblock %d, for clusters %d to %d", k, k*per, (k+1)*per-1))
	}
	for _, c := range a.Taken() {
		blocks[int64(c)/per].Set(g.RefcountOrder, int64(c)%per, 1)
	}
	r.stage.Add(batchRaise, int64(g.Offset(s.table)), table, "new refcount table")
	head := make([]byte, 12)
	putBE64(head, uint64(g.Offset(s.table)))
	head[8], head[9], head[10], head[11] = byte(s.tableLen>>24), byte(s.tableLen>>16), byte(s.tableLen>>8), byte(s.tableLen)
	r.stage.Add(batchSwitch, qcow2.OffReftable, head, "refcount_table_offset and refcount_table_clusters: switch to the new refcount table")
	return nil
}
