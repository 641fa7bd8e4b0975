package repair_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// leaving is a repair of everything, by consent, but for what is left.
func leaving(t *testing.T, b *testimages.Built, leave repair.Leave) (before *check.Report, out *repair.Outcome) {
	t.Helper()
	img, err := image.Open(context.Background(), source.Bytes(b.Image))
	if err != nil {
		t.Fatal(err)
	}
	if before, err = check.Run(context.Background(), img, check.Options{}); err != nil {
		t.Fatal(err)
	}
	opt := way{repair.All, true}.options()
	opt.Leave = leave
	if out, err = repair.Plan(context.Background(), img, before, opt); err != nil {
		t.Fatal(err)
	}
	return before, out
}

// What is left is not repaired: no step is about it, and what is gone all the same is said.
// With everything left nothing is written.
func TestLeavingKinds(t *testing.T) {
	const short = 3
	tried, stayed := 0, 0
	everyRecipe(t, short, func(t *testing.T, b *testimages.Built) {
		before, _ := leaving(t, b, repair.Leave{})
		var all []check.Code
		for _, g := range before.Groups {
			all = append(all, g.Code)
		}
		for _, g := range before.Groups {
			if g.Code.Severity() < check.Waste {
				continue
			}
			for _, leave := range []repair.Leave{repair.NewLeave([]check.Code{g.Code}, nil), repair.NewLeave(nil, g.Findings)} {
				tried++
				_, out := leaving(t, b, leave)
				stays := out.After.Group(g.Code) != nil && out.After.Group(g.Code).Places >= g.Places
				if stays {
					stayed++
				} else if !slices.Contains(out.NotLeft, g.Code) {
					t.Errorf("%s was to be left, is gone, and nothing is said; done was %v", g.Code, out.Steps)
				}
				// Copies need refcounts of their own.
				if g.Code == check.RefcountTooLow && len(out.Steps) > 1 {
					continue
				}
				rebuilt := slices.ContainsFunc(out.Steps, func(s repair.Step) bool { return strings.HasPrefix(s.What, "write a new refcount") })
				if slices.ContainsFunc(out.Steps, func(s repair.Step) bool { return s.Code == g.Code }) && !rebuilt {
					t.Errorf("%s was to be left; done was %v", g.Code, out.Steps)
				}
			}
		}
		if _, out := leaving(t, b, repair.NewLeave(all, nil)); !out.Plan.Empty() {
			t.Errorf("everything was to be left, and yet done was %v:\n%v", out.Steps, out.Plan)
		}
	})
	if tried < 300/testimages.Each(short, jsEach) || stayed < tried/2 {
		t.Errorf("only %d kinds of findings were left, %d of them stayed", tried, stayed)
	}
}

// Of two findings of a kind one can be left.
func TestLeavingOneOfSeveral(t *testing.T) {
	const short = 2
	tried := 0
	everyRecipe(t, short, func(t *testing.T, b *testimages.Built) {
		before, whole := leaving(t, b, repair.Leave{})
		for _, g := range before.Groups {
			if g.Places < 2 || len(g.Findings) < g.Places || whole.After.Group(g.Code) != nil {
				continue
			}
			_, out := leaving(t, b, repair.NewLeave(nil, g.Findings[:1]))
			if slices.Contains(out.NotLeft, g.Code) || out.KeptLeaks != "" {
				continue
			}
			tried++
			if after := out.After.Group(g.Code); after == nil || len(after.Findings) != 1 || after.Findings[0].ID() != g.Findings[0].ID() {
				t.Errorf("of %d findings of %s the first was to be left: %+v", g.Places, g.Code, after)
			}
		}
	})
	if tried < 9/testimages.Each(short, jsEach) {
		t.Errorf("only %d kinds of findings come more than once", tried)
	}
}
