// Package clustermap is what the screen needs and nothing else: pictures of the host and
// guest clusters at every scale, what links them, guest extents, subcluster states.
package clustermap

import (
	"encoding/binary"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// HostMap shows the host clusters of a file.
//
// In a cell of its Picture the kind is the refcount.Role, and the second byte holds the step
// of the highest number of references in the low four bits (see ReferenceSteps) and in the
// high four how many of the clusters are in use, of 15.
type HostMap struct {
	Picture *Picture
	table   *refcount.Table
	marks   *marks
	leak    uint8
	roles   [1 << 8]look  // how a role byte looks, but for its tone
	shown   uint8         // the bits of a role byte on which that depends
	steps   [1 << 8]uint8 // of a count
}

// ReferenceSteps are the least numbers of references of each step of a cell's tone.
var ReferenceSteps = []int{0, 1, 2, 3, 4, 5, 9, 17, 65, 255}

// NewHostMap takes the owners from the recount and the severities from the findings.
func NewHostMap(g qcow2.Geometry, r *check.Report) *HostMap {
	m := &HostMap{table: r.Refcounts.Table, leak: 1 + uint8(check.Waste)}
	var ranges []mark
	for _, group := range r.Groups {
		sev := 1 + uint8(group.Code.Severity())
		switch group.Code {
		case check.LeakedCluster:
			continue // their role says it
		case check.LostMapping:
			m.leak = sev // these leaks are lost data
		}
		for _, f := range group.From(0) {
			ranges = m.marksOf(ranges, g, f, sev)
		}
	}
	m.marks = newMarks(ranges)
	for b := range m.roles {
		m.roles[b] = lookOf(uint8(b), m.leak)
		for bit := range 8 {
			if other := b ^ 1<<bit; m.roles[b] != lookOf(uint8(other), m.leak) {
				m.shown |= 1 << bit
			}
		}
	}
	for step, least := range ReferenceSteps {
		for n := least; n < len(m.steps); n++ {
			m.steps[n] = uint8(step)
		}
	}
	m.Picture = newPicture(m.table.Len(), m, judged(hostRank))
	return m
}

// hostRank lets trouble show before structures of the image, and these before the data.
var hostRank = rankOf(refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData,
	refcount.BitmapData, refcount.Crypto, refcount.L2, refcount.InactiveL2, refcount.Refblock, refcount.L1,
	refcount.InactiveL1, refcount.SnapshotTable, refcount.Reftable, refcount.Header, refcount.Leaked)

// marksOf adds where the finding shows: the clusters it is about, and the one that holds the
// wrong field.
func (m *HostMap) marksOf(ranges []mark, g qcow2.Geometry, f check.Finding, sev uint8) []mark {
	add := func(from, to qcow2.HostCluster) {
		if from = max(from, 0); int64(from) < m.table.Len() && to >= from {
			ranges = append(ranges, mark{int64(from), min(int64(to)+1, m.table.Len()), sev})
		}
	}
	if f.Host.Len > 0 && f.Host.Start >= 0 {
		add(g.Cluster(f.Host.Start), g.Cluster(f.Host.End()-1))
	}
	if f.At.Off >= 0 && f.At.Kind != check.FieldRefcount {
		add(g.Cluster(f.At.Off), g.Cluster(f.At.Off))
	}
	return ranges
}

// lookOf is how a cluster with the role byte looks, if no finding concerns it; leak is the
// severity of leaks.
func lookOf(b, leak uint8) look {
	role := refcount.RoleOf(b)
	k := look{kind: uint8(role), part: wholePart}
	switch {
	case role == refcount.Free:
		k.part = 0
	case role == refcount.Leaked:
		k.severity = leak
	}
	if refcount.Troubled(b) && role != refcount.Leaked {
		k.severity = 1 + uint8(check.Danger)
	}
	return k
}

// run is of the clusters with the same role and count that the same findings concern.
func (m *HostMap) run(first, limit int64) (look, int64) {
	severity, end := m.marks.severity(first)
	end = min(end, first+limit)
	roles, counts := m.table.Roles(first, end), m.table.Counts(first, end)
	k := m.roles[roles[0]]
	k.tone = m.steps[counts[0]]
	k.severity = max(k.severity, severity)
	return k, alikeBytes(roles, counts, m.shown)
}

// alikeBytes is how many clusters from the first on have its role, as far as it shows, and
// its count.
func alikeBytes(roles, counts []uint8, shown uint8) int64 {
	const each = 0x0101010101010101
	le, n := binary.LittleEndian, 1
	mask := each * uint64(shown)
	role, count := uint64(roles[0])*each&mask, uint64(counts[0])*each
	for ; n+8 <= len(roles) && n+8 <= len(counts); n += 8 {
		if le.Uint64(roles[n:])&mask != role || le.Uint64(counts[n:]) != count {
			break
		}
	}
	for n < len(roles) && (roles[n]^roles[0])&shown == 0 && counts[n] == counts[0] {
		n++
	}
	return int64(n)
}

// Severity is that of one cluster, as the map shows it; ok is false when nothing is wrong.
func (m *HostMap) Severity(c qcow2.HostCluster) (s check.Severity, ok bool) {
	if c < 0 || int64(c) >= m.table.Len() {
		return 0, false
	}
	k, _ := m.run(int64(c), 1)
	if k.severity == 0 {
		return 0, false
	}
	return check.Severity(k.severity - 1), true
}

// Usage is how many clusters of the file each role has; index by refcount.Role.
func Usage(t *refcount.Table, hostClusters int64) (n [kinds]int64) {
	for _, b := range t.Roles(0, min(t.Len(), hostClusters)) {
		n[refcount.RoleOf(b)]++
	}
	return n
}
