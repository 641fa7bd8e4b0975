package anatomy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Bounds of what is remembered of who points where.
const (
	maxClusterClaims = 4096 // of one cluster: that many compressed streams may share it
	maxCachedClaims  = 1 << 15
)

// claimCache holds the pointers to the clusters that were asked for last.
type claimCache struct {
	of    map[qcow2.HostCluster]claims
	total int
}

type claims struct {
	list []refcount.Claim
	more bool // there may be others
}

// claimsOf looks up who points to the clusters for which wanted is true.
func (a *Anatomy) claimsOf(ctx context.Context, first, last qcow2.HostCluster, wanted func(qcow2.HostCluster) bool) error {
	x := &a.claims
	if x.of == nil || x.total > maxCachedClaims {
		*x = claimCache{of: map[qcow2.HostCluster]claims{}}
	}
	lo, hi := last+1, first-1
	asked := map[qcow2.HostCluster]bool{}
	for c := first; c <= last; c++ {
		if _, known := x.of[c]; !known && wanted(c) {
			asked[c] = true
			lo, hi = min(lo, c), max(hi, c)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	found := map[qcow2.HostCluster]claims{}
	want := refcount.Want{Lo: lo, Hi: hi, Has: func(c qcow2.HostCluster) bool { return asked[c] }}
	complete, err := refcount.Claimants(ctx, a.img, a.snaps, a.report.Refcounts, want, func(k refcount.Claim) bool {
		has := found[k.Cluster]
		if len(has.list) < maxClusterClaims {
			has.list = append(has.list, k)
		} else {
			has.more = true
		}
		found[k.Cluster] = has
		return true
	})
	if err != nil {
		return err
	}
	for c := range asked {
		has := found[c]
		has.more = has.more || !complete
		x.of[c] = has
		x.total += len(has.list) + 1
	}
	return nil
}

// claimed adds what guests have stored, and looks up who points to the clusters of
// structures that are not alone there.
func (a *Anatomy) claimed(ctx context.Context, c *collected) error {
	if a.report == nil {
		return nil
	}
	first, last := a.geo.Cluster(c.want.Start), a.geo.Cluster(c.want.End()-1)
	t := a.report.Refcounts
	wanted := func(k qcow2.HostCluster) bool {
		role := t.Role(k)
		return t.Count(k) > 1 || role != refcount.Free && role != refcount.Leaked && (kindOf(role) >= Data || t.Conflict(k))
	}
	if err := a.claimsOf(ctx, first, last, wanted); err != nil {
		return err
	}
	for k := first; k <= last; k++ {
		if has, ok := a.claims.of[k]; ok {
			c.regions = append(c.regions, a.dataRegions(k, has)...)
		}
	}
	return nil
}

// pointers are those that lead to the region's part in a cluster: its own, and whoever else
// was looked up for that cluster.
func (a *Anatomy) pointers(g *region, c qcow2.HostCluster) (from []Ref, more bool) {
	has, shared := a.claims.of[c]
	if !shared || g.rank >= rankCompressed {
		return g.from, g.more
	}
	from = slices.Clone(g.from)
	for _, k := range has.list {
		if k.At < 0 || len(from) > MaxFrom {
			continue
		}
		if !slices.ContainsFunc(from, func(r Ref) bool { return r.Host.Start == k.At }) {
			from = append(from, Ref{pointerName(k), at(k.At, 8)})
		}
	}
	return from, g.more || has.more
}

// dataRegions are the compressed streams and the guest's clusters that lie in host cluster
// c, as far as they lie in it.
func (a *Anatomy) dataRegions(c qcow2.HostCluster, has claims) []*region {
	list := slices.DeleteFunc(slices.Clone(has.list), func(k refcount.Claim) bool {
		return kindOf(k.Role) < Data || k.L2Index < 0
	})
	slices.SortStableFunc(list, func(x, y refcount.Claim) int {
		return cmp.Or(cmp.Compare(x.Host.Start, y.Host.Start), cmp.Compare(x.Host.Len, y.Host.Len))
	})
	var out []*region
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i+n].Host == list[i].Host {
			n++
		}
		g := a.dataRegion(c, list[i:i+n])
		g.more = has.more
		out = append(out, g)
		i += n
	}
	return streamsEnd(out)
}

// streamsEnd lets a compressed stream end where the next one begins: its last sector may
// hold the start of that.
func streamsEnd(regions []*region) []*region {
	var last *region
	for _, g := range regions {
		if g.rank != rankCompressed {
			continue
		}
		if last != nil && last.host.End() > g.host.Start && g.host.Start > last.host.Start {
			last.host.Len = g.host.Start - last.host.Start
		}
		last = g
	}
	return regions
}

// dataRegion is one place of the disk, or the same host bytes for several.
func (a *Anatomy) dataRegion(c qcow2.HostCluster, same []refcount.Claim) *region {
	k := same[0]
	guest := a.l2Guest(l2Place{l1Index: k.L1Index}, k.L2Index)
	g := &region{host: clip(k.Host, a.clusterRange(c)), rank: rankData, kind: kindOf(k.Role), in: Ref{clusterName(c), a.clusterRange(c)}}
	for _, k := range same {
		g.from = append(g.from, Ref{pointerName(k), at(k.At, 8)})
	}
	if !slices.ContainsFunc(same, func(k refcount.Claim) bool { return k.Root == 0 }) && g.kind == Data {
		g.kind = SnapshotData
	}
	if g.kind == Compressed {
		g.rank = rankCompressed
		g.in = Ref{fmt.Sprintf("compressed stream at %s", hexOff(k.Host.Start)), k.Host}
	}
	also := a.otherPlaces(same)
	g.fields = func(a *Anatomy, s *sink) error {
		a.dataFields(s, k, guest, also)
		return nil
	}
	return g
}

// otherPlaces names a second place of the disk that the same bytes serve. No program writes
// such an image.
func (a *Anatomy) otherPlaces(same []refcount.Claim) string {
	for _, k := range same[1:] {
		if k.L1Index != same[0].L1Index || k.L2Index != same[0].L2Index {
			return fmt.Sprintf(" The same bytes are also %s.", guestOrUnknown(a.l2Guest(l2Place{l1Index: k.L1Index}, k.L2Index)))
		}
	}
	return ""
}

// dataFields is one field, or one for each subcluster.
func (a *Anatomy) dataFields(s *sink, k refcount.Claim, guest qcow2.Range[qcow2.GuestOff], also string) {
	if s.region.kind == Compressed {
		s.add(Field{Host: s.clip, Name: "compressed data", Guest: guest, Meaning: fmt.Sprintf("A compressed stream: %s, when it is decoded.", guestOrUnknown(guest)) + also})
		return
	}
	n := int64(1)
	if a.geo.ExtendedL2 {
		n = qcow2.SubclustersPerEntry
	}
	size := int64(k.Host.Len) / n
	for i := range n {
		host := at(k.Host.Start+qcow2.HostOff(i*size), size)
		if !s.touches(host.Start, size) {
			continue
		}
		f := Field{Host: host, Name: "guest data", Guest: guest}
		if n > 1 {
			f.Name = fmt.Sprintf("subcluster %d", i)
			if !guest.Empty() {
				f.Guest = qcow2.Range[qcow2.GuestOff]{Start: guest.Start + qcow2.GuestOff(i*size), Len: qcow2.GuestOff(size)}
			}
		}
		state := qcow2.L2Entry{Entry: k.Entry, Bitmap: k.Bitmap}.Subcluster(a.geo, int(i))
		f.Meaning = capital(guestOrUnknown(f.Guest)) + dataText(state, a.img.Header.CryptMethod != qcow2.CryptNone) + also
		s.add(f)
	}
}

func guestOrUnknown(r qcow2.Range[qcow2.GuestOff]) string {
	if r.Empty() {
		return "a part of the disk beyond any real size"
	}
	return guestText(r)
}

func dataText(k qcow2.SubclusterKind, encrypted bool) string {
	switch k {
	case qcow2.SubZeroAlloc, qcow2.SubZero:
		return ": it reads as zeros, whatever stands here."
	case qcow2.SubUnallocatedAlloc, qcow2.SubUnallocated:
		return ": it reads from the backing file, or as zeros, whatever stands here."
	case qcow2.SubInvalid:
		return ": the subcluster bitmap contradicts itself, so that it cannot be read."
	}
	if encrypted {
		return ", encrypted."
	}
	return ": what the virtual machine has written."
}
