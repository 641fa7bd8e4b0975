package alloc

import (
	"fmt"

	"qcowscope/core/qcow2"
)

// Act is what happens in one step of making a refcount structure.
type Act uint8

// The acts. What the fields of an Event mean is said for each.
const (
	// CountReferences: every reference to clusters [From, To) was counted.
	CountReferences Act = iota
	// CompareCounts: stored refcounts of [From, To) were held against the counted ones; N differ.
	CompareCounts
	// ReadEntries: the refcounts of [From, To), which refblock Block shall hold, were read; N
	// are not zero.
	ReadEntries
	// SkipEmpty: all refcounts of [From, To) are zero: refblock Block is not needed.
	SkipEmpty
	// PlaceBlock: refblock Block, for clusters [From, To), goes to cluster At.
	PlaceBlock
	// KeepBlock: refblock Block has its place, At, from a walk before.
	KeepBlock
	// DropBlock: refblock Block would hold nothing but the old structure, or its own reference.
	DropBlock
	// CreateOldBlock: to take a cluster, the old structure itself needs a refblock, Block, at At.
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
	last := e.To - 1
	switch e.Act {
	case CountReferences:
		return fmt.Sprintf("Every reference was counted: to %d clusters.", e.To-e.From)
	case CompareCounts:
		return fmt.Sprintf("The stored refcounts were compared with the counted ones: %d differ.", e.N)
	case ReadEntries:
		return fmt.Sprintf("The refcounts of clusters %d to %d were read, which refblock %d shall hold: %d are in use.", e.From, last, e.Block, e.N)
	case SkipEmpty:
		return fmt.Sprintf("Clusters %d to %d are all free: refblock %d is not needed.", e.From, last, e.Block)
	case PlaceBlock:
		return fmt.Sprintf("Refblock %d, for clusters %d to %d, goes to cluster %d, which was free%s.", e.Block, e.From, last, e.At, e.whose())
	case KeepBlock:
		return fmt.Sprintf("Refblock %d already has its place, cluster %d.", e.Block, e.At)
	case DropBlock:
		return fmt.Sprintf("Refblock %d is left out: in clusters %d to %d there would be nothing but the refcount structure that is given up.", e.Block, e.From, last)
	case CreateOldBlock:
		return fmt.Sprintf("The cluster taken has no refcount in the old structure yet: it gets refblock %d, in cluster %d.", e.Block, e.At)
	case GrowOldTable:
		return fmt.Sprintf("The old reftable is too short for that and moves to cluster %d, %d clusters.", e.At, e.N)
	default:
		return e.tableWords()
	}
}

func (e Event) tableWords() string {
	last := e.To - 1
	switch e.Act {
	case PlaceTable:
		return fmt.Sprintf("The new reftable goes to cluster %d (%d in a row).", e.At, e.N)
	case FreeTable:
		return fmt.Sprintf("More refblocks are needed than the table was placed for: its place, cluster %d (%d in a row), is given back.", e.At, e.N)
	case GrowTable:
		return fmt.Sprintf("The refblocks reach so far that the reftable needs %d clusters.", e.N)
	case TrimTable:
		return fmt.Sprintf("The reftable needs only %d clusters: the rest stays free.", e.N)
	case WriteBlock:
		return fmt.Sprintf("Refblock %d, for clusters %d to %d, is written to cluster %d.", e.Block, e.From, last, e.At)
	case WriteTable:
		return fmt.Sprintf("The reftable is written to cluster %d (%d in a row).", e.At, e.N)
	case SwitchHeader:
		return fmt.Sprintf("The header is switched to the reftable at cluster %d. A crash before this leaves the old structure, after it the new.", e.At)
	case FreeOldBlock:
		return fmt.Sprintf("The old refblock %d, cluster %d, is free.", e.Block, e.At)
	case FreeOldTable:
		return fmt.Sprintf("The old reftable, cluster %d (%d in a row), is free.", e.At, e.N)
	case Recount:
		return "The image with the new structure was counted again."
	}
	return ""
}

// whose says whether the refblock describes itself.
func (e Event) whose() string {
	if e.From <= e.At && e.At < e.To {
		return " and lies in its own range"
	}
	return ""
}
