package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/source"
)

// planAndEffect is the plan with these rules, and the verdict of its effect.
func planAndEffect(t *testing.T, s *Session, rules ...LeaveRule) (PlanView, Verdict) {
	t.Helper()
	ctx := context.Background()
	plan, err := s.Plan(ctx, PlanRequest{Scope: "all", Leave: rules})
	if err != nil {
		t.Fatal(err)
	}
	after, err := s.Apply(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Undo(ctx); err != nil {
		t.Fatal(err)
	}
	return plan, after
}

// twoLeaks is an image with two leaked clusters that are no neighbours, and so two findings.
func twoLeaks(t *testing.T) source.Bytes {
	t.Helper()
	file := recipe(t, "healthy_v3")
	s, v := checked(t, file)
	cluster := int64(v.Info.ClusterSize)
	block := int64(s.now.img.Reftable[0].Refblock())
	grown := append(slices.Clone(file), make([]byte, 3*cluster)...)
	first := (int64(len(file)) + cluster - 1) / cluster
	for _, c := range []int64{first, first + 2} {
		grown[block+2*c+1] = 1
	}
	return grown
}

func TestOneOfTwoFindingsIsLeft(t *testing.T) {
	s, v := checked(t, twoLeaks(t))
	if v.Leaks != 2 {
		t.Fatalf("%v leaks", v.Leaks)
	}
	page, err := s.Findings(context.Background(), FindingsRequest{Code: "leaked-cluster", Count: 2})
	if err != nil || len(page.Findings) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	one := page.Findings[0].ID
	for _, c := range []struct {
		rule  LeaveRule
		leaks float64
	}{
		{LeaveRule{Code: "leaked-cluster", IDs: []string{one}}, 1},
		{LeaveRule{Code: "leaked-cluster", All: true, IDs: []string{one}}, 1},
		{LeaveRule{Code: "leaked-cluster", All: true}, 2},
		{LeaveRule{Code: "leaked-cluster"}, 0},
		{LeaveRule{Code: "leaked-cluster", IDs: []string{"leaked-cluster@0:no such"}}, 0},
		{LeaveRule{Code: "no-such-code", All: true}, 0},
	} {
		plan, after := planAndEffect(t, s, c.rule)
		if after.Leaks != c.leaks || plan.Empty != (c.leaks == 2) {
			t.Errorf("%+v: %v leaks are left, want %v; empty %v", c.rule, after.Leaks, c.leaks, plan.Empty)
		}
		if unknown := strings.Contains(fmt.Sprint(c.rule.IDs), "no such"); (len(plan.NotLeft) > 0) != unknown {
			t.Errorf("%+v: said to go all the same: %+v", c.rule, plan.NotLeft)
		}
	}
}

// What goes although it was to be left is said, and why.
func TestWhatIsNotLeftIsSaid(t *testing.T) {
	for name, want := range map[string]struct{ code, because string }{
		"data_points_at_refblock": {"refcount-too-low", "written anew"},
		"data_unaligned":          {"cross-linked-data", "the only cluster that they can mean"},
	} {
		s, v := checked(t, recipe(t, name))
		i := slices.IndexFunc(v.Groups, func(g FindingGroup) bool { return g.Code == want.code })
		if i < 0 {
			t.Errorf("%s: no %s among %+v", name, want.code, v.Groups)
			continue
		}
		page, err := s.Findings(context.Background(), FindingsRequest{Code: want.code, Count: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range []LeaveRule{{Code: want.code, All: true}, {Code: want.code, IDs: []string{page.Findings[0].ID}}} {
			plan, _ := planAndEffect(t, s, rule)
			if len(plan.NotLeft) != 1 || plan.NotLeft[0].Code != want.code || !strings.Contains(plan.NotLeft[0].Because, want.because) ||
				plan.NotLeft[0].Title == "" || len(plan.NotLeft[0].IDs) != len(rule.IDs) {
				t.Errorf("%s, %+v: %+v", name, rule, plan.NotLeft)
			}
		}
	}
}

// Of very many findings single ones can be left, or all; not all but some.
func TestLeavingOfVeryMany(t *testing.T) {
	s, _ := checked(t, source.Bytes(leakyImage(12000)))
	ctx := context.Background()
	page, err := s.Findings(ctx, FindingsRequest{Code: "leaked-cluster", From: 11000, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := page.Findings[0].ID
	if _, err := s.Plan(ctx, PlanRequest{Scope: "all", Leave: []LeaveRule{{Code: "leaked-cluster", All: true, IDs: []string{id}}}}); err == nil {
		t.Error("all but one of 12,000 were left")
	}
	for _, rule := range []LeaveRule{{Code: "leaked-cluster", IDs: []string{id}}, {Code: "leaked-cluster", All: true}} {
		if plan, err := s.Plan(ctx, PlanRequest{Scope: "all", Leave: []LeaveRule{rule}}); err != nil || len(plan.NotLeft) > 0 {
			t.Errorf("%+v: %+v, %v", rule, plan.NotLeft, err)
		}
	}
}
