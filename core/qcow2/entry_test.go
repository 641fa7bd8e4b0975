package qcow2_test

import (
	"encoding/binary"
	"testing"

	"qcowscope/core/qcow2"
)

const (
	copied     = uint64(0x8000000000000000)
	compressed = uint64(0x4000000000000000)
)

var (
	standard = qcow2.Geometry{Version: 3, ClusterBits: 16, RefcountOrder: 4}
	extended = qcow2.Geometry{Version: 3, ClusterBits: 16, RefcountOrder: 4, ExtendedL2: true}
	external = qcow2.Geometry{Version: 3, ClusterBits: 16, RefcountOrder: 4, DataFile: true}
)

func TestL1AndReftableEntries(t *testing.T) {
	for _, c := range []struct {
		e      uint64
		l2     qcow2.HostOff
		copied bool
		rsvd   uint64
	}{
		{0, 0, false, 0},
		{0x8000000000050000, 0x50000, true, 0},
		{0x00fffffffffffe00, 0x00fffffffffffe00, false, 0},
		{0xffffffffffffffff, 0x00fffffffffffe00, true, 0x7f000000000001ff},
		{0x4000000000050001, 0x50000, false, 0x4000000000000001},
		{0x8000000000000100, 0, true, 0x100},
	} {
		e := qcow2.L1Entry(c.e)
		if e.L2Table() != c.l2 || e.Copied() != c.copied || e.Reserved() != c.rsvd {
			t.Errorf("L1 0x%x: table 0x%x, copied %v, reserved 0x%x", c.e, e.L2Table(), e.Copied(), e.Reserved())
		}
	}
	for _, c := range []struct {
		e     uint64
		block qcow2.HostOff
		rsvd  uint64
	}{
		{0, 0, 0}, {0x20000, 0x20000, 0}, {0x201ff, 0x20000, 0x1ff},
		{0x7fffffffffffffff, 0x7ffffffffffffe00, 0x1ff},
		{0x8000000000000200, -0x7ffffffffffffe00, 0}, // beyond 2^63: negative
	} {
		e := qcow2.ReftableEntry(c.e)
		if e.Refblock() != c.block || e.Reserved() != c.rsvd {
			t.Errorf("reftable 0x%x: refblock 0x%x, reserved 0x%x", c.e, e.Refblock(), e.Reserved())
		}
	}
}

func TestL2EntryKinds(t *testing.T) {
	const host = 0x50000
	for _, c := range []struct {
		name string
		e    uint64
		std  qcow2.ClusterKind
		ext  qcow2.ClusterKind
		data qcow2.ClusterKind // in an external data file
	}{
		{"nothing", 0, qcow2.Unallocated, qcow2.Unallocated, qcow2.Unallocated},
		{"only reserved bits", 0x3f000000000001fe, qcow2.Unallocated, qcow2.Unallocated, qcow2.Unallocated},
		{"zero", 1, qcow2.ZeroPlain, qcow2.Unallocated, qcow2.ZeroPlain},
		{"zero and copied", copied | 1, qcow2.ZeroPlain, qcow2.Unallocated, qcow2.ZeroPlain},
		{"zero with host", host | 1, qcow2.ZeroAlloc, qcow2.Normal, qcow2.ZeroAlloc},
		{"normal", host, qcow2.Normal, qcow2.Normal, qcow2.Normal},
		{"normal and copied", copied | host, qcow2.Normal, qcow2.Normal, qcow2.Normal},
		{"copied without host", copied, qcow2.Unallocated, qcow2.Unallocated, qcow2.Normal},
		{"compressed", compressed | host, qcow2.Compressed, qcow2.Compressed, qcow2.Compressed},
		{"compressed, all else set", ^uint64(0), qcow2.Compressed, qcow2.Compressed, qcow2.Compressed},
		{"compressed at 0", compressed, qcow2.Compressed, qcow2.Compressed, qcow2.Compressed},
	} {
		e := qcow2.L2Entry{Entry: c.e}
		for _, k := range []struct {
			of   string
			g    qcow2.Geometry
			want qcow2.ClusterKind
		}{{"standard", standard, c.std}, {"extended", extended, c.ext}, {"data file", external, c.data}} {
			if got := e.Kind(k.g); got != k.want {
				t.Errorf("%s, %s: %v, want %v", c.name, k.of, got, k.want)
			}
		}
	}
}

func TestL2EntryFields(t *testing.T) {
	e := qcow2.L2Entry{Entry: ^uint64(0) &^ compressed}
	if e.Host() != 0x00fffffffffffe00 || !e.Copied() || e.Reserved() != 0x3f000000000001fe {
		t.Errorf("host 0x%x, copied %v, reserved 0x%x", e.Host(), e.Copied(), e.Reserved())
	}
	if e := (qcow2.L2Entry{Entry: 0x50001}); e.Host() != 0x50000 || e.Copied() || e.Reserved() != 0 {
		t.Errorf("host 0x%x, copied %v, reserved 0x%x", e.Host(), e.Copied(), e.Reserved())
	}
}

// The vectors are worked by hand from the specification: x = 62 - (cluster_bits - 8) is the
// first bit of the count of additional sectors.
func TestCompressedRange(t *testing.T) {
	for _, c := range []struct {
		name  string
		bits  uint
		entry uint64
		start qcow2.HostOff
		len   qcow2.HostOff
	}{
		{"512 B: bit 61 is the count, 1 more sector", 9, 0x6000000000001234, 0x1234, 972},
		{"512 B: no more sectors", 9, 0x4000000000001234, 0x1234, 460},
		{"512 B: all offset bits", 9, 0x5fffffffffffffff, 0x1fffffffffffffff, 1},
		{"4 KiB: bits 58 to 61, 3 more sectors", 12, 0x4c00000000012345, 0x12345, 1723},
		{"4 KiB: all 16 sectors", 12, 0x7c00000000001000, 0x1000, 8192},
		{"64 KiB: one whole sector", 16, 0x4000000000050000, 0x50000, 512},
		{"64 KiB: last byte of a sector", 16, 0x40000000000501ff, 0x501ff, 1},
		{"64 KiB: 256 sectors less one byte", 16, 0x7fc0000000000201, 0x201, 131071},
		{"64 KiB: all offset bits", 16, 0x403fffffffffffff, 0x3fffffffffffff, 1},
		{"2 MiB: bits 49 to 61, 8192 sectors", 21, 0x7ffe000000000000, 0, 4 << 20},
		{"2 MiB: bit 49 is one more sector", 21, 0x4002000000000400, 0x400, 1024},
		{"copied changes nothing", 16, 0xc000000000050000, 0x50000, 512},
	} {
		g := qcow2.Geometry{Version: 3, ClusterBits: c.bits}
		r := qcow2.L2Entry{Entry: c.entry}.CompressedRange(g)
		if r.Start != c.start || r.Len != c.len {
			t.Errorf("%s: %v, want 0x%x+0x%x", c.name, r, c.start, c.len)
		}
	}
}

// The eight rows of host / zero / alloc, for each of the 32 subclusters.
func TestSubclusterStates(t *testing.T) {
	for _, c := range []struct {
		host        uint64
		zero, alloc bool
		want        qcow2.SubclusterKind
	}{
		{0, false, false, qcow2.SubUnallocated},
		{0, false, true, qcow2.SubInvalid},
		{0, true, false, qcow2.SubZero},
		{0, true, true, qcow2.SubInvalid},
		{0x50000, false, false, qcow2.SubUnallocatedAlloc},
		{0x50000, false, true, qcow2.SubNormal},
		{0x50000, true, false, qcow2.SubZeroAlloc},
		{0x50000, true, true, qcow2.SubInvalid},
	} {
		for i := range 32 {
			// All other subclusters are of the opposite state.
			alloc, zero := uint64(0xffffffff), uint64(0xffffffff)
			if c.alloc {
				alloc = 0
			}
			if c.zero {
				zero = 0
			}
			bitmap := (alloc ^ 1<<i) | (zero^1<<i)<<32
			e := qcow2.L2Entry{Entry: c.host, Bitmap: qcow2.SubclusterBitmap(bitmap)}
			if got := e.Subcluster(extended, i); got != c.want {
				t.Errorf("host 0x%x zero %v alloc %v: subcluster %d is %v, want %v", c.host, c.zero, c.alloc, i, got, c.want)
			}
		}
	}
	e := qcow2.L2Entry{Entry: compressed | 0x50000, Bitmap: ^qcow2.SubclusterBitmap(0)}
	if got := e.Subcluster(extended, 3); got != qcow2.SubCompressed {
		t.Errorf("the bitmap of a compressed entry is ignored, got %v", got)
	}
	// In a data file the first cluster lies at host offset 0; COPIED says that it is there.
	g := external
	g.ExtendedL2 = true
	if got := (qcow2.L2Entry{Entry: copied, Bitmap: 1}).Subcluster(g, 0); got != qcow2.SubNormal {
		t.Errorf("data file, host 0, copied: %v", got)
	}
	if got := (qcow2.L2Entry{Bitmap: 1}).Subcluster(g, 0); got != qcow2.SubInvalid {
		t.Errorf("data file, host 0, not copied: %v", got)
	}
}

func TestSubclustersOfStandardEntries(t *testing.T) {
	for e, want := range map[uint64]qcow2.SubclusterKind{
		0: qcow2.SubUnallocated, 1: qcow2.SubZero, 0x50001: qcow2.SubZeroAlloc, 0x50000: qcow2.SubNormal, compressed: qcow2.SubCompressed,
	} {
		for _, i := range []int{0, 31} {
			if got := (qcow2.L2Entry{Entry: e}).Subcluster(standard, i); got != want {
				t.Errorf("entry 0x%x: subcluster %d is %v, want %v", e, i, got, want)
			}
		}
	}
}

func TestL2TableAt(t *testing.T) {
	b := make([]byte, 64)
	for i := range 8 {
		binary.BigEndian.PutUint64(b[8*i:], uint64(100+i))
	}
	for i := range int64(8) {
		if e := qcow2.L2Table(b).At(standard, i); e.Entry != uint64(100+i) || e.Bitmap != 0 {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	for i := range int64(4) {
		if e := qcow2.L2Table(b).At(extended, i); e.Entry != uint64(100+2*i) || e.Bitmap != qcow2.SubclusterBitmap(101+2*i) {
			t.Errorf("extended entry %d: %+v", i, e)
		}
	}
	m := qcow2.SubclusterBitmap(0x0102030405060708)
	if m.Alloc() != 0x05060708 || m.Zero() != 0x01020304 {
		t.Errorf("alloc 0x%x, zero 0x%x", m.Alloc(), m.Zero())
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := qcow2.Unallocated; k <= qcow2.Compressed; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 5 || seen[""] {
		t.Errorf("cluster kinds: %v", seen)
	}
	seen = map[string]bool{}
	for k := qcow2.SubUnallocated; k <= qcow2.SubInvalid; k++ {
		seen[k.String()] = true
	}
	if len(seen) != 7 || seen[""] {
		t.Errorf("subcluster kinds: %v", seen)
	}
}
