package repair_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// What is said of a damaged pointer is what a repair does about it.
func TestJudgementsAreWhatRepairsDo(t *testing.T) {
	const short = 2
	judged, corrected := 0, 0
	everyRecipe(t, short, func(t *testing.T, b *testimages.Built) {
		ctx := context.Background()
		img, err := image.Open(ctx, source.Bytes(b.Image))
		if err != nil {
			t.Fatal(err)
		}
		before, err := check.Run(ctx, img, check.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := repair.Plan(ctx, img, before, repair.Options{Scope: repair.All})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range before.Groups {
			for _, f := range g.Findings {
				j := repair.Judge(ctx, img, before, f)
				if j == nil {
					continue
				}
				judged++
				if j.Verdict == "" {
					t.Errorf("%v: no verdict", f)
				}
				rest, one := strings.CutPrefix(j.Verdict, "Only host ")
				place, only := strings.CutSuffix(rest, " fits.")
				if !one || !only || f.Times > 1 {
					continue
				}
				if len(j.Tries) == 0 || !j.Tries[0].Fits || fmt.Sprintf("0x%x", int64(j.Tries[0].Host)) != place || len(j.Tries[0].Facts) < 3 {
					t.Errorf("%v: %q with %+v", f, j.Verdict, j.Tries)
				}
				if !strings.Contains(out.Plan.String(), "point to "+place) {
					t.Errorf("%v: said is %q, done is\n%v", f, j.Verdict, out.Plan)
				}
				corrected++
			}
		}
	})
	if judged < 20/testimages.Each(short, jsEach) || corrected < 3/testimages.Each(short, jsEach) {
		t.Errorf("only %d pointers were judged, %d to be corrected", judged, corrected)
	}
}
