// Package clustermap is what the screen needs and nothing else: host tiles, guest extents,
// subcluster states.
package clustermap

import (
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// A cell of a tile holds an owner and a severity: the owner that most clusters of the cell
// have, and the worst severity of any of them, so that one bad cluster shows at every scale.
const (
	OwnerBits    = 5
	OwnerMask    = 1<<OwnerBits - 1
	CellPastEnd  = 0xff
	NoTrouble    = 0 // severities in a cell are 1 + check.Severity
	maxOwnerKind = 1 << OwnerBits
)

// HostMap paints tiles of the host clusters.
type HostMap struct {
	table *refcount.Table
	marks []mark
	leak  uint8
}

// mark is a range of clusters that a finding concerns.
type mark struct {
	from, to qcow2.HostCluster // inclusive
	severity uint8
}

// NewHostMap takes the owners from the recount and the severities from the findings.
func NewHostMap(g qcow2.Geometry, r *check.Report) *HostMap {
	m := &HostMap{table: r.Refcounts.Table, leak: 1 + uint8(check.Waste)}
	for _, group := range r.Groups {
		sev := 1 + uint8(group.Code.Severity())
		switch group.Code {
		case check.LeakedCluster:
			continue // their role says it
		case check.LostMapping:
			m.leak = sev // these leaks are lost data
		}
		for _, f := range group.Findings {
			m.mark(g, f, sev)
		}
	}
	return m
}

// mark notes where the finding shows: the clusters it is about, and the one that holds the
// wrong field.
func (m *HostMap) mark(g qcow2.Geometry, f check.Finding, sev uint8) {
	last := qcow2.HostCluster(m.table.Len() - 1)
	add := func(from, to qcow2.HostCluster) {
		if from = max(from, 0); from <= min(to, last) {
			m.marks = append(m.marks, mark{from, min(to, last), sev})
		}
	}
	if f.Host.Len > 0 && f.Host.Start >= 0 {
		add(g.Cluster(f.Host.Start), g.Cluster(f.Host.End()-1))
	}
	if f.At.Off >= 0 && f.At.Kind != check.FieldRefcount {
		add(g.Cluster(f.At.Off), g.Cluster(f.At.Off))
	}
}

// Tile paints cells, each perCell clusters from first on.
func (m *HostMap) Tile(first, perCell int64, cells int) []byte {
	out := make([]byte, cells)
	for i := range out {
		from := first + int64(i)*perCell
		if from >= m.table.Len() || from < 0 {
			out[i] = CellPastEnd
			continue
		}
		roles := m.table.Roles(from, min(from+perCell, m.table.Len()))
		if perCell == 1 {
			out[i] = m.cell(roles[0])
		} else {
			out[i] = m.blend(roles)
		}
	}
	m.paintMarks(out, first, perCell)
	return out
}

// cell is the byte of a single cluster.
func (m *HostMap) cell(b uint8) byte {
	role, sev := refcount.RoleOf(b), uint8(NoTrouble)
	switch {
	case role == refcount.Leaked:
		sev = m.leak
	case refcount.Troubled(b):
		sev = 1 + uint8(check.Danger)
	}
	return byte(role) | sev<<OwnerBits
}

// blend is the byte of many clusters.
func (m *HostMap) blend(roles []uint8) byte {
	var n [maxOwnerKind]int
	worst := uint8(NoTrouble)
	for _, b := range roles {
		c := m.cell(b)
		n[c&OwnerMask]++
		worst = max(worst, c>>OwnerBits)
	}
	// Free space wins only where there is nothing else: a cell shows what is there.
	best := 0
	for role := 1; role < len(n); role++ {
		if n[role] > 0 && (best == 0 || n[role] > n[best]) {
			best = role
		}
	}
	return byte(best) | worst<<OwnerBits
}

func (m *HostMap) paintMarks(out []byte, first, perCell int64) {
	for _, k := range m.marks {
		from := max(0, (int64(k.from)-first)/perCell)
		to := (int64(k.to) - first) / perCell
		if int64(k.to) < first {
			continue
		}
		for i := from; i <= min(to, int64(len(out))-1); i++ {
			if c := out[i]; c != CellPastEnd && c>>OwnerBits < k.severity {
				out[i] = c&OwnerMask | k.severity<<OwnerBits
			}
		}
	}
}

// Severity is that of one cluster, as the map shows it; ok is false when nothing is wrong.
func (m *HostMap) Severity(c qcow2.HostCluster) (s check.Severity, ok bool) {
	b := m.Tile(int64(c), 1, 1)[0]
	if b == CellPastEnd || b>>OwnerBits == NoTrouble {
		return 0, false
	}
	return check.Severity(b>>OwnerBits - 1), true
}

// Usage is how many clusters of the file each role has; index by refcount.Role.
func Usage(t *refcount.Table, hostClusters int64) (n [maxOwnerKind]int64) {
	for _, b := range t.Roles(0, min(t.Len(), hostClusters)) {
		n[refcount.RoleOf(b)]++
	}
	return n
}
