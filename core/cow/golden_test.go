package cow_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

var update = flag.Bool("update", false, "write the golden files anew")

// built is the image of a recipe, with the files beside it.
type built struct {
	*testimages.Built
	img *image.Image
	opt cow.Options
}

func build(t *testing.T, recipe string) built {
	t.Helper()
	b := testimages.MakeLines(t, recipe)
	img, err := image.Open(context.Background(), source.Bytes(b.Image))
	if err != nil {
		t.Fatal(err)
	}
	out := built{Built: b, img: img}
	if img.BackingFile != "" {
		out.opt.Backing = bytes.NewReader(b.Side[img.BackingFile])
	}
	if img.DataFile != "" {
		out.opt.Data = source.Bytes(b.Side[img.DataFile])
	}
	return out
}

func (b built) writer(t *testing.T) *cow.Writer {
	t.Helper()
	w, err := cow.Open(context.Background(), b.img, b.opt)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// planned is what a request does, and the plans of it.
func (b built) planned(t *testing.T, r cow.Request) (*cow.Outcome, *cow.Plans) {
	t.Helper()
	o, err := b.writer(t).Plan(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.Plans(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return o, p
}

// apply is a file after a plan.
func apply(t *testing.T, src source.Source, p *patch.Plan) source.Bytes {
	t.Helper()
	over := patch.NewOverlay(src)
	if err := over.Apply(p); err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	out := make(source.Bytes, over.Size())
	if _, err := over.ReadAt(out, 0); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return out
}

// golden compares the texts of cases with a file of them.
func golden(t *testing.T, file string, cases []testCase, text func(t *testing.T, c testCase) string) {
	var all strings.Builder
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { all.WriteString("== " + c.name + "\n" + text(t, c) + "\n") })
	}
	path := "testdata/" + file + ".golden"
	if *update {
		if err := os.WriteFile(path, []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(all.String(), "== "), strings.Split(string(want), "== ")
	for i := range max(len(got), len(wanted)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(got) {
			a = got[i]
		}
		if i < len(wanted) {
			b = wanted[i]
		}
		if a != b {
			t.Errorf("got\n%swant\n%s(go test ./core/cow -update writes what is got)", a, b)
		}
	}
}

// TestCases holds what every kind of write does, step by step and as a plan.
func TestCases(t *testing.T) {
	for file, cases := range map[string][]testCase{"newcluster": newCluster, "inplace": inPlace, "standard": standard, "promised": promised, "withoutdata": withoutData} {
		t.Run(file, func(t *testing.T) {
			golden(t, file, cases, func(t *testing.T, c testCase) string {
				o, p := build(t, c.recipe).planned(t, c.req)
				text := o.String() + "image " + p.Image.String()
				if p.DataFile != nil {
					text += "data file " + p.DataFile.String()
				}
				return text
			})
		})
	}
}

// TestStopped holds where and why a write ends at an entry that is wrong.
func TestStopped(t *testing.T) {
	golden(t, "stopped", stopped, func(t *testing.T, c testCase) string {
		_, err := build(t, c.recipe).writer(t).Plan(context.Background(), c.req)
		var stop *cow.StopError
		if !errors.As(err, &stop) {
			t.Fatalf("the error is %v, not a StopError", err)
		}
		return err.Error() + "\n"
	})
}
