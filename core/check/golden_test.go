package check_test

import (
	"context"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

func build(t *testing.T, name string) source.Bytes {
	t.Helper()
	return testimages.Make(t, name).Image
}

func run(t *testing.T, src source.Source) *check.Report {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// beyondQEMU are the recipes that QEMU refuses for something outside the file's structure,
// which a check does not need: another file, a key.
var beyondQEMU = map[string]bool{"backing_missing": true}

// TestCountsEqualQEMU holds every count and the exit code of a plain check against what
// qemu-img check gave for the same image.
func TestCountsEqualQEMU(t *testing.T) {
	names := testimages.Names()
	if len(names) < 30 {
		t.Fatalf("only %d recipes", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			golden, err := testimages.GoldenFor(name)
			if err != nil {
				t.Fatal(err)
			}
			src := build(t, name)
			img, err := image.Open(context.Background(), src)
			if err != nil {
				if golden.Check.Counts != nil {
					t.Fatalf("we cannot open what QEMU opens: %v", err)
				}
				return
			}
			rep, err := check.Run(context.Background(), img, check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := golden.Check.Counts
			if want == nil {
				if golden.Check.Exit != rep.ExitCode() && !beyondQEMU[name] {
					t.Errorf("exit %d, QEMU exits %d and prints no counts: %v", rep.ExitCode(), golden.Check.Exit, golden.Check.Stderr)
				}
				return
			}
			if rep.ExitCode() != golden.Check.Exit {
				t.Errorf("exit %d, QEMU %d; refused %v", rep.ExitCode(), golden.Check.Exit, img.Refusals)
			}
			got := testimages.Counts{
				ImageEndOffset: rep.ImageEnd, TotalClusters: int64(rep.Total),
				AllocatedClusters: int64(rep.Stats.Allocated), FragmentedClusters: int64(rep.Stats.Fragmented),
				CompressedClusters: int64(rep.Stats.Compressed), Corruptions: int64(rep.Corruptions),
				Leaks: int64(rep.Leaks), CheckErrors: int64(rep.CheckErrors),
			}
			if got != *want {
				t.Errorf("\n got %+v\nwant %+v\nQEMU says %v", got, *want, golden.Check.Stderr)
			}
		})
	}
}
