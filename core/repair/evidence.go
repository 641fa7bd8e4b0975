package repair

import (
	"bytes"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// maxPlaces bounds how many single findings a stage looks at. What is beyond stays as it is
// and is reported as left.
const maxPlaces = 1 << 20

// places are the findings of the codes, one for each place in a table of the file.
func (r *repairer) places(codes ...check.Code) ([]check.Finding, error) {
	return r.findings(func(f check.Finding) bool { return r.inTable(f) && !r.opt.Leave.has(f) }, codes...)
}

// findings are those of the codes that are wanted, one for each place in the file: the
// report joins neighbours and keeps the first ones, so a check is run again that tells
// them all.
func (r *repairer) findings(want func(check.Finding) bool, codes ...check.Code) ([]check.Finding, error) {
	wanted := map[check.Code]bool{}
	for _, c := range codes {
		if r.report.Group(c) != nil {
			wanted[c] = true
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	type place struct {
		code check.Code
		off  qcow2.HostOff
	}
	var found []check.Finding
	seen := map[place]bool{}
	opt := r.opt.Check
	opt.OnFinding = func(f check.Finding) {
		at := place{f.Code, f.At.Off}
		if wanted[f.Code] && f.At.Off >= 0 && want(f) && !seen[at] && len(found) < maxPlaces {
			seen[at] = true
			found = append(found, f)
		}
	}
	_, err := check.Run(r.ctx, r.img, opt)
	return found, err
}

// inTable tells whether the entry lies in a table of its own: where a broken pointer, or one
// table too long, makes entries of something else, nothing is written.
func (r *repairer) inTable(f check.Finding) bool {
	g, t := r.img.Geo, r.report.Refcounts
	c := g.Cluster(f.At.Off)
	role := t.Role(c)
	switch f.At.Kind {
	case check.FieldL1:
		return (role == refcount.L1 || role == refcount.InactiveL1) && (t.Count(c) == 1 || !t.Conflict(c) || r.isTableBut(f, refcount.L1))
	case check.FieldL2:
		return (role == refcount.L2 || role == refcount.InactiveL2) && g.Aligned(f.At.Off-qcow2.HostOff(f.At.L2Index*g.L2EntrySize())) &&
			(t.Count(c) == 1 || !t.Conflict(c) || r.isTableBut(f, refcount.L2))
	}
	return true
}

// maxJudged bounds how often a whole table is read to judge one entry.
const maxJudged = 256

// isTableBut tells whether the cluster around the entry, into which another pointer leads
// too, reads as the table that it should be in all but this entry. An L2 table must have
// more than this one.
func (r *repairer) isTableBut(f check.Finding, role refcount.Role) bool {
	if r.judged++; r.judged > maxJudged {
		return false
	}
	g := r.img.Geo
	table := make([]byte, g.ClusterSize())
	return r.readsAs(role, g.Offset(g.Cluster(f.At.Off)), table, f.At.Off) &&
		(role == refcount.L1 || !bytes.Equal(table, make([]byte, len(table))))
}

// readsAs reads the cluster at off into table and tells whether it can be a part of an L1
// table, or an L2 table. The entry at but, if that is not negative, is taken for empty.
func (r *repairer) readsAs(role refcount.Role, off qcow2.HostOff, table []byte, but qcow2.HostOff) bool {
	if r.holdsRefcounts(off) || source.ReadFull(r.img.Src, table, int64(off)) != nil {
		return false
	}
	size := r.img.Geo.L2EntrySize()
	if role == refcount.L1 {
		size = qcow2.L1EntrySize
	}
	if but >= 0 {
		clear(table[but-off:][:size])
	}
	if role == refcount.L1 {
		return plausibleL1(r.img, table)
	}
	return check.PlausibleTable(r.img, table)
}

// plausibleL1 tells whether every entry could be one of an L1 table of the image.
func plausibleL1(img *image.Image, table []byte) bool {
	for ; len(table) > 0; table = table[qcow2.L1EntrySize:] {
		entry := qcow2.L1Entry(be64(table))
		if entry.Reserved() != 0 || !img.Geo.Aligned(entry.L2Table()) || int64(entry.L2Table()) >= img.Src.Size() {
			return false
		}
	}
	return true
}

// evidence answers what else is known about a cluster that a damaged pointer may mean.
type evidence struct {
	r     *repairer
	block int64
	data  qcow2.Refblock
	ok    bool
}

func (r *repairer) evidence() *evidence { return &evidence{r: r, block: -1} }

// stored is the refcount of the cluster on disk; ok is false when there is no refblock to
// read it from.
func (e *evidence) stored(c qcow2.HostCluster) (n uint64, ok bool) {
	g := e.r.img.Geo
	per := g.RefblockEntries()
	if k := int64(c) / per; k != e.block {
		e.load(k)
	}
	if !e.ok {
		return 0, false
	}
	return e.data.At(g.RefcountOrder, int64(c)%per), true
}

func (e *evidence) load(k int64) {
	e.block, e.ok = k, false
	img := e.r.img
	if k >= int64(len(img.Reftable)) {
		return
	}
	entry := img.Reftable[k]
	off := entry.Refblock()
	if off <= 0 || entry.Reserved() != 0 || !img.Geo.Aligned(off) || int64(off) >= img.Src.Size() {
		return
	}
	e.data = make(qcow2.Refblock, img.Geo.ClusterSize())
	e.ok = source.ReadFull(img.Src, e.data, int64(off)) == nil
}

// vacant tells whether the cluster looks as if only the damaged pointer were missing: it
// lies in the file, nothing but the pointer itself refers to it, and its refcount is 1.
// own is what the damaged pointer refers to now.
func (e *evidence) vacant(c qcow2.HostCluster, own qcow2.Range[qcow2.HostOff]) bool {
	img, t := e.r.img, e.r.report.Refcounts
	if c <= 0 || int64(c) >= img.HostClusters() {
		return false
	}
	others := t.Count(c)
	if own.Len > 0 && c >= img.Geo.Cluster(own.Start) && c <= img.Geo.Cluster(own.End()-1) && others > 0 {
		others--
	}
	stored, ok := e.stored(c)
	return others == 0 && ok && stored == 1
}

// cutOff tells whether the pointer is whole and only the part of the file that it leads to
// is missing: the refcounts know the cluster, or are missing as well.
func (e *evidence) cutOff(f check.Finding) bool {
	g, c := e.r.img.Geo, e.r.img.Geo.Cluster(f.Host.Start)
	if f.Code != check.RegionBeyondEOF || !g.Aligned(f.Host.Start) {
		return false
	}
	if stored, ok := e.stored(c); ok {
		return stored > 0
	}
	k := int64(c) / g.RefblockEntries()
	if k >= int64(len(e.r.img.Reftable)) {
		return false
	}
	block := e.r.img.Reftable[k].Refblock()
	return g.Aligned(block) && int64(block) >= e.r.img.Src.Size()
}

// candidate is the one place that a damaged pointer can mean: where it points with its low
// bits cleared or with a single bit flipped, or where its neighbours in the table make it
// expected. ok is false when there is no such place or more than one.
func (e *evidence) candidate(f check.Finding, table bool) (host qcow2.HostOff, ok bool) {
	if f.Code == check.L2TableGarbage && e.r.report.Group(check.SnapshotL1Unaligned) != nil {
		return 0, false // what looks like the table may be the snapshot's
	}
	g := e.r.img.Geo
	for _, try := range e.tries(f, table) {
		if !g.Aligned(try.host) || ok && try.host == host || !e.fits(g.Cluster(try.host), f, table) {
			continue
		}
		if ok {
			return 0, false
		}
		host, ok = try.host, true
	}
	return host, ok
}

// try is a place that a damaged pointer may mean, and how one comes to think of it.
type try struct {
	host qcow2.HostOff
	how  string
}

// tries are the places to look at.
func (e *evidence) tries(f check.Finding, table bool) []try {
	g := e.r.img.Geo
	off := qcow2.HostOff(f.Got & qcow2.OffsetMask)
	tries := []try{{off &^ qcow2.HostOff(g.ClusterSize()-1), "its low bits are wrong"}}
	for bit := 9; bit < 56; bit++ {
		tries = append(tries, try{off ^ 1<<bit, fmt.Sprintf("bit %d is wrong", bit)})
	}
	if table {
		return tries
	}
	// Where whole tables are lost any of their clusters seems to wait for this pointer.
	if e.r.report.Group(check.LostMapping) != nil {
		return tries[:1]
	}
	if e.r.countBroken() == 1 {
		tries = append(tries, e.expected(f)...)
	}
	return tries
}

// fits tells whether the cluster can be what the damaged pointer meant: nobody else's, or
// legally shared with the same place in other layers.
func (e *evidence) fits(c qcow2.HostCluster, f check.Finding, table bool) bool {
	if e.vacant(c, f.Host) {
		return !table || e.isTable(e.r.img.Geo.Offset(c))
	}
	return e.shared(c, f)
}

// shared tells whether the cluster has one reference less than its refcount says, and all
// it has are from the same place of the disk in other layers.
func (e *evidence) shared(c qcow2.HostCluster, f check.Finding) bool {
	img, t := e.r.img, e.r.report.Refcounts
	if c <= 0 || int64(c) >= img.HostClusters() || len(e.r.report.Snapshots.Snapshots) == 0 {
		return false
	}
	own := uint64(0)
	if c >= img.Geo.Cluster(f.Host.Start) && c <= img.Geo.Cluster(f.Host.End()-1) {
		own = 1
	}
	stored, ok := e.stored(c)
	if !ok || t.Count(c) <= own || stored != t.Count(c)-own+1 {
		return false
	}
	same := true
	_, err := refcount.Claimants(e.r.ctx, img, e.r.report.Snapshots, t, refcount.Want{Lo: c, Hi: c}, func(k refcount.Claim) bool {
		if k.At != f.At.Off {
			same = k.L1Index == f.At.L1Index && k.L2Index == f.At.L2Index && k.Root >= 0
		}
		return same
	})
	return err == nil && same
}

// expected are the clusters that follow the previous entry's and precede the next one's:
// data is mostly written in runs.
func (e *evidence) expected(f check.Finding) (tries []try) {
	g := e.r.img.Geo
	for _, d := range []int64{-1, 1} {
		j := f.At.L2Index + d
		if j < 0 || j >= g.L2Entries() {
			continue
		}
		buf := make([]byte, g.L2EntrySize())
		if source.ReadFull(e.r.img.Src, buf, int64(f.At.Off)+d*g.L2EntrySize()) != nil {
			continue
		}
		n := qcow2.L2Table(buf).At(g, 0)
		if k := n.Kind(g); (k == qcow2.Normal || k == qcow2.ZeroAlloc) && g.Aligned(n.Host()) {
			tries = append(tries, try{n.Host() - qcow2.HostOff(d*g.ClusterSize()), "the entry beside it leads to the cluster beside it"})
		}
	}
	return tries
}

// isTable tells whether the cluster at off reads as an L2 table of this image.
func (e *evidence) isTable(off qcow2.HostOff) bool {
	buf := make([]byte, e.r.img.Geo.ClusterSize())
	if source.ReadFull(e.r.img.Src, buf, int64(off)) != nil {
		return false
	}
	return check.LooksLikeL2(e.r.img, e.r.report.Refcounts, buf)
}

// alone tells whether a pointer's target is what it should be and the pointer's own: in
// the file, aligned, claimed by nothing of another kind, and as often as its refcount says.
func (e *evidence) alone(f check.Finding) bool {
	img, t := e.r.img, e.r.report.Refcounts
	off := qcow2.HostOff(f.Got & qcow2.OffsetMask)
	c := img.Geo.Cluster(off)
	if off == 0 || !img.Geo.Aligned(off) || int64(off) >= img.Src.Size() {
		return false
	}
	stored, ok := e.stored(c)
	return ok && stored == t.Count(c) && sameKind(t.Role(c), f.At.Kind)
}

// sameKind tells whether a cluster of the role is what such a pointer may point to.
func sameKind(role refcount.Role, kind check.FieldKind) bool {
	switch role {
	case refcount.L2, refcount.InactiveL2:
		return kind == check.FieldL1
	case refcount.Data, refcount.ZeroData, refcount.InactiveData:
		return kind == check.FieldL2
	}
	return false
}
