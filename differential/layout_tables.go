//go:build !js

package differential

import (
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// snapshotFields are the specification's for an entry of the snapshot table.
var snapshotFields = []field{
	{class: "l1_table_offset", off: 0, size: 8, sort: offset},
	{class: "l1_size", off: 8, size: 4, sort: count},
	{class: "id_size", off: 12, size: 2, sort: count},
	{class: "name_size", off: 14, size: 2, sort: count},
	{class: "date", off: 16, size: 8, sort: text},
	{class: "vm_clock", off: 24, size: 8, sort: text},
	{class: "vm_state_size", off: 32, size: 4, sort: count},
	{class: "extra_data_size", off: 36, size: 4, sort: count},
	{class: "extra_data", off: 40, size: 8, sort: count},
	{class: "disk_size", off: 48, size: 8, sort: count},
}

// snapshots lists the snapshot table and the trees of the snapshots.
func (l *layout) snapshots(t *image.SnapshotTable) {
	if len(t.Snapshots) == 0 {
		return
	}
	l.addTable("snapshots", int64(t.Off), t.Bytes)
	for i, s := range t.Snapshots {
		l.b.snapshots = append(l.b.snapshots, string(s.Name))
		for _, f := range snapshotFields {
			f.class, f.off = "snapshot."+f.class, f.off+t.Offsets[i]
			l.add(f)
		}
		l.add(field{class: "snapshot.id", off: t.Offsets[i] + qcow2.SnapshotHeaderSize + int64(len(s.Extra)), size: len(s.ID), sort: text})
		l.l1("snapshot_l1", "snapshot_l2", image.L1Table{Off: qcow2.HostOff(s.L1TableOffset), Entries: int64(s.L1Size)})
	}
}

// bitmapFields are the specification's for an entry of the bitmap directory.
var bitmapFields = []field{
	{class: "table_offset", off: 0, size: 8, sort: offset},
	{class: "table_size", off: 8, size: 4, sort: count},
	{class: "flags", off: 12, size: 4, sort: flags},
	{class: "type", off: 16, size: 1, sort: count},
	{class: "granularity_bits", off: 17, size: 1, sort: count},
	{class: "name_size", off: 18, size: 2, sort: count},
	{class: "extra_data_size", off: 20, size: 4, sort: count},
	{class: "name", off: 24, size: 2, sort: text},
}

// bitmaps lists the bitmap directory and the bitmap tables.
func (l *layout) bitmaps() {
	if l.img.BitmapsExt == nil {
		return
	}
	at := int64(l.img.BitmapsExt.DirectoryOffset)
	l.addTable("bitmap_directory", at, int64(l.img.BitmapsExt.DirectorySize))
	for i := range l.img.Bitmaps {
		m := &l.img.Bitmaps[i]
		for _, f := range bitmapFields {
			f.class, f.off = "bitmap."+f.class, f.off+at
			l.add(f)
		}
		l.addTable("bitmap_table", int64(m.TableOffset), int64(m.TableSize)*qcow2.BitmapTableEntrySize)
		for k := range min(int64(m.TableSize), mostUnused) {
			l.add(field{class: "bitmap.table_entry", off: int64(m.TableOffset) + 8*k, size: 8, sort: entry})
		}
		head := qcow2.DecodeBitmapHead(l.b.Image[at:])
		at += head.Size()
	}
}
