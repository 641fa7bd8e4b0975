package redirect_test

import (
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/redirect"
	"qcowscope/core/source"
)

// tally is what was seen of the crash states of some plans.
type tally struct {
	plans, states, switched, unsafe int
}

func explorer(t testing.TB, plan *patch.Plan, src source.Source, opt redirect.CrashOptions) *redirect.Explorer {
	t.Helper()
	e, err := redirect.Explore(plan, src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// crash judges crash states of a plan: one that is redirected, or another way to the same end.
func (sum *tally) crash(t *testing.T, judge *redirect.Judge, plan *patch.Plan, src source.Source, opt redirect.CrashOptions, unsafe func(redirect.State, redirect.Verdict)) {
	t.Helper()
	e := explorer(t, plan, src, opt)
	sum.plans++
	for i := range e.Len() {
		state, err := e.State(i)
		if err != nil {
			t.Fatal(err)
		}
		v, err := judge.Look(state)
		if err != nil {
			t.Fatal(err)
		}
		sum.states++
		if state.Batch == len(plan.Batches) {
			sum.switched++
		}
		if !v.Safe() {
			sum.unsafe++
			unsafe(state, v)
		}
	}
}

// survives holds that in no state that a crash leaves there is corruption that was not there
// before, and that the guest reads the old bytes or the new ones.
func (p planned) survives(t *testing.T, res *redirect.Result, sum *tally) {
	t.Helper()
	if len(res.Unsafe) > 0 {
		return
	}
	judge, err := redirect.NewJudge(ctx, p.src, redirect.JudgeOptions{}, p.plan, res.Plan)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	opt := redirect.CrashOptions{States: statesEach(), Seed: uint64(len(p.src))}
	sum.crash(t, judge, res.Plan, p.src, opt, func(s redirect.State, v redirect.Verdict) {
		t.Errorf("%s: %v: %v", p.name, s, v)
	})
}

// A plan that overwrites in place is broken by a crash at most points: the judge sees it.
// Redirected, the same plans survive.
func TestTheJudgeSeesWhatBreaks(t *testing.T) {
	var inPlace, redirected tally
	repairs("all")(t, func(p planned) {
		if inPlace.plans >= max(8, 300/share()) || len(p.plan.Batches) < 2 || p.before.Refused || p.before.Aborted {
			return
		}
		res := p.redirected(t)
		if res == nil || len(res.Moves) == 0 {
			return
		}
		judge, err := redirect.NewJudge(ctx, p.src, redirect.JudgeOptions{}, p.plan, res.Plan)
		if err != nil {
			t.Fatal(err)
		}
		opt := redirect.CrashOptions{States: 40}
		redirected.crash(t, judge, res.Plan, p.src, opt, func(redirect.State, redirect.Verdict) {})
		opt.Unordered = true
		inPlace.crash(t, judge, p.plan, p.src, opt, func(redirect.State, redirect.Verdict) {})
	})
	t.Logf("in place: %+v; redirected: %+v", inPlace, redirected)
	if inPlace.unsafe < inPlace.plans || redirected.unsafe > 0 {
		t.Errorf("in place %+v, redirected %+v", inPlace, redirected)
	}
}
