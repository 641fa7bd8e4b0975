package repair_test

import (
	"context"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// examined opens and checks an image.
func examined(t testing.TB, src source.Source) (*image.Image, *check.Report) {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return img, rep
}

func examine(t testing.TB, src source.Source) *check.Report {
	t.Helper()
	_, rep := examined(t, src)
	return rep
}

func planned(t testing.TB, src source.Source, opt repair.Options) *repair.Outcome {
	t.Helper()
	img, before := examined(t, src)
	out, err := repair.Plan(context.Background(), img, before, opt)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// apply gives the bytes with the plan applied.
func apply(t testing.TB, src source.Source, p *patch.Plan) []byte {
	t.Helper()
	over := patch.NewOverlay(src)
	if err := over.Apply(p); err != nil {
		t.Fatal(err)
	}
	all := make([]byte, over.Size())
	if err := source.ReadFull(over, all, 0); err != nil {
		t.Fatal(err)
	}
	return all
}
