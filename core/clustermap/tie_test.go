package clustermap

import (
	"context"
	"testing"

	"qcowscope/core/refcount"
)

// TestTieShowsLessOrdinary: of equally many clusters those that are out of the ordinary show,
// also as far out as one cell, and half of a file that leaks does not look like data.
func TestTieShowsLessOrdinary(t *testing.T) {
	const n = 1 << 12
	for _, c := range []struct {
		name        string
		rank        *rank
		usual, rare uint8
	}{
		{"host", hostRank, uint8(refcount.Data), uint8(refcount.Leaked)},
		{"structures", hostRank, uint8(refcount.Data), uint8(refcount.L2)},
		{"snapshot", hostRank, uint8(refcount.InactiveData), uint8(refcount.Refblock)},
		{"guest", guestRank, GuestZero, GuestUnreadable},
		{"dirty", dirtyRank, DirtyMarked, DirtyUnknown},
		{"layers", layerRank, LayerActive, LayerTables},
	} {
		half := make(painted, n)
		for i := range half {
			half[i].kind = c.usual
			if i >= n/2 {
				half[i].kind = c.rare
			}
		}
		for _, rare := range []int{n / 2, n/2 - 1} {
			half[n/2].kind = c.usual
			want := c.usual
			if rare == n/2 {
				half[n/2].kind, want = c.rare, c.rare
			}
			picture := newPicture(n, half, judged(c.rank))
			y, err := picture.pyramid(context.Background(), Along)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := y.get(picture.Plane.Top(), place{}); got.Kind() != want {
				t.Errorf("%s, %d of %d clusters out of the ordinary: kind %d, want %d", c.name, rare, n, got.Kind(), want)
			}
		}
	}
}
