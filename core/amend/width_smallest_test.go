package amend

import (
	"math/rand/v2"
	"testing"

	"qcowscope/core/qcow2"
)

// lone is a change to refcounts of 64 bits in which whole ranges are free, or hold nothing
// but old refblocks, and what is left has hardly a hole: where one place too many opens a
// range that needs a refblock.
func lone(seed uint64) (w *widener, n int64) {
	r := rand.New(rand.NewPCG(seed, 6))
	ranges := 2 + r.Int64N(6)
	if r.IntN(3) == 0 {
		ranges = 60 + r.Int64N(12) // around the end of the reftable's first cluster
	}
	n = ranges*64 - r.Int64N(64)
	w = full(9, uint(r.IntN(6)), 6, n)
	var apart []qcow2.HostCluster
	for from := int64(64); from < n; from += 64 {
		if r.IntN(3) > 0 {
			continue
		}
		for c := from; c < min(n, from+64); c++ {
			w.old.set(qcow2.HostCluster(c), 0)
			apart = append(apart, qcow2.HostCluster(c))
		}
	}
	for range r.IntN(4) {
		if c := 1 + w.old.structure() + r.Int64N(n); c < n {
			w.old.set(qcow2.HostCluster(c), 0)
		}
	}
	r.Shuffle(len(apart), func(i, j int) { apart[i], apart[j] = apart[j], apart[i] })
	for k, c := range w.old.table {
		if c != 0 && len(apart) > 0 && r.IntN(4) > 0 { // something else has its cluster then
			w.old.set(c, 1)
			w.old.set(apart[0], 1)
			w.old.table[k], apart = apart[0], apart[1:]
		}
	}
	return w, n
}

// However little room there is: direct placement has never more clusters than QEMU's, never
// makes the file longer, and is often smaller.
func TestDirectIsNeverLarger(t *testing.T) {
	const tried = 3000
	smaller := 0
	for seed := range uint64(tried) {
		direct, n := lone(seed)
		like, _ := lone(seed)
		if err := direct.direct(); err != nil {
			t.Fatal(err)
		}
		if err := like.likeQEMU(); err != nil {
			t.Fatal(err)
		}
		if direct.cost.StructureAfter > like.cost.StructureAfter || direct.plan.SizeAfter > like.plan.SizeAfter {
			t.Errorf("seed %d, %d clusters: direct has %d and ends at %d, QEMU %d at %d", seed, n, direct.cost.StructureAfter, direct.plan.SizeAfter,
				like.cost.StructureAfter, like.plan.SizeAfter)
		}
		if direct.cost.StructureAfter < like.cost.StructureAfter || direct.plan.SizeAfter < like.plan.SizeAfter {
			smaller++
		}
	}
	if smaller < tried/4 {
		t.Errorf("only %d of %d are smaller", smaller, tried)
	}
}
