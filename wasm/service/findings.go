package service

import (
	"context"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
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
	skip, want := max(0, req.From), min(max(0, req.Count), maxPage)
	for _, g := range s.now.report.Groups {
		if req.Code != "" && string(g.Code) != req.Code {
			continue
		}
		if skip >= len(g.Findings) {
			skip -= len(g.Findings)
			continue
		}
		for _, f := range g.Findings[skip:] {
			if len(reply.Findings) == want {
				return reply, nil
			}
			reply.Findings = append(reply.Findings, findingView(f, s.now.img.Geo))
		}
		skip = 0
	}
	return reply, nil
}

func findingView(f check.Finding, g qcow2.Geometry) FindingView {
	v := FindingView{
		ID: f.ID(), Code: string(f.Code), Severity: f.Severity().String(),
		What: f.What(g), Where: f.Where(g), Qemu: f.Qemu(g), Got: hex(f.Got), Want: hex(f.Want),
	}
	switch f.Code {
	case check.LeakedCluster, check.RefcountZero, check.RefcountTooLow, check.RefcountTooHigh, check.RefcountOverflow, check.LostMapping:
		v.Got, v.Want = fmt.Sprint(f.Got), fmt.Sprint(f.Want)
	}
	if f.Code.Cure() == check.CureNone || f.Code.Cure() == check.CureConsent {
		v.Want = ""
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
