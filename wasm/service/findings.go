package service

import (
	"context"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
)

const maxPage = 100

// Findings is a page of one group, or of all groups in their order.
func (s *Session) Findings(_ context.Context, req FindingsRequest) (FindingsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return FindingsReply{}, errNotChecked
	}
	var reply FindingsReply
	if len(req.Picks) > 0 {
		for _, i := range req.Picks[:min(len(req.Picks), maxPage)] {
			if f, ok := s.finding(req.Code, i); ok {
				reply.Findings = append(reply.Findings, findingView(f, s.now.img.Geo))
			}
		}
		return reply, nil
	}
	skip, want := max(0, req.From), min(max(0, req.Count), maxPage)
	for i := range s.now.report.Groups {
		g := &s.now.report.Groups[i]
		if req.Code != "" && string(g.Code) != req.Code {
			continue
		}
		for _, f := range g.From(skip) {
			if len(reply.Findings) == want {
				return reply, nil
			}
			reply.Findings = append(reply.Findings, findingView(f, s.now.img.Geo))
		}
		skip = max(0, skip-g.Kept())
	}
	return reply, nil
}

// finding is the one with this number in its group.
func (s *Session) finding(code string, index int) (check.Finding, bool) {
	if g := s.now.report.Group(check.Code(code)); g != nil && index >= 0 {
		for _, f := range g.From(index) {
			return f, true
		}
	}
	return check.Finding{}, false
}

func findingView(f check.Finding, g qcow2.Geometry) FindingView {
	v := FindingView{
		ID: f.ID(), Code: string(f.Code), Severity: f.Severity().String(), Field: f.At.Field(),
		What: f.What(g), Where: f.Where(g), Qemu: f.Qemu(g), Got: f.GotText(), Want: f.WantText(),
	}
	if cure := f.Code.Cure(); cure == check.CureNone || cure == check.CureConsent || f.Code == check.L2TableGarbage {
		v.Want = "" // a count, or not for a repair to know
	}
	if f.At.Off >= 0 {
		v.At = hex(f.At.Off)
	}
	if f.Host.Len > 0 {
		v.Host, v.HostLength = hex(f.Host.Start), hex(f.Host.Len)
	}
	if f.Guest.Len > 0 {
		v.Guest, v.GuestLength = hex(f.Guest.Start), hex(f.Guest.Len)
	}
	return v
}

// Judge is what speaks for and against the places that a damaged pointer may mean.
func (s *Session) Judge(ctx context.Context, req JudgeRequest) (JudgeReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return JudgeReply{}, errNotChecked
	}
	f, ok := s.finding(req.Code, req.Index)
	if !ok {
		return JudgeReply{}, nil
	}
	j := repair.Judge(ctx, s.now.img, s.now.report, f)
	if err := ctx.Err(); err != nil {
		return JudgeReply{}, problemError(err)
	}
	if j == nil {
		return JudgeReply{}, nil
	}
	reply := JudgeReply{Judged: true, Verdict: j.Verdict, RuledOut: j.RuledOut}
	for _, t := range j.Tries {
		reply.Tries = append(reply.Tries, JudgeTry{hex(t.Host), t.How, t.Fits, t.Facts})
	}
	return reply, nil
}
