package refcount

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// randomL2 is a table of runs: in a row, with and without COPIED, with gaps, into clusters
// that are taken, past the end of the file, compressed, and single entries of any bits.
func randomL2(random *rand.Rand, g qcow2.Geometry, clusters int64) []byte {
	table := make([]byte, g.ClusterSize())
	for i := 0; i < len(table)/8; {
		run, first := 1+random.Intn(40), uint64(random.Int63n(clusters+4))
		flags := []uint64{0, qcow2.FlagCopied, qcow2.FlagCopied, qcow2.FlagZero, qcow2.FlagCompressed, qcow2.FlagCopied | 1<<60}[random.Intn(6)]
		skip := random.Intn(8) == 0
		for k := 0; k < run && i < len(table)/8; k, i = k+1, i+1 {
			if skip {
				continue
			}
			e := flags | (first+uint64(k))<<g.ClusterBits
			if random.Intn(50) == 0 {
				e ^= 1 << random.Intn(64)
			}
			binary.BigEndian.PutUint64(table[8*i:], e)
		}
	}
	return table
}

func newTestWalker(g qcow2.Geometry, clusters int64, visit func(Trouble)) *walker {
	return &walker{img: &image.Image{Geo: g}, g: g, t: newTable(g, clusters<<g.ClusterBits), hostClusters: clusters, opt: Options{Visit: visit}}
}

// TestFastWalk: the loop for ordinary tables counts what taking every entry one by one
// counts, in the same order.
func TestFastWalk(t *testing.T) {
	g := qcow2.Geometry{Version: 3, ClusterBits: 12, RefcountOrder: 4}
	for seed := range int64(300) {
		random := rand.New(rand.NewSource(seed))
		clusters := 300 + random.Int63n(600)
		var troubles [2][]Trouble
		var walkers [2]*walker
		for i := range walkers {
			walkers[i] = newTestWalker(g, clusters, func(tr Trouble) { troubles[i] = append(troubles[i], tr) })
		}
		for k := range int64(3) {
			table := randomL2(random, g, clusters)
			j := l2Job{off: qcow2.HostOff(k << 12), l1Index: k, active: uint64(random.Intn(2)), snaps: uint64(random.Intn(3)), alone: true}
			if j.times() == 0 {
				j.snaps = uint64(random.Intn(2))*300 + 1
			}
			walkers[0].walkL2(&j, table)
			s := span{lo: ^uint32(0)}
			walkers[1].nonzero = false
			walkers[1].walkL2Slowly(&j, table, &s)
			walkers[1].keepTree(&j, s)
		}
		sameWalk(t, seed, walkers, troubles)
	}
}

func sameWalk(t *testing.T, seed int64, w [2]*walker, troubles [2][]Trouble) {
	t.Helper()
	if !bytes.Equal(w[0].t.counts, w[1].t.counts) || !bytes.Equal(w[0].t.roles, w[1].t.roles) || w[0].t.n != w[1].t.n {
		t.Fatalf("seed %d: other counts or roles", seed)
	}
	if w[0].stats != w[1].stats || w[0].copiedUnknown != w[1].copiedUnknown {
		t.Fatalf("seed %d: stats %+v, one by one %+v", seed, w[0].stats, w[1].stats)
	}
	for i, a := range w[0].tree.Tables {
		// Only emptiness is kept of what an entry was: both know a table without entries.
		if b := w[1].tree.Tables[i]; a.Lo != b.Lo || a.Hi != b.Hi || a.Empty != b.Empty {
			t.Fatalf("seed %d: table %d is kept as %+v, one by one %+v", seed, i, a, b)
		}
	}
	if len(troubles[0]) != len(troubles[1]) {
		t.Fatalf("seed %d: %d troubles, one by one %d", seed, len(troubles[0]), len(troubles[1]))
	}
	for i, a := range troubles[0] {
		if b := troubles[1][i]; a.Kind != b.Kind || a.At != b.At || a.Times != b.Times || a.Host != b.Host {
			t.Fatalf("seed %d: trouble %d is %+v, one by one %+v", seed, i, a, b)
		}
	}
}
