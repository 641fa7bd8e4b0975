package qcow2_test

import (
	"math"
	"math/big"
	"testing"

	"qcowscope/core/qcow2"
)

// everyGeometry visits all cluster sizes, refcount widths and entry sizes.
func everyGeometry(visit func(g qcow2.Geometry)) {
	for bits := uint(9); bits <= 21; bits++ {
		for order := uint(0); order <= 6; order++ {
			for _, ext := range []bool{false, true} {
				visit(qcow2.Geometry{Version: 3, ClusterBits: bits, RefcountOrder: order, ExtendedL2: ext})
			}
		}
	}
}

func TestGeometryOfTables(t *testing.T) {
	everyGeometry(func(g qcow2.Geometry) {
		cs, entry := int64(1), int64(8)
		for range g.ClusterBits {
			cs *= 2
		}
		if g.ExtendedL2 {
			entry = 16
		}
		sub := cs
		if g.ExtendedL2 {
			sub = cs / 32
		}
		for _, c := range []struct {
			name      string
			got, want int64
		}{
			{"cluster size", g.ClusterSize(), cs},
			{"L2 entry size", g.L2EntrySize(), entry},
			{"L2 entries", g.L2Entries(), cs / entry},
			{"L2 span", g.L2Span(), cs / entry * cs},
			{"refblock entries", g.RefblockEntries(), cs * 8 / int64(g.RefcountBits())},
			{"reftable entries", g.ReftableEntries(), cs / 8},
			{"subcluster size", g.SubclusterSize(), sub},
		} {
			if c.got != c.want {
				t.Errorf("%+v: %s is %d, want %d", g, c.name, c.got, c.want)
			}
		}
		limit := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), g.RefcountBits()), big.NewInt(1))
		if got := new(big.Int).SetUint64(g.RefcountMax()); got.Cmp(limit) != 0 {
			t.Errorf("%+v: greatest refcount is %v, want %v", g, got, limit)
		}
	})
}

func TestGeometryAtExtremes(t *testing.T) {
	everyGeometry(func(g qcow2.Geometry) {
		cs := g.ClusterSize()
		for _, n := range []int64{0, 1, cs - 1, cs, cs + 1, 1<<62 - 1, 1 << 62, math.MaxInt64 - cs, math.MaxInt64 - 1, math.MaxInt64} {
			want := new(big.Int).Add(big.NewInt(n), big.NewInt(cs-1))
			want.Div(want, big.NewInt(cs))
			if got := g.Clusters(n); big.NewInt(got).Cmp(want) != 0 {
				t.Errorf("%+v: %d bytes take %d clusters, want %v", g, n, got, want)
			}
			c := g.Cluster(qcow2.HostOff(n))
			if start := int64(g.Offset(c)); start > n || n-start >= cs || g.Aligned(qcow2.HostOff(n)) != (start == n) {
				t.Errorf("%+v: offset %d lies in cluster %d, which begins at %d", g, n, c, start)
			}
		}
		span := new(big.Int).SetInt64(g.L2Span())
		for _, size := range []uint64{0, 1, uint64(g.L2Span()), uint64(g.L2Span()) + 1, 1<<63 - 1, 1 << 63, math.MaxUint64} {
			want := new(big.Int).Add(new(big.Int).SetUint64(size), new(big.Int).Sub(span, big.NewInt(1)))
			want.Div(want, span)
			if got := g.L1EntriesFor(size); new(big.Int).SetUint64(got).Cmp(want) != 0 {
				t.Errorf("%+v: a disk of %d bytes needs %d L1 entries, want %v", g, size, got, want)
			}
		}
	})
}

// Indices and guest offsets lead to each other, up to the largest disk that an L1 table of
// 32 MiB can map.
func TestGuestOffsetsAndIndices(t *testing.T) {
	everyGeometry(func(g qcow2.Geometry) {
		for _, l1 := range []int64{0, 1, 77, qcow2.MaxL1Entries - 1} {
			for _, l2 := range []int64{0, 1, g.L2Entries() - 1} {
				start := g.GuestOffset(l1, l2)
				for _, in := range []qcow2.GuestOff{0, 1, qcow2.GuestOff(g.ClusterSize() - 1)} {
					if got1, got2 := g.L1Index(start+in), g.L2Index(start+in); got1 != l1 || got2 != l2 {
						t.Errorf("%+v: guest offset 0x%x is entry %d, %d, want %d, %d", g, start+in, got1, got2, l1, l2)
					}
				}
			}
		}
	})
}

func TestRange(t *testing.T) {
	r := qcow2.Range[qcow2.HostOff]{Start: 0x1000, Len: 0x200}
	if r.End() != 0x1200 || r.Empty() || r.String() != "0x1000+0x200" {
		t.Errorf("%v ends at 0x%x", r, r.End())
	}
	if !(qcow2.Range[qcow2.GuestOff]{Start: 5}).Empty() {
		t.Error("a range without length is not empty")
	}
}
