package alloc_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// tableWith is the recount of an image of 512-byte clusters in which the header, an L1
// table, L2 tables and the given data clusters are in use.
func tableWith(t testing.TB, clusters int64, data []int64) (*refcount.Table, map[int64]bool) {
	t.Helper()
	be := binary.BigEndian
	file := make([]byte, clusters*512)
	copy(file, "QFI\xfb")
	be.PutUint32(file[4:], 3)
	be.PutUint32(file[20:], 9)
	be.PutUint32(file[36:], 64)
	be.PutUint64(file[40:], 512)
	be.PutUint32(file[96:], 4)
	be.PutUint32(file[100:], 104)
	used := map[int64]bool{0: true, 1: true}
	for i, c := range data {
		l2 := int64(2 + i/64)
		be.PutUint64(file[512+8*(i/64):], uint64(512*l2))
		be.PutUint64(file[512*l2+8*int64(i%64):], uint64(512*c))
		used[l2], used[c] = true, true
	}
	img, err := image.Open(context.Background(), source.Bytes(file))
	if err != nil {
		t.Fatal(err)
	}
	res, err := refcount.Calculate(context.Background(), img, &image.SnapshotTable{}, refcount.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return res.Table, used
}

// model is an allocator that looks at one cluster after the other from the start.
type model struct {
	used  map[int64]bool
	floor int64
	taken []qcow2.HostCluster
}

func (m *model) takeRun(n int64) qcow2.HostCluster {
	start := m.floor
	for i := int64(0); i < n; i++ {
		if m.used[start+i] {
			start, i = start+i+1, -1
		}
	}
	for i := range n {
		m.used[start+i] = true
		m.taken = append(m.taken, qcow2.HostCluster(start+i))
	}
	return qcow2.HostCluster(start)
}

func (m *model) releaseAll() {
	for _, c := range m.taken {
		delete(m.used, int64(c))
	}
	m.taken = nil
}

func TestAgainstAModel(t *testing.T) {
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 3))
		clusters := 70 + r.Int64N(400)
		var data []int64
		for c := int64(70); c < clusters; c++ {
			if r.IntN(4) > 0 {
				data = append(data, c)
			}
		}
		table, used := tableWith(t, clusters, data)
		a, m := alloc.New(table), &model{used: used}
		for range r.IntN(20) {
			c := r.Int64N(clusters + 200)
			a.Avoid(qcow2.HostCluster(c))
			m.used[c] = true
		}
		first, mask := 64*r.Int64N(10), r.Uint64()&r.Uint64()
		a.AvoidMask(qcow2.HostCluster(first), mask)
		for i := range int64(64) {
			if mask>>i&1 != 0 {
				m.used[first+i] = true
			}
		}
		for step := range 60 {
			var got, want qcow2.HostCluster
			switch r.IntN(8) {
			case 0:
				a.ReleaseAll()
				m.releaseAll()
			case 1:
				n := r.Int64N(40)
				got, want = a.TakeRun(n), m.takeRun(n)
				if n == 0 {
					got, want = 0, 0 // a run of none lies anywhere
				}
			case 2:
				if r.IntN(4) == 0 {
					end := r.Int64N(clusters + 100)
					a.AvoidBelow(qcow2.HostCluster(end))
					m.floor = max(m.floor, end)
				}
			default:
				got, want = a.Take(), m.takeRun(1)
			}
			if got != want || !slices.Equal(a.Taken(), m.taken) {
				t.Fatalf("seed %d, step %d: took %d, the model %d; taken %v, %v", seed, step, got, want, a.Taken(), m.taken)
			}
		}
	}
}

// Nothing that has a reference, or that is to be avoided, is ever handed out.
func TestNothingInUseIsHandedOut(t *testing.T) {
	table, used := tableWith(t, 200, []int64{5, 63, 64, 65, 127, 128, 199})
	a := alloc.New(table)
	a.Avoid(190)
	a.Avoid(5000)
	used[190], used[5000] = true, true
	for range 6000 {
		c := int64(a.Take())
		if used[c] {
			t.Fatalf("cluster %d was handed out", c)
		}
		used[c] = true
	}
	for c := range int64(6000) {
		if !used[c] {
			t.Errorf("cluster %d was free and not handed out", c)
		}
	}
}
