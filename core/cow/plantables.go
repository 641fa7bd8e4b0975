package cow

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// promise is something that the image says of itself and that a writer who does not keep it
// up has to take back.
type promise struct {
	off  int64
	data []byte
	why  string
}

// promises are dirty bitmaps, which whoever writes must update, and features that programs
// clear that do not know them.
func (w *Writer) promises() (all []promise) {
	h := &w.img.Header
	if unknown := h.AutoclearFeatures &^ (qcow2.AutoclearBitmaps | qcow2.AutoclearRawData); unknown != 0 {
		all = append(all, promise{qcow2.OffAutoclear, be64Bytes(h.AutoclearFeatures &^ unknown), "autoclear_features: bits of features that are not known are cleared"})
	}
	if w.img.BitmapsExt == nil {
		return all
	}
	at := int64(w.img.BitmapsExt.DirectoryOffset)
	for i := range w.img.Bitmaps {
		m := &w.img.Bitmaps[i]
		if m.Flags&qcow2.BitmapAuto != 0 && m.Flags&qcow2.BitmapInUse == 0 {
			flags := binary.BigEndian.AppendUint32(nil, m.Flags|qcow2.BitmapInUse)
			all = append(all, promise{at + qcow2.OffBitmapFlags, flags, fmt.Sprintf("bitmap %q is marked in use: it does not know of this write", m.Name)})
		}
		at += m.Bytes()
	}
	return all
}

// tables adds new L2 tables, and the entries that change.
func (b *builder) tables(r *round) error {
	changed := map[qcow2.HostOff][]int64{}
	for _, c := range r.entries {
		changed[c.table] = append(changed[c.table], c.index)
	}
	for _, t := range r.newTables {
		table := make(qcow2.L2Table, b.g.ClusterSize())
		why := fmt.Sprintf("new L2 table for L1 entry %d", t.l1)
		if t.from != 0 {
			why = fmt.Sprintf("%s, a copy of that at %#x", why, int64(t.from))
			if err := source.ReadBatch(b.ctx, b.file, []source.Request{{Off: int64(t.from), Buf: table}}); err != nil {
				return err
			}
		}
		for _, i := range changed[t.at] {
			putL2(table, b.g, i, r.l2[place{t.at, i}].after)
		}
		delete(changed, t.at)
		b.now.Add(batchData, int64(t.at), table, why)
	}
	for _, i := range slices.Sorted(maps.Keys(r.l1)) {
		off := int64(b.w.img.L1.Off) + i*qcow2.L1EntrySize
		b.now.Add(batchLink+b.more, off, be64Bytes(uint64(r.l1[i].after)), fmt.Sprintf("L1 entry %d", i))
	}
	for _, at := range slices.Sorted(maps.Keys(changed)) {
		b.entries(r, at, changed[at])
	}
	return nil
}

// entries adds the changed entries of one L2 table, neighbours in one write.
func (b *builder) entries(r *round, at qcow2.HostOff, changed []int64) {
	slices.Sort(changed)
	for len(changed) > 0 {
		n := 1
		for n < len(changed) && changed[n] == changed[n-1]+1 {
			n++
		}
		buf := make(qcow2.L2Table, int64(n)*b.g.L2EntrySize())
		for k, i := range changed[:n] {
			putL2(buf, b.g, int64(k), r.l2[place{at, i}].after)
		}
		why := fmt.Sprintf("L2 entry %d", changed[0])
		if n > 1 {
			why = fmt.Sprintf("L2 entries %d to %d", changed[0], changed[n-1])
		}
		b.now.Add(batchLink+b.more, int64(at)+changed[0]*b.g.L2EntrySize(), buf, why)
		changed = changed[n:]
	}
}

// refcounts adds new refblocks, then the refcounts that rise in others, and those that fall.
func (b *builder) refcounts(r *round) error {
	e := b.g.RefblockEntries()
	byBlock := map[int64][]RefcountChange{}
	for _, c := range r.refcounts {
		byBlock[int64(c.Cluster)/e] = append(byBlock[int64(c.Cluster)/e], c)
	}
	for _, n := range r.newBlocks {
		block := make(qcow2.Refblock, b.g.ClusterSize())
		for _, c := range byBlock[n.index] {
			block.Set(b.g.RefcountOrder, int64(c.Cluster)%e, c.After)
		}
		delete(byBlock, n.index)
		b.now.Add(batchData, int64(n.at), block, fmt.Sprintf("new refblock %d", n.index))
	}
	for _, k := range slices.Sorted(maps.Keys(byBlock)) {
		at := r.blocks[k]
		block := make(qcow2.Refblock, b.g.ClusterSize())
		if err := source.ReadBatch(b.ctx, b.file, []source.Request{{Off: int64(at), Buf: block}}); err != nil {
			return err
		}
		b.counts(batchCounts, at, block, byBlock[k], func(c RefcountChange) bool { return c.After > c.Before })
		b.counts(batchRelease+b.more, at, block, byBlock[k], func(c RefcountChange) bool { return c.After < c.Before })
	}
	return nil
}

// counts sets those changes in the block that which picks, and adds what became different,
// neighbours in one write.
func (b *builder) counts(batch int, at qcow2.HostOff, block qcow2.Refblock, changes []RefcountChange, which func(RefcountChange) bool) {
	e, width := b.g.RefblockEntries(), int64(b.g.RefcountBits())
	var run []RefcountChange
	from, end := int64(0), int64(-1) // bytes of the block
	flush := func() {
		if len(run) > 0 {
			b.now.Add(batch, int64(at)+from, slices.Clone(block[from:end]), refcountsWhy(run))
		}
		run = run[:0]
	}
	for _, c := range changes {
		if !which(c) {
			continue
		}
		i := int64(c.Cluster) % e
		first := i * width / 8
		if first > end {
			flush()
			from = first
		}
		block.Set(b.g.RefcountOrder, i, c.After)
		end = max(first+1, (i+1)*width/8)
		run = append(run, c)
	}
	flush()
}

func refcountsWhy(run []RefcountChange) string {
	first, last := run[0], run[len(run)-1]
	if first.Cluster == last.Cluster {
		return fmt.Sprintf("refcount of cluster %d: %d to %d", first.Cluster, first.Before, first.After)
	}
	return fmt.Sprintf("refcounts of %d clusters from %d to %d", len(run), first.Cluster, last.Cluster)
}

// reftable adds the entries that change, or the whole new table and the switch to it.
func (b *builder) reftable(r *round) {
	if g := r.grown; g != nil {
		table := make([]byte, 0, len(g.entries)*qcow2.ReftableEntrySize)
		for _, e := range g.entries {
			table = binary.BigEndian.AppendUint64(table, uint64(e))
		}
		b.now.Add(batchData, int64(g.to), table, "new reftable")
		head := binary.BigEndian.AppendUint32(be64Bytes(uint64(g.to)), uint32(g.toClusters))
		b.now.Add(batchHook, qcow2.OffReftable, head, "refcount_table_offset and refcount_table_clusters")
		return
	}
	for i, group := range r.hookGroups(b.g) {
		for _, k := range group {
			off := int64(r.reftableAt) + k*qcow2.ReftableEntrySize
			b.now.Add(batchHook+i, off, be64Bytes(uint64(r.reftable[k].after)), fmt.Sprintf("reftable entry %d", k))
		}
	}
}
