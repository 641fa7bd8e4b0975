package layers

import "qcowscope/core/refcount"

// StepKind names a step of the waterfall.
type StepKind string

// The steps, in the order in which they lead from the disk's size to the file's.
const (
	StepUnwritten  StepKind = "unwritten"  // nothing is stored for it
	StepZeros      StepKind = "zeros"      // known to be zero, without a cluster
	StepCompressed StepKind = "compressed" // saved by compression
	StepDataFile   StepKind = "data-file"  // in the external data file
	StepRounding   StepKind = "rounding"   // the disk's last cluster is kept whole
	StepBeyond     StepKind = "beyond"     // data behind the end of the disk
	StepSnapshots  StepKind = "snapshots"  // data that only snapshots hold
	StepVMStates   StepKind = "vm-states"  // saved machine states
	StepMapping    StepKind = "mapping"    // L1 and L2 tables of the active layer
	StepSnapshotL2 StepKind = "snapshot-tables"
	StepRefcounts  StepKind = "refcounts"
	StepHeader     StepKind = "header"
	StepEncryption StepKind = "encryption"
	StepBitmaps    StepKind = "bitmaps"
	StepLeaked     StepKind = "leaked"
	StepDamage     StepKind = "damage" // entries that share a cluster or point outside the file
	StepFreeInside StepKind = "free-inside"
	StepFreeEnd    StepKind = "free-end"
	StepCut        StepKind = "cut" // the file ends within its last cluster
)

// Step adds bytes, or takes them off.
type Step struct {
	Kind  StepKind
	Bytes int64
}

// Waterfall leads from the virtual size to the size of the file.
type Waterfall struct {
	Virtual uint64
	Steps   []Step // those of no bytes are left out
	// Stored is what the disk as it is now takes of the file: what is left of the virtual
	// size after the steps up to StepRounding, and before the others.
	Stored int64
	File   int64
	// Fits is false when the disk is said to be so large that no file could have it: the
	// steps begin with what of it can be.
	Fits bool
}

// Waterfall says where the bytes of the file go. All must be read.
func (h *Holdings) Waterfall() Waterfall {
	g := h.img.Geo
	w := Waterfall{Virtual: h.img.VirtualSize(), File: h.img.Src.Size(), Fits: true}
	if w.Virtual > 1<<62 {
		w.Fits, w.Virtual = false, 1<<62
	}
	cs := g.ClusterSize()
	disk, u := min(h.diskClusters(), 1<<62>>g.ClusterBits)*cs, h.used()
	stored, compressed := h.guest.stored*cs, h.guest.compressed*cs
	add := func(kind StepKind, bytes int64) {
		if bytes != 0 {
			w.Steps = append(w.Steps, Step{kind, bytes})
		}
	}
	add(StepUnwritten, h.guest.zero+stored+compressed-disk)
	add(StepZeros, -h.guest.zero)
	if g.DataFile {
		add(StepDataFile, -stored)
		stored = 0
	}
	damage := int64(0)
	if compressed > 0 && !g.DataFile {
		add(StepCompressed, u.packed*cs-compressed)
	} else {
		damage = u.packed*cs - compressed
	}
	damage += (u.plain-h.guest.beyond+h.unheld())*cs - stored
	add(StepRounding, disk-int64(w.Virtual))
	w.Stored = int64(w.Virtual)
	for _, s := range w.Steps {
		w.Stored += s.Bytes
	}
	add(StepBeyond, h.guest.beyond*cs)
	add(StepSnapshots, u.snapshots*cs)
	add(StepVMStates, u.states*cs)
	h.addTables(add)
	add(StepDamage, damage)
	h.addFree(add)
	return w
}

// used are the clusters of the file that hold guest data.
type used struct {
	plain, packed     int64 // of the active layer
	snapshots, states int64
}

func (h *Holdings) used() (u used) {
	for id := range h.sets.all {
		of, n := &h.sets.all[id], h.counts[id][guestData]
		switch {
		case of.state:
			u.states += n
		case !of.by.active():
			u.snapshots += n
		case of.packed:
			u.packed += n
		default:
			u.plain += n
		}
	}
	return u
}

// stepOf is the step to which the clusters of a role belong, "" if they are counted another
// way.
func stepOf(r refcount.Role) StepKind {
	switch r {
	case refcount.Header:
		return StepHeader
	case refcount.L1, refcount.L2:
		return StepMapping
	case refcount.InactiveL1, refcount.InactiveL2, refcount.SnapshotTable:
		return StepSnapshotL2
	case refcount.Reftable, refcount.Refblock:
		return StepRefcounts
	case refcount.Crypto:
		return StepEncryption
	case refcount.BitmapData:
		return StepBitmaps
	case refcount.Leaked:
		return StepLeaked
	}
	return ""
}

// addTables adds what is neither guest data nor free.
func (h *Holdings) addTables(add func(StepKind, int64)) {
	var byRole [1 << 8]int64
	for _, b := range h.roles() {
		byRole[refcount.RoleOf(b)]++
	}
	bytes := map[StepKind]int64{}
	for r, n := range byRole {
		bytes[stepOf(refcount.Role(r))] += n << h.img.Geo.ClusterBits
	}
	for _, k := range []StepKind{StepMapping, StepSnapshotL2, StepRefcounts, StepHeader, StepEncryption, StepBitmaps, StepLeaked} {
		add(k, bytes[k])
	}
}

func (h *Holdings) roles() []uint8 {
	return h.report.Refcounts.Table.Roles(0, int64(len(h.owners)))
}

// unheld is how many clusters of guest data nobody was found to hold.
func (h *Holdings) unheld() (n int64) {
	for c, b := range h.roles() {
		if h.owners[c] == nobody {
			if k, ok := kindOf(refcount.RoleOf(b)); ok && k == guestData {
				n++
			}
		}
	}
	return n
}

// addFree adds what is free, in the midst of the file and at its end.
func (h *Holdings) addFree(add func(StepKind, int64)) {
	g, roles := h.img.Geo, h.roles()
	end := len(roles)
	for end > 0 && refcount.RoleOf(roles[end-1]) == refcount.Free {
		end--
	}
	inside := int64(0)
	for _, b := range roles[:end] {
		if refcount.RoleOf(b) == refcount.Free {
			inside++
		}
	}
	whole := h.img.HostClusters()
	add(StepFreeInside, inside<<g.ClusterBits)
	add(StepFreeEnd, (whole-int64(end))<<g.ClusterBits)
	add(StepCut, h.img.Src.Size()-whole<<g.ClusterBits)
}
