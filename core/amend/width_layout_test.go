package amend_test

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// layout is an image of version 3 in which exactly the given clusters are in use, all once:
// the header, the L1 table, the L2 tables, data, and the refcount structure wherever it is
// put. What it does not use is free.
type layout struct {
	bits, order uint
	l1          int64            // where the L1 table begins
	l2          []int64          // L2 tables
	data        []int64          // data clusters, in the order of the disk
	table       int64            // where the reftable begins
	tableLen    int64            // its clusters
	blocks      map[int64]int64  // of the reftable's entries
	clusters    int64            // of the file
	stale       map[int64]uint64 // further refcounts: leaks
}

func (l *layout) entries() int64       { return 1 << l.bits / 8 }
func (l *layout) perBlock() int64      { return 8 << l.bits >> l.order }
func ceil(a, b int64) int64            { return (a + b - 1) / b }
func (l *layout) l1Len() int64         { return ceil(int64(len(l.l2)), l.entries()) }
func (l *layout) offset(c int64) int64 { return c << l.bits }

// used visits every cluster in use.
func (l *layout) used(visit func(c int64)) {
	visit(0)
	for i := range l.l1Len() {
		visit(l.l1 + i)
	}
	for i := range l.tableLen {
		visit(l.table + i)
	}
	for _, cs := range [][]int64{l.l2, l.data} {
		for _, c := range cs {
			visit(c)
		}
	}
	for _, c := range l.blocks {
		visit(c)
	}
}

// coverUsed gives every range in which something is in use a refblock, at clusters that next
// gives, and the reftable its length; next may be called for what covers its own results.
func (l *layout) coverUsed(next func() int64) {
	per := l.perBlock()
	l.blocks = map[int64]int64{}
	for again := true; again; {
		again = false
		missing := map[int64]bool{}
		l.used(func(c int64) {
			if _, ok := l.blocks[c/per]; !ok {
				missing[c/per] = true
			}
		})
		for _, k := range slices.Sorted(maps.Keys(missing)) {
			l.blocks[k] = next()
			again = true
		}
	}
}

// source is the image.
func (l *layout) source(t testing.TB) source.Source {
	t.Helper()
	be := binary.BigEndian
	cs := int64(1) << l.bits
	p := patch.New(l.clusters * cs)
	h := make([]byte, 112)
	copy(h, "QFI\xfb\x00\x00\x00\x03")
	be.PutUint32(h[20:], uint32(l.bits))
	be.PutUint64(h[24:], uint64(int64(len(l.l2))*l.entries()*cs))
	be.PutUint32(h[36:], uint32(len(l.l2)))
	be.PutUint64(h[40:], uint64(l.offset(l.l1)))
	be.PutUint64(h[48:], uint64(l.offset(l.table)))
	be.PutUint32(h[56:], uint32(l.tableLen))
	be.PutUint32(h[96:], uint32(l.order))
	be.PutUint32(h[100:], 112)
	p.Add(0, 0, h, "")
	l1 := make([]byte, l.l1Len()*cs)
	l2 := make([][]byte, len(l.l2))
	for i, c := range l.l2 {
		be.PutUint64(l1[8*i:], qcow2.FlagCopied|uint64(l.offset(c)))
		l2[i] = make([]byte, cs)
	}
	for i, c := range l.data {
		be.PutUint64(l2[int64(i)/l.entries()][8*(int64(i)%l.entries()):], qcow2.FlagCopied|uint64(l.offset(c)))
		p.Add(0, l.offset(c), be.AppendUint64(nil, uint64(c)*0x9e3779b97f4a7c15), "")
	}
	p.Add(0, l.offset(l.l1), l1, "")
	for i, c := range l.l2 {
		p.Add(0, l.offset(c), l2[i], "")
	}
	l.addRefcounts(p)
	o := patch.NewOverlay(source.Zeros(l.clusters * cs))
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	return o
}

func (l *layout) addRefcounts(p *patch.Plan) {
	cs := int64(1) << l.bits
	table := make([]byte, l.tableLen*cs)
	blocks := map[int64]qcow2.Refblock{}
	for k, c := range l.blocks {
		binary.BigEndian.PutUint64(table[8*k:], uint64(l.offset(c)))
		blocks[k] = make(qcow2.Refblock, cs)
	}
	per := l.perBlock()
	l.used(func(c int64) { blocks[c/per].Set(l.order, c%per, 1) })
	for c, n := range l.stale {
		blocks[c/per].Set(l.order, c%per, n)
	}
	p.Add(0, l.offset(l.table), table, "")
	for k, b := range blocks {
		p.Add(0, l.offset(l.blocks[k]), b, "")
	}
}

// packed is a layout of n clusters, all of which are in use: header, L1, L2 tables, data, and
// the structure behind it, as long as it needs to be.
func packed(bits, order uint, n int64) *layout {
	return packedTable(bits, order, n, ceil(ceil(n, 8<<bits>>order), 1<<bits/8))
}

// packedTable is a packed layout whose reftable has the given number of clusters.
func packedTable(bits, order uint, n, tableLen int64) *layout {
	l := &layout{bits: bits, order: order, l1: 1}
	blocks := ceil(n, l.perBlock())
	rest := n - 1 - tableLen - blocks
	tables := int64(0)
	for tables+ceil(tables, l.entries())+tables*l.entries() < rest {
		tables++
	}
	at := 1 + ceil(tables, l.entries())
	for range tables {
		l.l2 = append(l.l2, at)
		at++
	}
	for ; at < n-tableLen-blocks; at++ {
		l.data = append(l.data, at)
	}
	l.table, l.tableLen = at, tableLen
	l.blocks = map[int64]int64{}
	for k := range blocks {
		l.blocks[k] = at + tableLen + k
	}
	l.clusters = n
	return l
}

// scattered is a random layout: what is in use lies anywhere among the clusters of the file,
// in stretches with free ones between, and so does the old structure, sometimes by itself.
func scattered(r *rand.Rand, bits, order uint, clusters int64) *layout {
	l := &layout{bits: bits, order: order, clusters: clusters}
	free, apart := stretches(r, clusters)
	tables := 1 + r.Int64N(4)
	take := func(n int64) int64 {
		for try := 0; try < 1000 && len(free) > 0; try++ {
			i := r.IntN(len(free))
			if run := free[i:min(int64(len(free)), int64(i)+n)]; int64(len(run)) == n && run[n-1] == run[0]+n-1 {
				free = append(free[:i:i], free[int64(i)+n:]...)
				return run[0]
			}
		}
		l.clusters += n // no such run: behind the end
		return l.clusters - n
	}
	l.l1 = take(ceil(tables, l.entries()))
	for range tables {
		l.l2 = append(l.l2, take(1))
	}
	room := int64(len(free)) - 8 - clusters/l.perBlock()*2
	for range min(tables*l.entries(), max(0, room)) {
		l.data = append(l.data, take(1))
	}
	if together := r.IntN(2) == 0; !together && len(apart) > 0 {
		free = apart
	}
	l.tableLen = ceil(ceil(l.clusters+l.clusters/2, l.perBlock()), l.entries()) + r.Int64N(2)
	l.table = take(l.tableLen)
	l.coverUsed(func() int64 { return take(1) })
	return l
}

// stretches are clusters that may be in use: all but some runs, which are apart.
func stretches(r *rand.Rand, clusters int64) (cs, apart []int64) {
	runs := [][2]int64{}
	for range r.IntN(5) {
		from := 1 + r.Int64N(clusters-1)
		runs = append(runs, [2]int64{from, from + r.Int64N(clusters/3)})
	}
next:
	for c := int64(1); c < clusters; c++ {
		for _, run := range runs {
			if run[0] <= c && c < run[1] {
				apart = append(apart, c)
				continue next
			}
		}
		cs = append(cs, c)
	}
	return cs, apart
}
