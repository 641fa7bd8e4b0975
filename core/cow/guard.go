package cow

import (
	"cmp"
	"slices"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// guard knows where the image's own tables lie. QEMU looks there before it writes to a
// cluster, too: a refcount or an entry that lies must not cost a table.
type guard struct {
	g       qcow2.Geometry
	regions []qcow2.Range[qcow2.HostOff] // sorted by start: header, L1 tables, reftable, ...
	ends    []qcow2.HostOff              // the greatest end of the regions up to each
	blocks  []qcow2.HostOff              // of refblocks, sorted
	tables  []qcow2.HostOff              // of active L2 tables, sorted
}

func newGuard(img *image.Image, l1 []qcow2.L1Entry, snaps *image.SnapshotTable) guard {
	cs := qcow2.HostOff(img.Geo.ClusterSize())
	d := guard{g: img.Geo}
	add := func(off qcow2.HostOff, n int64) {
		if n > 0 {
			d.regions = append(d.regions, qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(n)})
		}
	}
	add(0, int64(cs))
	add(img.L1.Off, img.L1.Bytes())
	add(qcow2.HostOff(img.Header.RefcountTableOffset), img.ReftableBytes())
	add(snaps.Off, snaps.Bytes)
	for i := range snaps.Snapshots {
		if t, err := img.SnapshotL1(&snaps.Snapshots[i]); err == nil {
			add(t.Off, t.Bytes())
		}
	}
	if ext := img.BitmapsExt; ext != nil {
		add(qcow2.HostOff(ext.DirectoryOffset), int64(ext.DirectorySize))
	}
	slices.SortFunc(d.regions, func(a, b qcow2.Range[qcow2.HostOff]) int { return cmp.Compare(a.Start, b.Start) })
	end := qcow2.HostOff(0)
	for _, r := range d.regions {
		end = max(end, r.End())
		d.ends = append(d.ends, end)
	}
	for _, e := range img.Reftable {
		if off := e.Refblock(); off > 0 {
			d.blocks = append(d.blocks, off)
		}
	}
	for _, e := range l1 {
		if off := e.L2Table(); off > 0 {
			d.tables = append(d.tables, off)
		}
	}
	slices.Sort(d.blocks)
	slices.Sort(d.tables)
	return d
}

// data says whether guest data, or a new table, may be written to the clusters of a range.
func (d *guard) data(r qcow2.Range[qcow2.HostOff]) error {
	if d.hits(d.tables, d.clusters(r)) {
		return &StopError{Host: r, At: -1, Err: ErrOverlap}
	}
	return d.table(r)
}

// table says whether an L2 table that is in use may be written to.
func (d *guard) table(r qcow2.Range[qcow2.HostOff]) error {
	if whole := d.clusters(r); d.hits(d.blocks, whole) || d.hitsRegion(whole) {
		return &StopError{Host: r, At: -1, Err: ErrOverlap}
	}
	return nil
}

// clusters is the range up to the boundaries of clusters: a cluster has one owner.
func (d *guard) clusters(r qcow2.Range[qcow2.HostOff]) qcow2.Range[qcow2.HostOff] {
	cs := d.g.ClusterSize()
	start := int64(r.Start) &^ (cs - 1)
	return qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(start), Len: qcow2.HostOff(roundUp(int64(r.End()), cs) - start)}
}

// hits tells whether the range touches one of the clusters, which are given by their starts.
func (d *guard) hits(starts []qcow2.HostOff, r qcow2.Range[qcow2.HostOff]) bool {
	i, _ := slices.BinarySearch(starts, r.Start-qcow2.HostOff(d.g.ClusterSize())+1)
	return i < len(starts) && starts[i] < r.End()
}

// hitsRegion looks at the regions that begin before the end of r: one of them touches it
// exactly if the greatest of their ends lies behind its start.
func (d *guard) hitsRegion(r qcow2.Range[qcow2.HostOff]) bool {
	i, _ := slices.BinarySearchFunc(d.regions, r.End(), func(x qcow2.Range[qcow2.HostOff], end qcow2.HostOff) int {
		return cmp.Compare(x.Start, end)
	})
	return i > 0 && d.ends[i-1] > r.Start
}
