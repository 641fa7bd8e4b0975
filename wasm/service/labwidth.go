package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"qcowscope/core/alloc"
	"qcowscope/core/amend"
	"qcowscope/core/patch"
)

// widthPlan plans a change of the refcount width, or says what forbids it.
func (s *Session) widthPlan(ctx context.Context, req LabRequest, trace alloc.Tracer) (*patch.Plan, []LabBlocker, error) {
	if req.Bits == int(s.now.img.Geo.RefcountBits()) {
		return nil, []LabBlocker{{What: "nothing to change", Why: fmt.Sprintf("the refcounts have %d bits already", req.Bits)}}, nil
	}
	var (
		blocked  *amend.BlockedError
		overflow *amend.OverflowError
	)
	result, err := amend.Width(ctx, s.now.img, s.now.report, amend.WidthOptions{Bits: uint(max(0, req.Bits)), LikeQEMU: req.LikeQemu, Trace: trace})
	switch {
	case errors.As(err, &blocked):
		var all []LabBlocker
		for _, b := range blocked.Blockers {
			all = append(all, blockerView(b))
		}
		return nil, all, nil
	case errors.As(err, &overflow):
		return nil, []LabBlocker{s.overflowView(overflow)}, nil
	case err != nil:
		return nil, nil, err
	}
	return result.Plan, nil, nil
}

func blockerView(b amend.Blocker) LabBlocker {
	v := LabBlocker{What: b.What, Why: b.Why, Advice: b.Advice, Count: float64(b.Count)}
	for _, p := range b.Places[:min(len(b.Places), maxPage)] {
		place := p.Field
		if p.At >= 0 {
			place += " at " + hex(p.At)
		}
		v.Places = append(v.Places, place)
	}
	return v
}

// overflowView names the clusters whose refcounts do not fit, and who owns them.
func (s *Session) overflowView(e *amend.OverflowError) LabBlocker {
	v := LabBlocker{What: "refcounts that do not fit", Count: float64(e.Count),
		Why:    fmt.Sprintf("refcounts of %s cannot hold those of %s; all fit %d bits", bitsText(e.Bits), clustersText(e.Count), e.Enough),
		Advice: fmt.Sprintf("choose %d bits or more, or delete the snapshots that share these clusters", e.Enough)}
	for _, o := range e.Clusters[:min(len(e.Clusters), maxPage)] {
		var owners []string
		for _, k := range o.Owners {
			owners = append(owners, s.rootName(k)+" "+k.Field())
		}
		place := fmt.Sprintf("cluster %d (%s) has refcount %d", o.Cluster, o.Role, o.Refcount)
		if len(owners) > 0 {
			place += ": " + strings.Join(owners, ", ")
		}
		v.Places = append(v.Places, place)
	}
	return v
}

func bitsText(bits uint) string {
	if bits == 1 {
		return "1 bit"
	}
	return fmt.Sprintf("%d bits", bits)
}

// LabApply lays the change of width that was planned last over the file, in memory, and
// checks the result.
func (s *Session) LabApply(ctx context.Context) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lab == nil || s.lab.req.Kind != "width" {
		return Verdict{}, &ProblemError{Problem{Kind: "internal", Title: "There is no change to apply.", Advice: "Choose a width in the Lab first."}}
	}
	return s.lay(ctx, change{plan: s.lab.plan}, nil)
}
