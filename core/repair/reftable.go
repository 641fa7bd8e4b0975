package repair

import (
	"bytes"
	"fmt"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// reftable corrects where the header says that the reftable is, or how long, when the old
// table is still there and right: with it every stored refcount agrees with the references.
// It saves a rebuild, and what is known of leaked clusters.
func (h *headerEdit) reftable() error {
	if !h.reftableLost() {
		return nil
	}
	offs, err := h.reftables()
	if err != nil {
		return err
	}
	var fits []patch.Write
	for _, off := range offs {
		w, ok, err := h.tryReftable(off)
		if err != nil {
			return err
		}
		if ok {
			fits = append(fits, w)
		}
	}
	if len(fits) != 1 {
		return nil // the refcounts are rebuilt then
	}
	h.r.add(fits)
	h.r.step(check.ReftableImpossible, 1, "point the header to the refcount table, which is whole")
	return nil
}

// reftableLost tells whether the header leads to no reftable, or to what can hardly be one.
func (h *headerEdit) reftableLost() bool {
	if _, bad := h.refused("refcount_table_offset", "refcount_table_clusters"); bad || h.r.img.Header.RefcountTableClusters == 0 {
		return true
	}
	return h.r.beyondEOF(refcount.Reftable) || h.r.reftableBogus()
}

// reftableBogus tells whether the header leads to something else instead of the reftable:
// another pointer leads there too, and what is there does not read as a reftable, or leads to
// nothing but clusters of others that do not count what a refblock counts. It then says nothing
// of any refcount.
func (r *repairer) reftableBogus() bool {
	if !r.reftableShared() {
		return false
	}
	g, t := r.img.Geo, r.report.Refcounts
	blocks, shared := 0, 0
	for _, e := range r.img.Reftable {
		off := e.Refblock()
		if e.Reserved() != 0 || !g.Aligned(off) || off < 0 || int64(off) >= r.img.Src.Size() {
			return true
		}
		if off > 0 {
			blocks++
			if t.Count(g.Cluster(off)) > 1 {
				shared++
			}
		}
	}
	return shared > 0 && shared == blocks && !r.refcountsVouch()
}

// refcountsVouch tells whether the refcounts count themselves: the header, the reftable and
// the refblocks once each.
func (r *repairer) refcountsVouch() bool {
	g, e := r.img.Geo, r.evidence()
	own := []qcow2.HostCluster{0}
	first := g.Cluster(qcow2.HostOff(r.img.Header.RefcountTableOffset))
	for i := range g.Clusters(r.img.ReftableBytes()) {
		own = append(own, first+qcow2.HostCluster(i))
	}
	for _, entry := range r.img.Reftable {
		if off := entry.Refblock(); off > 0 {
			own = append(own, g.Cluster(off))
		}
	}
	slices.Sort(own) // no refblock is read twice, in whatever order the entries are
	return !slices.ContainsFunc(own, func(c qcow2.HostCluster) bool {
		n, ok := e.stored(c)
		return !ok || n != 1
	})
}

// beyondEOF tells whether a structure of the role passes the end of the file.
func (r *repairer) beyondEOF(role refcount.Role) bool {
	g := r.report.Group(check.RegionBeyondEOF)
	return g != nil && slices.ContainsFunc(g.Findings, func(f check.Finding) bool { return f.At.Role == role })
}

// reftables are the places of clusters without a reference that begin as a reftable.
func (h *headerEdit) reftables() (found []qcow2.HostOff, err error) {
	t, g := h.r.report.Refcounts, h.r.img.Geo
	tried := 0
	for c := int64(1); c < min(h.r.img.HostClusters(), t.Len()); c++ {
		off := g.Offset(qcow2.HostCluster(c))
		if t.Counts(c, c+1)[0] != 0 && int64(off) != int64(h.r.img.Header.RefcountTableOffset) {
			continue
		}
		if tried++; tried > tableProbes {
			return nil, nil
		}
		if err := h.r.ctx.Err(); err != nil {
			return nil, err
		}
		if h.beginsReftable(off) {
			found = append(found, off)
		}
	}
	return found, nil
}

// beginsReftable tells whether the first entry at off leads to a refblock that counts
// itself, the header and the table once each, as far as it reaches.
func (h *headerEdit) beginsReftable(off qcow2.HostOff) bool {
	g, src := h.r.img.Geo, h.r.img.Src
	var first [qcow2.ReftableEntrySize]byte
	if source.ReadFull(src, first[:], int64(off)) != nil {
		return false
	}
	e := qcow2.ReftableEntry(be64(first[:]))
	at := e.Refblock()
	if e.Reserved() != 0 || at <= 0 || at == off || !g.Aligned(at) || int64(at) >= src.Size() {
		return false
	}
	block := make(qcow2.Refblock, g.ClusterSize())
	if source.ReadFull(src, block, int64(at)) != nil {
		return false
	}
	for _, c := range []qcow2.HostCluster{0, g.Cluster(at), g.Cluster(off)} {
		if int64(c) < g.RefblockEntries() && block.At(g.RefcountOrder, int64(c)) != 1 {
			return false
		}
	}
	return true
}

// refcountTrouble are the findings that a right reftable leaves none of.
var refcountTrouble = []check.Code{check.ReftableImpossible, check.ReftableReservedBits, check.RefblockUnaligned, check.RefblockOutside,
	check.RefblockShared, check.RefcountUnreadable, check.RefcountZero, check.RefcountTooLow}

// tryReftable tries the table at off, in the stored length if that is possible, else in the
// one that the file needs.
func (h *headerEdit) tryReftable(off qcow2.HostOff) (patch.Write, bool, error) {
	g := h.r.img.Geo
	perCluster := g.RefblockEntries() * g.ReftableEntries()
	need := uint32((h.r.img.HostClusters() + perCluster - 1) / perCluster)
	var old [12]byte
	if err := source.ReadFull(h.r.img.Src, old[:], qcow2.OffReftable); err != nil {
		return patch.Write{}, false, err
	}
	for _, n := range []uint32{h.r.img.Header.RefcountTableClusters, need} {
		w := patch.Write{Off: qcow2.OffReftable, Data: append(be64bytes(uint64(off)), be32bytes(n)...),
			Why: fmt.Sprintf("refcount_table_offset and refcount_table_clusters: the table at 0x%x counts everything rightly", int64(off))}
		end := int64(off) + int64(n)<<g.ClusterBits
		if n == 0 || int64(n)<<g.ClusterBits > qcow2.MaxReftableBytes || end > g.Clusters(h.r.img.Src.Size())<<g.ClusterBits || bytes.Equal(w.Data, old[:]) {
			continue
		}
		_, after, err := h.r.trial(w)
		if err != nil {
			return w, false, err
		}
		if !h.r.anyOf(after, refcountTrouble) {
			return w, true, nil
		}
	}
	return patch.Write{}, false, nil
}
