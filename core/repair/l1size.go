package repair

import (
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// l1Holds tells whether the clusters from l1_table_offset on can be an L1 table of n
// entries: they are the table's alone or nobody's, every entry is empty or points to a
// table, and nothing follows the last one.
func (h *headerEdit) l1Holds(n int64) bool {
	img, t := h.r.img, h.r.report.Refcounts
	g, off := img.Geo, qcow2.HostOff(img.Header.L1TableOffset)
	if off <= 0 || !g.Aligned(off) || int64(off) > img.Src.Size()-n*qcow2.L1EntrySize {
		return false
	}
	clusters := g.Clusters(n * qcow2.L1EntrySize)
	for c := g.Cluster(off); c < g.Cluster(off)+qcow2.HostCluster(clusters); c++ {
		if role := t.Role(c); role != refcount.Leaked && (role != refcount.L1 || t.Count(c) != 1) {
			return false
		}
	}
	buf := make([]byte, clusters<<g.ClusterBits)
	if source.ReadFull(img.Src, buf, int64(off)) != nil {
		return false
	}
	read := 0
	for i := 0; i < len(buf); i += qcow2.L1EntrySize {
		entry := qcow2.L1Entry(be64(buf[i:]))
		if entry != 0 && (int64(i) >= n*qcow2.L1EntrySize || !h.e.leadsToTable(entry, &read) && !h.runInto(entry)) {
			return false
		}
	}
	return true
}

// runInto tells whether an L1 entry points to a cluster that the table itself runs over now,
// and that reads as an L2 table.
func (h *headerEdit) runInto(entry qcow2.L1Entry) bool {
	g, t, off := h.r.img.Geo, h.r.report.Refcounts, entry.L2Table()
	if c := g.Cluster(off); entry.Reserved() != 0 || !g.Aligned(off) || t.Role(c) != refcount.L1 || t.Count(c) != 2 {
		return false
	}
	table := make(qcow2.L2Table, g.ClusterSize())
	return source.ReadFull(h.r.img.Src, table, int64(off)) == nil && check.PlausibleTable(h.r.img, table)
}

// maxTablesRead is how many tables are read to tell an L1 table: data does not point to so
// many tables by accident.
const maxTablesRead = 16

// leadsToTable tells whether an L1 entry points to an L2 table: one that somebody points to
// already, or a cluster whose refcount tells of a reference that is missing and that reads
// as a table. Of the latter it reads only the first; read counts them.
func (e *evidence) leadsToTable(entry qcow2.L1Entry, read *int) bool {
	g, off := e.r.img.Geo, entry.L2Table()
	if entry.Reserved() != 0 || off == 0 || !g.Aligned(off) || int64(off) >= e.r.img.Src.Size() {
		return false
	}
	switch e.r.report.Refcounts.Role(g.Cluster(off)) {
	case refcount.L2, refcount.InactiveL2:
		return true
	case refcount.Leaked:
		*read++
		return *read > maxTablesRead || e.readsAsTable(off)
	}
	return false
}

// readsAsTable tells whether every entry of the cluster could be an L2 entry, and some entry
// points to a cluster with a reference fewer than its refcount says.
func (e *evidence) readsAsTable(off qcow2.HostOff) bool {
	g := e.r.img.Geo
	table := make(qcow2.L2Table, g.ClusterSize())
	if source.ReadFull(e.r.img.Src, table, int64(off)) != nil || !check.PlausibleTable(e.r.img, table) {
		return false
	}
	for i := range g.L2Entries() {
		entry := table.At(g, i)
		host := entry.Host()
		switch entry.Kind(g) {
		case qcow2.Compressed:
			host = entry.CompressedRange(g).Start
		case qcow2.Unallocated, qcow2.ZeroPlain:
			continue
		}
		if e.misses(g.Cluster(host)) {
			return true
		}
	}
	return false
}

// misses tells whether the cluster's refcount is higher than its references.
func (e *evidence) misses(c qcow2.HostCluster) bool {
	stored, ok := e.stored(c)
	return ok && stored > e.r.report.Refcounts.Count(c)
}
