package anatomy

import (
	"cmp"
	"context"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// region is a structure, or what a guest has stored, and where it lies.
type region struct {
	host qcow2.Range[qcow2.HostOff]
	rank rank
	kind Kind
	in   Ref
	from []Ref // who points to it
	more bool  // there may be others
	// fields gives the fields of the region that touch what the sink wants.
	fields func(a *Anatomy, s *sink) error
}

// rank decides whose the bytes are when regions overlap: the lower one's. What says more
// about its bytes comes first; data can look like anything.
type rank uint8

const (
	rankHeader rank = iota
	rankReftable
	rankRefblock
	rankL1
	rankSnapshotTable
	rankL2
	rankSnapshotL1
	rankCrypto
	rankBitmapDirectory
	rankBitmapTable
	rankBitmapData
	rankCompressed
	rankData
	rankRest
)

// segment is a piece of the file that belongs to one region. It lies in one cluster.
type segment struct {
	host   qcow2.Range[qcow2.HostOff]
	region *region
}

// plan cuts the clusters that the range touches into segments and returns those that touch
// it. What it says of a byte depends on the byte's cluster alone, not on the range.
func (a *Anatomy) plan(ctx context.Context, r qcow2.Range[qcow2.HostOff]) ([]segment, error) {
	first, last := a.geo.Cluster(r.Start), a.geo.Cluster(r.End()-1)
	whole := span(a.geo.Offset(first), min(a.geo.Offset(last+1), qcow2.HostOff(a.size)))
	regions, err := a.regions(ctx, whole)
	if err != nil {
		return nil, err
	}
	p := painter{}
	for c := first; c <= last; c++ {
		p.gaps = append(p.gaps, clip(a.clusterRange(c), whole))
	}
	slices.SortStableFunc(regions, func(x, y *region) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.host.Start, y.host.Start))
	})
	for _, g := range regions {
		p.paint(g)
	}
	for _, gap := range p.gaps {
		p.done = append(p.done, segment{gap, a.rest(gap)})
	}
	p.done = slices.DeleteFunc(p.done, func(s segment) bool { return clip(s.host, r).Empty() })
	slices.SortFunc(p.done, func(x, y segment) int { return cmp.Compare(x.host.Start, y.host.Start) })
	return p.done, nil
}

// painter gives each byte to the first region that is painted over it.
type painter struct {
	gaps []qcow2.Range[qcow2.HostOff] // not painted yet, ascending, none across a cluster's border
	done []segment
}

func (p *painter) paint(g *region) {
	i, _ := slices.BinarySearchFunc(p.gaps, g.host.Start, func(gap qcow2.Range[qcow2.HostOff], off qcow2.HostOff) int {
		return cmp.Compare(gap.End()-1, off)
	})
	for i < len(p.gaps) && p.gaps[i].Start < g.host.End() {
		gap := p.gaps[i]
		hit := clip(gap, g.host)
		p.done = append(p.done, segment{hit, g})
		var left []qcow2.Range[qcow2.HostOff]
		for _, r := range []qcow2.Range[qcow2.HostOff]{span(gap.Start, hit.Start), span(hit.End(), gap.End())} {
			if !r.Empty() {
				left = append(left, r)
			}
		}
		p.gaps = slices.Replace(p.gaps, i, i+1, left...)
		i += len(left)
	}
}

// regions are all that touch the range, which is whole clusters.
func (a *Anatomy) regions(ctx context.Context, whole qcow2.Range[qcow2.HostOff]) ([]*region, error) {
	c := &collected{want: whole}
	a.headerRegion(c)
	a.refcountRegions(c)
	a.l1Regions(c)
	a.snapshotTableRegion(c)
	a.l2Regions(c)
	a.cryptoRegion(c)
	if err := a.bitmapRegions(c); err != nil {
		return nil, err
	}
	if err := a.claimed(ctx, c); err != nil {
		return nil, err
	}
	return c.regions, nil
}

// collected are the regions that touch a range.
type collected struct {
	want    qcow2.Range[qcow2.HostOff]
	regions []*region
}

func (c *collected) touches(off qcow2.HostOff, n int64) bool {
	return off >= 0 && n > 0 && off < c.want.End() && int64(c.want.Start)-int64(off) < n
}

func (c *collected) add(g *region) { c.regions = append(c.regions, g) }

// rest is what no structure claims: free or leaked space, the unused end of a structure's
// last cluster, or what is not known.
func (a *Anatomy) rest(gap qcow2.Range[qcow2.HostOff]) *region {
	c := a.geo.Cluster(gap.Start)
	role, known := a.role(c)
	g := &region{host: gap, rank: rankRest, in: Ref{Name: clusterName(c), Host: a.clusterRange(c)}}
	switch {
	case !known:
		g.kind, g.fields = Unknown, blank("not walked yet", "The check has not come to it: it may be data, a table or free.")
	case role == refcount.Free:
		g.kind, g.fields = Free, blank("free", "Nothing points here, and its refcount is 0.")
	case role == refcount.BitmapData && a.img.BitmapsExt != nil && !a.bits.complete:
		g.kind, g.more = BitmapData, true
		g.fields = blank("bitmap data", "There are more bitmaps than are looked up: which one it belongs to is not known.")
	case role == refcount.Leaked:
		g.kind, g.fields = Leaked, blank("leaked", "It is marked as used, but nothing points here.")
	case role == refcount.L2 || role == refcount.InactiveL2:
		g.kind, g.more = kindOf(role), true
		g.fields = l2Fields(l2Place{off: a.geo.Offset(c), l1Index: -1})
	case kindOf(role) >= Data && a.lookedUp(c):
		g.kind, g.fields = Padding, blank("unused", "The cluster holds guest data, but nothing points to these bytes of it.")
	case kindOf(role) >= Data:
		g.kind, g.more = kindOf(role), true
		g.fields = blank("guest data", "Which part of the disk it belongs to could not be looked up.")
	default:
		g.kind, g.fields = Padding, blank("unused", unusedText(role))
	}
	return g
}

// lookedUp tells whether all pointers to the cluster are known.
func (a *Anatomy) lookedUp(c qcow2.HostCluster) bool {
	has, ok := a.claims.of[c]
	return ok && !has.more
}

// blank is one field over all of a segment.
func blank(name, meaning string) func(*Anatomy, *sink) error {
	return func(_ *Anatomy, s *sink) error {
		s.add(Field{Host: s.clip, Name: name, Meaning: meaning})
		return nil
	}
}

// kindOf is the kind of the fields in a cluster of the role.
func kindOf(r refcount.Role) Kind {
	return [...]Kind{Free, Header, L1, L2, Reftable, Refblock, Data, Compressed, Zero, SnapshotTable, SnapshotL1, SnapshotL2,
		SnapshotData, BitmapData, Crypto, Leaked}[r]
}

func (a *Anatomy) clusterRange(c qcow2.HostCluster) qcow2.Range[qcow2.HostOff] {
	return qcow2.Range[qcow2.HostOff]{Start: a.geo.Offset(c), Len: qcow2.HostOff(a.geo.ClusterSize())}
}

func span[T ~int64](from, to T) qcow2.Range[T] { return qcow2.Range[T]{Start: from, Len: to - from} }

// clip is what two ranges have in common; its Len is negative when that is nothing.
func clip[T ~int64](a, b qcow2.Range[T]) qcow2.Range[T] {
	return span(max(a.Start, b.Start), min(a.End(), b.End()))
}
