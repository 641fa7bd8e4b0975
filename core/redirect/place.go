package redirect

import (
	"slices"

	"qcowscope/core/alloc"
	"qcowscope/core/qcow2"
)

// grant is a run of free clusters that was taken for a node.
type grant struct {
	of    Cursor
	start qcow2.HostCluster
	n     int64
}

// layout is where everything goes, and what that does to the refcounts.
type layout struct {
	t        *Tx
	a        *alloc.Allocator
	grants   []grant
	streams  packer
	tableLen int64 // clusters of the reftable, 0: as it is

	minus, plus map[qcow2.HostCluster]uint64 // references lost and gained
	stored      map[qcow2.HostCluster]uint64 // refcounts of the result where they change
	dirty       []int64                      // refblocks to be looked at, by index
	seen        map[int64]bool
	blocks      map[int64]qcow2.Refblock // of the image with the plan, by index; nil: none
}

func (t *Tx) newLayout() *layout {
	a := alloc.New(t.after.Refcounts.Table)
	t.live.keepClear(a, t.after.Refcounts.Table)
	t.behind.keepClear(a, t.after.Refcounts.Table)
	return &layout{t: t, a: a, blocks: map[int64]qcow2.Refblock{}}
}

// reset takes everything back, to try again with a longer reftable.
func (l *layout) reset(tableLen int64) {
	l.a.ReleaseAll()
	l.grants, l.streams, l.tableLen = nil, packer{}, tableLen
	l.minus, l.plus, l.stored = map[qcow2.HostCluster]uint64{}, map[qcow2.HostCluster]uint64{}, map[qcow2.HostCluster]uint64{}
	l.dirty, l.seen = nil, map[int64]bool{}
}

// take gets n clusters in a row for the node.
func (l *layout) take(of Cursor, n int64) qcow2.HostCluster {
	start := l.a.TakeRun(n)
	l.grants = append(l.grants, grant{of, start, n})
	return start
}

// place finds a new place for the node, at the same offset in its cluster.
func (l *layout) place(n *node) {
	g := l.t.g
	if !n.moved {
		return
	}
	if n.kind == KindStream {
		n.to = l.streams.place(l, n)
		return
	}
	span := n.span(g)
	if n.kind == KindReftable {
		span = max(span, l.tableLen)
	}
	in := int64(n.off) & (g.ClusterSize() - 1)
	n.to = g.Offset(l.take(n.cursor, span)) + qcow2.HostOff(in)
}

// packer puts compressed streams one behind the other, each at a place in its sector that
// keeps the number of sectors which its entry counts.
type packer struct {
	next, end qcow2.HostOff // what is left of the last cluster
}

func (p *packer) place(l *layout, n *node) qcow2.HostOff {
	const sector = qcow2.SectorSize
	g, in := l.t.g, n.off&(sector-1)
	at := (p.next+sector-1)&^(sector-1) + in
	if at+qcow2.HostOff(n.len) > p.end {
		k := g.Clusters(int64(in) + n.len)
		start := l.take(n.cursor, k)
		at, p.end = g.Offset(start)+in, g.Offset(start+qcow2.HostCluster(k))
	}
	p.next = at + qcow2.HostOff(n.len)
	return at
}

// settle places everything and finds the refcounts of the result: those of new places are
// in refblocks that get new places likewise. It ends because every refblock is redirected
// at most once, and those that are added for places behind the end count themselves.
func (t *Tx) settle() (*layout, error) {
	l := t.newLayout()
	for tableLen := int64(0); ; {
		l.reset(tableLen)
		for _, n := range t.order {
			l.place(n)
		}
		for _, n := range t.order {
			l.account(n)
		}
		for _, n := range t.order {
			if err := l.refcount(n); err != nil {
				return nil, err
			}
		}
		need, err := l.refblocks()
		if err != nil {
			return nil, err
		}
		if need <= max(tableLen, t.g.Clusters(t.img.ReftableBytes())) {
			break
		}
		tableLen = need
	}
	return l, l.fits()
}

// fits tells whether the file may reach as far as the last new place.
func (l *layout) fits() error {
	t := l.t
	end := l.end()
	switch {
	case t.opt.Fixed && end > t.g.Clusters(t.old.Src.Size()):
		return cannot("it needs %d clusters behind the end of the device", end-t.g.Clusters(t.old.Src.Size()))
	case t.live.all && end > int64(t.live.reach), t.behind.all && end > int64(t.behind.reach):
		return cannot("broken pointers leave too little room behind the end of the file")
	}
	for _, n := range t.order {
		for _, f := range n.fields {
			if uint64(n.to)&^f.mask != 0 || uint64(n.to)+uint64(n.len) > f.mask {
				return cannot("%v cannot point as far as 0x%x", f.cursor, int64(n.to))
			}
		}
	}
	return nil
}

// end is the cluster behind the last one that was taken.
func (l *layout) end() int64 {
	end := int64(0)
	for _, g := range l.grants {
		end = max(end, int64(g.start)+g.n)
	}
	return end
}

// sortedClusters are the keys in order.
func sortedClusters(m map[qcow2.HostCluster]uint64) []qcow2.HostCluster {
	all := make([]qcow2.HostCluster, 0, len(m))
	for c := range m {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}
