package redirect_test

import (
	"math/rand/v2"
	"testing"

	"qcowscope/core/redirect"
)

// subject is a redirected plan whose crash states are judged.
type subject struct {
	planned
	res   *redirect.Result
	judge *redirect.Judge
	done  bool // there are no more states
}

// tally is what was seen of the crash states of a kind of plan.
type tally struct {
	plans, states, switched, unsafe int
}

// In no state that a crash leaves is there corruption that was not there before, and the
// guest reads the old bytes or the new ones.
func TestNoCrashBreaksARedirectedPlan(t *testing.T) {
	for k, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) { crashKind(t, kind, rand.New(rand.NewPCG(uint64(k), 1))) })
	}
}

// crashKind crashes a share of the plans until the share of the floor is reached.
func crashKind(t *testing.T, kind kind, r *rand.Rand) {
	var all []*subject
	kind.plans(t, func(p planned) {
		if share() > 1 && r.IntN(5) > 0 {
			return
		}
		if s := newSubject(t, p); s != nil {
			all = append(all, s)
		}
	})
	floor := kind.floor / share()
	sum := tally{plans: len(all)}
	for round := uint64(0); sum.states < floor && round < 40; round++ {
		for _, s := range all {
			if !s.done && (round == 0 || sum.states < floor) {
				s.crash(t, redirect.CrashOptions{States: 40, Seed: round}, &sum)
			}
		}
	}
	t.Logf("%d plans, %d crash states, %d of them behind the switch, %d unsafe", sum.plans, sum.states, sum.switched, sum.unsafe)
	if sum.states < floor || sum.switched == 0 || sum.plans == 0 {
		t.Errorf("too few: %+v, the floor is %d", sum, floor)
	}
}

// newSubject redirects the plan; nil when it cannot be, or when it says that it is unsafe.
func newSubject(t *testing.T, p planned) *subject {
	t.Helper()
	s := &subject{planned: p, res: p.redirected(t)}
	if s.res == nil || len(s.res.Unsafe) > 0 {
		return nil
	}
	var err error
	if s.judge, err = redirect.NewJudge(ctx, p.src, redirect.JudgeOptions{}, p.plan, s.res.Plan); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return s
}

// crash judges crash states of the redirected plan.
func (s *subject) crash(t *testing.T, opt redirect.CrashOptions, sum *tally) {
	t.Helper()
	e, err := redirect.Explore(s.res.Plan, s.src, opt)
	if err != nil {
		t.Fatal(err)
	}
	s.done = e.Len() < opt.States
	for i := range e.Len() {
		state, err := e.State(i)
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.judge.Look(state)
		if err != nil {
			t.Fatal(err)
		}
		sum.states++
		if state.Batch == len(s.res.Plan.Batches) {
			sum.switched++
		}
		if !v.Safe() {
			sum.unsafe++
			s.done = true
			t.Errorf("%s: %v: %v", s.name, state, v)
			return
		}
	}
}
