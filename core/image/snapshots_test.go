package image_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// sparse is a file of size bytes that holds the given bytes at the given offsets.
func sparse(t testing.TB, size int64, data map[int64][]byte) *patch.Overlay {
	t.Helper()
	p := patch.New(size)
	for off, b := range data {
		p.Add(0, off, b, "")
	}
	o := patch.NewOverlay(source.Zeros(size))
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	return o
}

// header is that of a version 3 image with clusters of 1<<bits bytes; set changes it.
func header(bits int, set func(h []byte)) []byte {
	h := make([]byte, 512)
	be := binary.BigEndian
	copy(h, "QFI\xfb")
	be.PutUint32(h[4:], 3)
	be.PutUint32(h[20:], uint32(bits))
	be.PutUint32(h[96:], 4)
	be.PutUint32(h[100:], 104)
	set(h)
	return h
}

// snapshotEntry is an entry of the snapshot table, padded to 8 bytes.
func snapshotEntry(l1 uint64, id, name, extra int) []byte {
	be := binary.BigEndian
	b := be.AppendUint64(nil, l1)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint16(b, uint16(id))
	b = be.AppendUint16(b, uint16(name))
	b = append(b, make([]byte, 20)...)
	b = be.AppendUint32(b, uint32(extra))
	b = append(b, bytes.Repeat([]byte{'e'}, extra)...)
	b = append(b, bytes.Repeat([]byte{'i'}, id)...)
	b = append(b, bytes.Repeat([]byte{'n'}, name)...)
	return append(b, make([]byte, -len(b)&7)...)
}

func withSnapshots(t testing.TB, size int64, nb uint32, off uint64, table []byte) *source.Counted {
	t.Helper()
	h := header(16, func(h []byte) {
		binary.BigEndian.PutUint32(h[60:], nb)
		binary.BigEndian.PutUint64(h[64:], off)
	})
	data := map[int64][]byte{0: h}
	if len(table) > 0 {
		data[int64(off)] = table
	}
	return &source.Counted{Source: sparse(t, size, data)}
}

func readSnapshots(t testing.TB, src source.Source) *image.SnapshotTable {
	t.Helper()
	table, err := open(t, src).ReadSnapshots()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestSnapshotsOfARecipe(t *testing.T) {
	b := testimages.MakeLines(t, "image version=3 size=1M cluster=64K l1_extra=1\nwrite guest=0 len=64K fill=0x11\nsnapshot name=one extra=0\nwrite guest=64K len=64K fill=0x22\nsnapshot name=second vmstate=64K fill=0x77\n")
	table := readSnapshots(t, source.Bytes(b.Image))
	if table.Err != nil || len(table.Snapshots) != 2 {
		t.Fatalf("%+v", table)
	}
	for i, name := range []string{"one", "second"} {
		s := table.Snapshots[i]
		if string(s.Name) != name || string(s.ID) != string(rune('1'+i)) || s.L1Size == 0 {
			t.Errorf("snapshot %d: %+v", i, s)
		}
		if got := s.AppendTo(nil); !bytes.Equal(got, b.Image[table.Offsets[i]:][:len(got)]) || table.Offsets[i]%8 != 0 {
			t.Errorf("snapshot %d at 0x%x encodes to %x", i, table.Offsets[i], got)
		}
	}
	if len(table.Snapshots[0].Extra) != 0 || table.Snapshots[1].VMState() != 64<<10 {
		t.Errorf("%+v", table.Snapshots)
	}
	last := table.Snapshots[1].AppendTo(nil)
	if want := table.Offsets[1] + int64(len(last)) - int64(table.Off); table.Bytes != want {
		t.Errorf("table of %d bytes, want %d", table.Bytes, want)
	}
}

func TestNoSnapshots(t *testing.T) {
	table := readSnapshots(t, withSnapshots(t, 1<<20, 0, 0, nil))
	if table.Err != nil || table.Bytes != 0 || len(table.Snapshots) != 0 {
		t.Errorf("%+v", table)
	}
}

func TestSnapshotTableLimits(t *testing.T) {
	const off, big = 1 << 16, 1<<16 - 1
	small := snapshotEntry(0, 1, 3, 16)
	most := snapshotEntry(0, big, big, 1024)
	for _, c := range []struct {
		name  string
		nb    uint32
		off   uint64
		table []byte
		err   error
		n     int
	}{
		{"65536 empty entries past the end", 65536, 1 << 40, nil, nil, 65536},
		{"65537", 65537, off, nil, image.ErrSnapshotCount, 0},
		{"2^32-1", 1<<32 - 1, off, nil, image.ErrSnapshotCount, 0},
		{"unaligned", 1, off + 512, nil, image.ErrSnapshotOffset, 0},
		{"unaligned, none", 0, off + 8, nil, image.ErrSnapshotOffset, 0},
		{"beyond 2^63", 1, 1 << 63, nil, image.ErrSnapshotOffset, 0},
		{"ends at 2^63", 2000, 1<<63 - 1<<16, nil, image.ErrSnapshotOffset, 0},
		{"extra data of 1024", 1, off, snapshotEntry(0, 0, 0, 1024), nil, 1},
		{"extra data of 1025", 2, off, append(bytes.Clone(small), snapshotEntry(0, 0, 0, 1025)...), image.ErrSnapshotExtra, 1},
		{"extra data of 2^32-1", 1, off, bytes.Repeat([]byte{0xff}, 40), image.ErrSnapshotExtra, 0},
		{"64 MiB in all", 507, off, bytes.Repeat(most, 520), nil, 507},
		{"past 64 MiB in all", 65536, off, bytes.Repeat(most, 520), image.ErrSnapshotSize, 507},
	} {
		src := withSnapshots(t, 80<<20, c.nb, c.off, c.table)
		table := readSnapshots(t, src)
		if !errors.Is(table.Err, c.err) || len(table.Snapshots) != c.n || len(table.Offsets) != c.n {
			t.Errorf("%s: %v, %d snapshots, want %v, %d", c.name, table.Err, len(table.Snapshots), c.err, c.n)
		}
		if src.Read > 200<<20 {
			t.Errorf("%s: %d bytes read", c.name, src.Read)
		}
	}
}

// What was read before a bad sector is still there.
func TestSnapshotTableUnreadable(t *testing.T) {
	entry := snapshotEntry(0, 1, 1000, 24)
	src := withSnapshots(t, 4<<20, 2000, 1<<16, bytes.Repeat(entry, 2000))
	img := open(t, source.Faulty{Source: src, BadOff: 1 << 20, BadLen: 512})
	table, err := img.ReadSnapshots()
	var re *source.ReadError
	if !errors.As(err, &re) {
		t.Fatalf("%v", err)
	}
	if n := len(table.Snapshots); n == 0 || n >= 2000 || len(table.Snapshots[n-1].Name) != 1000 {
		t.Errorf("%d snapshots before the bad sector", n)
	}
}

// bitmapFile has n bitmaps that all name one table of entries at table, in a file of
// 512-byte clusters.
func bitmapFile(t testing.TB, n int, table, entries, flags uint32) *source.Counted {
	t.Helper()
	be := binary.BigEndian
	dir := make([]byte, 0, 32*n)
	for i := range n {
		dir = be.AppendUint64(dir, uint64(table))
		dir = be.AppendUint32(dir, entries)
		dir = be.AppendUint32(dir, flags)
		dir = append(dir, 1, 9, 0, 4, 0, 0, 0, 0)
		dir = be.AppendUint32(dir, uint32(i))
		dir = append(dir, 0, 0, 0, 0)
	}
	h := header(9, func(h []byte) {
		be.PutUint64(h[24:], uint64(entries)<<21) // 512 * 8 bits of 512 bytes each
		be.PutUint64(h[88:], 1)
		be.PutUint32(h[104:], 0x23852875)
		be.PutUint32(h[108:], 24)
		be.PutUint32(h[112:], uint32(n))
		be.PutUint64(h[120:], uint64(len(dir)))
		be.PutUint64(h[128:], 1<<20)
	})
	return &source.Counted{Source: sparse(t, 16<<20, map[int64][]byte{0: h, 1 << 20: dir})}
}

// Bitmap tables that lie in one place 65535 times are not read 65535 times.
func TestBitmapTablesThatOverlap(t *testing.T) {
	const mi = 1 << 20
	for _, c := range []struct {
		name         string
		table, flags uint32
		bad          bool
	}{
		{"in the file", 4 * mi, 0, true},
		{"in the file, in use", 4 * mi, 1, true},
		{"past the end", 1 << 30, 0, false},
		{"past the end, in use", 1 << 30, 1, false},
	} {
		src := bitmapFile(t, 65535, c.table, mi, c.flags)
		img := open(t, src)
		if src.Read > 120*mi {
			t.Errorf("%s: %d bytes read", c.name, src.Read)
		}
		if c.bad != (img.BitmapsErr != nil) || c.bad == (len(img.Bitmaps) == 65535) {
			t.Errorf("%s: %v, %d bitmaps", c.name, img.BitmapsErr, len(img.Bitmaps))
		}
		if c.bad && len(img.Bitmaps) < 8 {
			t.Errorf("%s: only %d bitmaps kept", c.name, len(img.Bitmaps))
		}
	}
}

func TestBitmapTable(t *testing.T) {
	src := bitmapFile(t, 1, 16<<20-12, 4, 0)
	img := open(t, src)
	if img.BitmapsErr == nil {
		t.Error("a table at an unaligned place is believed")
	}
	b := testimages.MakeLines(t, bitmapImage)
	img = open(t, source.Bytes(b.Image))
	table, err := img.BitmapTable(&img.Bitmaps[0])
	if err != nil || len(table) != 1 || table[0] != 8<<16 {
		t.Errorf("%x, %v", table, err)
	}
	m := img.Bitmaps[0]
	m.TableOffset = uint64(len(b.Image)) - 12
	m.TableSize = 8
	if table, err := img.BitmapTable(&m); err != nil || len(table) != 2 {
		t.Errorf("two entries are in the file, the last in part: %x, %v", table, err)
	}
	m.TableOffset = 1 << 40
	if table, err := img.BitmapTable(&m); err != nil || len(table) != 0 {
		t.Errorf("past the end: %x, %v", table, err)
	}
	m.TableSize = 1 << 28
	if _, err := img.BitmapTable(&m); err == nil {
		t.Error("a table of 2^28 entries is read")
	}
}

// A bad sector under the directory or a table is said, and the rest of the image is open.
func TestBitmapsUnreadable(t *testing.T) {
	b := testimages.MakeLines(t, bitmapImage)
	good := open(t, source.Bytes(b.Image))
	for _, off := range []int64{int64(good.BitmapsExt.DirectoryOffset), int64(good.Bitmaps[0].TableOffset)} {
		img := open(t, source.Faulty{Source: source.Bytes(b.Image), BadOff: off, BadLen: 1})
		if !errors.Is(img.BitmapsErr, source.ErrFaulty) || img.L1.Entries == 0 || len(img.Reftable) == 0 {
			t.Errorf("bad sector at 0x%x: %v", off, img.BitmapsErr)
		}
	}
}
