package clustermap

import (
	"cmp"
	"slices"

	"qcowscope/core/qcow2"
)

// The kinds of guest clusters by a bitmap.
const (
	DirtyNone    uint8 = iota // not written since the bitmap was begun
	DirtyMarked               // some of it was
	DirtyUnknown              // there are more ranges than are kept
)

var dirtyRank = rankOf(DirtyMarked, DirtyUnknown)

// maxDirtyRuns bounds the runs of dirty clusters, 16 bytes each.
const maxDirtyRuns = 1 << 20

// DirtyMap shows the guest clusters that a bitmap marks.
type DirtyMap struct {
	runs    []dirtyRun // ascending, apart
	unknown int64      // the first cluster that is not known
}

// dirtyRun is clusters from the first one up to, but not including, end.
type dirtyRun struct{ first, end int64 }

// NewDirtyMap begins a map of a disk of so many clusters, on which nothing is dirty.
func NewDirtyMap(clusters int64) *DirtyMap { return &DirtyMap{unknown: clusters} }

// Mark adds a dirty range, which must lie behind those before. It is false when there are
// more than are kept.
func (m *DirtyMap) Mark(g qcow2.Geometry, r qcow2.Range[qcow2.GuestOff]) bool {
	first, end := int64(r.Start)>>g.ClusterBits, g.Clusters(int64(r.End()))
	if n := len(m.runs); n > 0 && first <= m.runs[n-1].end {
		m.runs[n-1].end = max(m.runs[n-1].end, end)
		return true
	}
	if len(m.runs) == maxDirtyRuns {
		m.unknown = first
		return false
	}
	m.runs = append(m.runs, dirtyRun{first, end})
	return true
}

// Picture is that of the map of so many clusters.
func (m *DirtyMap) Picture(clusters int64) *Picture {
	return newPicture(clusters, m, judged(dirtyRank))
}

func (m *DirtyMap) run(first, limit int64) (look, int64) {
	if first >= m.unknown {
		return look{kind: DirtyUnknown, part: wholePart}, limit
	}
	limit = min(limit, m.unknown-first)
	i, _ := slices.BinarySearchFunc(m.runs, first, func(r dirtyRun, c int64) int { return cmp.Compare(r.end, c+1) })
	switch {
	case i == len(m.runs):
		return look{kind: DirtyNone}, limit
	case first < m.runs[i].first:
		return look{kind: DirtyNone}, min(limit, m.runs[i].first-first)
	}
	return look{kind: DirtyMarked, part: wholePart}, min(limit, m.runs[i].end-first)
}
