package service

import (
	"context"
	"fmt"
	"strconv"

	"qcowscope/core/clustermap"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

const (
	maxLinkRuns       = 512
	maxSubclusterRuns = 1024
	maxLayers         = 100
	// Layers whose entry for a guest cluster is looked up, and of which those that differ
	// are listed.
	maxLayersSeen   = 1024
	maxLayerEntries = 64
)

// MapLinks are runs of clusters, see the protocol.
type MapLinks struct {
	Firsts, Counts []float64
	More           []byte
}

// MapLinks tells which clusters of the other space belong to clusters of one.
func (s *Session) MapLinks(ctx context.Context, req MapLinksRequest) (MapLinks, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scan, err := s.scanned(ctx)
	if err != nil {
		return MapLinks{}, problemError(err)
	}
	for _, n := range []float64{req.First, req.Count, req.Rows, req.Stride} {
		if !(n >= 0 && n < mostCells) {
			return MapLinks{}, impossible(fmt.Sprintf("%+v", req))
		}
	}
	if req.Rows > 1 && (req.Stride < req.Count || req.Count == 0 || req.Rows*req.Stride >= mostCells) {
		return MapLinks{}, impossible(fmt.Sprintf("%+v", req))
	}
	find := scan.Links.Guests
	if req.Space == "guest" {
		find = scan.Links.Hosts
	}
	block := clustermap.Block{First: int64(req.First), N: int64(req.Count), Rows: int64(req.Rows), Stride: int64(req.Stride)}
	runs, more := find(block, maxLinkRuns)
	r := MapLinks{More: []byte{0}}
	if more {
		r.More[0] = 1
	}
	for _, c := range runs {
		r.Firsts = append(r.Firsts, float64(c.First))
		r.Counts = append(r.Counts, float64(c.N))
	}
	return r, nil
}

// MapLayers names the layers whose guest map can be shown.
func (s *Session) MapLayers(ctx context.Context, req MapLayersRequest) (MapLayersReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scan, err := s.scanning(ctx)
	if err != nil {
		return MapLayersReply{}, problemError(err)
	}
	r := MapLayersReply{Total: scan.Layers()}
	for n := max(0, req.First); n < min(scan.Layers(), req.First+min(req.Count, maxLayers)); n++ {
		l := MapLayer{Layer: n, Clusters: float64(scan.GuestClusters(n))}
		if n > 0 {
			snapshot := &s.now.report.Snapshots.Snapshots[n-1]
			l.ID, l.Name = string(snapshot.ID), string(snapshot.Name)
		}
		r.Layers = append(r.Layers, l)
	}
	return r, nil
}

// noSubclusters stands for host clusters that no L2 entry points to; an index in SubclusterStates.
const noSubclusters = 7

// MapSubclusters are the states of subclusters.
func (s *Session) MapSubclusters(ctx context.Context, req MapSubclustersRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scan, err := s.scanning(ctx)
	if err != nil {
		return nil, problemError(err)
	}
	first, n := int64(req.First), int64(req.Count)
	if !(req.First >= 0 && req.First < mostCells) || n < 1 || n > maxSubclusterRuns || req.Layer < 0 || req.Layer >= scan.Layers() {
		return nil, impossible(fmt.Sprintf("%+v", req))
	}
	if req.Space == "host" {
		states, err := s.hostSubclusters(ctx, first, n)
		if err != nil {
			return nil, problemError(err)
		}
		return states, nil
	}
	states, err := scan.Subclusters(ctx, req.Layer, first, n)
	if err != nil {
		return nil, problemError(err)
	}
	out := make([]byte, len(states))
	for i, k := range states {
		out[i] = byte(k)
	}
	return out, nil
}

// hostSubclusters are those of host clusters, as the first entry that points to each has them.
func (s *Session) hostSubclusters(ctx context.Context, first, n int64) ([]byte, error) {
	g := s.now.img.Geo
	per := g.ClusterSize() / g.SubclusterSize()
	out := make([]byte, n*per)
	for i := range out {
		out[i] = noSubclusters
	}
	seen := make([]bool, n)
	want := refcount.Want{Lo: qcow2.HostCluster(first), Hi: qcow2.HostCluster(first + n - 1)}
	_, err := refcount.Claimants(ctx, s.now.img, s.now.report.Snapshots, s.now.report.Refcounts, want, func(k refcount.Claim) bool {
		i := int64(k.Cluster) - first
		if k.L2Index < 0 || k.Role == refcount.BitmapData || seen[i] {
			return true
		}
		seen[i] = true
		e := qcow2.L2Entry{Entry: k.Entry, Bitmap: k.Bitmap}
		for j := range per {
			out[i*per+j] = byte(e.Subcluster(g, int(j)))
		}
		return true
	})
	return out, err
}

// GuestCluster tells what each layer says of a guest cluster.
func (s *Session) GuestCluster(ctx context.Context, req GuestClusterRequest) (GuestClusterView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scan, err := s.scanning(ctx)
	if err != nil {
		return GuestClusterView{}, problemError(err)
	}
	if req.Layer < 0 || req.Layer >= scan.Layers() || !(req.Cluster >= 0 && req.Cluster < float64(scan.GuestClusters(req.Layer))) {
		return GuestClusterView{}, impossible(fmt.Sprintf("%+v", req))
	}
	c := int64(req.Cluster)
	own, err := scan.Entries(ctx, c, req.Layer, req.Layer+1)
	if err != nil {
		return GuestClusterView{}, problemError(err)
	}
	others, err := scan.Entries(ctx, c, 0, min(scan.Layers(), maxLayersSeen))
	if err != nil {
		return GuestClusterView{}, problemError(err)
	}
	g := s.now.img.Geo
	off := qcow2.GuestOff(c << g.ClusterBits)
	size := s.now.img.Geo.ClusterSize()
	v := GuestClusterView{Cluster: req.Cluster, Guest: hex(off), Length: float64(size), Kind: GuestKinds[own[0].Kind],
		Entries: []GuestEntry{s.guestEntry(own[0])}, MoreEntries: scan.Layers() > maxLayersSeen}
	for _, e := range others {
		switch {
		case e.Layer == req.Layer:
		case e.L2 == own[0].L2 && e.Kind == own[0].Kind:
			v.Same++
		case len(v.Entries) <= maxLayerEntries:
			v.Entries = append(v.Entries, s.guestEntry(e))
		default:
			v.MoreEntries = true
		}
	}
	if g.ExtendedL2 && own[0].L2At >= 0 {
		for i := range qcow2.SubclustersPerEntry {
			v.Subclusters = append(v.Subclusters, SubclusterStates[own[0].L2.Subcluster(g, i)])
		}
	}
	return v, nil
}

func (s *Session) guestEntry(e clustermap.LayerEntry) GuestEntry {
	g := s.now.img.Geo
	v := GuestEntry{Layer: e.Layer, Name: "active layer", Field: fmt.Sprintf("l1[%d]", e.L1Index), Kind: GuestKinds[e.Kind]}
	if e.Layer > 0 {
		v.Name = fmt.Sprintf("snapshot %d (%s)", e.Layer, s.now.report.Snapshots.Snapshots[e.Layer-1].Name)
	}
	if e.L2At < 0 {
		if e.L1At >= 0 {
			v.At, v.Entry = hex(e.L1At), hex(e.L1)
			v.Bits = []NamedBits{{"L2 table", hex(e.L1.L2Table())}, {"COPIED", flag(e.L1.Copied())}, {"reserved", hex(e.L1.Reserved())}}
		}
		return v
	}
	v.Field, v.At, v.Entry = fmt.Sprintf("l2[%d][%d]", e.L1Index, e.L2Index), hex(e.L2At), hex(e.L2.Entry)
	if g.ExtendedL2 {
		v.Bitmap = hex(e.L2.Bitmap)
	}
	v.Bits = entryBits(g, e.L2)
	switch e.L2.Kind(g) {
	case qcow2.Compressed:
		v.Host = hex(e.L2.CompressedRange(g).Start)
	case qcow2.Normal, qcow2.ZeroAlloc:
		v.Host = hex(e.L2.Host())
	}
	return v
}

// entryBits are the fields of an L2 entry by name.
func entryBits(g qcow2.Geometry, e qcow2.L2Entry) []NamedBits {
	bits := []NamedBits{{"COPIED", flag(e.Copied())}, {"compressed", flag(e.Entry&qcow2.FlagCompressed != 0)}}
	if e.Kind(g) == qcow2.Compressed {
		r := e.CompressedRange(g)
		return append(bits, NamedBits{"host offset", hex(r.Start)}, NamedBits{"bytes in its sectors", strconv.FormatInt(int64(r.Len), 10)})
	}
	bits = append(bits, NamedBits{"host offset", hex(e.Host())}, NamedBits{"reads as zeros", flag(e.Entry&qcow2.FlagZero != 0)},
		NamedBits{"reserved", hex(e.Reserved())})
	if g.ExtendedL2 {
		bits = append(bits, NamedBits{"subclusters allocated", fmt.Sprintf("0x%08x", e.Bitmap.Alloc())},
			NamedBits{"subclusters that read as zeros", fmt.Sprintf("0x%08x", e.Bitmap.Zero())})
	}
	return bits
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
