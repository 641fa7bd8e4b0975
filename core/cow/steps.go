package cow

import (
	"cmp"
	"maps"
	"slices"

	"qcowscope/core/qcow2"
)

// StepKind is what a step does.
type StepKind uint8

// The kinds of steps, in the order in which they come within a round.
const (
	StepPromise  StepKind = iota // a bitmap or a feature is no more to be trusted
	StepMark                     // the header's dirty bit is set
	StepTable                    // an L2 table is allocated
	StepRefblock                 // a refblock is allocated
	StepReftable                 // a larger reftable is allocated
	StepInPlace                  // a run finds its clusters
	StepAllocate                 // a run gets new clusters
	StepCopy                     // bytes that the guest sees are copied
	StepWrite                    // the guest's bytes are written
	StepZeroData                 // zeros go to a data file that others read without the image
	StepSkip                     // part of a cluster is left alone
	StepBarrier                  // all of the above is on the disk before what follows
	StepCount                    // refcounts rise
	StepHook                     // the new refblock or reftable becomes valid
	StepL1                       // an L1 entry names the new table
	StepLink                     // L2 entries change
	StepNoRecord                 // no L2 entry changes
	StepRelease                  // refcounts fall
	StepClean                    // the dirty bit is cleared
)

// Step is one thing that happens. Which fields are used is said by its kind; Outcome.Text
// puts it into words.
type Step struct {
	Kind  StepKind
	Run   int                         // index into Outcome.Runs, -1 if none
	Guest qcow2.Range[qcow2.GuestOff] // what is mapped, written, copied, left alone
	Host  qcow2.Range[qcow2.HostOff]  // where it lies afterwards
	From  qcow2.HostOff               // of StepCopy and StepTable: where it lies now; of StepReftable: the old one
	// Source is where copied bytes come from.
	Source SourceKind
	// State is that of what is left alone.
	State qcow2.SubclusterKind
	// Before and After are the first L2 entry of StepLink; L1 and reftable entries, refcounts
	// and the number of reftable clusters stand in their first word.
	Before, After qcow2.L2Entry
	Count         int64 // of clusters or entries
	// QEMU tells of a barrier that QEMU waits there, too. Where it does not, only the plan
	// does, to be safe at every point.
	QEMU bool
}

// stepper lists the steps of an outcome.
type stepper struct {
	o   *Outcome
	g   qcow2.Geometry
	run map[*Run]int
	// promised tells that what the image says of itself was taken back.
	promised bool
}

// steps lists what the rounds do.
func (o *Outcome) steps() {
	t := stepper{o: o, g: o.w.g, run: map[*Run]int{}}
	for i, r := range o.Runs {
		t.run[r] = i
	}
	dirty := false
	for i, r := range o.rounds {
		if i > 0 && len(o.Steps) > 0 && r.changes() {
			t.barrier(true)
		}
		t.round(r)
		dirty = dirty || r.dirty
	}
	if dirty {
		t.barrier(true)
		t.add(Step{Kind: StepClean})
	}
}

func (t *stepper) add(s Step) {
	if s.Kind < StepInPlace || s.Kind > StepSkip && s.Kind != StepNoRecord {
		s.Run = -1
	}
	t.o.Steps = append(t.o.Steps, s)
}

func (t *stepper) barrier(qemu bool) { t.add(Step{Kind: StepBarrier, QEMU: qemu}) }

func (t *stepper) host(off qcow2.HostOff, clusters int64) qcow2.Range[qcow2.HostOff] {
	return qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(clusters << t.g.ClusterBits)}
}

// round lists the batches of a round, with barriers between those that have steps.
func (t *stepper) round(r *round) {
	at := len(t.o.Steps)
	if r.changes() && !t.promised {
		for i := range t.o.w.promises() {
			t.add(Step{Kind: StepPromise, Count: int64(i)})
		}
		t.promised = true
	}
	if r.dirty {
		t.add(Step{Kind: StepMark})
	}
	if len(t.o.Steps) > at {
		t.barrier(true)
	}
	start := len(t.o.Steps)
	t.structures(r)
	for _, run := range r.runs {
		t.data(run, t.run[run])
	}
	for _, z := range r.zeroed {
		t.add(Step{Kind: StepZeroData, Run: -1, Guest: z})
	}
	group := func(qemu bool, list func(*round)) {
		at := len(t.o.Steps)
		if list(r); len(t.o.Steps) > at && at > start {
			t.o.Steps = slices.Insert(t.o.Steps, at, Step{Kind: StepBarrier, Run: -1, QEMU: qemu})
		}
	}
	group(r.copies || len(r.newTables)+len(r.newBlocks) > 0, t.rises)
	group(true, t.hooks)
	group(r.copies || len(r.refcounts) > 0, t.links)
	group(true, t.falls)
}

// structures are the tables that nothing points to yet.
func (t *stepper) structures(r *round) {
	for _, n := range r.newTables {
		t.add(Step{Kind: StepTable, Guest: qcow2.Range[qcow2.GuestOff]{Start: t.g.GuestOffset(n.l1, 0), Len: qcow2.GuestOff(t.g.L2Span())},
			Host: t.host(n.at, 1), From: n.from, Count: n.l1})
	}
	for _, n := range r.newBlocks {
		t.add(Step{Kind: StepRefblock, Host: t.host(n.at, 1), Count: n.index})
	}
	if g := r.grown; g != nil {
		t.add(Step{Kind: StepReftable, Host: t.host(g.to, g.toClusters), From: g.from,
			Before: qcow2.L2Entry{Entry: uint64(g.fromClusters)}, After: qcow2.L2Entry{Entry: uint64(g.toClusters)}})
	}
}

// data is what is written and copied for a run.
func (t *stepper) data(run *Run, i int) {
	kind := StepAllocate
	if run.InPlace {
		kind = StepInPlace
	}
	first := run.Host - qcow2.HostOff(run.Guest.Start-run.firstCluster(t.g))
	t.add(Step{Kind: kind, Run: i, Guest: run.Guest, Host: t.host(first, run.Clusters), Before: run.before[0], State: run.First, Count: run.Clusters})
	head, tail := t.o.Copies(run)
	t.copies(run, i, head)
	t.add(Step{Kind: StepWrite, Run: i, Guest: run.Guest, Host: qcow2.Range[qcow2.HostOff]{Start: run.Host, Len: qcow2.HostOff(run.Guest.Len)}})
	t.copies(run, i, tail)
	for _, s := range t.o.Skips(run) {
		t.add(Step{Kind: StepSkip, Run: i, Guest: s.Guest, State: s.State})
	}
	if !run.Record {
		t.add(Step{Kind: StepNoRecord, Run: i, Guest: run.Guest})
	}
}

func (t *stepper) copies(run *Run, i int, pieces []Piece) {
	for _, p := range pieces {
		to := run.Host + qcow2.HostOff(p.Guest.Start-run.Guest.Start)
		t.add(Step{Kind: StepCopy, Run: i, Guest: p.Guest, Source: p.Source, From: p.Host,
			Host: qcow2.Range[qcow2.HostOff]{Start: to, Len: qcow2.HostOff(p.Guest.Len)}})
	}
}

func (t *stepper) rises(r *round) {
	t.counts(StepCount, r, func(c RefcountChange) bool { return c.After > c.Before })
}

func (t *stepper) falls(r *round) {
	t.counts(StepRelease, r, func(c RefcountChange) bool { return c.After < c.Before })
}

// counts are the refcounts that change alike, neighbours in one step.
func (t *stepper) counts(kind StepKind, r *round, which func(RefcountChange) bool) {
	var last Step
	for _, c := range r.refcounts {
		if !which(c) {
			continue
		}
		at := t.host(t.g.Offset(c.Cluster), 1)
		if last.Count > 0 && last.Host.End() == at.Start && last.Before.Entry == c.Before && last.After.Entry == c.After {
			last.Host.Len += at.Len
			last.Count++
			continue
		}
		if last.Count > 0 {
			t.add(last)
		}
		last = Step{Kind: kind, Host: at, Before: qcow2.L2Entry{Entry: c.Before}, After: qcow2.L2Entry{Entry: c.After}, Count: 1}
	}
	if last.Count > 0 {
		t.add(last)
	}
}

func (t *stepper) hooks(r *round) {
	if r.grown != nil {
		t.add(Step{Kind: StepHook, Host: qcow2.Range[qcow2.HostOff]{Start: qcow2.OffReftable, Len: 12}, Count: -1})
		return
	}
	for i, group := range r.hookGroups(t.g) {
		if i > 0 {
			t.barrier(true)
		}
		for _, k := range group {
			at := r.reftableAt + qcow2.HostOff(k*qcow2.ReftableEntrySize)
			t.add(Step{Kind: StepHook, Host: qcow2.Range[qcow2.HostOff]{Start: at, Len: qcow2.ReftableEntrySize}, Count: k,
				Before: qcow2.L2Entry{Entry: uint64(r.reftable[k].before)}, After: qcow2.L2Entry{Entry: uint64(r.reftable[k].after)}})
		}
	}
}

// links are the L1 entries that change, then the L2 entries.
func (t *stepper) links(r *round) {
	for _, i := range slices.Sorted(maps.Keys(r.l1)) {
		t.add(Step{Kind: StepL1, Count: i, Guest: qcow2.Range[qcow2.GuestOff]{Start: t.g.GuestOffset(i, 0), Len: qcow2.GuestOff(t.g.L2Span())},
			Before: qcow2.L2Entry{Entry: uint64(r.l1[i].before)}, After: qcow2.L2Entry{Entry: uint64(r.l1[i].after)}})
	}
	slices.SortFunc(r.entries, func(a, b *l2Change) int { return cmp.Compare(a.guest, b.guest) })
	var last Step
	var end *l2Change // the last that last stands for
	for _, c := range r.entries {
		if c.before == c.after {
			continue
		}
		at := qcow2.Range[qcow2.HostOff]{Start: c.table + qcow2.HostOff(c.index*t.g.L2EntrySize()), Len: qcow2.HostOff(t.g.L2EntrySize())}
		if end != nil && last.Host.End() == at.Start && t.follows(end, c) {
			last.Host.Len += at.Len
			last.Guest.Len += qcow2.GuestOff(t.g.ClusterSize())
			last.Count++
		} else {
			if end != nil {
				t.add(last)
			}
			last = Step{Kind: StepLink, Host: at, Guest: qcow2.Range[qcow2.GuestOff]{Start: c.guest, Len: qcow2.GuestOff(t.g.ClusterSize())},
				Before: c.before, After: c.after, Count: 1}
		}
		end = c
	}
	if end != nil {
		t.add(last)
	}
}

// follows tells whether b changes its entry as a does its own, one cluster further.
func (t *stepper) follows(a, b *l2Change) bool {
	next := func(x, y qcow2.L2Entry) bool {
		if x.Bitmap != y.Bitmap || x.Kind(t.g) != y.Kind(t.g) || x.Copied() != y.Copied() {
			return false
		}
		kind := x.Kind(t.g)
		return kind != qcow2.Compressed && (x == y || x.Host()+qcow2.HostOff(t.g.ClusterSize()) == y.Host())
	}
	return next(a.before, b.before) && next(a.after, b.after)
}
