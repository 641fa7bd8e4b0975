//go:build !js

package testimages_test

import (
	"context"
	"os"
	"reflect"
	"testing"

	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// modes are the ways of checking that the test asks about again: all of them when
// QCOWSCOPE_FULL is set.
func modes() []qemu.Mode {
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return []qemu.Mode{qemu.Plain, qemu.Leaks, qemu.All}
	}
	return []qemu.Mode{qemu.Plain}
}

// QEMU still says of every recipe and sample what the golden says.
func TestQEMUAgreesWithGoldens(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, set := range []struct {
		names []string
		load  func(string) (testimages.Recipe, error)
	}{{testimages.Names(), testimages.Load}, {testimages.SampleNames(), testimages.LoadSample}} {
		for _, name := range set.names {
			judged++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r, err := set.load(name)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, r)
			})
		}
	}
	if judged == 0 {
		t.Fatal("no recipes found")
	}
}

func agree(t *testing.T, r testimages.Recipe) {
	built, err := r.Build()
	if err != nil {
		t.Fatal(err)
	}
	golden, err := testimages.GoldenFor(r.Name)
	if err != nil {
		t.Fatal(err)
	}
	wants := map[qemu.Mode]testimages.Run{qemu.Plain: golden.Check, qemu.Leaks: golden.Leaks, qemu.All: golden.All}
	for _, mode := range modes() {
		got, err := qemu.JudgeMode(context.Background(), built, t.TempDir(), mode)
		if err != nil {
			t.Fatal(err)
		}
		if want := wants[mode]; !reflect.DeepEqual(got, want) {
			t.Errorf("check -r %q: QEMU says\n%+v %+v\ngolden\n%+v %+v", mode, got, got.Counts, want, want.Counts)
		}
	}
}
