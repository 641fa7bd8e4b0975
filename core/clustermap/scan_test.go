package clustermap

import (
	"context"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// checkedRecipe opens and checks an image; nil when it does not open.
func checkedRecipe(t *testing.T, name string) (*image.Image, *check.Report) {
	t.Helper()
	built := testimages.Make(t, name)
	img, err := image.Open(context.Background(), source.Bytes(built.Image))
	if err != nil {
		return nil, nil
	}
	report, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		return nil, nil
	}
	return img, report
}

// scanned reads all tables, a few at a time.
func scanned(t *testing.T, img *image.Image, r *check.Report) *Scan {
	t.Helper()
	s, err := NewScan(context.Background(), img, r)
	if err != nil {
		t.Fatal(err)
	}
	for !s.Done() {
		before := s.next
		if _, _, err := s.Step(context.Background(), 3*img.Geo.ClusterSize()); err != nil {
			t.Fatal(err)
		}
		if s.next == before {
			t.Fatal("a step that does nothing")
		}
	}
	return s
}

// smallDisk leaves out images whose disk is too large to look at cluster by cluster.
const smallDisk = 1 << 16

// TestGuestMapSaysWhatExtentsSay: for each guest cluster of each layer, over all test images.
func TestGuestMapSaysWhatExtentsSay(t *testing.T) {
	compared, layers := 0, 0
	for _, name := range testimages.Names() {
		img, report := checkedRecipe(t, name)
		if img == nil {
			continue
		}
		s := scanned(t, img, report)
		for n := range s.Layers() {
			m, err := s.GuestMap(context.Background(), n)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			clusters := min(m.Picture.Plane.Clusters, smallDisk)
			states, err := s.Subclusters(context.Background(), n, 0, clusters)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			per := int64(len(states)) / max(1, clusters)
			for c := range clusters {
				k, _ := m.run(c, 1)
				if want := expectedKind(states[c*per : (c+1)*per]); k.kind != want {
					t.Fatalf("%s, layer %d, guest cluster %d: kind %d, its subclusters say %d", name, n, c, k.kind, want)
				}
				compared++
			}
			layers++
		}
	}
	if compared < 10_000 || layers < 200 {
		t.Errorf("only %d clusters of %d layers", compared, layers)
	}
}

// expectedKind is what a cluster with such subclusters shows as.
func expectedKind(states []qcow2.SubclusterKind) uint8 {
	has := func(kinds ...qcow2.SubclusterKind) bool {
		return slices.ContainsFunc(states, func(k qcow2.SubclusterKind) bool { return slices.Contains(kinds, k) })
	}
	switch {
	case has(qcow2.SubInvalid):
		return GuestUnreadable
	case has(qcow2.SubCompressed):
		return GuestCompressed
	case has(qcow2.SubNormal):
		return GuestData
	case has(qcow2.SubZero, qcow2.SubZeroAlloc):
		return GuestZero
	}
	return GuestNothing
}

// TestLinksAreTheClaims: which guest clusters a host cluster serves, by the pointers to it.
func TestLinksAreTheClaims(t *testing.T) {
	claims := 0
	for _, name := range testimages.Names() {
		img, report := checkedRecipe(t, name)
		if img == nil || img.HostClusters() > smallDisk || img.Geo.DataFile {
			continue
		}
		s := scanned(t, img, report)
		if !s.Complete {
			continue
		}
		want := map[qcow2.HostCluster][]int64{}
		repeats := slices.ContainsFunc(report.Refcounts.Tree.Tables, func(r refcount.L2Ref) bool { return r.Repeat })
		_, err := refcount.Claimants(context.Background(), img, report.Snapshots, report.Refcounts,
			refcount.Want{Hi: qcow2.HostCluster(report.Refcounts.Len())}, func(k refcount.Claim) bool {
				if k.L2Index >= 0 && k.Role != refcount.BitmapData {
					want[k.Cluster] = append(want[k.Cluster], k.L1Index*img.Geo.L2Entries()+k.L2Index)
				}
				return true
			})
		if err != nil || repeats {
			continue
		}
		for c := range report.Refcounts.Len() {
			got, _ := s.Links.Guests(Block{First: c, N: 1}, 1<<20)
			if w := clusterRuns(want[qcow2.HostCluster(c)]); fmt.Sprint(got) != fmt.Sprint(w) {
				t.Fatalf("%s: host cluster %d serves %v, its pointers say %v", name, c, got, w)
			}
			claims += len(got)
			for _, run := range got {
				if back, _ := s.Links.Hosts(Block{First: run.First, N: 1}, 1<<20); !holds(back, c) {
					t.Fatalf("%s: guest cluster %d is served by %v, not by %d", name, run.First, back, c)
				}
			}
		}
	}
	if claims < 1000 {
		t.Errorf("only %d links", claims)
	}
}

func clusterRuns(all []int64) (runs []Clusters) {
	slices.Sort(all)
	for _, c := range slices.Compact(all) {
		if k := len(runs) - 1; k >= 0 && runs[k].First+runs[k].N == c {
			runs[k].N++
		} else {
			runs = append(runs, Clusters{c, 1})
		}
	}
	return runs
}

func holds(runs []Clusters, c int64) bool {
	return slices.ContainsFunc(runs, func(r Clusters) bool { return r.First <= c && c < r.First+r.N })
}

// TestLayers: which layers have a cluster, by the roots that lead to it.
func TestLayers(t *testing.T) {
	img, report := checkedRecipe(t, "healthy_snapshots")
	s := scanned(t, img, report)
	want := map[int64]layer{}
	for n := range s.Layers() {
		states := layerHosts(t, s, n)
		for _, c := range states {
			want[c] = want[c].with(layerOf(n))
		}
	}
	seen := map[layer]int{}
	for c := range report.Refcounts.Len() {
		if got := s.Links.layerAt(c); got != want[c] {
			t.Errorf("host cluster %d: layers %d, want %d", c, got, want[c])
		}
		seen[want[c]]++
	}
	if seen[activeOnly] == 0 || seen[activeShared] == 0 || seen[onlySnapshot] == 0 {
		t.Errorf("the image does not have all: %v", seen)
	}
}

// layerHosts are the host clusters that hold a layer's data, by its extents.
func layerHosts(t *testing.T, s *Scan, n int) (all []int64) {
	t.Helper()
	l1, _ := s.l1(n)
	guest := &Guest{img: s.img, root: l1, size: 1 << 40}
	for e, err := range guest.Extents(context.Background(), qcow2.Range[qcow2.GuestOff]{Len: qcow2.GuestOff(s.inFile(l1) / 8 * s.img.Geo.L2Span())}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.HasHost() {
			for off := e.Host; off < e.Host+qcow2.HostOff(e.Guest.Len); off += qcow2.HostOff(s.img.Geo.ClusterSize()) {
				all = append(all, int64(s.img.Geo.Cluster(off)))
			}
		}
	}
	return all
}

// TestStretchesAndTotals hold what is listed and counted against the looks themselves.
func TestStretchesAndTotals(t *testing.T) {
	random := rand.New(rand.NewSource(9))
	p := plain(random, 20_000)
	for range 300 {
		p[random.Intn(len(p))] = look{kind: uint8(random.Intn(6)), severity: uint8(1 + random.Intn(5))}
	}
	picture := newPicture(int64(len(p)), p, judged(&rank{}))
	for _, f := range []Filter{{}, {Troubled: true}, {Kinds: 1<<2 | 1<<5}, {Kinds: 1 << 3, Troubled: true}} {
		var at, lines int
		for next := int64(0); next >= 0; {
			list, after, err := picture.Stretches(context.Background(), next, f, 50)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				for ; at < int(s.First); at++ {
					if f.wants(p[at]) {
						t.Fatalf("%+v: cluster %d is left out", f, at)
					}
				}
				for ; at < int(s.First+s.N); at++ {
					if !f.wants(p[at]) || p[at].kind != s.Kind || p[at].severity != s.Severity {
						t.Fatalf("%+v: cluster %d is in %+v", f, at, s)
					}
				}
				lines++
			}
			next = after
		}
		for ; at < len(p); at++ {
			if f.wants(p[at]) {
				t.Fatalf("%+v: cluster %d is left out at the end", f, at)
			}
		}
		if lines == 0 {
			t.Errorf("%+v: nothing", f)
		}
	}
	totals, err := picture.Totals(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var want Totals
	for i, k := range p {
		want.Kinds[k.kind]++
		want.Severities[k.severity]++
		want.Tones[k.tone]++
		if k.kind != 0 || k.severity != 0 {
			want.End = int64(i) + 1
		} else {
			want.Nothing++
		}
	}
	if totals != want {
		t.Errorf("got %v, want %v", totals, want)
	}
}

// TestBlock holds the arithmetic of rectangles against counting.
func TestBlock(t *testing.T) {
	for _, b := range []Block{{First: 5, N: 3}, {First: 5, N: 3, Rows: 1, Stride: 8}, {First: 16, N: 4, Rows: 3, Stride: 16}, {First: 0, N: 8, Rows: 2, Stride: 8}} {
		var in [64]bool
		for row := range max(1, b.Rows) {
			for i := range b.N {
				in[b.First+row*b.Stride+i] = true
			}
		}
		var got [64]bool
		b.runs(20, func(from, to int64) bool {
			for c := from; c < to; c++ {
				got[c] = true
			}
			return true
		})
		for c := range in {
			if got[c] != (in[c] && c < 20) {
				t.Errorf("%+v: runs hold cluster %d: %v", b, c, got[c])
			}
		}
		for from := range int64(len(in)) {
			any := false
			for to := from + 1; to <= int64(len(in)); to++ {
				any = any || in[to-1]
				if b.meets(from, to) != any {
					t.Errorf("%+v meets [%d, %d): %v", b, from, to, !any)
				}
			}
		}
	}
}

// TestSumIsThatOfRuns: what is summed up cluster by cluster is what is summed up run by run.
func TestSumIsThatOfRuns(t *testing.T) {
	sums := 0
	for _, name := range testimages.Names() {
		img, report := checkedRecipe(t, name)
		if img == nil {
			continue
		}
		m := NewHostMap(img.Geo, report)
		n := min(m.Picture.Plane.Clusters, smallDisk)
		for _, part := range []Clusters{{0, n}, {n / 3, n / 2}, {n / 2, min(n, 1)}} {
			var got, want tally
			sum(m, part.First, part.N, &got)
			sumRuns(m, part.First, part.N, &want)
			if got != want {
				t.Errorf("%s, %+v: %+v, want %+v", name, part, got, want)
			}
			sums++
		}
	}
	if sums < 100 {
		t.Errorf("%d sums only", sums)
	}
}
