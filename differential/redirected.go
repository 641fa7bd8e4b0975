package differential

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/redirect"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// crashStates is in how many states a redirected repair is looked at.
const crashStates = 12

// redirected redirects a repair, crashes it, and says what was promised and not kept: that a
// second judge finds the plan safe, and that no crash leaves corruption that was not there, or
// a guest that reads other bytes.
func redirected(ctx context.Context, src source.Bytes, v verdict, out *repair.Outcome) (broken string) {
	if out.Plan.Empty() {
		return ""
	}
	r, err := redirect.Plan(ctx, v.img, v.report, out.Plan, redirect.Options{After: out.After})
	switch {
	case errors.Is(err, redirect.ErrCannot):
		return ""
	case err != nil:
		return "not redirected: " + err.Error()
	case len(r.Unsafe) > 0 || r.Plan.SizeAfter > largestRepaired:
		return ""
	}
	safe, err := redirect.Safe(ctx, src, r.Plan, check.Options{})
	if err != nil || !safe {
		return fmt.Sprintf("redirected it is not safe in place: %v\n%v", err, r.Plan)
	}
	judge, err := redirect.NewJudge(ctx, src, redirect.JudgeOptions{}, out.Plan, r.Plan)
	if err != nil {
		return "redirected it is not judged: " + err.Error()
	}
	states, err := redirect.Explore(r.Plan, src, redirect.CrashOptions{States: crashStates, Seed: uint64(len(src))})
	if err != nil {
		return "redirected it does not crash: " + err.Error()
	}
	for i := range states.Len() {
		state, err := states.State(i)
		if err != nil {
			return fmt.Sprintf("crash state %d: %v", i, err)
		}
		if look, err := judge.Look(state); err != nil || !look.Safe() {
			return fmt.Sprintf("redirected, %v: %v %v\n%v", state, look, err, r.Log)
		}
	}
	return ""
}
