package image

import (
	"context"
	"errors"
	"fmt"
	"math"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// readBitmapsExtension believes the extension only when autoclear bit 0 vouches for it; its
// length must be right even without.
func (img *Image) readBitmapsExtension() {
	e := qcow2.FindExtension(img.Extensions, qcow2.ExtBitmaps)
	if e == nil {
		return
	}
	ext, ok := qcow2.DecodeBitmapsExtension(e.Data)
	if ok && img.Header.AutoclearFeatures&qcow2.AutoclearBitmaps == 0 {
		return
	}
	bad := func(value uint64, rule string) { img.refuse("bitmaps extension", e.Off, value, rule) }
	switch {
	case !ok:
		bad(uint64(len(e.Data)), "must be 24 bytes long")
	case ext.Reserved != 0:
		bad(uint64(ext.Reserved), "reserved field must be 0")
	case ext.NbBitmaps == 0 || ext.NbBitmaps > qcow2.MaxBitmaps:
		bad(uint64(ext.NbBitmaps), "nb_bitmaps must be 1 to 65535")
	case ext.DirectorySize > qcow2.MaxBitmapDirectory:
		bad(ext.DirectorySize, "bitmap_directory_size is too large")
	case !img.tableOffsetOK(ext.DirectoryOffset, ext.DirectorySize):
		bad(ext.DirectoryOffset, "bitmap_directory_offset must be a cluster boundary in the file")
	default:
		img.BitmapsExt = &ext
	}
}

var errBitmapDirectory = errors.New("image: bitmap directory does not parse")

// ErrBitmapTable says that a bitmap is described well, but its table holds an entry that is
// none.
var ErrBitmapTable = errors.New("image: a bitmap table entry is invalid")

// ErrBitmapTablePlace says that a bitmap table lies where no file can be read. It is an
// ErrBitmapTable too.
var ErrBitmapTablePlace = fmt.Errorf("%w: the table lies where no file can be read", ErrBitmapTable)

// errBitmapsOverlap says that the bitmap tables are longer than the file that holds them.
var errBitmapsOverlap = errors.New("image: the bitmap tables overlap each other beyond reason")

// bitmapSlack is how many bytes the bitmap tables may have beyond the file's length before
// the rest of the directory is left unread.
const bitmapSlack = 64 << 20

// maxBitmapEntry is the length of the longest directory entry that QEMU takes.
const maxBitmapEntry = qcow2.BitmapDirectoryEntrySize + (qcow2.MaxBitmapName+7)&^7

// readBitmapDirectory reads the entries and judges them as QEMU does at open: one bad
// entry makes the image unopenable. Of several errors one in the directory itself is kept.
func (img *Image) readBitmapDirectory() {
	if img.BitmapsExt == nil {
		return
	}
	var err error
	if img.Bitmaps, err = img.BitmapDirectory(img.BitmapsExt); err == nil {
		err = img.judgeBitmaps()
	}
	if err != nil {
		img.BitmapsErr = err
		img.refuse("bitmap directory", int64(img.BitmapsExt.DirectoryOffset), uint64(len(img.Bitmaps)), err.Error())
	}
}

func (img *Image) judgeBitmaps() error {
	var tableErr error
	names := map[string]bool{}
	budget := img.Src.Size() + bitmapSlack
	for i := range img.Bitmaps {
		m := &img.Bitmaps[i]
		if budget -= img.bitmapTableInFile(m); budget < 0 {
			img.Bitmaps = img.Bitmaps[:i]
			return errBitmapsOverlap
		}
		err := img.JudgeBitmap(m)
		switch {
		case errors.Is(err, ErrBitmapTable):
			tableErr = err
		case err != nil:
			return err
		case names[string(m.Name)] && m.Flags&qcow2.BitmapInUse == 0: // QEMU passes over one in use
			return fmt.Errorf("%w: two bitmaps are named %q", errBitmapDirectory, m.Name)
		}
		names[string(m.Name)] = true
	}
	return tableErr
}

// BitmapDirectory reads the entries of the directory that ext describes; with an error
// those before the one that does not fit. Their fields are not judged.
func (img *Image) BitmapDirectory(ext *qcow2.BitmapsExtension) (all []qcow2.Bitmap, err error) {
	off := int64(min(ext.DirectoryOffset, 1<<62))
	if off >= img.Src.Size() {
		return nil, fmt.Errorf("%w: it lies past the end of the file", errBitmapDirectory)
	}
	// Bytes past the end are zero. They can end an entry, but not make one, so the file bounds
	// the buffer.
	size, inFile := int64(min(ext.DirectorySize, qcow2.MaxBitmapDirectory)), img.Src.Size()-off
	dir := make([]byte, min(size, inFile+maxBitmapEntry))
	if err := source.ReadFull(img.Src, dir, off); err != nil {
		return nil, err
	}
	pos, n := int64(0), uint32(0)
	for ; pos < size; n++ {
		if pos >= inFile || int64(len(dir))-pos < qcow2.BitmapDirectoryEntrySize || n >= ext.NbBitmaps {
			return all, fmt.Errorf("%w: entry %d does not fit", errBitmapDirectory, n)
		}
		h := qcow2.DecodeBitmapHead(dir[pos:])
		if h.Size() > int64(len(dir))-pos {
			return all, fmt.Errorf("%w: entry %d passes the end", errBitmapDirectory, n)
		}
		extra := pos + qcow2.BitmapDirectoryEntrySize
		name := extra + int64(h.ExtraSize)
		h.Extra, h.Name = dir[extra:name], dir[name:name+int64(h.NameSize)]
		all = append(all, h.Bitmap)
		pos += h.Size()
	}
	if n != ext.NbBitmaps {
		return all, fmt.Errorf("%w: %d entries, nb_bitmaps says %d", errBitmapDirectory, n, ext.NbBitmaps)
	}
	return all, nil
}

// JudgeBitmap is QEMU's test of a directory entry, and of the table of a bitmap that is not
// in use. The error wraps ErrBitmapTable when only the table is bad.
func (img *Image) JudgeBitmap(m *qcow2.Bitmap) error {
	cs := img.Geo.ClusterSize()
	fail := func(what string) error { return fmt.Errorf("%w: bitmap %q: %s", errBitmapDirectory, m.Name, what) }
	inUse := m.Flags&qcow2.BitmapInUse != 0
	switch {
	case m.TableOffset == 0 || int64(m.TableOffset)&(cs-1) != 0:
		return fail("bitmap_table_offset is not a cluster boundary")
	case m.TableSize == 0 || m.TableSize > qcow2.MaxBitmapTable:
		return fail("bitmap_table_size is impossible")
	case int64(m.TableSize) > qcow2.MaxBitmapData/cs:
		return fail("bitmap data is too large")
	case m.GranularityBits < qcow2.MinBitmapGranularity || m.GranularityBits > qcow2.MaxBitmapGranularity:
		return fail("granularity_bits is out of range")
	case m.Flags&^(qcow2.BitmapInUse|qcow2.BitmapAuto) != 0:
		return fail("unknown flags")
	case len(m.Extra) != 0:
		return fail("unknown extra data")
	case len(m.Name) > qcow2.MaxBitmapName:
		return fail("name_size is out of range")
	case m.Type != qcow2.BitmapTypeDirty:
		return fail("unknown type")
	case !inUse && !img.bitmapCovers(m):
		return fail("its table does not cover the disk")
	}
	if inUse {
		return nil
	}
	table, err := img.BitmapTable(m)
	if err != nil {
		return err
	}
	for _, e := range table {
		if !img.BitmapTableEntryOK(e) {
			return fmt.Errorf("%w: bitmap %q", ErrBitmapTable, m.Name)
		}
	}
	return nil
}

// bitmapCovers tells whether the table has exactly the clusters that the disk needs.
func (img *Image) bitmapCovers(m *qcow2.Bitmap) bool {
	return uint64(m.TableSize) == img.BitmapTableEntries(m.GranularityBits)
}

// BitmapTableEntries is how many entries the table of a bitmap with the granularity has:
// one for each cluster of bits that the disk needs.
func (img *Image) BitmapTableEntries(granularityBits uint8) uint64 {
	perCluster := uint64(img.Geo.ClusterSize()) * 8 << granularityBits
	size := img.VirtualSize()
	need := size / perCluster
	if size%perCluster != 0 {
		need++
	}
	return need
}

// bitmapTableInFile is how many bytes of the bitmap's table lie in the file.
func (img *Image) bitmapTableInFile(m *qcow2.Bitmap) int64 {
	off := int64(min(m.TableOffset, 1<<62))
	return max(0, min(int64(m.TableSize)*qcow2.BitmapTableEntrySize, img.Src.Size()-off))
}

// BitmapTable reads the table of a bitmap, at most 1 Mi entries. Entries past the end of
// the file are zero; they are left out.
func (img *Image) BitmapTable(m *qcow2.Bitmap) ([]uint64, error) {
	if int64(m.TableSize) > qcow2.MaxBitmapData/img.Geo.ClusterSize() {
		return nil, errBitmapDirectory
	}
	if m.TableOffset > math.MaxInt64 || !Readable(qcow2.HostOff(m.TableOffset), int64(m.TableSize)*qcow2.BitmapTableEntrySize) {
		return nil, ErrBitmapTablePlace
	}
	entries := (img.bitmapTableInFile(m) + qcow2.BitmapTableEntrySize - 1) / qcow2.BitmapTableEntrySize
	if entries == 0 {
		return nil, nil
	}
	buf := make([]byte, entries*qcow2.BitmapTableEntrySize)
	if err := source.ReadFull(img.Src, buf, int64(m.TableOffset)); err != nil {
		return nil, err
	}
	table := make([]uint64, entries)
	for i := range table {
		table[i] = be64(buf[8*i:])
	}
	return table, nil
}

// BitmapTableEntryOK is QEMU's test of a bitmap table entry.
func (img *Image) BitmapTableEntryOK(e uint64) bool {
	off := e & qcow2.OffsetMask
	if e&qcow2.BitmapTableReserved != 0 || off&uint64(img.Geo.ClusterSize()-1) != 0 {
		return false
	}
	return off == 0 || e&qcow2.BitmapTableAllOnes == 0
}

// ReadBatch reads through the image's source; see source.ReadBatch.
func (img *Image) ReadBatch(ctx context.Context, reqs []source.Request) error {
	return source.ReadBatch(ctx, img.Src, reqs)
}
