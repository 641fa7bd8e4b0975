package repair_test

import (
	"context"
	"os"
	"runtime"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// run is clusters in a row.
type run struct{ first, n int64 }

// shape is an image without a reftable in which exactly the given clusters are in use, all
// once: the header, the L1 table, the L2 tables, and the runs of data behind them.
type shape struct {
	bits, order uint
	tables      int64 // L2 tables
	data        []run // ascending
}

// entries is how many words a cluster has.
func (s shape) entries() int64 { return 1 << s.bits / 8 }

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// firstData is the cluster behind the tables.
func (s shape) firstData() int64 { return 1 + ceilDiv(s.tables, s.entries()) + s.tables }

// filled is a shape of n clusters, all of which are in use.
func filled(bits, order uint, n int64) shape {
	s := shape{bits: bits, order: order}
	for data := n - 3; data > 0; data-- {
		s.tables = ceilDiv(data, s.entries())
		for s.firstData()+data < n {
			s.tables++ // an empty one fills the place
		}
		if s.firstData()+data == n {
			s.data = []run{{s.firstData(), data}}
			return s
		}
	}
	panic("no such shape")
}

// scattered is a shape whose data lies in the given runs.
func scattered(bits, order uint, data ...run) shape {
	s := shape{bits: bits, order: order, data: data}
	n := int64(0)
	for _, r := range data {
		n += r.n
	}
	s.tables = ceilDiv(n, s.entries())
	return s
}

func (s shape) clusters() int64 {
	last := s.data[len(s.data)-1]
	return last.first + last.n
}

// source is the image: zeros but for header and tables.
func (s shape) source(t testing.TB) source.Source {
	t.Helper()
	cs := int64(1) << s.bits
	h := make([]byte, 104)
	copy(h, "QFI\xfb\x00\x00\x00\x03")
	be.PutUint32(h[20:], uint32(s.bits))
	be.PutUint64(h[24:], uint64(s.tables*s.entries()*cs))
	be.PutUint32(h[36:], uint32(s.tables))
	be.PutUint64(h[40:], uint64(cs))
	be.PutUint32(h[96:], uint32(s.order))
	be.PutUint32(h[100:], 104)
	var l1, l2 []byte
	for i := range s.tables {
		l1 = be.AppendUint64(l1, qcow2.FlagCopied|uint64((s.firstData()-s.tables+i)*cs))
	}
	for _, r := range s.data {
		for i := range r.n {
			l2 = be.AppendUint64(l2, qcow2.FlagCopied|uint64((r.first+i)*cs))
		}
	}
	p := patch.New(s.clusters() * cs)
	p.Add(0, 0, h, "")
	p.Add(0, cs, l1, "")
	p.Add(0, (s.firstData()-s.tables)*cs, l2, "")
	o := patch.NewOverlay(source.Zeros(s.clusters() * cs))
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	return o
}

// leastTable is how many clusters a reftable has for n clusters in a row and for itself and
// the refblocks behind them: tried from one on.
func leastTable(g qcow2.Geometry, n int64) int64 {
	e := g.RefblockEntries()
	for table := int64(1); ; table++ {
		blocks := int64(0)
		for need := (n + table + e - 1) / e; need > blocks; need = (n + table + blocks + e - 1) / e {
			blocks = need
		}
		if blocks <= table*g.ReftableEntries() {
			return table
		}
	}
}

// rebuilt plans a new structure and holds it to what all must keep: a clean check, which
// means that nothing is leaked and nothing forgotten, no block for an empty range, and no
// write to what is in use but the header's pointer.
func rebuilt(t *testing.T, s shape) *image.Image {
	t.Helper()
	src := s.source(t)
	img, before := examined(t, src)
	out, err := repair.Plan(context.Background(), img, before, repair.Options{Scope: repair.All})
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	if len(out.After.Groups) > 0 {
		t.Errorf("%+v: left is %v", s, out.After.Groups[0].Findings[0])
	}
	for _, batch := range out.Plan.Batches {
		for _, w := range batch {
			inUse := before.Refcounts.Count(img.Geo.Cluster(qcow2.HostOff(w.Off))) > 0
			if inUse && (w.Off != 48 || len(w.Data) != 12) {
				t.Errorf("%+v: writes to cluster %d, which is in use", s, w.Off>>s.bits)
			}
		}
	}
	over := patch.NewOverlay(src)
	if err := over.Apply(out.Plan); err != nil {
		t.Fatal(err)
	}
	after, err := image.Open(context.Background(), over)
	if err != nil {
		t.Fatal(err)
	}
	noEmptyBlocks(t, s, after)
	return after
}

func noEmptyBlocks(t *testing.T, s shape, img *image.Image) {
	t.Helper()
	block := make([]byte, 1<<s.bits)
	for k, e := range img.Reftable {
		if e == 0 {
			continue
		}
		if err := source.ReadFull(img.Src, block, int64(e)); err != nil {
			t.Fatal(err)
		}
		empty := true
		for _, b := range block {
			empty = empty && b == 0
		}
		if empty {
			t.Errorf("%+v: refblock %d is empty", s, k)
		}
	}
}

// tableOf is the length of the new reftable, and where it lies.
func tableOf(img *image.Image) (clusters, first int64) {
	return int64(img.Header.RefcountTableClusters), int64(img.Header.RefcountTableOffset) >> img.Geo.ClusterBits
}

// Full images of all widths and of small, usual and large clusters, of sizes at which one cluster more
// takes a refblock more, or a cluster of the reftable more: the table is the smallest
// possible, and planning ends.
func TestRebuildAtBoundaries(t *testing.T) {
	most := int64(60_000)
	switch {
	case runtime.GOOS == "js":
		most = 40_000
	case os.Getenv("QCOWSCOPE_FULL") != "":
		most = 600_000
	}
	tried := 0
	for _, bits := range []uint{9, 12, 14, 16, 21} {
		for order := uint(0); order <= 6; order++ {
			g := qcow2.Geometry{ClusterBits: bits, RefcountOrder: order}
			e := g.RefblockEntries()
			sizes := map[int64]bool{}
			for _, edge := range []int64{e, 2 * e, 7 * e, e * g.ReftableEntries(), 2 * e * g.ReftableEntries()} {
				// The structure itself takes some clusters before the edge.
				for _, own := range []int64{0, 2, 3, edge/(e+1) + 1, edge/(e+1) + 2} {
					for d := int64(-1); d <= 1; d++ {
						if n := edge - own + d; n > 3 && n < most {
							sizes[n] = true
						}
					}
				}
			}
			for n := range sizes {
				img := rebuilt(t, filled(bits, order, n))
				table, _ := tableOf(img)
				if least := leastTable(g, n); table != least {
					t.Errorf("clusters of 2^%d, width %d, %d in use: reftable of %d clusters, %d is enough", bits, 1<<order, n, table, least)
				}
				tried++
			}
		}
	}
	if tried < 220 {
		t.Errorf("only %d sizes tried", tried)
	}
}

// The vectors of the smallest clusters and the widest refcounts: with 4031 clusters in use
// a table of one cluster is just enough, with 4032 it is not.
func TestRebuildVectors(t *testing.T) {
	for n, want := range map[int64]int64{4030: 1, 4031: 1, 4032: 2, 4033: 2} {
		img := rebuilt(t, filled(9, 6, n))
		table, first := tableOf(img)
		if table != want || first < n {
			t.Errorf("%d clusters in use: reftable of %d clusters at %d, want %d", n, table, first, want)
		}
		if end := img.HostClusters(); end != n+table+(end+63)/64 {
			t.Errorf("%d clusters in use: the file ends at %d", n, end)
		}
	}
}

// Where clusters are free the structure goes there, and the file grows only for what does
// not fit.
func TestRebuildIntoGaps(t *testing.T) {
	for _, c := range []struct {
		name string
		data []run
		end  int64 // of the file afterwards
	}{
		// 64 refcounts a block: the table and eight blocks for 512 clusters.
		{"one gap, just enough", []run{{20, 80}, {109, 403}}, 512},
		{"one gap, one cluster short", []run{{20, 80}, {108, 404}}, 514},
		{"gaps of one cluster", []run{{20, 10}, {31, 10}, {42, 10}, {53, 10}, {64, 10}, {75, 10}, {86, 10}, {97, 10}, {108, 10}, {119, 393}}, 512},
		{"a far range with nothing before it", []run{{40_000, 10}}, 40_010},
	} {
		s := scattered(9, 6, c.data...)
		for len(c.data) > 1 && s.firstData() < c.data[0].first {
			s.tables++ // empty ones fill the place before
		}
		img := rebuilt(t, s)
		if got := img.HostClusters(); got != c.end {
			t.Errorf("%s: the file has %d clusters, want %d", c.name, got, c.end)
		}
	}
}
