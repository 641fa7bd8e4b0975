package check

import (
	"encoding/binary"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// Bounds of the lost-mapping guard.
const (
	guardManyLeaks = 16  // fewer are what a crash leaves behind
	guardShare     = 2   // leaks per mapped cluster: more means that the map is gone, not the data
	guardProbes    = 256 // leaked clusters that are looked into
)

// guardLostMapping tells a harmless leak from a mapping that was lost. When an L1 or L2
// table was wiped, the clusters behind it have a refcount and no reference, just as leaked
// ones do, but they hold the user's data: giving them back would destroy it. The finding
// keeps repairs from freeing anything.
func (c *checker) guardLostMapping() error {
	leaks := c.groups[LeakedCluster]
	if leaks == nil {
		return nil
	}
	tree := c.report.Refcounts.Tree
	at := headerPlace("l1_table_offset", qcow2.OffL1Table)
	f := Finding{Code: LostMapping, Times: 1, Got: leaks.Times, At: at}
	for i := range tree.Tables {
		if t := &tree.Tables[i]; t.Empty {
			f.At = Place{Kind: FieldL1, Role: refcount.L2, L1Index: t.L1Index, L2Index: -1, Off: -1}
			f.Host = qcow2.Range[qcow2.HostOff]{Start: t.Off, Len: qcow2.HostOff(c.img.Geo.ClusterSize())}
			f.Guest = c.guest(refcount.Trouble{L1Index: t.L1Index, L2Index: -1})
			c.add(f)
			return nil
		}
	}
	if len(tree.Tables) == 0 || leaks.Times >= guardManyLeaks && leaks.Times > guardShare*c.mapped() {
		c.add(f)
		return nil
	}
	orphan, err := c.orphanedL2(leaks)
	if err != nil || orphan < 0 {
		return err
	}
	f.Host = c.clusters(orphan, 1)
	c.add(f)
	return nil
}

// mapped is how many clusters hold guest data that some tree maps.
func (c *checker) mapped() (n uint64) {
	t := c.report.Refcounts
	for _, b := range t.Roles(0, t.Len()) {
		switch refcount.RoleOf(b) {
		case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData:
			n++
		}
	}
	return n
}

// orphanedL2 looks for a leaked cluster that is an L2 table by its content: the first of
// each run of leaks, since a table is written before the data that it maps. -1 is none.
func (c *checker) orphanedL2(leaks *Group) (int64, error) {
	g := c.img.Geo
	buf := make([]byte, g.ClusterSize())
	for _, f := range leaks.Findings[:min(len(leaks.Findings), guardProbes)] {
		if err := c.ctx.Err(); err != nil {
			return -1, err
		}
		if err := source.ReadFull(c.img.Src, buf, int64(f.Host.Start)); err != nil {
			continue // an unreadable leak proves nothing
		}
		if LooksLikeL2(c.img, c.report.Refcounts, buf) {
			return int64(g.Cluster(f.Host.Start)), nil
		}
	}
	return -1, nil
}

// LooksLikeL2 tells whether the cluster's bytes can be an L2 table that was lost: every
// entry could be one of this image's, and at least one points to a leaked cluster.
func LooksLikeL2(img *image.Image, t *refcount.Result, table qcow2.L2Table) bool {
	g, hits := img.Geo, 0
	for i := range g.L2Entries() {
		e := table.At(g, i)
		if e.Entry == 0 && e.Bitmap == 0 {
			continue
		}
		if !plausibleEntry(img, e) {
			return false
		}
		k := e.Kind(g)
		if (k == qcow2.Normal || k == qcow2.ZeroAlloc) && t.Role(g.Cluster(e.Host())) == refcount.Leaked {
			hits++
		}
	}
	return hits > 0
}

// PlausibleTable tells whether every entry of the L2 table could be one of this image's.
func PlausibleTable(img *image.Image, table qcow2.L2Table) bool {
	for i := range img.Geo.L2Entries() {
		if !plausibleEntry(img, table.At(img.Geo, i)) {
			return false
		}
	}
	return true
}

// plausibleEntry tells whether an L2 entry has no impossible bits and points into the file.
func plausibleEntry(img *image.Image, e qcow2.L2Entry) bool {
	g, size := img.Geo, img.Src.Size()
	switch e.Kind(g) {
	case qcow2.Compressed:
		return !e.Copied() && e.Bitmap == 0 && int64(e.CompressedRange(g).Start) < size
	case qcow2.Normal, qcow2.ZeroAlloc:
		return e.Reserved() == 0 && g.Aligned(e.Host()) && (g.DataFile || int64(e.Host()) < size) && e.Bitmap.Alloc()&e.Bitmap.Zero() == 0
	}
	return e.Reserved() == 0 && e.Bitmap.Alloc() == 0
}
