package layers

import (
	"fmt"
	"math"
)

// stepWords are a step's label, what it is, and why a file is large or small by it, with a
// place for a size.
type stepWords struct{ label, meaning, because string }

var steps = map[StepKind]stepWords{
	StepUnwritten: {"never written", "Parts of the disk for which this file holds nothing. They read as zeros, or come from the backing file if there is one.",
		"%s of the disk were never written, and take no space"},
	StepZeros: {"known to be zeros", "Parts of the disk that are marked as zeros and take no space.",
		"%s of the disk are marked as zeros, and take no space"},
	StepCompressed: {"saved by compression", "What compressed clusters take less than the data in them.",
		"compression saves %s"},
	StepDataFile: {"in the external data file", "The guest's data is in another file, at the same offsets.",
		"%s are in the external data file"},
	StepRounding: {"rounded up", "The disk ends within a cluster, of which the file keeps the whole.",
		"%s are the rest of the disk's last cluster"},
	StepBeyond: {"behind the disk's end", "Data that is mapped behind the end of the disk: the guest cannot reach it. A disk that was made smaller may leave it.",
		"%s lie behind the end of the disk"},
	StepSnapshots: {"kept for snapshots only", "Data that the disk as it is now no longer uses, and that at least one snapshot still does.",
		"snapshots keep %s that the disk as it is now no longer uses"},
	StepVMStates: {"saved machine states", "The memory and devices of a running machine, saved with a snapshot.",
		"saved machine states take %s"},
	StepMapping: {"mapping tables", "The L1 and L2 tables of the disk as it is now: they say where everything is.",
		"the tables that map the disk take %s"},
	StepSnapshotL2: {"tables of snapshots", "The list of snapshots, and the L1 and L2 tables that only they use.",
		"the tables of snapshots take %s"},
	StepRefcounts: {"reference counts", "The refcount table and its blocks, which count who uses each cluster.",
		"the reference counts take %s"},
	StepHeader: {"header", "The first cluster.",
		"the header takes %s"},
	StepEncryption: {"encryption header", "The LUKS header with its key slots.",
		"the encryption header takes %s"},
	StepBitmaps: {"dirty bitmaps", "The bitmaps that backup programs keep, with their tables.",
		"dirty bitmaps take %s"},
	StepLeaked: {"leaked", "Marked as used, but nothing uses it. A repair gives it back.",
		"%s are leaked: marked as used, though nothing uses them"},
	StepDamage: {"missing, or claimed twice", "Entries of damaged tables that share a cluster, or point outside the file or at something else.",
		"damaged tables account for %s"},
	StepFreeInside: {"free, inside", "Free clusters between others: QEMU fills them before the file grows, but they do not make it shorter.",
		"%s inside the file are free, and will be used before it grows"},
	StepFreeEnd: {"free, at the end", "What follows the last cluster in use. The file could be cut there.",
		"%s at the end of the file are free"},
	StepCut: {"last cluster not full", "The file ends within its last cluster. That is usual: what is missing reads as zeros.",
		"%s of the last cluster are not stored"},
}

// Label is the step's name.
func (k StepKind) Label() string { return steps[k].label }

// Meaning is what the step is.
func (k StepKind) Meaning() string { return steps[k].meaning }

// Biggest is the step that does most to make the file larger than the disk, or smaller; ok
// is false when nothing does.
func (w Waterfall) Biggest() (s Step, ok bool) {
	grows := w.File > int64(w.Virtual)
	for _, step := range w.Steps {
		if (step.Bytes > 0) == grows && abs(step.Bytes) > abs(s.Bytes) {
			s, ok = step, true
		}
	}
	return s, ok
}

// Reason is a sentence with the biggest reason why the file is larger, or smaller, than its
// disk. size writes a number of bytes.
func (w Waterfall) Reason(size func(uint64) string) string {
	s, ok := w.Biggest()
	if !ok {
		return "The file is as large as its disk."
	}
	than := "larger than its disk, mostly because"
	switch size := int64(w.Virtual); {
	case w.File < size:
		than = "smaller than its disk, mostly because"
	case w.File == size:
		than = "as large as its disk, by chance:"
	}
	return fmt.Sprintf("The file is %s "+steps[s.Kind].because+".", than, size(abs(s.Bytes)))
}

func abs(n int64) uint64 {
	if n < 0 && n != math.MinInt64 {
		n = -n
	}
	return uint64(n)
}
