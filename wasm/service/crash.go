package service

import (
	"context"
	"fmt"
	"slices"

	"qcowscope/core/amend"
	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/redirect"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// Bounds of the states of a side, and of the bytes of the disk that are compared in each.
const (
	leastStates, mostStates = 10, 100_000
	wholeDisk, diskSample   = 64 << 20, 16 << 20
)

// crashRun is a change whose crash states are looked at.
type crashRun struct {
	src   source.Source // the image before the change
	judge *redirect.Judge
	sides []crashSide
}

// crashSide is a way to make the change.
type crashSide struct {
	view     CrashSide
	explorer *redirect.Explorer
	// order is the states by the sectors that have landed, flight by flight, as the page counts
	// them: time goes from the first to the last.
	order []int
}

// crashPlans are the ways to the same end.
type crashPlans struct {
	plan    *patch.Plan // to be redirected
	inPlace *patch.Plan
	after   *check.Report // of what the plan makes, nil if it is not checked
}

var errNoCrash = &ProblemError{Problem{Kind: "internal", Title: "There are no crash states.", Advice: "Ask for them in the Lab first."}}

// Crash lists the crash states of a change of the image as it is now. Nothing is applied.
func (s *Session) Crash(ctx context.Context, req CrashRequest) (CrashView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return CrashView{}, errNotChecked
	}
	s.crash = nil
	if err := s.now.report.Incomplete; err != nil {
		return CrashView{Blocked: unreadableBlocker(err)}, nil
	}
	plans, blocked, err := s.crashPlans(ctx, req)
	switch {
	case err != nil:
		return CrashView{}, problemError(err)
	case len(blocked) > 0:
		return CrashView{Blocked: blocked}, nil
	case plans.plan.Empty():
		return CrashView{Empty: true}, nil
	}
	view, err := s.explore(ctx, req, plans)
	if err != nil {
		s.crash = nil
		return CrashView{}, problemError(err)
	}
	return view, nil
}

func unreadableBlocker(err error) []LabBlocker {
	return []LabBlocker{{What: "reading", Why: "a part of the file cannot be read: " + err.Error(), Advice: "copy the file from a medium that can be read"}}
}

// explore makes both sides and the judge.
func (s *Session) explore(ctx context.Context, req CrashRequest, plans crashPlans) (CrashView, error) {
	r, err := s.redirect(ctx, plans.plan, plans.after)
	if err != nil {
		return CrashView{}, err
	}
	view := CrashView{Cannot: r.view.Cannot, Compared: s.compared()}
	run := &crashRun{src: newRecalled(s.now.img.Src)}
	opt := redirect.JudgeOptions{Check: check.Options{MaxClusters: maxClusters}, Guest: int64(view.Compared)}
	if run.judge, err = redirect.NewJudge(ctx, run.src, opt, plans.plan, r.plan, plans.inPlace); err != nil {
		return CrashView{}, err
	}
	states := redirect.CrashOptions{States: min(max(leastStates, req.States), mostStates), Seed: uint64(max(0, req.Seed))}
	if r.view.Cannot == "" {
		if err := run.add(CrashSide{Name: "redirected", Unsafe: r.view.Unsafe}, r.plan, states); err != nil {
			return CrashView{}, err
		}
	}
	inPlace, flushed := likeQEMU(plans.inPlace, req)
	states.Flushed = flushed
	if err := run.add(CrashSide{Name: "in-place"}, inPlace, states); err != nil {
		return CrashView{}, err
	}
	for _, side := range run.sides {
		view.Sides = append(view.Sides, side.view)
	}
	last := run.sides[len(run.sides)-1].explorer
	end, err := last.State(last.Len() - 1)
	if err != nil {
		return CrashView{}, err
	}
	v, err := run.judge.Look(end)
	view.SameGuest = v.Guest == redirect.ReadsOld
	s.crash = run
	return view, err
}

// compared is how many bytes of the disk are compared in each state, 0 for all.
func (s *Session) compared() float64 {
	if s.now.img.Src.Size() <= wholeDisk {
		return 0
	}
	return diskSample
}

// add lists the states of a side.
func (run *crashRun) add(view CrashSide, plan *patch.Plan, opt redirect.CrashOptions) error {
	e, err := redirect.Explore(plan, run.src, opt)
	if err != nil {
		return err
	}
	flights := e.Flights()
	order, starts := inTime(e, flights)
	view.States = len(order)
	batches := make([][]patch.Write, len(flights))
	for i, f := range flights {
		batches[i] = f.Writes
	}
	first, last := switchOf(batches)
	for i, f := range flights {
		v := CrashFlight{Kind: "in-place", Writes: len(f.Writes), Sectors: f.Sectors, First: starts[i], End: starts[i+1], All: f.All}
		if view.Name == "redirected" || first <= i && i <= last && len(f.Writes) == 1 {
			v.Kind = batchKind(i, first, last)
		}
		for _, w := range f.Writes {
			v.Bytes += float64(len(w.Data))
		}
		view.Flights = append(view.Flights, v)
	}
	run.sides = append(run.sides, crashSide{view, e, order})
	return nil
}

// mostSorted bounds the work of putting states in order.
const mostSorted = 20 << 20

// inTime orders the states of each flight by how much has landed, without those of a sample
// that are there twice. starts is where each flight begins among them, and where the last ends.
func inTime(e *redirect.Explorer, flights []redirect.Flight) (order, starts []int) {
	work, next := 0, 0
	for _, f := range flights {
		starts, next = append(starts, len(order)), f.End
		states := make([]int, 0, f.End-f.First)
		for i := f.First; i < f.End; i++ {
			states = append(states, i)
		}
		if work += len(states) * f.Sectors; work <= mostSorted {
			states = sortLanded(e, states)
		}
		order = append(order, states...)
	}
	starts = append(starts, len(order))
	for i := next; i < e.Len(); i++ {
		order = append(order, i)
	}
	return order, starts
}

// sortLanded orders states of a flight, each once.
func sortLanded(e *redirect.Explorer, states []int) []int {
	landed, seen := map[int]int{}, map[uint64]bool{}
	once := states[:0]
	for _, i := range states {
		n, sum := e.Landed(i)
		if !seen[sum] {
			seen[sum], landed[i] = true, n
			once = append(once, i)
		}
	}
	slices.SortStableFunc(once, func(a, b int) int { return landed[a] - landed[b] })
	return once
}

// likeQEMU is how the change is made in place. A guest's write is planned with QEMU's
// flushes. Where there are none at all any write may land before any other.
func likeQEMU(p *patch.Plan, req CrashRequest) (*patch.Plan, func(int) bool) {
	if req.Flushes == "none" {
		return p, func(int) bool { return false }
	}
	if req.Kind == "write" {
		return p, nil
	}
	return redirect.AsQEMU(p)
}

// crashPlans makes the plan that is asked for, or says what forbids it.
func (s *Session) crashPlans(ctx context.Context, req CrashRequest) (crashPlans, []LabBlocker, error) {
	switch req.Kind {
	case "repair":
		opt, err := s.repairOptions(req.Repair)
		if err != nil {
			return crashPlans{}, nil, err
		}
		out, err := repair.Plan(ctx, s.now.img, s.now.report, opt)
		if err != nil {
			return crashPlans{}, nil, err
		}
		return crashPlans{out.Plan, out.Plan, out.After}, nil, nil
	case "width":
		plan, blocked, err := s.widthPlan(ctx, LabRequest{Kind: "width", Bits: req.Bits}, nil)
		if err != nil || len(blocked) > 0 {
			return crashPlans{}, blocked, err
		}
		asQEMU, err := amend.Width(ctx, s.now.img, s.now.report, amend.WidthOptions{Bits: uint(req.Bits), LikeQEMU: true})
		if err != nil {
			return crashPlans{plan, plan, nil}, nil, ctx.Err() // only QEMU's way there is closed
		}
		return crashPlans{plan, asQEMU.Plan, nil}, nil, nil
	case "write":
		return s.crashWrite(ctx, req)
	}
	return crashPlans{}, nil, &ProblemError{Problem{Kind: "internal", Title: fmt.Sprintf("There are no crash states of %q.", req.Kind)}}
}

// crashWrite plans a request of the guest.
func (s *Session) crashWrite(ctx context.Context, req CrashRequest) (crashPlans, []LabBlocker, error) {
	blocked := func(why string) (crashPlans, []LabBlocker, error) {
		return crashPlans{}, []LabBlocker{{What: "write", Why: why, Advice: "choose another one, or repair the image first"}}, nil
	}
	r, err := req.Write.request()
	if err != nil {
		return crashPlans{}, nil, err
	}
	if why := s.barredNow(); why != "" {
		return blocked(why)
	}
	w, err := s.writerNow(ctx)
	if err != nil {
		return s.writeStopped(err, blocked)
	}
	out, err := w.Plan(ctx, r)
	if err != nil {
		return s.writeStopped(err, blocked)
	}
	if why := s.barred(out); why != "" {
		return blocked(why)
	}
	plans, err := out.Plans(ctx)
	if err != nil {
		return crashPlans{}, nil, err
	}
	return crashPlans{plans.Image, plans.Image, nil}, nil, nil
}

// writeStopped is a request that is not taken as something that forbids it.
func (s *Session) writeStopped(err error, blocked func(string) (crashPlans, []LabBlocker, error)) (crashPlans, []LabBlocker, error) {
	stop, err := stopOf(s.now.img.Geo, err)
	if err != nil {
		return crashPlans{}, nil, err
	}
	return blocked(stop.Title)
}
