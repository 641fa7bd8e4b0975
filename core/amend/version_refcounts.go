package amend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"qcowscope/core/alloc"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// refcountEdits changes single refcounts of a sound image, and adds the refblocks that are
// missing for it. Clusters are taken only where neither the recount nor the stored refcount
// knows of a use.
type refcountEdits struct {
	img    *image.Image
	free   *alloc.Allocator
	blocks map[int64]*editedRefblock // by index in the reftable
	table  []qcow2.ReftableEntry     // with the new refblocks
	end    qcow2.HostCluster         // of the file, with what was taken past it
	newTab qcow2.HostOff             // where the reftable is placed anew, 0 if it stays
}

// editedRefblock is a refblock in three states. raised and final share before's memory until
// they differ from it.
type editedRefblock struct {
	off                   qcow2.HostOff
	before, raised, final qcow2.Refblock // before is nil for a new refblock
}

func newRefcountEdits(img *image.Image, t *refcount.Table) *refcountEdits {
	return &refcountEdits{img: img, free: alloc.New(t), blocks: map[int64]*editedRefblock{},
		table: slices.Clone(img.Reftable), end: qcow2.HostCluster(img.HostClusters())}
}

// at is the refblock that counts cluster c and the index in it; nil if there is none.
func (e *refcountEdits) at(c qcow2.HostCluster) (*editedRefblock, int64, error) {
	k, i := int64(c)/e.img.Geo.RefblockEntries(), int64(c)%e.img.Geo.RefblockEntries()
	if b := e.blocks[k]; b != nil {
		return b, i, nil
	}
	if k >= int64(len(e.table)) || e.table[k].Refblock() == 0 {
		return nil, i, nil
	}
	b := &editedRefblock{off: e.table[k].Refblock(), before: make([]byte, e.img.Geo.ClusterSize())}
	if err := source.ReadFull(e.img.Src, b.before, int64(b.off)); err != nil {
		return nil, 0, err
	}
	b.raised, b.final = b.before, b.before
	e.blocks[k] = b
	return b, i, nil
}

// stored is the cluster's refcount as it will be.
func (e *refcountEdits) stored(c qcow2.HostCluster) (uint64, error) {
	b, i, err := e.at(c)
	if b == nil {
		return 0, err
	}
	return b.final.At(e.img.Geo.RefcountOrder, i), nil
}

// raise gives a new cluster its refcount, and its refblock if there is none.
func (e *refcountEdits) raise(c qcow2.HostCluster, n uint64) error {
	b, i, err := e.at(c)
	if err != nil {
		return err
	}
	if b == nil {
		if b, err = e.addRefblock(int64(c) / e.img.Geo.RefblockEntries()); err != nil {
			return err
		}
	}
	own(&b.raised, b.before)
	own(&b.final, b.before)
	b.raised.Set(e.img.Geo.RefcountOrder, i, n)
	b.final.Set(e.img.Geo.RefcountOrder, i, n)
	return nil
}

// own gives a state memory of its own.
func own(state *qcow2.Refblock, before qcow2.Refblock) {
	if before != nil && &(*state)[0] == &before[0] {
		*state = slices.Clone(before)
	}
}

// lower takes n references from a cluster, and tells how many are left.
func (e *refcountEdits) lower(c qcow2.HostCluster, n uint64) (left uint64, err error) {
	b, i, err := e.at(c)
	if err != nil {
		return 0, err
	}
	order := e.img.Geo.RefcountOrder
	if b == nil || b.final.At(order, i) < n {
		return 0, fmt.Errorf("amend: cluster %d loses %d references and has fewer: the report is of another image", c, n)
	}
	own(&b.final, b.before)
	left = b.final.At(order, i) - n
	b.final.Set(order, i, left)
	return left, nil
}

// addRefblock makes the missing refblock k. Its own refcount may lie in itself or in a
// refblock that is missing too; that one is of a cluster not yet counted, so this ends.
func (e *refcountEdits) addRefblock(k int64) (*editedRefblock, error) {
	per := e.img.Geo.ReftableEntries()
	if k >= int64(len(e.table)) {
		entries := (k/per + 1) * per
		if entries > qcow2.MaxReftableBytes/qcow2.ReftableEntrySize {
			return nil, &BlockedError{[]Blocker{{What: BlockedByReftable, Why: "the refcounts of the new clusters would need a reftable larger than 8 MiB", Advice: adviceUnbacked}}}
		}
		e.table = append(e.table, make([]qcow2.ReftableEntry, entries-int64(len(e.table)))...)
	}
	c, err := e.find(1)
	if err != nil {
		return nil, err
	}
	b := &editedRefblock{off: e.img.Geo.Offset(c), raised: make([]byte, e.img.Geo.ClusterSize()), final: make([]byte, e.img.Geo.ClusterSize())}
	e.blocks[k] = b
	e.table[k] = qcow2.ReftableEntry(b.off)
	return b, e.raise(c, 1)
}

// find takes n clusters in a row that nothing uses. In the file the stored refcount must be 0
// as well; past its end there is nothing that a stale refcount could stand for.
func (e *refcountEdits) find(n int64) (qcow2.HostCluster, error) {
	for {
		start := e.takeRun(n)
		used, err := e.firstStored(start, n)
		if err != nil {
			return 0, err
		}
		end := start + qcow2.HostCluster(n)
		if used == end {
			e.end = max(e.end, end)
			return start, nil
		}
		for c := start; c < end; c++ {
			if c != used {
				e.free.Release(c)
			}
		}
	}
}

func (e *refcountEdits) takeRun(n int64) qcow2.HostCluster {
	if n == 1 {
		return e.free.Take()
	}
	return e.free.TakeRun(n)
}

// firstStored is the first of n clusters that lies in the file and has a stored refcount,
// the cluster behind them if there is none.
func (e *refcountEdits) firstStored(start qcow2.HostCluster, n int64) (qcow2.HostCluster, error) {
	end := start + qcow2.HostCluster(n)
	for c := start; c < min(end, qcow2.HostCluster(e.img.HostClusters())); c++ {
		if stored, err := e.stored(c); err != nil || stored != 0 {
			return c, err
		}
	}
	return end, nil
}

// take is n new clusters in a row with refcount 1.
func (e *refcountEdits) take(n int64) (qcow2.HostCluster, error) {
	start, err := e.find(n)
	for c := start; err == nil && c < start+qcow2.HostCluster(n); c++ {
		err = e.raise(c, 1)
	}
	return start, err
}

// takePastEnd is a new cluster behind the end of the file, where it reads as zeros.
func (e *refcountEdits) takePastEnd(refs uint64) (qcow2.HostCluster, error) {
	e.free.AvoidBelow(qcow2.HostCluster(e.img.HostClusters()))
	if e.end >= math.MaxInt32 {
		return 0, &BlockedError{[]Blocker{{What: BlockedByFileSize, Why: "the file would have more clusters than can be checked", Advice: adviceUnbacked}}}
	}
	c, err := e.find(1)
	if err != nil {
		return 0, err
	}
	return c, e.raise(c, refs)
}

// placeReftable finds room for a reftable that grew, and tells the header. Its own clusters
// may make it grow again; the room found before is given back then, and 8 MiB end it.
func (e *refcountEdits) placeReftable(h *qcow2.Header) error {
	old := int64(len(e.img.Reftable))
	if int64(len(e.table)) == old {
		return nil
	}
	g := e.img.Geo
	for {
		end := e.end
		n := g.Clusters(int64(len(e.table)) * qcow2.ReftableEntrySize)
		start, err := e.take(n)
		if err != nil {
			return err
		}
		if g.Clusters(int64(len(e.table))*qcow2.ReftableEntrySize) == n {
			e.newTab = g.Offset(start)
			h.RefcountTableOffset, h.RefcountTableClusters = uint64(e.newTab), uint32(n)
			break
		}
		for c := start; c < start+qcow2.HostCluster(n); c++ {
			if err := e.raise(c, 0); err != nil {
				return err
			}
			e.free.Release(c)
		}
		e.end = end
		for _, b := range e.blocks {
			e.end = max(e.end, g.Cluster(b.off)+1)
		}
	}
	for c := range g.Clusters(old * qcow2.ReftableEntrySize) {
		if _, err := e.lower(g.Cluster(qcow2.HostOff(e.img.Header.RefcountTableOffset))+qcow2.HostCluster(c), 1); err != nil {
			return err
		}
	}
	return nil
}

// write plans the refblocks and the reftable.
func (e *refcountEdits) write(p *patch.Plan, h *qcow2.Header) {
	for _, k := range e.indices() {
		b := e.blocks[k]
		if b.before == nil {
			p.Add(batchNew, int64(b.off), b.raised, fmt.Sprintf("new refblock %d", k))
		} else {
			addChanged(p, batchNew, b.off, b.before, b.raised, fmt.Sprintf("refblock %d: refcounts of new clusters", k))
		}
		addChanged(p, batchFreed, b.off, b.raised, b.final, fmt.Sprintf("refblock %d: refcounts of what is not used any more", k))
	}
	if e.newTab != 0 {
		e.writeReftable(p, h)
	} else {
		e.writeReftableEntries(p)
	}
	e.lengthen(p)
}

// lengthen makes the file as long as it has clusters before anything points to them.
func (e *refcountEdits) lengthen(p *patch.Plan) {
	size := int64(e.img.Geo.Offset(e.end))
	if e.end <= qcow2.HostCluster(e.img.HostClusters()) || p.SizeAfter >= size {
		return
	}
	p.Add(batchNew, size-qcow2.SectorSize, make([]byte, qcow2.SectorSize), "the file grows: the new clusters past its end read as zeros")
}

func (e *refcountEdits) indices() []int64 { return slices.Sorted(maps.Keys(e.blocks)) }

func (e *refcountEdits) writeReftable(p *patch.Plan, h *qcow2.Header) {
	table := make([]byte, 0, len(e.table)*qcow2.ReftableEntrySize)
	for _, entry := range e.table {
		table = binary.BigEndian.AppendUint64(table, uint64(entry))
	}
	p.Add(batchNew, int64(e.newTab), table, "new, longer reftable")
	head := binary.BigEndian.AppendUint64(nil, h.RefcountTableOffset)
	head = binary.BigEndian.AppendUint32(head, h.RefcountTableClusters)
	p.Add(batchReach, qcow2.OffReftable, head, "refcount_table_offset and refcount_table_clusters: switch to the new reftable")
}

func (e *refcountEdits) writeReftableEntries(p *patch.Plan) {
	for _, k := range e.indices() {
		if e.blocks[k].before == nil {
			at := int64(e.img.Header.RefcountTableOffset) + k*qcow2.ReftableEntrySize
			p.Add(batchReach, at, binary.BigEndian.AppendUint64(nil, uint64(e.table[k])), fmt.Sprintf("reftable[%d]: the new refblock", k))
		}
	}
}

// addChanged plans the runs in which two states of a cluster differ.
func addChanged(p *patch.Plan, batch int, off qcow2.HostOff, from, to []byte, why string) {
	if &from[0] == &to[0] {
		return
	}
	for at := 0; at < len(to); {
		end := min(at+mergeGap, len(to))
		if bytes.Equal(from[at:end], to[at:end]) {
			at = end
			continue
		}
		for end < len(to) && !bytes.Equal(from[end:min(end+mergeGap, len(to))], to[end:min(end+mergeGap, len(to))]) {
			end = min(end+mergeGap, len(to))
		}
		p.Add(batch, int64(off)+int64(at), slices.Clone(to[at:end]), why)
		at = end
	}
}

func putBE64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }
