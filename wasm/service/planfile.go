package service

import (
	"context"

	"qcowscope/core/patch"
)

// PlanFile is the plan from the file as it was dropped to what the page shows, as the
// command line writes and applies it: with old and new bytes, and why.
func (s *Session) PlanFile(_ context.Context, req PlanFileRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	plan := s.planned()
	if plan == nil {
		return nil, errNoPlan
	}
	encode := plan.EncodeJSON
	if req.Undo {
		encode = plan.EncodeUndoJSON
	}
	text, err := encode(s.dropped)
	if err != nil {
		return nil, problemError(err)
	}
	return append(text, '\n'), nil
}

var errNoPlan = &ProblemError{Problem{Kind: "internal", Title: "There is no plan to save.", Advice: "Make a plan first."}}

// planned is all that is applied and the plan that was made last, as one plan for the file
// as it was dropped; nil if there is neither.
func (s *Session) planned() *patch.Plan {
	plan := s.applied()
	if s.outcome != nil {
		plan = joined(plan, s.outcome.Plan)
	}
	return plan
}

// joined is one plan after another as one; first may be nil.
func joined(first, second *patch.Plan) *patch.Plan {
	if first == nil {
		return second
	}
	all := *first
	all.Batches = append(append([][]patch.Write(nil), first.Batches...), second.Batches...)
	all.SizeAfter = second.SizeAfter
	return &all
}
