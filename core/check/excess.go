package check

import (
	"math"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// QEMU's check does not look at what is there beyond need: mappings behind the end of the
// disk, refcounts and bytes behind the end of the file.

// excessTables bounds the L2 tables that are read for what they map behind the disk.
const excessTables = 256

// excess notes what lies behind the end of the disk and behind the last cluster in use.
func (c *checker) excess() error {
	if n := c.size - c.report.ImageEnd; n >= c.img.Geo.ClusterSize() && c.groups[RefcountUnreadable] == nil {
		c.add(Finding{Code: FileLonger, Times: 1, At: headerPlace("", -1), Got: uint64(c.size), Want: uint64(c.report.ImageEnd),
			Host: qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(c.report.ImageEnd), Len: qcow2.HostOff(n)}})
	}
	return c.behindDisk()
}

// beyond is what the active layer maps behind the end of its disk.
type beyond struct {
	clusters    uint64
	first, last qcow2.GuestOff // of the clusters
	beforeState bool           // some lie before the place where VM state begins
	atState     bool           // one lies just there
}

// behindDisk looks at what the active layer maps behind the end of the disk. VM state is
// kept there, from the first L1 entry on that maps nothing of the disk, and stays when a
// snapshot with it is applied. Anything else means that the disk was larger.
func (c *checker) behindDisk() error {
	g, size := c.img.Geo, c.img.Header.Size
	if size > math.MaxInt64-uint64(g.ClusterSize()) {
		return nil // no table maps what lies behind that
	}
	end := qcow2.GuestOff(g.Clusters(int64(size)) << g.ClusterBits)
	found := beyond{first: -1}
	read := 0
	err := c.eachL2(c.img.L1, g.L1Index(end), func(i int64, l2 qcow2.L2Table) bool {
		found.look(g, l2, i, end, int64(g.L1EntriesFor(size)))
		read++
		return read < excessTables
	})
	if found.clusters > 0 {
		c.addBeyond(found)
	}
	return err
}

// eachL2 visits the tables of the L1 entries from i on, as far as they are tables, until
// visit is false. What cannot be read ends it: the walk has told so.
func (c *checker) eachL2(l1 image.L1Table, i int64, visit func(i int64, l2 qcow2.L2Table) bool) error {
	const window = 64 << 10
	entries := min(l1.Entries, max(0, c.size-int64(l1.Off))/qcow2.L1EntrySize) // behind the file's end are none
	table, garbage := make([]byte, c.img.Geo.ClusterSize()), c.garbageTables()
	for i < entries {
		b := make([]byte, min(window, (entries-i)*qcow2.L1EntrySize))
		if source.ReadFull(c.img.Src, b, int64(l1.Off)+i*qcow2.L1EntrySize) != nil {
			return c.ctx.Err()
		}
		for ; len(b) > 0; b, i = b[qcow2.L1EntrySize:], i+1 {
			off := qcow2.L1Entry(be64(b)).L2Table()
			if off == 0 || !c.img.Geo.Aligned(off) || int64(off) >= c.size || garbage[off] {
				continue
			}
			if c.ctx.Err() != nil || source.ReadFull(c.img.Src, table, int64(off)) != nil || !visit(i, table) {
				return c.ctx.Err()
			}
		}
	}
	return c.ctx.Err()
}

// look takes in what table i maps from end on.
func (b *beyond) look(g qcow2.Geometry, l2 qcow2.L2Table, i int64, end qcow2.GuestOff, state int64) {
	for j := range g.L2Entries() {
		at := g.GuestOffset(i, j)
		if at < end {
			continue
		}
		if k := l2.At(g, j).Kind(g); k == qcow2.Unallocated || k == qcow2.ZeroPlain {
			continue
		}
		if b.clusters++; b.first < 0 {
			b.first = at
		}
		b.last = at
		b.beforeState = b.beforeState || i < state
		b.atState = b.atState || i == state && j == 0
	}
}

func (c *checker) addBeyond(b beyond) {
	f := Finding{Code: VMStateLeft, Times: 1, Count: b.clusters, Got: c.img.Header.Size, At: headerPlace("size", qcow2.OffSize),
		Guest: qcow2.Range[qcow2.GuestOff]{Start: b.first, Len: b.last - b.first + qcow2.GuestOff(c.img.Geo.ClusterSize())}}
	if b.beforeState || !b.atState {
		f.Code = GuestBeyondSize
	}
	c.add(f)
}

// garbageTables are the L2 tables that were found to be none.
func (c *checker) garbageTables() map[qcow2.HostOff]bool {
	tables := map[qcow2.HostOff]bool{}
	if g := c.groups[L2TableGarbage]; g != nil {
		for _, f := range g.Findings {
			tables[f.Host.Start] = true
		}
	}
	return tables
}

// pastEnd notes refcounts in the refblock of the file's end that are of clusters behind it.
func (c *checker) pastEnd(from, end int64, block qcow2.Refblock) {
	order, first, n := c.img.Geo.RefcountOrder, int64(-1), uint64(0)
	for i := end - from; i < c.img.Geo.RefblockEntries(); i++ {
		if block.At(order, i) != 0 {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n > 0 {
		c.add(Finding{Code: RefcountPastEnd, Times: 1, Count: n, Got: block.At(order, first),
			At: Place{Kind: FieldRefcount, Root: -1, L1Index: from + first, L2Index: -1, Off: c.refcountField(from + first)}})
	}
}

// snapshotDiskSize notes a recorded disk size that the snapshot cannot have had.
func (c *checker) snapshotDiskSize(t *image.SnapshotTable, i int) {
	s := &t.Snapshots[i]
	size, ok := s.DiskSize()
	l1, err := c.img.SnapshotL1(s)
	if !ok || err != nil || size != 0 && size%qcow2.SectorSize == 0 && c.img.Geo.L1EntriesFor(size) <= uint64(l1.Entries) || size == 0 && !c.mapsAnything(l1) {
		return
	}
	c.add(Finding{Code: SnapshotDiskSize, Got: size, Times: 1, Count: uint64(c.img.Geo.L2Span()) * uint64(l1.Entries),
		At: Place{Kind: FieldSnapshot, Name: "disk_size", Role: refcount.SnapshotTable, Root: i + 1, L1Index: -1, L2Index: -1,
			Off: qcow2.HostOff(t.Offsets[i] + qcow2.SnapshotHeaderSize + 8)}})
}

// mapsAnything looks for an entry in the first part of an L1 table.
func (c *checker) mapsAnything(l1 image.L1Table) bool {
	b := make([]byte, min(l1.Bytes(), 64<<10))
	if source.ReadFull(c.img.Src, b, int64(l1.Off)) != nil {
		return false // the walk tells that it cannot be read
	}
	for _, v := range b {
		if v != 0 {
			return true
		}
	}
	return false
}
