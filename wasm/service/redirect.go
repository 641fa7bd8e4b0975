package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/redirect"
)

// redirected is a plan that overwrites nothing that is live, or why there is none.
type redirected struct {
	view  Redirected
	plan  *patch.Plan
	after *check.Report
	log   redirect.Log
}

// redirectIf is the plan as it is, or redirected if that is wanted.
func (s *Session) redirectIf(ctx context.Context, wanted bool, plan *patch.Plan, after *check.Report) (*redirected, error) {
	if !wanted {
		return &redirected{plan: plan, after: after}, nil
	}
	return s.redirect(ctx, plan, after)
}

// redirect redirects a plan for the image as it is now. after is a check of what the plan
// makes, nil if there is none yet. Where it cannot be redirected the plan stays as it is.
func (s *Session) redirect(ctx context.Context, plan *patch.Plan, after *check.Report) (*redirected, error) {
	if plan.Empty() {
		return &redirected{view: Redirected{On: true}, plan: plan, after: after}, nil
	}
	res, err := redirect.Plan(ctx, s.now.img, s.now.report, plan, redirect.Options{After: after, Check: s.checkOptions()})
	switch {
	case errors.Is(err, redirect.ErrCannot):
		return &redirected{view: Redirected{Cannot: cannotText(err)}, plan: plan, after: after}, nil
	case err != nil:
		return nil, err
	}
	return &redirected{redirectedView(res, s.now.img.Geo), res.Plan, res.After, res.Log}, nil
}

// cannotText is the reason alone.
func cannotText(err error) string {
	_, why, found := strings.Cut(err.Error(), redirect.ErrCannot.Error()+": ")
	if !found {
		return err.Error()
	}
	return why
}

func redirectedView(res *redirect.Result, g qcow2.Geometry) Redirected {
	tables, data := res.Bytes()
	v := Redirected{On: true, Unsafe: res.Unsafe, Moved: float64(len(res.Moves)), TableBytes: float64(tables), DataBytes: float64(data),
		Batches: batchViews(res.Plan), Records: len(res.Log)}
	for _, r := range res.Log {
		if r.Op == redirect.OpAlloc {
			v.Clusters += float64(g.Clusters(r.Len))
		}
	}
	return v
}

// batchViews tells what each batch of a redirected plan is for, by where the switch is.
func batchViews(p *patch.Plan) []RedirectBatch {
	first, last := switchOf(p.Batches)
	var all []RedirectBatch
	for i, ws := range p.Batches {
		v := RedirectBatch{Kind: batchKind(i, first, last), Writes: len(ws)}
		for _, w := range ws {
			v.Bytes += float64(len(w.Data))
		}
		all = append(all, v)
	}
	if cut := p.SizeBefore - p.SizeAfter; cut > 0 {
		all = append(all, RedirectBatch{Kind: "cut", Bytes: float64(cut)})
	}
	return all
}

// batchKind is what a batch is for, when the batches from first to last are the switch.
func batchKind(i, first, last int) string {
	switch {
	case last >= 0 && i > last:
		return "late"
	case first <= i && i <= last:
		return "header"
	}
	return "free"
}

// switchOf is the first and the last batch that write to the first sector; -1 if none does.
func switchOf(batches [][]patch.Write) (first, last int) {
	first, last = -1, -1
	for i, ws := range batches {
		for _, w := range ws {
			if w.Off < qcow2.SectorSize {
				last = i
				if first < 0 {
					first = i
				}
				break
			}
		}
	}
	return first, last
}

// RedirectLog is a page of the log of a plan that was made last.
func (s *Session) RedirectLog(_ context.Context, req RedirectLogRequest) (RedirectLogReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r *redirected
	switch {
	case req.Of == "repair":
		r = s.redirected
	case req.Of == "lab" && s.lab != nil:
		r = s.lab.redirected
	case req.Of == "write":
		r = s.write.redirected
	}
	if r == nil {
		return RedirectLogReply{}, errNoPlan
	}
	var reply RedirectLogReply
	from := min(max(0, req.From), len(r.log))
	for _, record := range r.log[from:min(len(r.log), from+min(max(0, req.Count), maxPage))] {
		reply.Records = append(reply.Records, recordView(record))
	}
	return reply, nil
}

// RedirectWrite tells what becomes of a request of the guest when it is redirected. Nothing is
// applied.
func (s *Session) RedirectWrite(ctx context.Context, req WriteRequest) (Redirected, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return Redirected{}, errNotChecked
	}
	o, err := s.planWrite(ctx, req)
	if err != nil {
		return Redirected{}, stoppedError(s.now.img.Geo, err)
	}
	if why := s.barred(o); why != "" {
		return Redirected{Cannot: why}, nil
	}
	plans, err := o.Plans(ctx)
	if err != nil {
		return Redirected{}, problemError(err)
	}
	r, err := s.redirect(ctx, plans.Image, nil)
	if err != nil {
		return Redirected{}, problemError(err)
	}
	s.write.redirected = r
	return r.view, nil
}

// recordView is a record in words; its place stands for itself.
func recordView(r redirect.Record) RedirectRecord {
	v := RedirectRecord{Op: r.Op.String(), At: hex(r.Off)}
	what := fmt.Sprintf("%v %v", r.Kind, r.Node)
	size := qcow2.Size(r.Len)
	switch r.Op {
	case redirect.OpAlloc:
		v.Text = fmt.Sprintf("%s for the new %s", size, what)
	case redirect.OpCopy:
		v.Text = fmt.Sprintf("%s of %s, from %s", size, what, hex(r.From))
	case redirect.OpUpdate:
		parent := "the header"
		if r.Parent != 0 {
			parent = "the table at " + hex(r.Parent)
		}
		v.Text = fmt.Sprintf("%v in %s: %s becomes %s", r.Node, parent, hex(r.Old), hex(r.New))
	case redirect.OpCount:
		v.Text = fmt.Sprintf("refcount at index %d of the refblock %v: %d becomes %d", r.Index, r.Node, r.Old, r.New)
	case redirect.OpFree:
		v.Text = fmt.Sprintf("%s of the old %s, free once this is committed", size, what)
	case redirect.OpCommit:
		v.At, v.Text = "", fmt.Sprintf("the file has %s", qcow2.Size(r.New))
	default:
		v.Text = fmt.Sprintf("%s: %s", size, r.Why)
	}
	return v
}
