package alloc

import (
	"fmt"

	"qcowscope/core/qcow2"
)

// Act is what happens in one step of making a refcount structure.
type Act uint8

// The acts. What the fields of an Event mean is said for each.
const (
	// BeginWalk: the refcounts of [From, To) are gone through, to give refblocks their places.
	BeginWalk Act = iota
	// BeginWriteWalk: the refcounts of [From, To) are gone through, to write them.
	BeginWriteWalk
	// EndWalk: the walk is over; N refblocks got a place in it. After none it was the last
	// before the one that writes.
	EndWalk
	// CountReferences: every reference to clusters [From, To) was counted.
	CountReferences
	// CompareCounts: stored refcounts of [From, To) were held against the counted ones; N differ.
	CompareCounts
	// ReadEntries: the refcounts of [From, To), which refblock Block shall hold, were read; N
	// are not zero.
	ReadEntries
	// SkipEmpty: all refcounts of [From, To) are zero: N refblocks from Block on are not needed.
	SkipEmpty
	// PlaceBlock: refblock Block, for clusters [From, To), goes to cluster At.
	PlaceBlock
	// KeepBlock: refblock Block has its place, At, from a walk before.
	KeepBlock
	// DropBlock: refblock Block would hold nothing but the old structure, or its own reference.
	DropBlock
	// CreateOldBlock: to take a cluster of [From, To), the old structure itself needs a
	// refblock, Block, at At.
	CreateOldBlock
	// GrowOldTable: the old reftable was too short and moved to At, N clusters.
	GrowOldTable
	// PlaceTable: the new reftable of N clusters goes to At.
	PlaceTable
	// FreeTable: the place of the new reftable, N clusters at At, is given back, to look again.
	FreeTable
	// GrowTable: the new reftable has to have N clusters.
	GrowTable
	// TrimTable: the new reftable needs only N clusters of those it was given.
	TrimTable
	// WriteBlock: refblock Block, for [From, To), is written to At.
	WriteBlock
	// WriteTable: the reftable is written to At, N clusters.
	WriteTable
	// SwitchHeader: the header points to the new reftable. Before it a crash leaves the old
	// structure, after it the new.
	SwitchHeader
	// FreeOldBlock: the old refblock Block at At is free.
	FreeOldBlock
	// FreeOldTable: the old reftable, N clusters at At, is free.
	FreeOldTable
	// Recount: the new structure was checked.
	Recount
)

var actNames = [...]string{
	BeginWalk: "begin-walk", BeginWriteWalk: "begin-write-walk", EndWalk: "end-walk",
	CountReferences: "count-references", CompareCounts: "compare-counts", ReadEntries: "read-entries", SkipEmpty: "skip-empty",
	PlaceBlock: "place-block", KeepBlock: "keep-block", DropBlock: "drop-block",
	CreateOldBlock: "create-old-block", GrowOldTable: "grow-old-table",
	PlaceTable: "place-table", FreeTable: "free-table", GrowTable: "grow-table", TrimTable: "trim-table",
	WriteBlock: "write-block", WriteTable: "write-table", SwitchHeader: "switch-header",
	FreeOldBlock: "free-old-block", FreeOldTable: "free-old-table", Recount: "recount",
}

// String is the act's name for programs: "place-block".
func (a Act) String() string { return actNames[a] }

// Event is one step of making a refcount structure, as the passes make it.
type Event struct {
	Act  Act
	Walk int // in which pass over the refcounts, from 1; 0 for what is before or after them
	// Block is the index of a refblock in its reftable, -1 if the step is about none.
	Block int64
	// From and To bound the clusters whose refcounts were read or are held.
	From, To qcow2.HostCluster
	At       qcow2.HostCluster // where something goes or was
	N        int64             // how many: see the acts
}

// Tracer is told of each step. It may be nil.
type Tracer func(Event)

// Tell passes the event on if somebody listens.
func (t Tracer) Tell(e Event) {
	if t != nil {
		t(e)
	}
}

// Words says what happens and why.
func (e Event) Words() string {
	switch e.Act {
	case BeginWalk, BeginWriteWalk, EndWalk, CountReferences, CompareCounts, ReadEntries, Recount:
		return e.walkWords()
	case PlaceTable, FreeTable, GrowTable, TrimTable, WriteTable, SwitchHeader, FreeOldTable, GrowOldTable:
		return e.tableWords()
	}
	return e.blockWords()
}

// walkWords are about what is read.
func (e Event) walkWords() string {
	last := e.To - 1
	switch e.Act {
	case BeginWalk:
		return fmt.Sprintf("The refcounts of clusters %d to %d are read, to give each new refblock that is needed its place.", e.From, last)
	case BeginWriteWalk:
		return fmt.Sprintf("The refcounts of clusters %d to %d are read once more, and the new refblocks are written.", e.From, last)
	case EndWalk:
		if e.N == 0 {
			return "Nothing needed a place in this walk: every refblock has one, so the next walk writes."
		}
		return fmt.Sprintf("In this walk %s a place. What that changed may lie behind what was read already, so the refcounts are read again.", got(e.N))
	case CountReferences:
		return fmt.Sprintf("Every reference was counted: to %d clusters.", e.To-e.From)
	case CompareCounts:
		return fmt.Sprintf("The stored refcounts were compared with the counted ones: %d differ.", e.N)
	case ReadEntries:
		return fmt.Sprintf("Clusters %d to %d, which refblock %d shall count: %d in use.", e.From, last, e.Block, e.N)
	}
	return "The image with the new structure was counted again."
}

func got(blocks int64) string {
	if blocks == 1 {
		return "one refblock got"
	}
	return fmt.Sprintf("%d refblocks got", blocks)
}

// blockWords are about a refblock.
func (e Event) blockWords() string {
	last := e.To - 1
	switch e.Act {
	case SkipEmpty:
		if e.N > 1 {
			return fmt.Sprintf("Clusters %d to %d are all free: refblocks %d to %d are not needed.", e.From, last, e.Block, e.Block+e.N-1)
		}
		return fmt.Sprintf("Clusters %d to %d are all free: refblock %d is not needed.", e.From, last, e.Block)
	case PlaceBlock:
		return fmt.Sprintf("Refblock %d, for clusters %d to %d, goes to cluster %d, which was free%s.", e.Block, e.From, last, e.At, e.whose())
	case KeepBlock:
		return fmt.Sprintf("Refblock %d already has its place, cluster %d.", e.Block, e.At)
	case DropBlock:
		return fmt.Sprintf("Refblock %d is left out: in clusters %d to %d there would be nothing but the refcount structure that is given up.", e.Block, e.From, last)
	case CreateOldBlock:
		return fmt.Sprintf("A cluster from %d to %d was to be taken, where the old structure has no refblock yet: it gets old refblock %d, in cluster %d.", e.From, last, e.Block, e.At)
	case WriteBlock:
		return fmt.Sprintf("Refblock %d, for clusters %d to %d, is written to cluster %d.", e.Block, e.From, last, e.At)
	}
	return fmt.Sprintf("The old refblock %d, cluster %d, is free.", e.Block, e.At)
}

// tableWords are about a reftable.
func (e Event) tableWords() string {
	switch e.Act {
	case PlaceTable:
		return fmt.Sprintf("The new reftable goes to %s.", e.run())
	case FreeTable:
		return fmt.Sprintf("More refblocks have a place than when the reftable got its own, %s: that is given back.", e.run())
	case GrowTable:
		return fmt.Sprintf("The refblocks reach so far that the reftable needs %d clusters.", e.N)
	case TrimTable:
		return fmt.Sprintf("The reftable needs only %d clusters: the rest stays free.", e.N)
	case WriteTable:
		return fmt.Sprintf("The reftable is written to %s.", e.run())
	case SwitchHeader:
		return fmt.Sprintf("The header is switched to the reftable at cluster %d. A crash before this leaves the old structure, after it the new.", e.At)
	case GrowOldTable:
		return fmt.Sprintf("The old reftable is too short for that and moves to %s.", e.run())
	}
	return fmt.Sprintf("The old reftable, %s, is free.", e.run())
}

// run is where a table lies.
func (e Event) run() string {
	if e.N == 1 {
		return fmt.Sprintf("cluster %d", e.At)
	}
	return fmt.Sprintf("clusters %d to %d", e.At, int64(e.At)+e.N-1)
}

// whose says whether the refblock counts its own cluster.
func (e Event) whose() string {
	if e.From <= e.At && e.At < e.To {
		return " and lies in its own range"
	}
	return ""
}
