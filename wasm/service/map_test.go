package service

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qcowscope/core/clustermap"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// TestMapSpeaksOfTheWholeFile holds the spaces against each other and against the inspector.
func TestMapSpeaksOfTheWholeFile(t *testing.T) {
	ctx := context.Background()
	s, v := checked(t, recipe(t, "healthy_snapshots"))
	for {
		scan, err := s.MapScan(ctx)
		if err != nil || !scan.Complete || !scan.Linked {
			t.Fatalf("%+v, %v", scan, err)
		}
		if scan.Done == scan.Total {
			break
		}
	}
	host, err := s.MapTotals(ctx, MapTotalsRequest{Space: "host"})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range v.Usage {
		if got := host.Kinds[slices.Index(Owners, u.Owner)]; got != u.Clusters {
			t.Errorf("%s: %v clusters on the map, %v in the verdict", u.Owner, got, u.Clusters)
		}
	}
	tile, err := s.MapTile(ctx, MapTileRequest{Space: "host", Order: "rows"})
	if err != nil {
		t.Fatal(err)
	}
	columns := 8
	for columns*columns < int(host.Clusters) {
		columns *= 2
	}
	linked := 0
	for c := range int(host.Clusters) {
		view, err := s.Cluster(ctx, ClusterRequest{Cluster: float64(c)})
		if err != nil {
			t.Fatal(err)
		}
		i := 2 * (c/columns*columns + c%columns)
		if got := Owners[tile[i]&31]; got != view.Owner {
			t.Errorf("cluster %d is %q on the map, %q in the inspector", c, got, view.Owner)
		}
		if got := ReferenceSteps[tile[i+1]&15]; got != view.Counted {
			t.Errorf("cluster %d has %s references on the map, %s in the inspector", c, got, view.Counted)
		}
		linked += sameLinks(t, s, c, view)
	}
	if linked == 0 {
		t.Error("no cluster is linked")
	}
}

// sameLinks holds the guest clusters of a host cluster against its pointers.
func sameLinks(t *testing.T, s *Session, c int, view ClusterView) int {
	t.Helper()
	links, err := s.MapLinks(context.Background(), MapLinksRequest{Space: "host", First: float64(c), Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	want := map[float64]bool{}
	for _, k := range view.Claims {
		if k.Kind != "table" && k.Guest != "" {
			off, err := strconv.ParseInt(strings.TrimPrefix(k.Guest, "0x"), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			want[float64(off>>s.now.img.Geo.ClusterBits)] = true
		}
	}
	n := 0.0
	for i, first := range links.Firsts {
		for g := first; g < first+links.Counts[i]; g++ {
			if n++; !want[g] {
				t.Errorf("cluster %d is linked with guest cluster %v, its pointers say %v", c, g, want)
			}
		}
	}
	if int(n) != len(want) {
		t.Errorf("cluster %d has %v links, want %v", c, n, want)
	}
	return len(want)
}

// TestGuestClustersOfAllLayers: the inspector of a guest cluster says what the map shows, and
// lists the layers that have something else there.
func TestGuestClustersOfAllLayers(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "healthy_snapshots"))
	layers, err := s.MapLayers(ctx, MapLayersRequest{Count: 100})
	if err != nil || layers.Total < 2 || len(layers.Layers) != layers.Total {
		t.Fatalf("%+v, %v", layers, err)
	}
	differing := 0
	for _, l := range layers.Layers {
		runs, err := s.MapRuns(ctx, MapRunsRequest{Space: "guest", Layer: l.Layer, Count: 100})
		if err != nil || runs.Next != -1 {
			t.Fatalf("%+v, %v", runs, err)
		}
		end := 0.0
		for _, r := range runs.Runs {
			if r.First != end {
				t.Errorf("layer %d: a gap at %v", l.Layer, end)
			}
			end = r.First + r.Count
			for c := r.First; c < end; c++ {
				v, err := s.GuestCluster(ctx, GuestClusterRequest{Cluster: c, Layer: l.Layer})
				if err != nil {
					t.Fatal(err)
				}
				if v.Kind != GuestKinds[r.Kind] || v.Entries[0].Layer != l.Layer || v.Same+len(v.Entries) != layers.Total {
					t.Errorf("layer %d, guest cluster %v: %+v, the map says %s", l.Layer, c, v, GuestKinds[r.Kind])
				}
				differing += len(v.Entries) - 1
			}
		}
		if end != l.Clusters {
			t.Errorf("layer %d: runs up to %v of %v", l.Layer, end, l.Clusters)
		}
	}
	if differing == 0 {
		t.Error("all layers are the same everywhere")
	}
}

// TestSubclustersOnTheMap: host and guest cells split in the same states as the inspector's.
func TestSubclustersOnTheMap(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "healthy_extended_l2"))
	compared := 0
	for c := range int(s.now.img.HostClusters()) {
		view, err := s.Cluster(ctx, ClusterRequest{Cluster: float64(c)})
		if err != nil {
			t.Fatal(err)
		}
		states, err := s.MapSubclusters(ctx, MapSubclustersRequest{Space: "host", First: float64(c), Count: 1})
		if err != nil || len(states) != 32 {
			t.Fatalf("%d states, %v", len(states), err)
		}
		links, err := s.MapLinks(ctx, MapLinksRequest{Space: "host", First: float64(c), Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(view.Subclusters) == 0 || len(links.Firsts) == 0 {
			continue
		}
		guest, err := s.MapSubclusters(ctx, MapSubclustersRequest{Space: "guest", First: links.Firsts[0], Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(guest, states) {
			t.Errorf("cluster %d: host %v, guest %v", c, states, guest)
		}
		compared++
	}
	if compared == 0 {
		t.Error("no cluster has subclusters")
	}
}

// TestMapRefusesTheImpossible: any request is answered, and none with a panic.
func TestMapRefusesTheImpossible(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "healthy_v3"))
	nan := float64(0)
	nan /= nan
	for _, req := range []MapTileRequest{
		{Space: "host", Order: "rows", Level: -1}, {Space: "host", Order: "rows", Level: 60}, {Space: "nowhere", Order: "rows"},
		{Space: "host", Order: "spiral"}, {Space: "guest", Order: "rows", Layer: 1}, {Space: "guest", Order: "rows", Layer: -1},
		{Space: "host", Order: "along", X: -1}, {Space: "host", Order: "rows", Y: nan}, {Space: "host", Order: "rows", X: 1e300},
	} {
		if b, err := s.MapTile(ctx, req); err == nil {
			t.Errorf("%+v: %d bytes", req, len(b))
		}
	}
	if b, err := s.MapTile(ctx, MapTileRequest{Space: "host", Order: "along", X: 1 << 40}); err != nil || len(b) != 0 {
		t.Errorf("a tile that does not exist: %d bytes, %v", len(b), err)
	}
	for _, req := range []MapSubclustersRequest{{Space: "host", First: nan, Count: 1}, {Space: "host", Count: 1 << 20}, {Space: "guest", Layer: 9, Count: 1}} {
		if _, err := s.MapSubclusters(ctx, req); err == nil {
			t.Errorf("%+v is answered", req)
		}
	}
	if _, err := s.GuestCluster(ctx, GuestClusterRequest{Cluster: 1e12}); err == nil {
		t.Error("a guest cluster behind the end is answered")
	}
	if _, err := s.MapLinks(ctx, MapLinksRequest{Space: "host", First: nan, Count: 1}); err == nil {
		t.Error("links of no number are answered")
	}
	unchecked, _ := openedSession(t, recipe(t, "healthy_v3"))
	if _, err := unchecked.MapScan(ctx); err == nil {
		t.Error("a scan without a check")
	}
}

// TestMapOfEveryImage asks all there is to ask about every test image.
func TestMapOfEveryImage(t *testing.T) {
	ctx := context.Background()
	seen := 0
	for _, name := range shareOf(t) {
		s, reply := openedSession(t, recipe(t, name))
		if !reply.Opened {
			continue
		}
		if _, err := s.Check(ctx, CheckRequest{}); err != nil {
			continue
		}
		layers, err := s.MapLayers(ctx, MapLayersRequest{Count: 3})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, l := range layers.Layers {
			for _, space := range []string{"host", "links", "guest"} {
				for _, order := range []string{"rows", "along"} {
					if _, err := s.MapTile(ctx, MapTileRequest{Space: space, Layer: l.Layer, Order: order, Level: 2}); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if _, err := s.MapPins(ctx, MapPinsRequest{Space: space, Layer: l.Layer, Order: order, Level: 1}); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
			seen++
		}
	}
	if seen < 100/shareEach() {
		t.Errorf("only %d layers", seen)
	}
}

// TestMapWithoutItsEnd: a map may leave out what is free at the end; the rest stays as it is.
func TestMapWithoutItsEnd(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "healthy_snapshots"))
	all, err := s.MapTile(ctx, MapTileRequest{Space: "host", Order: "along"})
	if err != nil {
		t.Fatal(err)
	}
	part, err := s.MapTile(ctx, MapTileRequest{Space: "host", Order: "along", Clusters: 5})
	if err != nil || len(part) != 10 || !slices.Equal(part, all[:10]) {
		t.Errorf("got %v, %v, want the start of %v", part, err, all)
	}
	if _, err := s.MapTile(ctx, MapTileRequest{Space: "host", Order: "along", Clusters: 1e6}); err == nil {
		t.Error("more clusters than there are")
	}
}

// TestMapTables: the names that the protocol gives to what the core packs.
func TestMapTables(t *testing.T) {
	for i, least := range clustermap.ReferenceSteps {
		if !strings.HasPrefix(ReferenceSteps[i], strconv.Itoa(least)) {
			t.Errorf("step %d begins with %d, it is called %q", i, least, ReferenceSteps[i])
		}
	}
	if len(ReferenceSteps) != len(clustermap.ReferenceSteps) || len(GuestKinds) != int(clustermap.GuestUnknown)+1 ||
		len(LayerKinds) != int(clustermap.LayerOthers)+1 || len(Owners) < int(refcount.Leaked)+1 {
		t.Error("a table has another length than the core's")
	}
	for k, name := range map[qcow2.SubclusterKind]string{qcow2.SubUnallocated: "unallocated", qcow2.SubUnallocatedAlloc: "unallocated-host",
		qcow2.SubZero: "zero", qcow2.SubZeroAlloc: "zero-allocated", qcow2.SubNormal: "data", qcow2.SubCompressed: "compressed", qcow2.SubInvalid: "invalid"} {
		if SubclusterStates[k] != name {
			t.Errorf("state %d is called %q, not %q", k, SubclusterStates[k], name)
		}
	}
	if SubclusterStates[noSubclusters] != "none" || len(SubclusterStates) != noSubclusters+1 {
		t.Error("the last state is not that of no entry")
	}
}
