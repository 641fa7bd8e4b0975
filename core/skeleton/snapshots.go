package skeleton

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// snapshots keeps the entries of the snapshot table with other names.
func (m *maker) snapshots() error {
	t := m.report.Snapshots
	ids, names := newPlaceholders(), newPlaceholders()
	for i := range t.Snapshots {
		s := t.Snapshots[i]
		if !check.PlausibleSnapshot(&s) && !check.SnapshotInFile(m.img, &s) {
			m.garbageSnapshot(t.Offsets[i], s)
			continue
		}
		if !isNumber(s.ID) {
			s.ID = m.snapshotName(s.ID, ids, ' '+1, '~')
		}
		s.Name = m.snapshotName(s.Name, names, ' ', math.MaxUint8)
		s.Extra = append([]byte(nil), s.Extra...)
		if len(s.Extra) > qcow2.SnapshotExtraFull && !m.keep.Extensions {
			clear(s.Extra[qcow2.SnapshotExtraFull:])
		}
		m.write(levelEntries, t.Offsets[i], s.AppendTo(nil))
	}
	m.lastSnapshot((int64(t.Off) + t.Bytes + 7) &^ 7)
	return nil
}

// snapshotName is what stands for a name or id. One with bytes that none has keeps that.
func (m *maker) snapshotName(name []byte, p *placeholders, lowest, highest byte) []byte {
	other := m.name(m.keep.Snapshots, p, name)
	for _, c := range name {
		if c < lowest || c > highest || c == 0x7f {
			other = append([]byte{1}, other[1:]...)
			break
		}
	}
	return other
}

// garbageSnapshot keeps of an entry that is none only what the check makes of it. Its name
// may lie across tables, so it is left as it is there: blank, or entries.
func (m *maker) garbageSnapshot(at int64, was qcow2.Snapshot) {
	now := qcow2.Snapshot{L1Size: min(was.L1Size, qcow2.MaxL1Entries+1), Extra: was.Extra, ID: was.ID, Name: was.Name}
	now.L1TableOffset = m.plainOffset(was.L1TableOffset, int64(now.L1Size)*qcow2.L1EntrySize)
	if n := len(was.ID) + len(was.Name); n <= math.MaxUint16 { // their lengths are the guest's as well
		now.ID, now.Name = nil, make([]byte, n)
	}
	m.write(levelEntries, at, now.AppendTo(nil)[:qcow2.SnapshotHeaderSize])
}

// plainOffset is the offset of a table, or if this image cannot have it one that is as far,
// as readable and as unaligned.
func (m *maker) plainOffset(off uint64, n int64) uint64 {
	limit := powerAbove(uint64(2 * m.img.Src.Size()))
	if bits.OnesCount64(off&^(limit-1)) <= mostStray {
		return off
	}
	far := farOffset
	if off > math.MaxInt64 || !image.Readable(qcow2.HostOff(off), max(1, n)) {
		far = outOfReach
	}
	if !m.img.Geo.Aligned(qcow2.HostOff(off & math.MaxInt64)) {
		far |= 8
	}
	return far
}

// lastSnapshot stands for the entry at which QEMU gives the table up: one that is as much
// too long.
func (m *maker) lastSnapshot(off int64) {
	if m.report.Snapshots.Err == nil {
		return
	}
	var b []byte
	switch {
	case errors.Is(m.report.Snapshots.Err, image.ErrSnapshotExtra):
		b = (&qcow2.Snapshot{}).AppendTo(nil)
		binary.BigEndian.PutUint32(b[qcow2.OffSnapshotExtra:], qcow2.MaxSnapshotExtra+1)
	case errors.Is(m.report.Snapshots.Err, image.ErrSnapshotSize):
		longest := make([]byte, math.MaxUint16)
		b = (&qcow2.Snapshot{ID: longest, Name: longest}).AppendTo(nil)[:qcow2.SnapshotHeaderSize]
	}
	m.write(levelEntries, off, b)
}

// bitmaps keeps the bitmap directory with other names.
func (m *maker) bitmaps() error {
	ext := m.img.BitmapsExt
	if ext == nil {
		return nil
	}
	names := newPlaceholders()
	off := int64(min(ext.DirectoryOffset, math.MaxInt64/2))
	all, err := m.img.BitmapDirectory(ext)
	for i := range all {
		b := all[i]
		b.Name = m.name(m.keep.Bitmaps, names, b.Name)
		b.Extra = make([]byte, len(b.Extra))
		if m.img.JudgeBitmap(&all[i]) != nil {
			m.garbageBitmap(&b)
		}
		m.write(levelEntries, off, b.AppendTo(nil))
		off += b.Bytes()
	}
	var read *source.ReadError
	if errors.As(err, &read) {
		return err
	}
	if err != nil {
		m.lastBitmap(off, int64(ext.DirectoryOffset)+int64(ext.DirectorySize))
	}
	m.tailBits()
	return nil
}

// garbageBitmap keeps of an entry that is none only what the check makes of it.
func (m *maker) garbageBitmap(b *qcow2.Bitmap) {
	b.TableOffset = m.plainOffset(b.TableOffset, int64(b.TableSize)*qcow2.BitmapTableEntrySize)
	b.TableSize = min(b.TableSize, qcow2.MaxBitmapTable+1)
	const known = qcow2.BitmapInUse | qcow2.BitmapAuto
	if b.Flags&^known != 0 && bits.OnesCount32(b.Flags&^known) > mostStray {
		b.Flags = b.Flags&known | 1<<31
	}
	if b.Type != qcow2.BitmapTypeDirty {
		b.Type = 0
	}
	if b.GranularityBits < qcow2.MinBitmapGranularity || b.GranularityBits > qcow2.MaxBitmapGranularity {
		b.GranularityBits = 0
	}
}

// lastBitmap stands for the entry at which the directory stops to make sense: one that is
// longer than the directory.
func (m *maker) lastBitmap(off, end int64) {
	if end-off < qcow2.BitmapDirectoryEntrySize {
		return
	}
	b := (&qcow2.Bitmap{}).AppendTo(nil)
	binary.BigEndian.PutUint32(b[qcow2.OffBitmapExtra:], qcow2.MaxBitmapDirectory+1)
	m.write(levelEntries, off, b)
}

// tailBits keeps how many bits stand for nothing in the last clusters of bitmaps, not which.
func (m *maker) tailBits() {
	group := m.report.Group(check.BitmapTailBits)
	if group == nil || m.keep.BitmapData {
		return
	}
	for _, f := range group.Findings {
		n := min(int64(f.Count+7)/8, int64(f.Host.Len))
		b := make([]byte, n)
		left := f.Count
		for i := n - 1; i >= 0 && left > 0; i-- {
			ones := min(left, 8)
			b[i] = ^byte(0) << (8 - ones) // from the top: the lowest bits may be those of the disk
			left -= ones
		}
		m.write(levelEntries, int64(f.Host.End())-n, b)
	}
}
