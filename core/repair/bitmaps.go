package repair

import (
	"errors"
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// bitmaps makes the bitmaps such that QEMU opens the image: one bad bitmap keeps it from
// that. Neither the disk nor the snapshots depend on them; QEMU's own repair destroys
// snapshots where there are bitmaps.
func (r *repairer) bitmaps() error {
	if r.opt.Scope == Leaks {
		return nil
	}
	for _, part := range []func() error{r.bitmapsExtension, r.bitmapEntries, r.bitmapDirectory, r.bitmapTables, r.unvouchedBitmaps} {
		if err := r.unlessLeft(part); err != nil {
			return err
		}
		if err := r.commitPart(); err != nil {
			return err
		}
	}
	return nil
}

// unvouchedBitmaps leaves out, by consent, the extension that no autoclear bit vouches for.
// With it in the header a QEMU that opens the image for repair forgets the snapshots.
func (r *repairer) unvouchedBitmaps() error {
	if r.report.Group(check.BitmapsUnvouched) == nil || !r.accepts(check.BitmapsUnvouched) {
		return nil
	}
	if err := r.removeBitmaps("bitmaps extension: left out by consent, no program uses it"); err != nil {
		return err
	}
	r.step(check.BitmapsUnvouched, 1, "leave the bitmaps that were not kept up to date out of the header")
	return nil
}

// removeBitmaps takes the bitmaps extension out of the header.
func (r *repairer) removeBitmaps(why string) error {
	h := &headerEdit{r: r, head: make([]byte, r.img.Geo.ClusterSize())}
	if err := source.ReadFull(r.img.Src, h.head[:min(int64(len(h.head)), r.img.Src.Size())], 0); err != nil {
		return err
	}
	e := qcow2.FindExtension(r.img.Extensions, qcow2.ExtBitmaps)
	r.removeExtension(h.area(), e.Off, padded(e.Off, int64(len(e.Data))), why)
	return nil
}

// bitmapDirectory drops, by consent, the bitmaps whose directory entries are impossible, or
// all that cannot be read.
func (r *repairer) bitmapDirectory() error {
	if r.report.Group(check.BitmapDirectoryBad) == nil || !r.accepts(check.BitmapDirectoryBad) {
		return nil
	}
	kept := r.soundBitmaps(r.img.Bitmaps)
	dropped := uint64(1)
	if ext := r.img.BitmapsExt; ext != nil && int(ext.NbBitmaps) > len(kept) {
		dropped = uint64(int(ext.NbBitmaps) - len(kept))
	}
	r.cut = true
	r.step(check.BitmapDirectoryBad, dropped, fmt.Sprintf("drop bitmaps that cannot be read; %d stay", len(kept)))
	if len(kept) == 0 {
		return r.removeBitmaps("bitmaps extension: left out by consent, no bitmap can be read")
	}
	free, err := r.allocator()
	if err != nil {
		return err
	}
	return r.writeDirectory(kept, free)
}

// soundBitmaps are those that QEMU can open, each name once. A table with a bad entry can
// be mended.
func (r *repairer) soundBitmaps(all []qcow2.Bitmap) (kept []qcow2.Bitmap) {
	names := map[string]bool{}
	for i := range all {
		m := &all[i]
		if err := r.img.JudgeBitmap(m); err != nil && !errors.Is(err, image.ErrBitmapTable) || names[string(m.Name)] {
			continue
		}
		names[string(m.Name)] = true
		kept = append(kept, *m)
	}
	return kept
}

// writeDirectory writes the directory to clusters that hold nothing and switches the
// extension to it. The autoclear bit is clear while the extension changes, since it may not
// lie in one sector: no program believes half of it.
func (r *repairer) writeDirectory(all []qcow2.Bitmap, a *alloc.Allocator) error {
	const (
		batchWrite = iota
		batchChange
		batchVouch
	)
	var dir []byte
	for i := range all {
		dir = all[i].AppendTo(dir)
	}
	g, bits := r.img.Geo, r.img.Header.AutoclearFeatures
	clusters := g.Clusters(int64(len(dir)))
	off := g.Offset(a.TakeRun(clusters))
	size := uint64(len(dir))
	dir = append(dir, make([]byte, clusters<<g.ClusterBits-int64(len(dir)))...)
	e := qcow2.FindExtension(r.img.Extensions, qcow2.ExtBitmaps)
	ext := qcow2.BitmapsExtension{NbBitmaps: uint32(len(all)), DirectorySize: size, DirectoryOffset: uint64(off)}
	r.stage.Add(batchWrite, int64(off), dir, "new bitmap directory")
	r.stage.Add(batchWrite, qcow2.OffAutoclear, be64bytes(bits&^qcow2.AutoclearBitmaps), "autoclear_features: bit 0 clear while the bitmaps extension changes")
	r.stage.Add(batchChange, e.Off+8, ext.AppendTo(nil), "bitmaps extension: switch to the new directory")
	r.stage.Add(batchVouch, qcow2.OffAutoclear, be64bytes(bits|qcow2.AutoclearBitmaps), "autoclear_features: bit 0, the bitmaps are right")
	return nil
}
