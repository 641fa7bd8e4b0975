package amend

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// full is a change of width of an image of n clusters, all of which are in use, once. Its
// reftable and refblocks lie behind the header.
func full(bits, from, to uint, n int64) *widener {
	g := qcow2.Geometry{Version: 3, ClusterBits: bits, RefcountOrder: from}
	blocks := ceilDiv(n, g.RefblockEntries())
	tableLen := ceilDiv(blocks, g.ReftableEntries())
	entries := tableLen * g.ReftableEntries()
	old := &storedRefcounts{g: g, tableAt: 1, table: make([]qcow2.HostCluster, entries), blocks: make([]qcow2.Refblock, entries), ones: chunkOfOnes(from)}
	for k := range blocks {
		old.table[k] = qcow2.HostCluster(1 + tableLen + k)
		old.blocks[k] = make(qcow2.Refblock, g.ClusterSize())
		for i := int64(0); i < g.RefblockEntries() && k*g.RefblockEntries()+i < n; i += chunk {
			copy(old.blocks[k][i<<from/8:], old.ones)
		}
	}
	for c := n; c < min(ceilDiv(n, chunk)*chunk, blocks*g.RefblockEntries()); c++ {
		old.set(qcow2.HostCluster(c), 0)
	}
	header := qcow2.Header{Version: 3, ClusterBits: uint32(bits), RefcountOrder: uint32(from), HeaderLength: 104}
	img := &image.Image{Src: source.Zeros(n << bits), Geo: g, Header: header}
	g.RefcountOrder = to
	return &widener{ctx: context.Background(), img: img, report: &check.Report{Refcounts: &refcount.Result{Table: &refcount.Table{}}},
		g: g, old: old, plan: patch.New(n << bits)}
}

// placed holds a finished plan to what a structure must be: every cluster in use, its own
// included, has its refcount of 1 where the table leads, and it lies where nothing was. It
// says how many clusters the structure has.
func placed(w *widener, n int64) (clusters int64, err error) {
	g := w.g
	last := w.plan.Batches[len(w.plan.Batches)-1][0].Data
	table, tableLen := int64(binary.BigEndian.Uint64(last)>>g.ClusterBits), int64(binary.BigEndian.Uint32(last[8:]))
	written := map[int64][]byte{}
	for _, wr := range w.plan.Batches[len(w.plan.Batches)-2] {
		written[wr.Off>>g.ClusterBits] = wr.Data
	}
	count := func(c int64) uint64 {
		k, per := c/g.RefblockEntries(), g.RefblockEntries()
		if 8*k >= int64(len(written[table])) {
			return 0
		}
		off := int64(binary.BigEndian.Uint64(written[table][8*k:]))
		if off == 0 {
			return 0
		}
		return qcow2.Refblock(written[off>>g.ClusterBits]).At(g.RefcountOrder, c%per)
	}
	for c, data := range written {
		for i := range int64(len(data)) >> g.ClusterBits {
			if clusters++; c+i < n && len(w.plan.Batches) == 2 {
				return 0, fmt.Errorf("cluster %d is in use and was taken", c+i)
			}
			if got := count(c + i); got != 1 {
				return 0, fmt.Errorf("cluster %d of the new structure has refcount %d", c+i, got)
			}
		}
	}
	if tableLen<<g.ClusterBits != int64(len(written[table])) {
		return 0, fmt.Errorf("the reftable has %d clusters, written are %d bytes", tableLen, len(written[table]))
	}
	own := func(c int64) bool { return c > 0 && c < int64(w.old.tableAt)+w.cost.StructureBefore }
	for c := int64(0); c < n; c++ {
		if want := count(c); len(w.plan.Batches) == 2 && (want == 1) == own(c) {
			return 0, fmt.Errorf("cluster %d has refcount %d", c, want)
		}
	}
	return clusters, nil
}

// least is how many clusters a structure takes behind n clusters: tried from one on.
func least(g qcow2.Geometry, n int64) int64 {
	blocks, table := int64(1), int64(1)
	for {
		b := ceilDiv(n+table+blocks, g.RefblockEntries())
		t := ceilDiv(b, g.ReftableEntries())
		if b <= blocks && t <= table {
			return blocks + table
		}
		blocks, table = max(b, blocks), max(t, table)
	}
}

// boundaries are numbers of clusters at which a structure of the geometry just fits, or does
// not, into the ranges of its refblocks and of its table's clusters; below most.
func boundaries(g qcow2.Geometry, most int64) (ns []int64) {
	e, p := g.RefblockEntries(), g.ReftableEntries()
	for _, b := range []int64{e, 2 * e, 3 * e, p * e, 2 * p * e} {
		if b > most {
			continue
		}
		blocks := ceilDiv(b, e)
		table := ceilDiv(blocks, p)
		for _, behind := range []int64{0, table, blocks, table + blocks} {
			for d := int64(-2); d <= 2; d++ {
				if n := b - behind + d; n > 8 {
					ns = append(ns, n)
				}
			}
		}
	}
	return ns
}

// Over all widths and cluster sizes, where one cluster more needs another refblock or a longer
// table: both ways end, and give a whole structure; direct is the smallest.
func TestWidthAtEveryBoundary(t *testing.T) {
	const most = 1 << 20
	share := int64(1 << 8) // a case of so many clusters or less is tried, of larger ones each in turn
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		share = 32 << 10
	}
	if runtime.GOOS == "js" {
		share = 128
	}
	tried, sizes := 0, map[uint]int{}
	budget := int64(0)
	for bits := uint(qcow2.MinClusterBits); bits <= qcow2.MaxClusterBits; bits++ {
		for from := range uint(qcow2.MaxRefcountOrder + 1) {
			for to := range uint(qcow2.MaxRefcountOrder + 1) {
				g := qcow2.Geometry{ClusterBits: bits, RefcountOrder: to}
				for _, n := range boundaries(g, most) {
					if budget += share; from == to || budget < n {
						continue
					}
					budget = 0
					tried, sizes[bits] = tried+1, sizes[bits]+1
					if err := atBoundary(bits, from, to, n); err != nil {
						t.Errorf("%d clusters of %d bytes, %d to %d bits: %v", n, 1<<bits, 1<<from, 1<<to, err)
					}
				}
			}
		}
	}
	t.Logf("%d tried, by cluster bits: %v", tried, sizes)
	if tried < 150 || share >= 1<<8 && len(sizes) < 13 {
		t.Errorf("only %d tried, by cluster bits: %v", tried, sizes)
	}
}

func atBoundary(bits, from, to uint, n int64) error {
	direct, like := full(bits, from, to, n), full(bits, from, to, n)
	if err := direct.direct(); err != nil {
		return fmt.Errorf("direct: %w", err)
	}
	if err := like.likeQEMU(); err != nil {
		return fmt.Errorf("as QEMU does: %w", err)
	}
	small, err := placed(direct, n)
	if err != nil {
		return fmt.Errorf("direct: %w", err)
	}
	large, err := placed(like, n)
	if err != nil {
		return fmt.Errorf("as QEMU does: %w", err)
	}
	if bound := least(direct.g, n); small > bound || small > large || direct.plan.SizeAfter > like.plan.SizeAfter {
		return fmt.Errorf("direct has %d clusters, QEMU %d, and %d are enough", small, large, bound)
	}
	return nil
}
