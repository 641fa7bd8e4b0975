package service

import (
	"context"
	"slices"
	"strconv"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// maxWrittenRuns bounds a reply of Written.
const maxWrittenRuns = 4096

var errNothingPlanned = &ProblemError{Problem{Kind: "internal", Title: "There is no plan.", Advice: "Make a plan first."}}

// Effect compares what the guest reads from the active disk without and with the plan that
// was made last, or the applied changes.
func (s *Session) Effect(ctx context.Context) (EffectReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.change(ctx)
	if err != nil {
		return EffectReply{}, err
	}
	reply := EffectReply{SizeBefore: strconv.FormatUint(c.Before.VirtualSize(), 10), SizeAfter: strconv.FormatUint(c.After.VirtualSize(), 10)}
	for d, err := range c.Differences(ctx) {
		if err != nil {
			return EffectReply{}, problemError(err)
		}
		n := float64(d.Guest.Len)
		reply.Bytes += n
		if d.Unknown {
			reply.Unknown += n
		} else if d.Before == clustermap.ReadsError {
			reply.Regained += n
		}
		if reply.More = len(reply.Ranges) == maxPage; !reply.More {
			reply.Ranges = append(reply.Ranges, EffectRange{hex(d.Guest.Start), n, d.Before.String(), d.After.String(), d.Unknown})
		}
	}
	return reply, nil
}

// change is the plan that was made last or the applied ones, with the images on both sides.
func (s *Session) change(ctx context.Context) (c clustermap.Change, err error) {
	x, err := s.sides(ctx)
	if err != nil {
		return c, err
	}
	if x.plan == nil {
		return c, errNothingPlanned
	}
	c.Owners = s.now.report.Refcounts.Table
	if x.applied {
		c.Owners = s.original.report.Refcounts.Table
	}
	if c.Before, err = image.Open(ctx, x.before.src); err != nil {
		return c, problemError(err)
	}
	if c.After, err = image.Open(ctx, x.after.src); err != nil {
		return c, problemError(err)
	}
	for _, w := range changedPlaces(x.plan) {
		c.Written = append(c.Written, qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(w.from), Len: qcow2.HostOff(w.to - w.from)})
	}
	return c, nil
}

// changedPlaces are the ranges that a plan writes to, and that by which the file grows or
// shrinks, in order and apart from each other.
func changedPlaces(p *patch.Plan) []place {
	all := written(p)
	if from, to := min(p.SizeBefore, p.SizeAfter), max(p.SizeBefore, p.SizeAfter); from < to {
		all = joinedPlaces(append(slices.Clone(all), place{from, to}))
	}
	return all
}

// Written are the clusters that the plan writes to.
func (s *Session) Written(ctx context.Context, req WrittenRequest) ([]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.sides(ctx)
	if err != nil || x.plan == nil {
		return nil, err
	}
	first := int64(max(0, min(req.First, 1<<53)))
	last := first + int64(max(0, min(req.Count, 1<<53))) - 1
	bits := s.now.img.Geo.ClusterBits
	var runs []float64
	for _, w := range changedPlaces(x.plan) {
		from, to := max(first, w.from>>bits), min(last, (w.to-1)>>bits)
		n := len(runs)
		switch {
		case from > to:
		case n > 0 && int64(runs[n-2]+runs[n-1]) >= from:
			runs[n-1] = max(runs[n-1], float64(to+1)-runs[n-2])
		case n/2 == maxWrittenRuns:
			return runs, nil
		default:
			runs = append(runs, float64(from), float64(to-from+1))
		}
	}
	return runs, nil
}

// Verify reads the changed image anew, as a program that opens the saved copy would, checks
// it, and holds it against the check of the file.
func (s *Session) Verify(ctx context.Context) (VerifyReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.original.report == nil {
		return VerifyReply{}, errNotChecked
	}
	img, err := image.Open(ctx, s.overlay)
	if err != nil {
		return VerifyReply{}, problemError(err)
	}
	r, err := check.Run(ctx, img, s.checkOptions())
	if err == nil {
		err = r.Incomplete
	}
	if err != nil {
		return VerifyReply{}, problemError(err)
	}
	return VerifyReply{Before: countsOf(s.original.report), After: countsOf(r)}, nil
}

func countsOf(r *check.Report) CheckCounts {
	c := CheckCounts{Corruptions: float64(r.Corruptions), Leaks: float64(r.Leaks), CheckErrors: float64(r.CheckErrors), ExitCode: r.ExitCode()}
	for _, g := range r.Groups {
		if g.Class == check.Beyond && g.Code.Severity() > check.Note {
			c.Beyond += float64(g.Times)
		}
	}
	return c
}
