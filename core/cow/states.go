package cow

import (
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// State is what the host offset, the zero bit and the allocation bit of a subcluster say
// together. Without extended L2 entries the cluster has one such state.
type State struct {
	Host  bool // there is a host cluster
	Zero  bool
	Alloc bool // always the same as Host without extended L2 entries
	Kind  qcow2.SubclusterKind
	Name  string
	Reads string // what the guest gets
	// Meaning is how such a state comes about and what follows from it.
	Meaning string
	// Code is what a check finds, Repair what is proposed; both are "" for valid states.
	Code   check.Code
	Repair string
}

// Valid tells whether QEMU reads and writes the subcluster. One that is not makes all 32 of
// its cluster unreadable.
func (s State) Valid() bool { return s.Kind != qcow2.SubInvalid }

const (
	readsBacking = "the backing file, or zeros without one"
	readsZeros   = "zeros"
	readsHost    = "the host cluster"
	readsError   = "nothing: an input/output error for all of the cluster"

	repairNoHost = "clear the allocation bit, after a look for a leaked cluster that was lost here"
	repairBoth   = "keep the host cluster; if its bytes are not all zero they are data, and the zero bit goes, else the allocation bit goes"
	meansNoHost  = "The bitmap says that data is stored, but the entry names no cluster. No program writes this: the entry or the bitmap was damaged. " +
		"A QEMU that may write marks the image corrupt and stops."
)

// extended are the eight states of a subcluster.
var extended = []State{
	{false, false, false, qcow2.SubUnallocated, "unallocated", readsBacking,
		"Never written, or nothing is left of it. A write allocates a cluster and fills up the subclusters that it begins and ends in.", "", ""},
	{false, false, true, qcow2.SubInvalid, "invalid: allocated nowhere", readsError, meansNoHost, check.SubclusterAllocNoHost, repairNoHost},
	{false, true, false, qcow2.SubZero, "zero", readsZeros,
		"Discarded, or written as zeros. It hides the backing file. A write allocates a cluster; what it does not touch stays zero in the bitmap.", "", ""},
	{false, true, true, qcow2.SubInvalid, "invalid: zero, and allocated nowhere", readsError, meansNoHost, check.SubclusterAllocNoHost, repairNoHost},
	{true, false, false, qcow2.SubUnallocatedAlloc, "unallocated, with a host cluster", readsBacking,
		"The cluster has a place for it, because a neighbour was written or space was preallocated, but what lies there does not count. A write needs no new cluster.", "", ""},
	{true, false, true, qcow2.SubNormal, "data", readsHost,
		"Written. A write overwrites it in place if the cluster is not shared; then not even the entry changes.", "", ""},
	{true, true, false, qcow2.SubZeroAlloc, "zero, with a host cluster", readsZeros,
		"Zeroed, but its place is kept. What lies there does not count. A write needs no new cluster.", "", ""},
	{true, true, true, qcow2.SubInvalid, "invalid: zero and allocated", readsError,
		"Both bits at once are reserved. The bitmap was damaged. A QEMU that may write marks the image corrupt and stops.", check.SubclusterZeroAndAlloc, repairBoth},
}

// standard are the states of a cluster without subclusters.
var standard = []State{
	{false, false, false, qcow2.SubUnallocated, "unallocated", readsBacking,
		"Never written. A write allocates a cluster and copies all of the rest of it.", "", ""},
	{false, true, false, qcow2.SubZero, "zero", readsZeros,
		"Discarded, or written as zeros. It hides the backing file. A write allocates a cluster and fills the rest of it with zeros.", "", ""},
	{true, false, true, qcow2.SubNormal, "data", readsHost,
		"Written. A write overwrites it in place if the cluster is not shared; then not even the entry changes.", "", ""},
	{true, true, true, qcow2.SubZeroAlloc, "zero, with a host cluster", readsZeros,
		"Zeroed, but its place is kept. A write needs no new cluster, but fills up all of it.", "", ""},
}

var compressed = State{true, false, true, qcow2.SubCompressed, "compressed", "what the compressed stream decodes to",
	"Stored as a compressed stream. A write decodes all of it into a new cluster. With extended L2 entries its bitmap must be zero.", "", ""}

// dataFileMeaning is what is different when guest data lies in an external file.
const dataFileMeaning = " In a data file a cluster lies where the guest sees it, so the first one has host offset 0: COPIED tells whether it is there. " +
	"If that flag is lost, its data silently becomes unallocated."

// version2 replaces the zero states where there is no zero flag.
func version2(s State) State {
	s.Kind, s.Name, s.Reads = qcow2.SubInvalid, "invalid: a zero flag in version 2", readsError
	s.Meaning = "The zero flag came with version 3. A check does not mention it, but whoever reads the cluster gets an error."
	s.Code, s.Repair = check.ZeroInVersion2, "without a backing file the entry becomes 0; with one the cluster is filled with zeros, or the image is upgraded to version 3"
	return s
}

// States are the states that subclusters of an image of this kind can have: eight with
// extended L2 entries, else four. Compressed clusters are apart from them.
func States(g qcow2.Geometry) []State {
	var all []State
	for _, s := range statesFor(g) {
		all = append(all, s.in(g))
	}
	return all
}

func statesFor(g qcow2.Geometry) []State {
	if g.ExtendedL2 {
		return extended
	}
	return standard
}

// in is what the state means in an image of this kind.
func (s State) in(g qcow2.Geometry) State {
	if g.Version < 3 && s.Zero {
		return version2(s)
	}
	if g.DataFile && (s.Kind == qcow2.SubNormal || s.Kind == qcow2.SubInvalid && !s.Host) {
		s.Meaning += dataFileMeaning
	}
	return s
}

// StateOf is the state of subcluster i, 0 to 31, of an entry. It is about this subcluster
// alone: another that is invalid makes it unreadable too.
func StateOf(g qcow2.Geometry, e qcow2.L2Entry, i int) State {
	kind := e.Kind(g)
	if kind == qcow2.Compressed {
		return compressed
	}
	host := kind == qcow2.Normal || kind == qcow2.ZeroAlloc
	zero, alloc := kind == qcow2.ZeroPlain || kind == qcow2.ZeroAlloc, host
	if g.ExtendedL2 {
		zero, alloc = e.Bitmap.Zero()>>i&1 != 0, e.Bitmap.Alloc()>>i&1 != 0
	}
	for _, s := range statesFor(g) {
		if s.Host == host && s.Zero == zero && s.Alloc == alloc {
			return s.in(g)
		}
	}
	return State{} // never: every combination is listed
}
