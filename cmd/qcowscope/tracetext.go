package main

import (
	"fmt"
	"io"

	"qcowscope/core/alloc"
)

// How much is told without --all.
const (
	toldAlike  = 4  // steps of a kind under a heading
	toldStarts = 12 // and of those that begin a run of their kind
	toldJSON   = 10000
)

// traceText writes down how a refcount structure comes about: a heading for each walk, the
// steps in words, long runs of like ones abbreviated.
type traceText struct {
	on, all bool
	lines   []string
	steps   []stepOfTrace
	left    int // steps that are not in steps

	section string
	entry   traceEntry        // being made
	told    map[alloc.Act]int // entries under this heading, by kind
	before  alloc.Act         // the kind of the entry before
	gap     traceGap
}

// traceEntry is what is told together: that refcounts were read, and what came of it.
type traceEntry struct {
	kind  alloc.Act
	lines []string
}

// traceGap is entries in a row that were not told.
type traceGap struct {
	n    int
	last []string // lines of the last of them
}

func newTraceText(on, all bool) *traceText {
	return &traceText{on: on, all: all, told: map[alloc.Act]int{}}
}

// tracer is nil when nobody listens.
func (t *traceText) tracer() alloc.Tracer {
	if !t.on {
		return nil
	}
	return t.tell
}

func (t *traceText) tell(e alloc.Event) {
	if t.all || len(t.steps) < toldJSON {
		t.steps = append(t.steps, newStepOfTrace(e))
	} else {
		t.left++
	}
	if s := t.sectionOf(e); s != t.section {
		t.flush()
		t.section = s
		t.lines = append(t.lines, "", s)
	}
	if e.Act == alloc.ReadEntries {
		t.endEntry()
	}
	reading := len(t.entry.lines) > 0 && e.Act != alloc.ReadEntries
	t.entry.kind = max(t.entry.kind, e.Act)
	if reading {
		t.entry.lines = append(t.entry.lines, "    "+e.Words())
	} else {
		t.entry.lines = []string{"  " + e.Words()}
	}
	switch e.Act {
	case alloc.ReadEntries, alloc.CreateOldBlock, alloc.GrowOldTable:
		return // what comes of it follows
	}
	t.endEntry()
}

// sectionOf is the heading under which the step is told.
func (t *traceText) sectionOf(e alloc.Event) string {
	switch e.Act {
	case alloc.CountReferences, alloc.CompareCounts:
		return "What there is"
	case alloc.Recount:
		return "Counted again"
	case alloc.BeginWalk:
		return fmt.Sprintf("Walk %d", e.Walk)
	case alloc.BeginWriteWalk:
		return fmt.Sprintf("Walk %d, which writes", e.Walk)
	case alloc.SwitchHeader, alloc.FreeOldBlock, alloc.FreeOldTable:
		return "The switch"
	}
	walking := len(t.section) > 4 && t.section[:4] == "Walk"
	switch {
	case walking && e.Walk > 0:
		return t.section
	case e.Act == alloc.ReadEntries || e.Act == alloc.DropBlock:
		return "What is in use"
	case e.Act == alloc.WriteBlock || e.Act == alloc.WriteTable:
		return "Writing"
	case e.Walk > 1:
		return fmt.Sprintf("Places, found again (%d)", e.Walk)
	}
	return "Places"
}

// endEntry tells the entry, unless it is one of many like it.
func (t *traceText) endEntry() {
	e := t.entry
	t.entry = traceEntry{}
	if len(e.lines) == 0 {
		return
	}
	starts := e.kind != t.before
	t.before = e.kind
	if n := t.told[e.kind]; !t.all && n >= toldAlike && (!starts || n >= toldStarts) {
		t.gap = traceGap{t.gap.n + 1, e.lines}
		return
	}
	t.closeGap()
	t.told[e.kind]++
	t.lines = append(t.lines, e.lines...)
}

// closeGap tells how much was left out, and the last of it.
func (t *traceText) closeGap() {
	if more := t.gap.n - 1; more > 0 {
		t.lines = append(t.lines, fmt.Sprintf("  ... %d more like these (--all tells them)", more))
	}
	t.lines = append(t.lines, t.gap.last...)
	t.gap = traceGap{}
}

func (t *traceText) flush() {
	t.endEntry()
	t.closeGap()
	t.told, t.before = map[alloc.Act]int{}, 0
}

// write prints the trace, if there is one.
func (t *traceText) write(w io.Writer) {
	if t.flush(); len(t.lines) == 0 {
		return
	}
	for _, line := range t.lines[1:] {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintln(w)
}

// traceJSON is the trace: the first steps, or with --all every one.
type traceJSON struct {
	Steps   []stepOfTrace `json:"steps"`
	LeftOut int           `json:"left-out"`
}

// stepOfTrace is one step: see alloc.Act for what the numbers mean.
type stepOfTrace struct {
	Act   string `json:"act"`
	Walk  int    `json:"walk"`
	Block int64  `json:"refblock"` // -1 if it is about none
	From  int64  `json:"from"`     // clusters
	To    int64  `json:"to"`
	At    int64  `json:"at"`
	N     int64  `json:"n"`
	Words string `json:"words"`
}

func newStepOfTrace(e alloc.Event) stepOfTrace {
	return stepOfTrace{e.Act.String(), e.Walk, e.Block, int64(e.From), int64(e.To), int64(e.At), e.N, e.Words()}
}

func (t *traceText) json() *traceJSON {
	if !t.on {
		return nil
	}
	return &traceJSON{append([]stepOfTrace{}, t.steps...), t.left}
}
