package cow_test

import (
	"context"
	"encoding/binary"
	"io"
	"testing"

	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// largeImage is an image with every cluster in use, without its bytes: half of a disk of
// 2 TiB is allocated, 16 Mi clusters of 64 KiB. Its tables are computed when they are read.
type largeImage struct {
	extended bool
	reads    int64 // bytes
}

const (
	largeBits    = 16
	largeData    = int64(1) << 40
	largeRefs    = 32768 // refcounts of a refblock
	largeHeader  = 0
	largeReftab  = 1
	largeL1      = 2
	largeRefblks = 3
)

func (l *largeImage) entrySize() int64 {
	if l.extended {
		return 16
	}
	return 8
}

// tables is how many L2 tables map the data.
func (l *largeImage) tables() int64 { return largeData >> largeBits * l.entrySize() >> largeBits }

// blocks is how many refblocks count all clusters, themselves included.
func (l *largeImage) blocks() int64 {
	return (largeData>>largeBits + l.tables() + largeRefblks + largeRefs - 1) / (largeRefs - 1)
}

func (l *largeImage) clusters() int64 {
	return largeRefblks + l.blocks() + l.tables() + largeData>>largeBits
}

func (l *largeImage) Size() int64 { return l.clusters() << largeBits }

func (l *largeImage) header() []byte {
	h := make([]byte, 112)
	be := binary.BigEndian
	be.PutUint32(h, qcow2.Magic)
	be.PutUint32(h[qcow2.OffVersion:], 3)
	be.PutUint32(h[qcow2.OffClusterBits:], largeBits)
	be.PutUint64(h[qcow2.OffSize:], uint64(2*largeData))
	be.PutUint32(h[qcow2.OffL1Size:], uint32(2*l.tables()))
	be.PutUint64(h[qcow2.OffL1Table:], largeL1<<largeBits)
	be.PutUint64(h[qcow2.OffReftable:], largeReftab<<largeBits)
	be.PutUint32(h[qcow2.OffReftableLen:], 1)
	if l.extended {
		be.PutUint64(h[qcow2.OffIncompatible:], qcow2.IncompatExtendedL2)
	}
	be.PutUint32(h[qcow2.OffRefcountOrder:], 4)
	be.PutUint32(h[qcow2.OffHeaderLength:], 112)
	return h
}

// word is the eight bytes at an offset in the tables.
func (l *largeImage) word(off int64) uint64 {
	c, i := off>>largeBits, off&(1<<largeBits-1)/8
	firstTable := largeRefblks + l.blocks()
	firstData := firstTable + l.tables()
	switch {
	case c == largeReftab && i < l.blocks():
		return uint64(largeRefblks+i) << largeBits
	case c == largeL1 && i < l.tables():
		return uint64(firstTable+i)<<largeBits | qcow2.FlagCopied
	case c >= largeRefblks && c < firstTable:
		cluster := (c-largeRefblks)*largeRefs + 4*i
		v := uint64(0)
		for k := range int64(4) {
			v <<= 16
			if cluster+k < l.clusters() {
				v |= 1
			}
		}
		return v
	case c >= firstTable && c < firstData:
		n := ((c-firstTable)<<largeBits + 8*i) / l.entrySize()
		if l.extended && i%2 == 1 {
			return 0xffffffff
		}
		return uint64(firstData+n)<<largeBits | qcow2.FlagCopied
	}
	return 0
}

// ReadAt reads tables by whole words; data is zeros.
func (l *largeImage) ReadAt(p []byte, off int64) (int, error) {
	if off >= l.Size() {
		return 0, io.EOF
	}
	n := len(p)
	l.reads += int64(n)
	clear(p)
	if off == largeHeader {
		copy(p, l.header())
		p, off = p[min(len(p), 1<<largeBits):], 1<<largeBits
	}
	for i := int64(0); i+8 <= int64(len(p)); i += 8 {
		binary.BigEndian.PutUint64(p[i:], l.word(off+i))
	}
	return n, nil
}

func openLarge(t testing.TB, extended bool) (*largeImage, *cow.Writer) {
	t.Helper()
	l := &largeImage{extended: extended}
	img, err := image.Open(context.Background(), l)
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Refusals) > 0 {
		t.Fatal(img.Refusals)
	}
	w, err := cow.Open(context.Background(), img, cow.Options{MaxClusters: 1 << 14})
	if err != nil {
		t.Fatal(err)
	}
	return l, w
}

// TestLargeImage: a plan on a large image reads the tables that it changes and no others,
// once all refblocks were looked through for the first free cluster.
func TestLargeImage(t *testing.T) {
	for _, extended := range []bool{false, true} {
		l, w := openLarge(t, extended)
		if err := w.Prepare(context.Background()); err != nil {
			t.Fatal(err)
		}
		before := l.reads
		for i, off := range []int64{12345, largeData - 70000, largeData + 1<<30} {
			o, err := w.Plan(context.Background(), cow.Request{Offset: qcow2.GuestOff(off), Length: 100000, Fill: 1})
			if err != nil {
				t.Fatal(err)
			}
			if i == 2 && (len(o.Runs) != 1 || int64(o.Runs[0].Host)>>largeBits != l.clusters()+1) {
				t.Errorf("%d runs, the first at 0x%x", len(o.Runs), int64(o.Runs[0].Host))
			}
		}
		if n := l.reads - before; n > 8<<largeBits {
			t.Errorf("three plans read %d bytes", n)
		}
	}
}

// BenchmarkPlan plans one write of 1 MiB, elsewhere each time, as a range is dragged.
func BenchmarkPlan(b *testing.B) {
	for _, c := range []struct {
		name     string
		extended bool
		base     int64
		length   int64
	}{
		{"in place", false, 0, 1 << 20},
		{"new", false, largeData, 1 << 20},
		{"new, extended", true, largeData, 1 << 20},
		{"1 GiB in place", false, 0, 1 << 30},
		{"1 GiB new, extended", true, largeData, 1 << 30},
	} {
		b.Run(c.name, func(b *testing.B) {
			_, w := openLarge(b, c.extended)
			if err := w.Prepare(context.Background()); err != nil {
				b.Fatal(err)
			}
			for i := int64(0); b.Loop(); i++ {
				off := c.base + i*7919*4096%(largeData-c.length)
				if _, err := w.Plan(context.Background(), cow.Request{Offset: qcow2.GuestOff(off), Length: c.length, Fill: 1}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("open and prepare", func(b *testing.B) {
		for b.Loop() {
			_, w := openLarge(b, false)
			if err := w.Prepare(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
