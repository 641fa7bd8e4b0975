package qcow2

// Geometry is all that is needed to turn offsets into indices and back.
type Geometry struct {
	Version       uint32 // 2 or 3
	ClusterBits   uint   // 9 to 21
	RefcountOrder uint   // refcount width is 1<<RefcountOrder bits, 0 to 6
	ExtendedL2    bool   // L2 entries are 16 bytes and carry a subcluster bitmap
	DataFile      bool   // guest data lies in an external file and is not refcounted
}

// Limits of the format, in bytes or entries (qcow2 specification and QEMU's own bounds).
const (
	MinClusterBits       = 9
	MaxClusterBits       = 21
	MaxRefcountOrder     = 6
	MaxReftableBytes     = 8 << 20
	MaxL1Entries         = 4 << 20
	MaxSnapshots         = 65536
	MaxSnapshotExtra     = 1024
	MaxSnapshotTable     = 64 << 20
	SubclustersPerEntry  = 32
	L1EntrySize          = 8
	ReftableEntrySize    = 8
	SnapshotHeaderSize   = 40
	BitmapTableEntrySize = 8
	SectorSize           = 512
)

// ClusterSize is in bytes.
func (g Geometry) ClusterSize() int64 { return 1 << g.ClusterBits }

// L2EntrySize is 8 bytes, or 16 with extended L2 entries.
func (g Geometry) L2EntrySize() int64 {
	if g.ExtendedL2 {
		return 16
	}
	return 8
}

// L2Entries is how many entries an L2 table has.
func (g Geometry) L2Entries() int64 { return g.ClusterSize() / g.L2EntrySize() }

// L2Span is how many guest bytes one L2 table maps.
func (g Geometry) L2Span() int64 { return g.L2Entries() << g.ClusterBits }

// RefcountBits is the width of one refcount.
func (g Geometry) RefcountBits() uint { return 1 << g.RefcountOrder }

// RefcountMax is the greatest refcount that fits.
func (g Geometry) RefcountMax() uint64 { return ^uint64(0) >> (64 - g.RefcountBits()) }

// RefblockEntries is how many refcounts a refblock holds.
func (g Geometry) RefblockEntries() int64 { return g.ClusterSize() * 8 >> g.RefcountOrder }

// ReftableEntries is how many entries one cluster of the reftable holds.
func (g Geometry) ReftableEntries() int64 { return g.ClusterSize() / ReftableEntrySize }

// SubclusterSize is in bytes; a cluster without extended L2 entries is its own subcluster.
func (g Geometry) SubclusterSize() int64 {
	if g.ExtendedL2 {
		return g.ClusterSize() / SubclustersPerEntry
	}
	return g.ClusterSize()
}

// Cluster is the host cluster in which the byte at off lies.
func (g Geometry) Cluster(off HostOff) HostCluster { return HostCluster(off >> g.ClusterBits) }

// Offset is where the host cluster begins.
func (g Geometry) Offset(c HostCluster) HostOff { return HostOff(c) << g.ClusterBits }

// Aligned tells whether off is the start of a cluster.
func (g Geometry) Aligned(off HostOff) bool { return int64(off)&(g.ClusterSize()-1) == 0 }

// Clusters is how many clusters n bytes take, the last may be cut short. n must be >= 0.
func (g Geometry) Clusters(n int64) int64 {
	c := n >> g.ClusterBits
	if n&(g.ClusterSize()-1) != 0 {
		c++
	}
	return c
}

// GuestOffset is the guest offset that entry l2 of the L2 table of entry l1 maps.
func (g Geometry) GuestOffset(l1, l2 int64) GuestOff {
	return GuestOff(l1*g.L2Span() + l2<<g.ClusterBits)
}

// L1Index and L2Index say which entries map the guest offset.
func (g Geometry) L1Index(off GuestOff) int64 { return int64(off) / g.L2Span() }

// L2Index is the index within the L2 table.
func (g Geometry) L2Index(off GuestOff) int64 {
	return int64(off) % g.L2Span() >> g.ClusterBits
}

// L1EntriesFor is how many L1 entries a disk of size bytes needs.
func (g Geometry) L1EntriesFor(size uint64) uint64 {
	span := uint64(g.L2Span())
	n := size / span
	if size%span != 0 {
		n++
	}
	return n
}
