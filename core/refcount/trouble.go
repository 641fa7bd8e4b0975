package refcount

import "qcowscope/core/qcow2"

// Kind is what is wrong at a place that the walk came by.
type Kind uint8

// The kinds, in the words of the check catalogue. The ones from CrossLink on are not
// reported by QEMU.
const (
	RegionBeyondEOF Kind = iota
	RefcountOverflow
	L1ReservedBits
	L2TableUnaligned
	L1OffsetZero // the entry is not 0 but its offset is: QEMU takes the header for an L2 table
	L2ReservedBits
	CompressedCopied
	CompressedWithDataFile
	CompressedBitmap
	SubclusterZeroAndAlloc
	SubclusterAllocNoHost
	DataUnaligned
	PreallocUnaligned
	SnapshotL1Unaligned
	SnapshotL1TooLarge
	SnapshotsWithDataFile
	ReftableReservedBits
	RefblockUnaligned
	RefblockOutside
	RefblockShared
	BitmapDirectoryBad
	BitmapTableBad
	BitmapTableEntryBad
	TableReadError
	TooManyClusters
	TablesOverlap // so many tables overlap that they were not all walked

	CrossLink       // two places of the disk share a cluster
	MetadataOverlap // guest data or a table lies where another table lies
	L2TableShared   // two L1 indices share an L2 table
	ZeroInVersion2
	ZeroBitInExtended
	DataFileOffset // host offset is not the guest offset
)

// Trouble is one thing that is wrong, where it stands and how often QEMU would count it.
type Trouble struct {
	Kind    Kind
	Role    Role // of what was being counted
	Root    int  // -1 none, 0 the active layer, n the nth snapshot
	L1Index int64
	L2Index int64 // -1 for an L1 entry
	At      qcow2.HostOff
	Host    qcow2.Range[qcow2.HostOff]
	Entry   uint64
	Bitmap  qcow2.SubclusterBitmap
	Count   uint64 // references counted, for RefcountOverflow and RefblockShared
	Times   uint64
	Phantom bool // met in a table that is none: QEMU parses the header because of L1OffsetZero
	Err     error
}

// Stats are QEMU's allocation statistics of the active layer.
type Stats struct {
	Allocated, Fragmented, Compressed uint64
}

// Result is the recount.
type Result struct {
	*Table
	Stats Stats
	Tree  *Tree
	// Aborted is set when QEMU would give up: a table could not be read or parsed. What
	// could be counted is counted all the same.
	Aborted bool
	// CopiedUnknown tells that an active entry points to where no role byte is kept, so
	// that its COPIED flag must be looked at one by one.
	CopiedUnknown bool
}

// L2Ref is one L2 table that was walked.
type L2Ref struct {
	Off     qcow2.HostOff
	L1Index int64
	Root    int    // the first root that leads here, 0 is the active layer
	Empty   bool   // all entries are zero
	Repeat  bool   // another L1 index names it as well, or it lies across something else
	Lo, Hi  uint32 // lowest and highest host cluster its entries touch; Lo > Hi if none
}

// maxTree bounds the list of L2 tables that is kept, about 32 MiB.
const maxTree = 1 << 20

// Tree lists the L2 tables, so that who points to a cluster can be found by reading few of
// them. It is incomplete when the image has more than a million.
type Tree struct {
	Tables   []L2Ref
	Complete bool
}
