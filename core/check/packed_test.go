package check

import (
	"errors"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

func randomFinding(random *rand.Rand, code Code) Finding {
	f := Finding{Code: code, Class: code.Class(), Times: 1 + uint64(random.Intn(3)), Got: random.Uint64(), Want: random.Uint64() >> random.Intn(64), Count: random.Uint64(),
		At:    Place{Kind: FieldKind(random.Intn(8)), Role: refcount.Role(random.Intn(9)), Root: random.Intn(4) - 1, L1Index: random.Int63() - 1, L2Index: -1, Off: -1},
		Host:  qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(random.Uint64()), Len: qcow2.HostOff(random.Intn(2))},
		Guest: qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(random.Int63()), Len: 512}}
	if random.Intn(4) == 0 {
		f.At.Name = []string{"size", "l1_size", "\xff"}[random.Intn(3)]
	}
	if random.Intn(5) == 0 {
		f.Err = errors.New("check: a reason")
	}
	return f
}

// What is packed comes out as it went in, from wherever one begins.
func TestPackedFindings(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	var p packed
	var all []Finding
	for range 10*packedRun + 7 {
		f := randomFinding(random, CopiedL2)
		all = append(all, f)
		p.add(f)
	}
	for _, i := range []int{0, 1, packedRun - 1, packedRun, 5*packedRun + 3, len(all) - 1, len(all), len(all) + 999} {
		got, want := slices.Collect(p.from(CopiedL2, i)), all[min(i, len(all)):]
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("from %d: %d findings, want %d", i, len(got), len(want))
		}
	}
}

func leaks(random *rand.Rand, n int) (all []Finding) {
	for c := range int64(n) {
		all = append(all, Finding{Code: LeakedCluster, Class: Leak, Got: 1 + uint64(c%2), Times: 1,
			At:   Place{Kind: FieldRefcount, Role: refcount.Leaked, Root: -1, L1Index: c, L2Index: -1, Off: qcow2.HostOff(4096 + 2*c)},
			Host: qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(512 * c), Len: 512}})
	}
	// A run here and there that is one finding.
	for i := 1; i < n; i++ {
		if random.Intn(50) == 0 {
			all[i].Got = all[i-1].Got
		}
	}
	return all
}

func collected(all []Finding, limit int, room int64) *Group {
	c := collector{report: &Report{}, limit: limit, room: room, groups: map[Code]*Group{}}
	for _, f := range all {
		c.add(f)
	}
	c.finish()
	return &c.report.Groups[0]
}

// However many findings are kept as they are, the group gives the same ones.
func TestGroupsBeyondTheLimit(t *testing.T) {
	all := leaks(rand.New(rand.NewSource(2)), 5000)
	whole := collected(all, len(all), 0)
	if whole.Places == len(all) || whole.Kept() != whole.Places {
		t.Fatalf("%d places of %d", whole.Places, len(all))
	}
	for _, limit := range []int{1, 63, 64, 1000, whole.Places - 1, whole.Places, whole.Places + 1} {
		g := collected(all, limit, 1<<20)
		if g.Places != whole.Places || g.Kept() != g.Places || g.Times != whole.Times || len(g.Findings) > limit {
			t.Errorf("limit %d: %d places, %d kept, want %d", limit, g.Places, g.Kept(), whole.Places)
		}
		for _, from := range []int{-1, 0, limit - 1, limit, limit + 1, 4000} {
			i := max(0, from)
			for k, f := range g.From(from) {
				if k != i || !reflect.DeepEqual(f, whole.Findings[k]) {
					t.Fatalf("limit %d from %d: finding %d is %v, want %v", limit, from, k, f, whole.Findings[i])
				}
				i++
			}
			if i != max(whole.Places, from) {
				t.Errorf("limit %d from %d: the last is %d of %d", limit, from, i, whole.Places)
			}
		}
	}
}

// Without room the first ones are kept, and all are counted.
func TestGroupsWithoutRoom(t *testing.T) {
	all := leaks(rand.New(rand.NewSource(3)), 50000)
	whole := collected(all, len(all), 0)
	for _, room := range []int64{0, 1} { // that for one chunk is begun
		g := collected(all, 100, room)
		if g.Places != whole.Places || g.Times != whole.Times {
			t.Errorf("room %d: %d places, %d times, want %d, %d", room, g.Places, g.Times, whole.Places, whole.Times)
		}
		if room == 0 && g.Kept() != 100 || room == 1 && (g.Kept() <= 100 || g.Kept() == g.Places) {
			t.Errorf("room %d: %d kept of %d", room, g.Kept(), g.Places)
		}
	}
}

// A leak takes few bytes: a million of them must fit into a browser tab.
func TestPackedSize(t *testing.T) {
	var p packed
	all, size := leaks(rand.New(rand.NewSource(4)), 100000), 0
	for _, f := range all {
		size += p.add(f)
	}
	if each := float64(size) / float64(len(all)); each > 12 {
		t.Errorf("%.1f bytes a finding", each)
	}
}
