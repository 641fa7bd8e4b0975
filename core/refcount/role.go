// Package refcount recounts the references to every host cluster by walking everything
// that can be reached from the header, and remembers who owns each cluster. It is what
// QEMU's check calls the in-memory refcount table, and more: true counts, roles, and the
// troubles met on the way.
package refcount

// Role is what a host cluster is used for.
type Role uint8

// The roles. When several references meet in one cluster the role of the structure that
// QEMU counts first wins; Table.Conflict tells that they met.
const (
	Free Role = iota
	Header
	L1
	L2
	Reftable
	Refblock
	Data
	CompressedData
	ZeroData // preallocated: a host cluster that reads as zeros
	SnapshotTable
	InactiveL1
	InactiveL2
	InactiveData // reached only from snapshots
	BitmapData   // bitmap directory, tables and data
	Crypto       // LUKS header
	Leaked       // stored refcount above zero, no reference; set by whoever compares
)

var roleNames = [...]string{"free", "header", "L1 table", "L2 table", "refcount table", "refcount block", "data",
	"compressed data", "preallocated zeros", "snapshot table", "snapshot L1 table", "snapshot L2 table",
	"snapshot data", "bitmap", "encryption header", "leaked"}

func (r Role) String() string { return roleNames[r] }

// A role byte holds the role and what was seen of the cluster.
const (
	roleMask     = 0x1f
	seenCopied   = 0x20 // the active tree points here with COPIED
	seenUncopied = 0x40 // the active tree points here without it
	conflict     = 0x80 // references of different kinds, or trouble
)
