// Package alloc finds free host clusters. What is free is known from the recount, never
// from refblocks, which may lie.
package alloc

import (
	"math"
	"math/bits"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Allocator hands out free clusters, lowest first. Past the clusters it knows everything
// is free: taking from there makes the file longer.
type Allocator struct {
	used  []uint64 // a bit a cluster
	hint  int64    // no cluster below is free
	floor int64    // none below is handed out
	taken []qcow2.HostCluster
}

// New takes every cluster with a reference as used.
func New(t *refcount.Table) *Allocator {
	a := &Allocator{}
	const word = 64
	for from := int64(0); from < t.Len(); from += word {
		w := uint64(0)
		for i, n := range t.Counts(from, min(from+word, t.Len())) {
			if n != 0 {
				w |= 1 << i
			}
		}
		a.used = append(a.used, w)
	}
	return a
}

// Avoid never hands out the cluster.
func (a *Allocator) Avoid(c qcow2.HostCluster) {
	a.grow(int64(c))
	a.used[c/64] |= 1 << (c % 64)
}

// AvoidMask never hands out those of the 64 clusters from first on, a multiple of 64, whose
// bit is set.
func (a *Allocator) AvoidMask(first qcow2.HostCluster, mask uint64) {
	a.grow(int64(first))
	a.used[first/64] |= mask
}

// Release lets the cluster be handed out.
func (a *Allocator) Release(c qcow2.HostCluster) {
	if int64(c)/64 < int64(len(a.used)) {
		a.used[c/64] &^= 1 << (c % 64)
		a.hint = max(a.floor, min(a.hint, int64(c)))
	}
}

// AvoidBelow never hands out a cluster below end: only clusters that make the file longer
// are sure to hold nothing that somebody may still want.
func (a *Allocator) AvoidBelow(end qcow2.HostCluster) {
	a.floor = max(a.floor, int64(end))
	a.hint = max(a.hint, a.floor)
}

func (a *Allocator) grow(c int64) {
	for int64(len(a.used)) <= c/64 {
		a.used = append(a.used, 0)
	}
}

func (a *Allocator) free(c int64) bool {
	return c/64 >= int64(len(a.used)) || a.used[c/64]>>(c%64)&1 == 0
}

// nextFree is the lowest free cluster from c on.
func (a *Allocator) nextFree(c int64) int64 {
	for c/64 < int64(len(a.used)) {
		if w := ^a.used[c/64] >> (c % 64); w != 0 {
			return c + int64(bits.TrailingZeros64(w))
		}
		c = (c/64 + 1) * 64
	}
	return c
}

// Take is the lowest free cluster, which is then used.
func (a *Allocator) Take() qcow2.HostCluster {
	a.hint = a.nextFree(a.hint)
	c := qcow2.HostCluster(a.hint)
	a.take(c)
	return c
}

// TakeRun is the start of the lowest n free clusters in a row, which are then used.
func (a *Allocator) TakeRun(n int64) qcow2.HostCluster {
	c, _ := a.TakeRunIn(a.hint, math.MaxInt64, n)
	return c
}

// TakeRunIn is the start of the lowest n free clusters in a row within [from, to), if there
// are any; they are then used.
func (a *Allocator) TakeRunIn(from, to, n int64) (qcow2.HostCluster, bool) {
	start := a.nextFree(max(from, a.hint))
	if from <= a.hint {
		a.hint = start // else every run would look through all that is used again
	}
	for i := int64(0); i < n; {
		if start > to-n {
			return 0, false
		}
		if a.free(start + i) {
			i++
			continue
		}
		start, i = a.nextFree(start+i), 0
	}
	for i := range n {
		a.take(qcow2.HostCluster(start + i))
	}
	return qcow2.HostCluster(start), true
}

func (a *Allocator) take(c qcow2.HostCluster) {
	a.Avoid(c)
	a.taken = append(a.taken, c)
}

// Taken are the clusters handed out, in order.
func (a *Allocator) Taken() []qcow2.HostCluster { return a.taken }

// ReleaseAll takes back everything that was handed out, to try again.
func (a *Allocator) ReleaseAll() {
	for _, c := range a.taken {
		a.Release(c)
	}
	a.taken = a.taken[:0]
}
