package service

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
)

// maxLeftIDs bounds how many single findings of a group are named.
const maxLeftIDs = 10000

// leave is what the rules say, in the terms of a repair.
func (s *Session) leave(rules []LeaveRule) (repair.Leave, error) {
	var codes []check.Code
	var single []check.Finding
	for _, rule := range rules {
		g := s.now.report.Group(check.Code(rule.Code))
		switch {
		case g == nil:
		case rule.All && len(rule.IDs) == 0:
			codes = append(codes, g.Code)
		case len(rule.IDs) > maxLeftIDs || rule.All && (g.Places > maxLeftIDs || g.Kept() < g.Places):
			return repair.Leave{}, &ProblemError{Problem{Kind: "internal", Title: "So many findings can only be left together.",
				Advice: fmt.Sprintf("Leave all of them, or at most %d single ones.", maxLeftIDs)}}
		default:
			single = append(single, chosen(g, rule)...)
		}
	}
	return repair.NewLeave(codes, single), nil
}

// chosen are the findings of the group that the rule leaves.
func chosen(g *check.Group, rule LeaveRule) (left []check.Finding) {
	named := map[string]bool{}
	starts := map[qcow2.HostOff]bool{}
	for _, id := range rule.IDs {
		named[id] = true
		starts[startOf(id)] = true
	}
	for _, f := range g.From(0) {
		// An ID is made only where it may be one of them: there can be a million findings.
		if (starts[f.Host.Start] && named[f.ID()]) != rule.All {
			left = append(left, f)
		}
	}
	return left
}

// startOf is the host offset in the ID of a finding, -1 if it has none.
func startOf(id string) qcow2.HostOff {
	_, rest, _ := strings.Cut(id, "@")
	digits, _, _ := strings.Cut(rest, ":")
	v, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return -1
	}
	return qcow2.HostOff(v)
}

// notLeft is what goes all the same, and why.
func (s *Session) notLeft(rules []LeaveRule) (all []NotLeft) {
	for _, rule := range rules {
		code := check.Code(rule.Code)
		if s.now.report.Group(code) == nil {
			continue
		}
		n := NotLeft{Code: rule.Code, Severity: code.Severity().String(), Title: code.Title(), Because: s.whyNotLeft(code)}
		if rule.All || len(rule.IDs) > maxPage {
			if slices.Contains(s.outcome.NotLeft, code) {
				all = append(all, n)
			}
		} else if n.IDs = s.goneOf(rule); len(n.IDs) > 0 {
			all = append(all, n)
		}
	}
	return all
}

// goneOf are the findings of the rule that the image does not have any more with the plan.
func (s *Session) goneOf(rule LeaveRule) (gone []string) {
	after := map[string]bool{}
	if g := s.outcome.After.Group(check.Code(rule.Code)); g != nil {
		for _, f := range chosen(g, rule) {
			after[f.ID()] = true
		}
	}
	for _, id := range rule.IDs {
		if !after[id] {
			gone = append(gone, id)
		}
	}
	return gone
}

// whyNotLeft is the reason in half a sentence: what the plan does that takes it away.
func (s *Session) whyNotLeft(code check.Code) string {
	var does []string
	for _, step := range s.outcome.Steps {
		if strings.HasPrefix(step.What, "write a new refcount") {
			return "the refcounts are written anew as a whole, and a new structure counts every cluster rightly"
		}
		switch step.Code {
		case code, check.LeakedCluster, check.DirtyBit, check.CorruptBit:
			continue // they mend nothing else
		}
		if !slices.Contains(does, step.What) {
			does = append(does, step.What)
		}
	}
	if len(does) == 0 {
		return "it cannot be told apart from what is mended"
	}
	return "it was a consequence of what the plan mends: " + strings.Join(does, "; ")
}
