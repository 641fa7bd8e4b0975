package refcount_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

func TestMemoryIsTwoBytesACluster(t *testing.T) {
	src := made{size: 512 << 20, bits: 9}.source(t)
	img, snaps := opened(t, src)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := int64(after.TotalAlloc - before.TotalAlloc); n > 2*mi+20*mi {
		t.Errorf("%d MiB for a million clusters", n/mi)
	}
}

func TestTooManyClusters(t *testing.T) {
	for _, c := range []struct {
		size, limit int64
		ok          bool
	}{{10 * 512, 10, true}, {10*512 + 1, 10, false}, {1 << 50, 0, false}, {1 << 62, 1 << 62, false}} {
		img, snaps := opened(t, made{size: c.size, bits: 9}.source(t))
		_, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{MaxClusters: c.limit})
		if c.ok != (err == nil) || err != nil && !errors.Is(err, refcount.ErrTooManyClusters) {
			t.Errorf("%d bytes, at most %d clusters: %v", c.size, c.limit, err)
		}
	}
}

// Counts go past one byte, and past what the image's refcounts can hold.
func TestSaturation(t *testing.T) {
	for _, n := range []int64{1, 2, 254, 255, 256, 257, 1000, 5000} {
		for order, limit := range []uint64{1, 3, 15, 255, 65535, 1<<32 - 1, 1<<64 - 1} {
			m := made{size: 64 * 4096, bits: 12, order: uint32(order), l1: 4096, l1Entries: 20, data: map[int64][]byte{
				4096: table(20, func(i int64) uint64 {
					if 512*i >= n {
						return 0
					}
					return uint64(4096 * (2 + i))
				}),
			}}
			for k := int64(0); 512*k < n; k++ {
				m.data[4096*(2+k)] = table(512, func(i int64) uint64 {
					if 512*k+i >= n {
						return 0
					}
					return 40 * 4096
				})
			}
			checkSaturation(t, m, uint64(n), limit)
		}
	}
}

func checkSaturation(t *testing.T, m made, n, limit uint64) {
	t.Helper()
	img, snaps := opened(t, m.source(t))
	var over []refcount.Trouble
	res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{Visit: func(tr refcount.Trouble) {
		if tr.Kind == refcount.RefcountOverflow {
			over = append(over, tr)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	const c = qcow2.HostCluster(40)
	if res.Count(c) != n || res.Capped(c) != min(n, limit) || res.Role(c) != refcount.Data {
		t.Errorf("width %d: count %d, capped %d, role %v, want %d, at most %d", limit, res.Count(c), res.Capped(c), res.Role(c), n, limit)
	}
	if n <= limit && len(over) != 0 || n > limit && (len(over) != 1 || over[0].Count != n || over[0].Times != n-limit || over[0].Host.Start != 40*4096) {
		t.Errorf("width %d: %d references overflow as %+v", limit, n, over)
	}
}

// Snapshots that share everything are counted in one go, and all the same exactly.
func TestManySnapshotsOfOneTable(t *testing.T) {
	for _, n := range []int64{1, 254, 255, 300, 60000} {
		m := made{size: 8 * mi, bits: 12, order: 4, l1: 4096, l1Entries: 1, snapshots: uint32(n), snapTable: mi, data: map[int64][]byte{
			4096: table(1, func(int64) uint64 { return 2 * 4096 }), 2 * 4096: table(2, func(i int64) uint64 { return uint64(3+i) * 4096 }),
			mi: snapshotTable(n, 1, func(int64) int64 { return 5 * 4096 }), 5 * 4096: table(1, func(int64) uint64 { return 2 * 4096 }),
		}}
		img, snaps := opened(t, m.source(t))
		res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for c, want := range map[qcow2.HostCluster]uint64{1: 1, 2: uint64(n) + 1, 3: uint64(n) + 1, 4: uint64(n) + 1, 5: uint64(n)} {
			if res.Count(c) != want {
				t.Errorf("%d snapshots: cluster %d has %d references, want %d", n, c, res.Count(c), want)
			}
		}
		if res.Role(5) != refcount.InactiveL1 || res.Role(2) != refcount.L2 || res.Role(3) != refcount.Data {
			t.Errorf("roles %v, %v, %v", res.Role(5), res.Role(2), res.Role(3))
		}
	}
}
