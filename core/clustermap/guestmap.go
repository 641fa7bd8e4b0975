package clustermap

import (
	"context"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// GuestMap shows the guest clusters of one layer.
//
// In a cell of its Picture the kind is one of GuestNothing to GuestUnknown, and the high
// four bits of the second byte are how much of the clusters is stored, of 15.
type GuestMap struct {
	Picture *Picture
	Layer   int
	per     int64 // guest clusters that an L2 table maps, a power of two
	regions []region
	marks   *marks
}

// region is what an L1 entry leads to.
type region struct {
	table *table
	kind  uint8 // if there is none
}

// GuestMap is that of a layer, which must be one of Layers; the scan must be done. The error
// is one of reading the layer's L1 table.
func (s *Scan) GuestMap(ctx context.Context, layer int) (*GuestMap, error) {
	g := s.img.Geo
	m := &GuestMap{Layer: layer, per: g.L2Entries()}
	clusters := s.GuestClusters(layer)
	if t, ok := s.l1(layer); ok {
		m.regions = make([]region, 0, min(t.Entries, (clusters+m.per-1)/m.per))
		err := s.eachL1(ctx, t, func(i int64, e qcow2.L1Entry) {
			if int(i) == len(m.regions) && len(m.regions) < cap(m.regions) {
				m.regions = append(m.regions, s.regionOf(i, e))
			}
		})
		if err != nil {
			return nil, err
		}
		m.regions = m.regions[:cap(m.regions)] // entries past the end of the file are zero
	}
	m.marks = newMarks(s.guestMarks(layer, clusters))
	m.Picture = newPicture(clusters, m, judged(guestRank))
	return m, nil
}

var guestRank = rankOf(GuestData, GuestCompressed, GuestZero, GuestUnknown, GuestUnreadable)

func (s *Scan) regionOf(i int64, e qcow2.L1Entry) region {
	ok, kind := s.leads(e)
	if !ok {
		return region{kind: kind}
	}
	if t := s.at[s.key(i, e)]; t != nil && t.page != nil {
		return region{table: t}
	}
	return region{kind: GuestUnknown}
}

// GuestClusters is how many clusters the disk of a layer has.
func (s *Scan) GuestClusters(layer int) int64 {
	return s.img.Geo.Clusters(int64(min(s.diskSize(layer), 1<<62)))
}

// diskSize is that of a layer, in bytes.
func (s *Scan) diskSize(layer int) uint64 {
	if layer > 0 {
		if n, ok := s.report.Snapshots.Snapshots[layer-1].DiskSize(); ok {
			return n
		}
	}
	return s.img.VirtualSize()
}

// guestMarks are the guest clusters of a layer that findings concern.
func (s *Scan) guestMarks(layer int, clusters int64) (ranges []mark) {
	for _, group := range s.report.Groups {
		sev := 1 + uint8(group.Code.Severity())
		for _, f := range group.From(0) {
			if f.Guest.Len <= 0 || f.Guest.Start < 0 || max(0, f.At.Root) != layer {
				continue
			}
			from := int64(f.Guest.Start) >> s.img.Geo.ClusterBits
			end := min(clusters, s.img.Geo.Clusters(int64(f.Guest.End())))
			if from < end {
				ranges = append(ranges, mark{from, end, sev})
			}
		}
	}
	return ranges
}

// run is of guest clusters in the same state that the same findings concern.
func (m *GuestMap) run(first, limit int64) (look, int64) {
	severity, end := m.marks.severity(first)
	end = min(end, first+limit)
	k, n := m.state(first, end)
	k.severity = max(k.severity, severity)
	return k, n
}

func (m *GuestMap) state(first, end int64) (look, int64) {
	i := first / m.per
	r := m.region(i)
	if r.table == nil {
		for i++; i*m.per < end && m.region(i) == r; i++ {
			if i >= int64(len(m.regions)) {
				return guestLook(r.kind | wholePart<<kindBits), end - first // nothing else follows
			}
		}
		return guestLook(r.kind | wholePart<<kindBits), min(end, i*m.per) - first
	}
	page := r.table.page[first%m.per:]
	n := 1
	for n < len(page) && int64(n) < end-first && page[n] == page[0] {
		n++
	}
	return guestLook(page[0]), int64(n)
}

// region is that of L1 index i. No program reads what lies behind the L1 table.
func (m *GuestMap) region(i int64) region {
	if i >= int64(len(m.regions)) {
		return region{kind: GuestUnreadable}
	}
	return m.regions[i]
}

func guestLook(b uint8) look {
	k := look{kind: b & (1<<kindBits - 1), part: b >> kindBits}
	switch k.kind {
	case GuestNothing:
		k.part = 0
	case GuestUnreadable:
		k.severity = 1 + uint8(check.Damage)
	}
	return k
}

// Subclusters are the states of the subclusters of guest clusters, for each of n clusters
// from first on qcow2.SubclustersPerEntry of them, or one without extended L2 entries.
func (s *Scan) Subclusters(ctx context.Context, layer int, first, n int64) ([]qcow2.SubclusterKind, error) {
	g := s.img.Geo
	t, _ := s.l1(layer) // none if it cannot be one: nothing is readable then
	guest := &Guest{img: s.img, root: t, size: s.diskSize(layer)}
	per := int(g.ClusterSize() / g.SubclusterSize())
	states := make([]qcow2.SubclusterKind, 0, int(n)*per)
	r := qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(first << g.ClusterBits), Len: qcow2.GuestOff(n << g.ClusterBits)}
	for e, err := range guest.Extents(ctx, r) {
		if err != nil {
			return nil, err
		}
		for range (int64(e.Guest.Len) + g.SubclusterSize() - 1) / g.SubclusterSize() {
			states = append(states, e.Kind)
		}
	}
	for len(states) < cap(states) { // behind the end of the disk
		states = append(states, qcow2.SubUnallocated)
	}
	return states[:int(n)*per], nil
}
