package repair

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// bitmapsExtension corrects the fields of the bitmaps extension where exactly one directory
// fits: its reserved field, the number of bitmaps or the directory's length where the
// directory shows it, or the directory's place.
func (r *repairer) bitmapsExtension() error {
	e := qcow2.FindExtension(r.img.Extensions, qcow2.ExtBitmaps)
	if e == nil || r.report.Group(check.BitmapDirectoryBad) == nil {
		return nil
	}
	ext, ok := qcow2.DecodeBitmapsExtension(e.Data)
	if !ok {
		return nil
	}
	fit, ok := r.directoryAt(ext, ext.DirectoryOffset)
	if !ok {
		var err error
		if fit, ok, err = r.directoryElsewhere(ext); err != nil {
			return err
		}
	}
	fit.Reserved = 0
	if !ok || fit == ext {
		return nil
	}
	w := patch.Write{Off: e.Off + 8, Data: fit.AppendTo(nil), Why: fmt.Sprintf("bitmaps extension: %d bitmaps in a directory of %d bytes at 0x%x", fit.NbBitmaps, fit.DirectorySize, fit.DirectoryOffset)}
	if ok, err := r.betters(w); err != nil || !ok {
		return err
	}
	r.add([]patch.Write{w})
	r.step(check.BitmapDirectoryBad, 1, "correct the bitmaps extension; the directory shows what it should say")
	return nil
}

// directoryBytes bounds what is read where a directory may be.
const directoryBytes = 1 << 20

// directoryAt tells whether at off there is a directory with as many bitmaps, or as many
// bytes, as ext says. One of the two may be wrong.
func (r *repairer) directoryAt(ext qcow2.BitmapsExtension, off uint64) (fit qcow2.BitmapsExtension, ok bool) {
	if off == 0 || off >= uint64(r.img.Src.Size()) || !r.img.Geo.Aligned(qcow2.HostOff(off)) {
		return fit, false
	}
	look := qcow2.BitmapsExtension{NbBitmaps: qcow2.MaxBitmaps, DirectorySize: directoryBytes, DirectoryOffset: off}
	all, _ := r.img.BitmapDirectory(&look) // reads past the directory's end
	fits, size := 0, uint64(0)
	for i := range all {
		if !r.isBitmap(&all[i]) {
			break
		}
		size += uint64(all[i].Bytes())
		n := uint32(i + 1)
		if n == ext.NbBitmaps || size == ext.DirectorySize {
			fit = qcow2.BitmapsExtension{NbBitmaps: n, DirectorySize: size, DirectoryOffset: off}
			fits++
		}
	}
	return fit, fits == 1
}

// isBitmap tells whether the entry is one that QEMU can open, whose table is a bitmap's or
// nobody's. The table may have bad entries.
func (r *repairer) isBitmap(m *qcow2.Bitmap) bool {
	if err := r.img.JudgeBitmap(m); err != nil && !errors.Is(err, image.ErrBitmapTable) {
		return false
	}
	role := r.report.Refcounts.Role(r.img.Geo.Cluster(qcow2.HostOff(m.TableOffset)))
	return role == refcount.Leaked || role == refcount.BitmapData
}

// directoryElsewhere is the only directory in leaked clusters that is exactly as ext says.
// A place near the old pointer goes before others.
func (r *repairer) directoryElsewhere(ext qcow2.BitmapsExtension) (fit qcow2.BitmapsExtension, ok bool, err error) {
	var near, all []qcow2.BitmapsExtension
	for _, place := range r.probes() {
		if err := r.ctx.Err(); err != nil {
			return fit, false, err
		}
		off := uint64(place)
		first := qcow2.BitmapsExtension{NbBitmaps: 1, DirectorySize: qcow2.BitmapDirectoryEntrySize + qcow2.MaxBitmapName + 7, DirectoryOffset: off}
		if head, _ := r.img.BitmapDirectory(&first); len(head) == 0 || !r.isBitmap(&head[0]) {
			continue
		}
		d, exact := r.directoryAt(ext, off)
		if !exact || d.NbBitmaps != ext.NbBitmaps || d.DirectorySize != ext.DirectorySize {
			continue
		}
		if all = append(all, d); r.nearMiss(off, ext.DirectoryOffset) {
			near = append(near, d)
		}
	}
	fit, ok = theOne(near, all)
	return fit, ok, nil
}

// bitmapEntries corrects a field of a directory entry where exactly one correction makes
// the bitmap whole again.
func (r *repairer) bitmapEntries() error {
	ext := r.img.BitmapsExt
	if ext == nil || r.report.Group(check.BitmapDirectoryBad) == nil || !r.own(qcow2.HostOff(ext.DirectoryOffset), int64(ext.DirectorySize)) {
		return nil
	}
	at := int64(ext.DirectoryOffset)
	for i := range r.img.Bitmaps {
		m := &r.img.Bitmaps[i]
		if err := r.img.JudgeBitmap(m); err == nil || errors.Is(err, image.ErrBitmapTable) {
			at += m.Bytes()
			continue
		}
		var fits []patch.Write
		for _, w := range r.entryFixes(m, at) {
			ok, err := r.betters(w)
			if err != nil {
				return err
			}
			if ok {
				fits = append(fits, w)
			}
		}
		if len(fits) == 1 {
			r.add(fits)
			r.step(check.BitmapDirectoryBad, 1, fmt.Sprintf("correct a field of bitmap %q; the rest of it leaves one reading", m.Name))
		}
		return nil // QEMU names the first bad entry only: the others cannot be tried before
	}
	// The directory ends in an entry that does not fit: it may only seem to have extra data,
	// which no program writes.
	w := patch.Write{Off: at + 20, Data: be32bytes(0), Why: "bitmap directory: the entry has no extra data"}
	if at+qcow2.BitmapDirectoryEntrySize > int64(ext.DirectoryOffset+ext.DirectorySize) {
		return nil
	}
	ok, err := r.betters(w)
	if ok {
		r.add([]patch.Write{w})
		r.step(check.BitmapDirectoryBad, 1, "correct a bitmap's extra_data_size; the rest of it leaves one reading")
	}
	return err
}

// entryFixes are corrections of one field each that make the entry at the offset sound.
func (r *repairer) entryFixes(m *qcow2.Bitmap, at int64) (all []patch.Write) {
	try := func(fixed qcow2.Bitmap, off int64, data []byte, field string, v uint64) {
		same := func(w patch.Write) bool { return w.Off == at+off && bytes.Equal(w.Data, data) }
		if !slices.ContainsFunc(all, same) && r.img.JudgeBitmap(&fixed) == nil {
			all = append(all, patch.Write{Off: at + off, Data: data, Why: fmt.Sprintf("bitmap %q, %s: %d, the only value that fits the rest", m.Name, field, v)})
		}
	}
	if m.GranularityBits <= qcow2.MaxBitmapGranularity {
		n := r.img.BitmapTableEntries(m.GranularityBits)
		fixed := *m
		fixed.TableSize = uint32(min(n, qcow2.MaxBitmapTable))
		try(fixed, 8, be32bytes(fixed.TableSize), "bitmap_table_size", n)
	}
	fixed := *m
	fixed.Flags &= qcow2.BitmapInUse | qcow2.BitmapAuto
	try(fixed, qcow2.OffBitmapFlags, be32bytes(fixed.Flags), "flags", uint64(fixed.Flags))
	fixed = *m
	fixed.Type = qcow2.BitmapTypeDirty
	try(fixed, 16, []byte{fixed.Type}, "type", qcow2.BitmapTypeDirty)
	for g := uint8(qcow2.MinBitmapGranularity); g <= qcow2.MaxBitmapGranularity; g++ {
		fixed = *m
		fixed.GranularityBits = g
		try(fixed, 17, []byte{g}, "granularity_bits", uint64(g))
	}
	for bit := range 64 {
		fixed = *m
		fixed.TableOffset ^= 1 << bit
		try(fixed, 0, be64bytes(fixed.TableOffset), "bitmap_table_offset", fixed.TableOffset)
	}
	fixed = *m
	fixed.TableOffset &^= uint64(r.img.Geo.ClusterSize() - 1)
	try(fixed, 0, be64bytes(fixed.TableOffset), "bitmap_table_offset", fixed.TableOffset)
	return all
}
