package service

import (
	"context"
	"slices"
	"time"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/redirect"
	"qcowscope/core/report"
)

const (
	crashNumbers     = 5 // of a state, as it crosses
	maxCrashSlice    = 4096
	maxCrashFindings = 8
	maxShownSectors  = 128
)

// CrashJudge judges states, see CrashJudgeRequest.
func (s *Session) CrashJudge(ctx context.Context, req CrashJudgeRequest) ([]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	side, err := s.crashSide(req.Side)
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(time.Duration(req.Ms) * time.Millisecond)
	var numbers []float64
	for _, i := range req.States[:min(len(req.States), maxCrashSlice)] {
		if len(numbers) > 0 && time.Now().After(until) {
			break
		}
		state, err := side.state(i)
		if err != nil {
			return nil, err
		}
		v, err := s.crash.judge.In(ctx).Look(state)
		if err != nil {
			return nil, problemError(err)
		}
		torn := 0
		for _, l := range side.explorer.Landings(state.Number) {
			if l.Torn() {
				torn++
			}
		}
		outcome := slices.Index(CrashOutcomes, side.outcome(state, v))
		numbers = append(numbers, float64(state.Batch), float64(state.Sectors), float64(torn), float64(outcome), float64(v.Leaks))
	}
	return numbers, nil
}

func (s *Session) crashSide(i int) (*crashSide, error) {
	if s.crash == nil || i < 0 || i >= len(s.crash.sides) {
		return nil, errNoCrash
	}
	return &s.crash.sides[i], nil
}

// outcome names what a crash left.
func (side *crashSide) outcome(state redirect.State, v redirect.Verdict) string {
	switch {
	case !v.Opens:
		return "does-not-open"
	case v.Guest == redirect.ReadsNeither:
		return "other-bytes"
	case len(v.Worse) > 0:
		return "worse"
	}
	flights := side.view.Flights
	isHeader := func(f CrashFlight) bool { return f.Kind == "header" }
	first := slices.IndexFunc(flights, isHeader)
	switch {
	case state.Batch == 0 && state.Sectors == 0 || side.view.Name == "redirected" && state.Batch <= first:
		return "old"
	case state.Batch == len(flights) || side.view.Name == "redirected" && first >= 0 && !slices.ContainsFunc(flights[state.Batch:], isHeader):
		return "new"
	}
	return "between"
}

// CrashState inspects the image in a state.
func (s *Session) CrashState(ctx context.Context, req CrashStateRequest) (CrashState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	side, state, err := s.crashState(req)
	if err != nil {
		return CrashState{}, err
	}
	v, err := s.crash.judge.In(ctx).Look(state)
	if err != nil {
		return CrashState{}, problemError(err)
	}
	view := CrashState{Flight: state.Batch, Sectors: state.Sectors, Of: state.Of, Outcome: side.outcome(state, v), Guest: v.Guest.String()}
	view.land(side.explorer.Landings(state.Number))
	img, err := image.Open(ctx, state.Image)
	if err != nil {
		if ctx.Err() != nil {
			return CrashState{}, problemError(ctx.Err())
		}
		view.State, view.Problem = "unreadable", problemOf(err)
		return view, nil
	}
	rep, err := check.Run(ctx, img, check.Options{MaxClusters: maxClusters})
	if err != nil {
		return CrashState{}, problemError(err)
	}
	view.State, _, _ = report.Verdict(rep)
	view.Corruptions, view.Leaks, view.CheckErrors = float64(rep.Corruptions), float64(rep.Leaks), float64(rep.CheckErrors)
	view.find(img, rep, v.Worse)
	return view, nil
}

// land tells of the writes in flight.
func (view *CrashState) land(landings []redirect.Landing) {
	for _, l := range landings {
		if l.Torn() {
			view.Torn++
		}
		if len(view.Landings) == maxPage {
			continue
		}
		v := CrashLanding{Offset: hex(l.Write.Off), Length: float64(len(l.Write.Data)), Why: l.Write.Why, Of: len(l.Sectors)}
		shown := make([]byte, 0, maxShownSectors)
		for _, on := range l.Sectors {
			bit := byte('0')
			if on {
				bit = '1'
				v.Landed++
			}
			if len(shown) < maxShownSectors {
				shown = append(shown, bit)
			}
		}
		v.Sectors = string(shown)
		view.Landings = append(view.Landings, v)
	}
}

// find picks the findings to show: those that are worse than they were first.
func (view *CrashState) find(img *image.Image, rep *check.Report, worse []check.Code) {
	groups := slices.Clone(rep.Groups)
	isWorse := func(g check.Group) bool { return slices.Contains(worse, g.Code) }
	slices.SortStableFunc(groups, func(a, b check.Group) int {
		switch {
		case isWorse(a) == isWorse(b):
			return 0
		case isWorse(a):
			return -1
		}
		return 1
	})
	for _, g := range groups {
		if isWorse(g) {
			view.Worse = append(view.Worse, groupViews([]check.Group{g})...)
		}
		for _, f := range g.Findings {
			if len(view.Findings) == maxCrashFindings {
				break
			}
			view.Findings = append(view.Findings, findingView(f, img.Geo))
		}
	}
}

// state is a state as the page counts them.
func (side *crashSide) state(i int) (redirect.State, error) {
	if i < 0 || i >= len(side.order) {
		return redirect.State{}, errNoCrash
	}
	state, err := side.explorer.State(side.order[i])
	if err != nil {
		return state, problemError(err)
	}
	return state, nil
}

// crashState is a state of one of the sides.
func (s *Session) crashState(req CrashStateRequest) (*crashSide, redirect.State, error) {
	side, err := s.crashSide(req.Side)
	if err != nil {
		return nil, redirect.State{}, err
	}
	state, err := side.state(req.State)
	return side, state, err
}

// CrashOpen lays what a crash would leave over the file, in memory, so that all of the page
// shows it.
func (s *Session) CrashOpen(ctx context.Context, req CrashStateRequest) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	side, state, err := s.crashState(req)
	if err != nil {
		return Verdict{}, err
	}
	return s.lay(ctx, change{plan: side.explorer.Plan(state.Number), crash: true}, nil)
}

// CrashFile is the plan that leads from the file as it was dropped to a state, for `qcowscope apply`.
func (s *Session) CrashFile(_ context.Context, req CrashStateRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	side, state, err := s.crashState(req)
	if err != nil {
		return nil, err
	}
	text, err := joined(s.applied(), side.explorer.Plan(state.Number)).EncodeJSON(s.dropped)
	if err != nil {
		return nil, problemError(err)
	}
	return append(text, '\n'), nil
}
