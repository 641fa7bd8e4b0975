package repair

import (
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// holdsL1 tells whether the clusters from off on can be an L1 table of n entries: they are
// the table's alone or nobody's, every entry is empty or points to a table, and nothing
// follows the last one. role is that of the table as it is counted now; over tells that it is
// too long and takes what follows for entries. Those point anywhere, so that roles say
// little then, and a trial must decide.
func (e *evidence) holdsL1(off qcow2.HostOff, n int64, role refcount.Role, over bool) bool {
	img, t := e.r.img, e.r.report.Refcounts
	g := img.Geo
	if off <= 0 || n <= 0 || n > qcow2.MaxL1Entries || !g.Aligned(off) || int64(off) > img.Src.Size()-n*qcow2.L1EntrySize {
		return false
	}
	clusters := g.Clusters(n * qcow2.L1EntrySize)
	for c := g.Cluster(off); c < g.Cluster(off)+qcow2.HostCluster(clusters); c++ {
		if is := t.Role(c); !over && is != refcount.Leaked && (is != role || t.Count(c) != 1) {
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
		if entry != 0 && (int64(i) >= n*qcow2.L1EntrySize || !e.leadsToTable(entry, &read, true) && (!over || !e.runInto(entry))) {
			return false
		}
	}
	return true
}

// usedEntries is how many entries of the L1 table at off are in use, at least need: VM
// state is kept behind the disk. It looks no further than the last cluster of the disk's
// entries.
func (e *evidence) usedEntries(off qcow2.HostOff, need uint64) uint64 {
	g := e.r.img.Geo
	if need == 0 || need > qcow2.MaxL1Entries || off <= 0 || !g.Aligned(off) {
		return need
	}
	buf := make([]byte, g.Clusters(int64(need)*qcow2.L1EntrySize)<<g.ClusterBits)
	if source.ReadFull(e.r.img.Src, buf, int64(off)) != nil {
		return need
	}
	_, last := nonzero(buf)
	return max(need, uint64(last/qcow2.L1EntrySize)+1)
}

// runsOver tells whether an L1 table has more entries than it needs, and these lie in
// clusters that belong to something else.
func (e *evidence) runsOver(off qcow2.HostOff, entries, need int64) bool {
	g, t, size := e.r.img.Geo, e.r.report.Refcounts, e.r.img.Src.Size()
	if need <= 0 || entries <= need || entries > qcow2.MaxL1Entries || off <= 0 || int64(off) >= size {
		return false
	}
	own := uint64(1)
	if int64(off)+entries*qcow2.L1EntrySize-size >= g.ClusterSize() {
		own = 0 // a table that passes the end is not counted
	}
	last := g.Cluster(off + qcow2.HostOff(entries*qcow2.L1EntrySize-1))
	for c := g.Cluster(off+qcow2.HostOff(need*qcow2.L1EntrySize-1)) + 1; c <= last && int64(c) < t.Len(); c++ {
		if t.Count(c) > own {
			return true
		}
	}
	return false
}

// runInto tells whether an L1 entry points to a cluster that is not free and reads as an L2
// table, whatever else the L1 table runs into there.
func (e *evidence) runInto(entry qcow2.L1Entry) bool {
	g, off := e.r.img.Geo, entry.L2Table()
	if entry.Reserved() != 0 || off == 0 || !g.Aligned(off) || e.r.report.Refcounts.Count(g.Cluster(off)) == 0 {
		return false
	}
	table := make(qcow2.L2Table, g.ClusterSize())
	return source.ReadFull(e.r.img.Src, table, int64(off)) == nil && check.PlausibleTable(e.r.img, table)
}

// maxTablesRead is how many tables are read to tell an L1 table: data does not point to so
// many tables by accident.
const maxTablesRead = 16

// leadsToTable tells whether an L1 entry points to an L2 table: one that somebody points to
// already, or a cluster whose refcount tells of a reference that is missing and that reads
// as a table, which may map no cluster if the pointer is beyond doubt. Of the latter it reads only
// the first; read counts them.
func (e *evidence) leadsToTable(entry qcow2.L1Entry, read *int, empty bool) bool {
	g, off := e.r.img.Geo, entry.L2Table()
	if entry.Reserved() != 0 || off == 0 || !g.Aligned(off) || int64(off) >= e.r.img.Src.Size() {
		return false
	}
	switch e.r.report.Refcounts.Role(g.Cluster(off)) {
	case refcount.L2, refcount.InactiveL2:
		return true
	case refcount.Leaked:
		*read++
		return *read > maxTablesRead || e.readsAsTable(off, empty)
	}
	return false
}

// readsAsTable tells whether every entry of the cluster could be an L2 entry, and some entry
// points to a cluster with a reference fewer than its refcount says, or into a data file,
// which has no refcounts; or whether it is a table that maps no cluster, if it may be.
func (e *evidence) readsAsTable(off qcow2.HostOff, empty bool) bool {
	g := e.r.img.Geo
	table := make(qcow2.L2Table, g.ClusterSize())
	if source.ReadFull(e.r.img.Src, table, int64(off)) != nil || !check.PlausibleTable(e.r.img, table) {
		return false
	}
	used := false
	for i := range g.L2Entries() {
		entry := table.At(g, i)
		host := entry.Host()
		switch entry.Kind(g) {
		case qcow2.Compressed:
			host = entry.CompressedRange(g).Start
		case qcow2.Unallocated, qcow2.ZeroPlain:
			continue
		}
		used = true
		if g.DataFile || e.misses(g.Cluster(host)) {
			return true
		}
	}
	return !used && empty
}

// misses tells whether the cluster's refcount is higher than its references.
func (e *evidence) misses(c qcow2.HostCluster) bool {
	stored, ok := e.stored(c)
	return ok && stored > e.r.report.Refcounts.Count(c)
}
