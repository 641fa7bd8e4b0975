package clustermap

import (
	"context"
	"testing"

	"qcowscope/core/qcow2"
)

func TestDirtyMap(t *testing.T) {
	g := qcow2.Geometry{Version: 3, ClusterBits: 16}
	const clusters = 5000
	m := NewDirtyMap(clusters)
	want := make([]uint8, clusters)
	for _, r := range []struct{ from, n int64 }{{0, 512}, {1 << 16, 1}, {10 << 16, 3 << 16}, {13<<16 + 512, 512}, {4999 << 16, 1 << 16}} {
		m.Mark(g, qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(r.from), Len: qcow2.GuestOff(r.n)})
		for c := r.from >> 16; c<<16 < r.from+r.n; c++ {
			want[c] = DirtyMarked
		}
	}
	for first := int64(0); first < clusters; {
		k, n := m.run(first, clusters-first)
		if n < 1 {
			t.Fatalf("at %d: %d clusters", first, n)
		}
		for c := first; c < first+n; c++ {
			if k.kind != want[c] {
				t.Fatalf("cluster %d is %d, want %d", c, k.kind, want[c])
			}
		}
		first += n
	}
	totals, err := m.Picture(clusters).Totals(context.Background())
	if err != nil || totals.Kinds[DirtyMarked] != 7 || totals.Kinds[DirtyNone] != clusters-7 {
		t.Errorf("%+v, %v", totals.Kinds, err)
	}
}

func TestDirtyMapOfTooMuch(t *testing.T) {
	g := qcow2.Geometry{Version: 3, ClusterBits: 9}
	m := NewDirtyMap(3 * maxDirtyRuns)
	for i := range int64(maxDirtyRuns + 1) {
		if ok := m.Mark(g, qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(2 * i << 9), Len: 512}); ok != (i < maxDirtyRuns) {
			t.Fatalf("run %d: %v", i, ok)
		}
	}
	if k, n := m.run(2*maxDirtyRuns, 10); k.kind != DirtyUnknown || n != 10 {
		t.Errorf("%+v, %d", k, n)
	}
	if k, n := m.run(2*maxDirtyRuns-1, 10); k.kind != DirtyNone || n != 1 {
		t.Errorf("%+v, %d", k, n)
	}
}
