package service

import (
	"qcowscope/core/alloc"
)

const (
	// maxLabSteps is how many steps are kept of a trace: below a million refblocks nobody can
	// tell them apart in a picture, and 64 bytes each are kept.
	maxLabSteps = 200_000
	// labEnds is how many steps are kept at each end of a stage when the trace has more.
	labEnds = 2000
)

// labStep is a step with its number in the whole trace.
type labStep struct {
	seq int64
	alloc.Event
}

// labStage is a run of steps that belong together.
type labStage struct {
	name   string
	walk   int
	steps  int64
	placed int64
	head   []labStep // all, or as many as ends says
	marked []labStep // behind them: what is no routine
	tail   []labStep // a ring of the last ones
	next   int       // in the ring
}

// labSteps collects the steps of a trace. When they become too many, each stage keeps its
// first and last ones, and what is no routine in between.
type labSteps struct {
	most, ends int
	n          int64
	abridged   bool
	stages     []*labStage
}

func newLabSteps() *labSteps { return &labSteps{most: maxLabSteps, ends: labEnds} }

// tell is the tracer.
func (l *labSteps) tell(e alloc.Event) {
	name, walk := stageOf(e)
	last := len(l.stages) - 1
	if last < 0 || l.stages[last].name != name || l.stages[last].walk != walk {
		l.stages = append(l.stages, &labStage{name: name, walk: walk})
		last++
	}
	s := l.stages[last]
	s.steps++
	if e.Act == alloc.PlaceBlock {
		s.placed++
	}
	l.add(s, labStep{l.n, e})
	l.n++
	if l.n > int64(l.most) && !l.abridged {
		l.abridge()
	}
}

// add keeps a step as far as there is room.
func (l *labSteps) add(s *labStage, step labStep) {
	if !l.abridged || len(s.head) < l.ends {
		s.head = append(s.head, step)
		return
	}
	if len(s.tail) < l.ends {
		s.tail = append(s.tail, step)
		return
	}
	if gone := s.tail[s.next]; !routine(gone.Act) && len(s.marked) < l.ends {
		s.marked = append(s.marked, gone)
	}
	s.tail[s.next] = step
	s.next = (s.next + 1) % len(s.tail)
}

// abridge drops what is in the middle of the stages so far.
func (l *labSteps) abridge() {
	l.abridged = true
	for _, s := range l.stages {
		all := s.head
		s.head = make([]labStep, 0, l.ends)
		for _, step := range all {
			l.add(s, step)
		}
	}
}

// kept are the steps of the stage that are kept, in order.
func (s *labStage) kept() []labStep {
	all := append(append([]labStep(nil), s.head...), s.marked...)
	return append(append(all, s.tail[s.next:]...), s.tail[:s.next]...)
}

// flat is every step that is kept, and where each stage begins among them.
func (l *labSteps) flat() (steps []labStep, stages []LabStage) {
	for _, s := range l.stages {
		kept := s.kept()
		stages = append(stages, LabStage{Name: s.name, Walk: s.walk, First: len(steps), Kept: len(kept), Steps: float64(s.steps), Placed: float64(s.placed)})
		steps = append(steps, kept...)
	}
	return steps, stages
}

// stageOf is the stage that a step belongs to.
func stageOf(e alloc.Event) (name string, walk int) {
	switch e.Act {
	case alloc.CountReferences:
		return "count", 0
	case alloc.CompareCounts:
		return "compare", 0
	case alloc.BeginWriteWalk, alloc.WriteBlock, alloc.WriteTable:
		return "write", e.Walk
	case alloc.SwitchHeader:
		return "switch", 0
	case alloc.FreeOldBlock, alloc.FreeOldTable:
		return "free", 0
	case alloc.Recount:
		return "recount", 0
	}
	if e.Walk > 0 {
		return "walk", e.Walk
	}
	return "read", 0
}

// routine acts are done to one refblock after another.
func routine(a alloc.Act) bool {
	switch a {
	case alloc.ReadEntries, alloc.SkipEmpty, alloc.PlaceBlock, alloc.KeepBlock, alloc.DropBlock, alloc.WriteBlock, alloc.FreeOldBlock:
		return true
	}
	return false
}
