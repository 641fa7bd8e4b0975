package refcount

import (
	"maps"
	"slices"

	"qcowscope/core/qcow2"
)

// saturated is the count above which the exact number is in the map.
const saturated = 255

// Table is a count and a role for each host cluster: two bytes a cluster, and a map for
// the few that are counted 255 times or more.
type Table struct {
	geo    qcow2.Geometry
	end    int64 // file length in bytes, in whole sectors as QEMU takes it
	n      int64 // clusters that QEMU's array would have: those of the file, or one more
	counts []uint8
	roles  []uint8
	big    map[int64]uint64
}

// newTable has room for the one cluster past the end that a region may reach into.
func newTable(g qcow2.Geometry, fileSize int64) *Table {
	n := g.Clusters(fileSize)
	return &Table{geo: g, end: (fileSize + qcow2.SectorSize - 1) &^ (qcow2.SectorSize - 1), n: n, counts: make([]uint8, n+1), roles: make([]uint8, n+1), big: map[int64]uint64{}}
}

// Len is how many clusters are counted: those of the file, and one more when a region
// reaches into it.
func (t *Table) Len() int64 { return t.n }

// Count is how many references the cluster has; 0 outside the table.
func (t *Table) Count(c qcow2.HostCluster) uint64 {
	if c < 0 || int64(c) >= t.n {
		return 0
	}
	if v := t.counts[c]; v != saturated {
		return uint64(v)
	}
	return t.big[int64(c)]
}

// Capped is the count as a refcount of the image's width can hold it.
func (t *Table) Capped(c qcow2.HostCluster) uint64 { return min(t.Count(c), t.geo.RefcountMax()) }

// Role is what the cluster is used for.
func (t *Table) Role(c qcow2.HostCluster) Role {
	if c < 0 || int64(c) >= t.n {
		return Free
	}
	return Role(t.roles[c] & roleMask)
}

// Conflict tells that references of different kinds meet in the cluster, or that it was
// marked as being in trouble.
func (t *Table) Conflict(c qcow2.HostCluster) bool {
	return c >= 0 && int64(c) < t.n && t.roles[c]&conflict != 0
}

// MarkTrouble makes Conflict true.
func (t *Table) MarkTrouble(c qcow2.HostCluster) {
	if c >= 0 && int64(c) < t.n {
		t.roles[c] |= conflict
	}
}

// MarkLeaked gives a cluster without references the role Leaked.
func (t *Table) MarkLeaked(c qcow2.HostCluster) {
	if c >= 0 && int64(c) < t.n && t.counts[c] == 0 {
		t.roles[c] = t.roles[c]&^roleMask | uint8(Leaked)
	}
}

// Counts are the saturating counts of the clusters [from, to), which must lie in the
// table. It is the table's own memory: read only.
func (t *Table) Counts(from, to int64) []uint8 { return t.counts[from:to] }

// Roles are the role bytes of the clusters [from, to); see CopiedWrong.
func (t *Table) Roles(from, to int64) []uint8 { return t.roles[from:to] }

// RoleOf takes the role out of a role byte.
func RoleOf(b uint8) Role { return Role(b & roleMask) }

// Troubled takes the conflict mark out of a role byte.
func Troubled(b uint8) bool { return b&conflict != 0 }

// CopiedWrong tells from a role byte whether some pointer of the active tree has a COPIED
// flag that does not go with the stored refcount.
func CopiedWrong(b uint8, stored uint64) bool {
	if stored == 1 {
		return b&seenUncopied != 0
	}
	return b&seenCopied != 0
}

// AnyUncopied tells of eight role bytes at a time whether some pointer of the active tree
// lacks COPIED: what CopiedWrong says when all eight stored refcounts are 1.
func AnyUncopied(roles uint64) bool { return roles&(each*seenUncopied) != 0 }

// add counts times references to cluster c, which must be inside counts.
func (t *Table) add(c int64, role Role, times uint64) {
	if c >= t.n {
		t.n = c + 1
	}
	old := t.counts[c]
	if old == 0 {
		t.roles[c] |= uint8(role)
	} else if was := Role(t.roles[c] & roleMask); was != role && !mixable(was, role) {
		t.roles[c] |= conflict
	}
	if sum := uint64(old) + times; old != saturated && sum < saturated {
		t.counts[c] = uint8(sum)
		return
	}
	if old != saturated {
		t.big[c] = uint64(old)
		t.counts[c] = saturated
	}
	t.big[c] += times
}

// mixable tells whether two roles may share a cluster: data that a snapshot shares with
// the active layer, and the same for tables.
func mixable(a, b Role) bool {
	class := func(r Role) Role {
		switch r {
		case Data, CompressedData, ZeroData, InactiveData:
			return Data
		case L2, InactiveL2:
			return L2
		}
		return r
	}
	return class(a) == class(b)
}

// regionFits is QEMU's rule: a region may pass the end of the file by less than a cluster,
// since the last cluster may be cut short.
func (t *Table) regionFits(off, n int64) bool {
	end := off + n
	return off >= 0 && end >= off && end-t.end < t.geo.ClusterSize()
}

// addRegion counts times references to every cluster that [off, off+n) touches. It is
// false when the region passes the end of the file; nothing is counted then.
func (t *Table) addRegion(off qcow2.HostOff, n int64, role Role, times uint64) bool {
	if n <= 0 || times == 0 {
		return true
	}
	if !t.regionFits(int64(off), n) {
		return false
	}
	first, last := t.geo.Cluster(off), t.geo.Cluster(off+qcow2.HostOff(n)-1)
	for c := first; c <= last; c++ {
		t.add(int64(c), role, times)
	}
	return true
}

// Overflow visits the clusters that have more references than a refcount of the image's
// width can hold.
func (t *Table) Overflow(visit func(c qcow2.HostCluster, count uint64)) {
	limit := t.geo.RefcountMax()
	if limit < saturated {
		for c, v := range t.counts[:t.n] {
			if v != saturated && uint64(v) > limit {
				visit(qcow2.HostCluster(c), uint64(v))
			}
		}
	}
	for _, c := range slices.Sorted(maps.Keys(t.big)) {
		if v := t.big[c]; v > limit {
			visit(qcow2.HostCluster(c), v)
		}
	}
}
