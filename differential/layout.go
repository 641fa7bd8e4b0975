//go:build !js

package differential

import (
	"context"
	"encoding/binary"
	"strings"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Bounds of what is listed of one table: enough to draw from.
const (
	mostUnused = 24
	mostCounts = 2048
)

// layout lists the metadata fields of a healthy image.
type layout struct {
	b   *Base
	img *image.Image
	g   qcow2.Geometry
	// active are the L2 tables of the active layer: what snapshots share with it is listed
	// there.
	active map[int64]bool
}

// findFields fills in the base's fields and tables.
func (b *Base) findFields(ctx context.Context) error {
	img, err := image.Open(ctx, source.Bytes(b.Image))
	if err != nil {
		return err
	}
	snaps, err := img.ReadSnapshots()
	if err != nil {
		return err
	}
	b.geo = img.Geo
	b.fields = map[string][]field{}
	l := layout{b: b, img: img, g: img.Geo, active: map[int64]bool{}}
	l.header()
	l.extensions()
	l.refcounts()
	l.l1("l1", "l2", img.L1)
	l.snapshots(snaps)
	l.bitmaps()
	return nil
}

func (l *layout) add(f field) {
	group, _, _ := strings.Cut(f.class, ".")
	if f.off+int64(f.size) <= int64(len(l.b.Image)) {
		l.b.fields[group] = append(l.b.fields[group], f)
	}
}

func (l *layout) addTable(class string, off, n int64) {
	if n = min(n, int64(len(l.b.Image))-off); n > 0 {
		l.b.tables = append(l.b.tables, table{"table." + class, off, n})
	}
}

func (l *layout) u64(off int64) uint64 {
	if off+8 > int64(len(l.b.Image)) {
		return 0
	}
	return binary.BigEndian.Uint64(l.b.Image[off:])
}

// headerFields are the specification's, in its order.
var headerFields = []field{
	{class: "magic", off: 0, size: 4, sort: text},
	{class: "version", off: qcow2.OffVersion, size: 4, sort: count},
	{class: "backing_file_offset", off: qcow2.OffBackingOffset, size: 8, sort: offset},
	{class: "backing_file_size", off: qcow2.OffBackingSize, size: 4, sort: count},
	{class: "cluster_bits", off: qcow2.OffClusterBits, size: 4, sort: count},
	{class: "size", off: qcow2.OffSize, size: 8, sort: count},
	{class: "crypt_method", off: qcow2.OffCryptMethod, size: 4, sort: count},
	{class: "l1_size", off: qcow2.OffL1Size, size: 4, sort: count},
	{class: "l1_table_offset", off: qcow2.OffL1Table, size: 8, sort: offset},
	{class: "refcount_table_offset", off: qcow2.OffReftable, size: 8, sort: offset},
	{class: "refcount_table_clusters", off: qcow2.OffReftableLen, size: 4, sort: count},
	{class: "nb_snapshots", off: qcow2.OffNbSnapshots, size: 4, sort: count},
	{class: "snapshots_offset", off: qcow2.OffSnapshots, size: 8, sort: offset},
	{class: "incompatible_features", off: qcow2.OffIncompatible, size: 8, sort: flags},
	{class: "compatible_features", off: qcow2.OffCompatible, size: 8, sort: flags},
	{class: "autoclear_features", off: qcow2.OffAutoclear, size: 8, sort: flags},
	{class: "refcount_order", off: qcow2.OffRefcountOrder, size: 4, sort: count},
	{class: "header_length", off: qcow2.OffHeaderLength, size: 4, sort: count},
	{class: "compression_type", off: qcow2.OffCompressionType, size: 1, sort: count},
	{class: "padding", off: qcow2.OffCompressionType + 1, size: 7, sort: text},
}

func (l *layout) header() {
	for _, f := range headerFields {
		if f.off < int64(l.img.Header.HeaderLength) {
			f.class = "header." + f.class
			l.add(f)
		}
	}
	l.addTable("header", 8, qcow2.SectorSize-8)
	if h := &l.img.Header; h.BackingFileOffset != 0 {
		l.add(field{class: "header.backing_name", off: int64(h.BackingFileOffset), size: min(8, int(h.BackingFileSize)), sort: text})
	}
}

func (l *layout) extensions() {
	end := int64(l.img.Header.HeaderLength)
	for _, e := range l.img.Extensions {
		l.add(field{class: "extension.type", off: e.Off, size: 4, sort: text})
		l.add(field{class: "extension.length", off: e.Off + 4, size: 4, sort: count})
		data := e.Off + 8
		switch e.Type {
		case qcow2.ExtBitmaps:
			l.add(field{class: "bitmap.nb_bitmaps", off: data, size: 4, sort: count})
			l.add(field{class: "bitmap.reserved", off: data + 4, size: 4, sort: count})
			l.add(field{class: "bitmap.directory_size", off: data + 8, size: 8, sort: count})
			l.add(field{class: "bitmap.directory_offset", off: data + 16, size: 8, sort: offset})
		case qcow2.ExtLUKS:
			l.add(field{class: "luks.offset", off: data, size: 8, sort: offset})
			l.add(field{class: "luks.length", off: data + 8, size: 8, sort: count})
		default:
			l.add(field{class: "extension.data", off: data, size: min(8, len(e.Data)), sort: text})
		}
		end = data + int64(len(e.Data)+7)&^7
	}
	if end+8 <= l.g.ClusterSize() && l.img.Header.BackingFileOffset == 0 {
		l.add(field{class: "extension.end", off: end, size: 8, sort: text})
	}
	if l.img.LUKS.Len > 0 {
		l.luksHeader(int64(l.img.LUKS.Start))
	}
}

// luksHeader are the fields that say with no key whether QEMU opens the image. The first slot
// has the key: with other numbers in it the password would be wrong, which nobody can see.
func (l *layout) luksHeader(off int64) {
	const slots, slotBytes, slotCount = 208, 48, 8
	l.add(field{class: "luks.header", off: off, size: 8, sort: text})
	l.add(field{class: "luks.payload", off: off + 104, size: 4, sort: count})
	for i := range int64(slotCount) {
		slot := off + slots + i*slotBytes
		l.add(field{class: "luks.slot_stripes", off: slot + 44, size: 4, sort: count})
		l.add(field{class: "luks.slot_state", off: slot, size: 4, sort: count})
		if i > 0 {
			l.add(field{class: "luks.slot_start", off: slot + 40, size: 4, sort: count})
		}
	}
}

func (l *layout) refcounts() {
	off, unused, n := int64(l.img.Header.RefcountTableOffset), 0, 0
	l.addTable("reftable", off, l.img.ReftableBytes())
	for i, e := range l.img.Reftable {
		f := field{class: "reftable.used", off: off + 8*int64(i), size: 8, sort: entry}
		if e == 0 {
			f.class = "reftable.unused"
			if unused++; unused > mostUnused {
				continue
			}
		}
		l.add(f)
		if e == 0 {
			continue
		}
		l.addTable("refblock", int64(e.Refblock()), l.g.ClusterSize())
		for k := range l.g.RefblockEntries() {
			if n++; n > mostCounts {
				break
			}
			l.count(e.Refblock(), int64(i)*l.g.RefblockEntries()+k, k)
		}
	}
}

// count lists one refcount, by what it counts.
func (l *layout) count(block qcow2.HostOff, cluster, k int64) {
	f := field{sort: refcount, off: int64(block), index: k, order: l.g.RefcountOrder, size: int(l.g.ClusterSize())}
	switch at := qcow2.Refblock(l.b.Image[block:min(int64(block)+l.g.ClusterSize(), int64(len(l.b.Image)))]); {
	case int64(len(at)) < l.g.ClusterSize():
		return
	case cluster >= l.img.HostClusters():
		f.class = "refblock.beyond_eof"
		if cluster > l.img.HostClusters()+mostUnused {
			return
		}
	case at.At(l.g.RefcountOrder, k) == 0:
		f.class = "refblock.unused"
	default:
		f.class = "refblock.used"
	}
	l.add(f)
}

// l1 lists an L1 table and the L2 tables behind it that are not listed yet.
func (l *layout) l1(class, l2class string, t image.L1Table) {
	l.addTable(class, int64(t.Off), t.Bytes())
	unused := 0
	for i := range t.Entries {
		at := int64(t.Off) + 8*i
		e := qcow2.L1Entry(l.u64(at))
		if e != 0 {
			l.add(field{class: class + ".used", off: at, size: 8, sort: entry})
		} else if unused++; unused <= mostUnused {
			l.add(field{class: class + ".unused", off: at, size: 8, sort: entry})
		}
		if off := int64(e.L2Table()); e != 0 && !l.active[off] {
			l.active[off] = true
			l.l2(l2class, off)
		}
	}
}

func (l *layout) l2(class string, off int64) {
	l.addTable(class, off, l.g.ClusterSize())
	if off+l.g.ClusterSize() > int64(len(l.b.Image)) {
		return
	}
	unused := 0
	for i := range l.g.L2Entries() {
		at := off + i*l.g.L2EntrySize()
		e := qcow2.L2Table(l.b.Image[off:off+l.g.ClusterSize()]).At(l.g, i)
		if e == (qcow2.L2Entry{}) {
			if unused++; unused > mostUnused {
				continue
			}
		}
		l.add(field{class: class + "." + e.Kind(l.g).String(), off: at, size: 8, sort: entry})
		if l.g.ExtendedL2 {
			l.add(field{class: class + ".bitmap", off: at + 8, size: 8, sort: flags})
		}
	}
}
