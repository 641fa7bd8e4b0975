package clustermap

import (
	"cmp"
	"math"
	"slices"
)

// marks are the ranges of clusters that findings concern: ascending, apart, and each with
// the worst severity of the findings that meet there.
type marks struct {
	runs []mark
	at   int // where the last question was answered
}

type mark struct {
	from, end int64 // the first cluster, and the first behind the last
	severity  uint8
}

// newMarks sorts ranges that may overlap.
func newMarks(ranges []mark) *marks {
	type edge struct {
		at       int64
		severity uint8
		opens    bool
	}
	edges := make([]edge, 0, 2*len(ranges))
	for _, r := range ranges {
		edges = append(edges, edge{r.from, r.severity, true}, edge{r.end, r.severity, false})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	m := &marks{}
	var open [1 << 3]int
	var since int64
	for _, e := range edges {
		m.append(mark{since, e.at, worstOf(&open)})
		since = e.at
		if e.opens {
			open[e.severity]++
		} else {
			open[e.severity]--
		}
	}
	return m
}

func worstOf(open *[1 << 3]int) uint8 {
	for s := len(open) - 1; s > 0; s-- {
		if open[s] > 0 {
			return uint8(s)
		}
	}
	return 0
}

func (m *marks) append(r mark) {
	if r.severity == 0 || r.from >= r.end {
		return
	}
	if n := len(m.runs); n > 0 && m.runs[n-1].end == r.from && m.runs[n-1].severity == r.severity {
		m.runs[n-1].end = r.end
		return
	}
	m.runs = append(m.runs, r)
}

// severity is that of cluster c, and how far it reaches at least: up to cluster end. Asked
// for neighbours, it does not search.
func (m *marks) severity(c int64) (severity uint8, end int64) {
	n := len(m.runs)
	if m.at < n && c >= m.runs[m.at].end || m.at > 0 && c < m.runs[m.at-1].end {
		m.at, _ = slices.BinarySearchFunc(m.runs, c, func(r mark, c int64) int { return cmp.Compare(r.end, c+1) })
	}
	if m.at == n {
		return 0, math.MaxInt64
	}
	if r := m.runs[m.at]; c >= r.from {
		return r.severity, r.end
	}
	return 0, m.runs[m.at].from
}
