//go:build !js

package refcount_test

import (
	"context"
	"runtime"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Images that were made to keep a checker busy. Each is a few megabytes of tables that
// overlap, and the work that they ask for, done naively, is hours. The tests are the bound
// of what is read and allocated, and that they end.
func TestHostileTables(t *testing.T) {
	const most = 65536
	for _, c := range []struct {
		name    string
		image   made
		overlap bool // is said to overlap beyond reason
		table   int  // L2 tables walked, at least
	}{
		{"all snapshots have one L1 table of 32 MiB", made{size: 80 * mi, bits: 9, snapshots: most, snapTable: 16 * mi,
			data: map[int64][]byte{16 * mi: snapshotTable(most, 4<<20, func(int64) int64 { return 40 * mi })}}, false, 0},
		{"their L1 tables of 32 MiB lie across each other", made{size: 80 * mi, bits: 9, snapshots: most, snapTable: 16 * mi,
			data: map[int64][]byte{16 * mi: snapshotTable(most, 4<<20, func(i int64) int64 { return 40*mi - 512*(i%40000) })}}, true, 0},
		{"each has an L2 table of its own at L1 index 0", made{size: 130 * mi, bits: 9, snapshots: most, snapTable: 16 * mi,
			data: map[int64][]byte{16 * mi: snapshotTable(most, 1, func(i int64) int64 { return 40*mi + 512*i }),
				40 * mi: table(most*64, func(i int64) uint64 { return uint64(80*mi + 512*(i/64)) }),
				80 * mi: table(most*64, func(i int64) uint64 { return uint64(mi + 512*(i%1000)) })}}, false, most},
		{"each L1 index has an L2 table of its own in each", made{size: 700 * mi, bits: 9, snapshots: 8000, snapTable: 16 * mi,
			data: map[int64][]byte{16 * mi: snapshotTable(8000, 64, func(i int64) int64 { return 40*mi + 512*i }),
				40 * mi: table(8063*64, func(i int64) uint64 { return uint64(80*mi + 512*i) })}}, false, 8000 * 64},
		{"4 Mi entries name one L2 table", made{size: 200 * mi, bits: 16, l1: 64 * mi, l1Entries: 4 << 20,
			data: map[int64][]byte{64 * mi: table(4<<20, func(int64) uint64 { return 1 << 16 }),
				1 << 16: table(8192, func(i int64) uint64 { return uint64(2<<16 + i<<16) })}}, false, 1},
		{"4 Mi entries name L2 tables that lie across each other", made{size: 2100 * mi, bits: 16, l1: 64 * mi, l1Entries: 4 << 20,
			data: map[int64][]byte{64 * mi: table(4<<20, func(i int64) uint64 { return uint64(512*i + 512) })}}, true, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := c.image.source(t)
			img, snaps := opened(t, src)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			overlaps := 0
			res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{Visit: func(tr refcount.Trouble) {
				if tr.Kind == refcount.TablesOverlap {
					overlaps++
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if c.overlap != (overlaps > 0) || c.overlap != res.Aborted {
				t.Errorf("overlap is said %d times, aborted %v", overlaps, res.Aborted)
			}
			if n := len(res.Tree.Tables); n < c.table {
				t.Errorf("%d L2 tables walked, want %d", n, c.table)
			}
			if src.Read > 3<<30 {
				t.Errorf("%d MiB read", src.Read/mi)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 700<<20 {
				t.Errorf("%d MiB allocated in all", n>>20)
			}
			claimsAreBounded(t, img, snaps, res, src)
		})
	}
}

func claimsAreBounded(t *testing.T, img *image.Image, snaps *image.SnapshotTable, res *refcount.Result, src *source.Counted) {
	t.Helper()
	src.Read = 0
	n := 0
	_, err := refcount.Claimants(context.Background(), img, snaps, res, refcount.Want{Lo: 3, Hi: 3}, func(refcount.Claim) bool {
		n++
		return n < 1000
	})
	if err != nil || src.Read > 3<<30 {
		t.Errorf("claimants: %v, %d MiB read", err, src.Read/mi)
	}
}
