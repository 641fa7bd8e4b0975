package qcow2

import "encoding/binary"

// Bits of L1 and L2 entries (specification: "Cluster mapping").
const (
	FlagCopied     = uint64(1) << 63 // the refcount of the cluster pointed to is exactly 1
	FlagCompressed = uint64(1) << 62
	FlagZero       = uint64(1) // standard L2 entries of version 3: reads as zeros

	OffsetMask     = uint64(0x00fffffffffffe00)
	L1Reserved     = uint64(0x7f000000000001ff)
	L2Reserved     = uint64(0x3f000000000001fe) // standard entries; bit 0 is never in the mask
	ReftableOffset = ^uint64(0x1ff)             // no upper mask: QEMU uses all of it
	ReftableRsvd   = uint64(0x1ff)
)

// L1Entry is one entry of an L1 table as it stands on disk.
type L1Entry uint64

// L2Table is where the L2 table lies, 0 if there is none.
func (e L1Entry) L2Table() HostOff { return HostOff(uint64(e) & OffsetMask) }

// Copied is the flag that the L2 table has refcount 1.
func (e L1Entry) Copied() bool { return uint64(e)&FlagCopied != 0 }

// Reserved are the bits that must be zero.
func (e L1Entry) Reserved() uint64 { return uint64(e) & L1Reserved }

// ReftableEntry is one entry of the refcount table as it stands on disk.
type ReftableEntry uint64

// Refblock is where the refblock lies, 0 if there is none. It can exceed 2^63 on disk:
// such an offset is negative here.
func (e ReftableEntry) Refblock() HostOff { return HostOff(uint64(e) & ReftableOffset) }

// Reserved are the bits that must be zero.
func (e ReftableEntry) Reserved() uint64 { return uint64(e) & ReftableRsvd }

// ClusterKind is what an L2 entry says about its cluster.
type ClusterKind uint8

// The kinds, with the names of the specification.
const (
	Unallocated ClusterKind = iota
	ZeroPlain               // reads as zeros, no host cluster
	ZeroAlloc               // reads as zeros, a host cluster is kept
	Normal
	Compressed
)

func (k ClusterKind) String() string {
	return [...]string{"unallocated", "zero", "zero-allocated", "normal", "compressed"}[k]
}

// SubclusterBitmap is the second word of an extended L2 entry: bit i says that subcluster
// i is allocated, bit 32+i that it reads as zeros.
type SubclusterBitmap uint64

// Alloc are the allocation bits, bit i for subcluster i.
func (b SubclusterBitmap) Alloc() uint32 { return uint32(b) }

// Zero are the zero bits, bit i for subcluster i.
func (b SubclusterBitmap) Zero() uint32 { return uint32(b >> 32) }

// L2Entry is one entry of an L2 table as it stands on disk; Bitmap is 0 without extended
// L2 entries.
type L2Entry struct {
	Entry  uint64
	Bitmap SubclusterBitmap
}

// Kind is decided in QEMU's order of tests.
func (e L2Entry) Kind(g Geometry) ClusterKind {
	switch {
	case e.Entry&FlagCompressed != 0:
		return Compressed
	case e.Entry&FlagZero != 0 && !g.ExtendedL2:
		if e.Entry&OffsetMask != 0 {
			return ZeroAlloc
		}
		return ZeroPlain
	case e.Entry&OffsetMask == 0:
		// In an external data file host offset 0 is valid; COPIED tells it from nothing.
		if g.DataFile && e.Copied() {
			return Normal
		}
		return Unallocated
	}
	return Normal
}

// Host is the host offset of a standard entry.
func (e L2Entry) Host() HostOff { return HostOff(e.Entry & OffsetMask) }

// Copied is the flag that the host cluster has refcount 1.
func (e L2Entry) Copied() bool { return e.Entry&FlagCopied != 0 }

// Reserved are the bits of a standard entry that must be zero.
func (e L2Entry) Reserved() uint64 { return e.Entry & L2Reserved }

// CompressedRange is where the compressed stream lies: its sectors, of which the last may
// hold bytes of the next stream (specification: "Compressed Clusters Descriptor").
func (e L2Entry) CompressedRange(g Geometry) Range[HostOff] {
	x := 62 - (g.ClusterBits - 8)
	off := e.Entry & (1<<x - 1)
	sectors := e.Entry>>x&(1<<(g.ClusterBits-8)-1) + 1
	return Range[HostOff]{HostOff(off), HostOff(sectors*SectorSize - off&(SectorSize-1))}
}

// SubclusterKind is the state of one subcluster.
type SubclusterKind uint8

// The states of section "Extended L2 Entries". Plain ones have no host cluster behind them.
const (
	SubUnallocated SubclusterKind = iota
	SubUnallocatedAlloc
	SubZero
	SubZeroAlloc
	SubNormal
	SubCompressed
	SubInvalid
)

func (k SubclusterKind) String() string {
	return [...]string{"unallocated", "unallocated-host", "zero", "zero-host", "normal", "compressed", "invalid"}[k]
}

// Subcluster is the state of subcluster i, 0 to 31. Without extended L2 entries all 32
// have the state of the cluster.
func (e L2Entry) Subcluster(g Geometry, i int) SubclusterKind {
	kind := e.Kind(g)
	if !g.ExtendedL2 {
		return [...]SubclusterKind{SubUnallocated, SubZero, SubZeroAlloc, SubNormal, SubCompressed}[kind]
	}
	if kind == Compressed {
		return SubCompressed
	}
	host := kind == Normal
	alloc, zero := e.Bitmap.Alloc()>>i&1 != 0, e.Bitmap.Zero()>>i&1 != 0
	switch {
	case alloc && (zero || !host):
		return SubInvalid
	case alloc:
		return SubNormal
	case zero && host:
		return SubZeroAlloc
	case zero:
		return SubZero
	case host:
		return SubUnallocatedAlloc
	}
	return SubUnallocated
}

// L2Table is the bytes of an L2 table.
type L2Table []byte

// At is entry i of the table; i must be in range.
func (t L2Table) At(g Geometry, i int64) L2Entry {
	if g.ExtendedL2 {
		return L2Entry{binary.BigEndian.Uint64(t[16*i:]), SubclusterBitmap(binary.BigEndian.Uint64(t[16*i+8:]))}
	}
	return L2Entry{Entry: binary.BigEndian.Uint64(t[8*i:])}
}
