//go:build !js

package repair_test

import (
	"context"
	"fmt"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// beyondStructure are the codes for which QEMU refuses an image while its structure is
// sound: another file or a key is missing.
var beyondStructure = map[string]bool{"backing_missing": true, "data_file_missing": true}

// survivals orders what can become of the guest's bytes.
var survivals = map[testimages.Survival]int{testimages.Unreadable: 0, testimages.Changed: 1, testimages.Intact: 2}

// QEMU says of each repaired image what our outcome says, and the guest's bytes fared no
// worse than with QEMU's own repair, or with none. Where QEMU's repair gives something up
// to make the image open, ours may ask for consent first, and must then do as well.
func TestRepairedImagesAreJudgedByQEMU(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	everyRecipe(t, 1, func(t *testing.T, b *testimages.Built) {
		t.Parallel()
		golden, err := testimages.GoldenFor(b.Recipe.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, scope := range []repair.Scope{repair.Leaks, repair.All, repair.Rebuild} {
			theirs := golden.All
			if scope == repair.Leaks {
				theirs = golden.Leaks
			}
			run := judgeRepaired(t, b, way{scope, false})
			if why := worse(run, golden.Check); why != "" {
				t.Errorf("%s: %s unrepaired", scope, why)
			}
			if why := worse(run, theirs); why != "" && scope != repair.Leaks {
				run = judgeRepaired(t, b, way{scope, true})
			}
			if why := worse(run, theirs); why != "" {
				t.Errorf("%s: %s by QEMU's repair", scope, why)
			}
		}
	})
}

// judgeRepaired is QEMU's plain check of the image, and its reading of the guest, repaired.
func judgeRepaired(t *testing.T, b *testimages.Built, w way) testimages.Run {
	t.Helper()
	out := planned(t, source.Bytes(b.Image), w.options())
	repaired := *b
	repaired.Image = apply(t, source.Bytes(b.Image), out.Plan)
	run, err := qemu.JudgeMode(context.Background(), &repaired, t.TempDir(), qemu.Plain)
	if err != nil {
		t.Fatal(err)
	}
	if !beyondStructure[b.Recipe.Name] {
		sameVerdict(t, w, out.After, run)
	}
	return run
}

// worse says where the first run's guest or snapshots fared worse than the second's.
func worse(run, than testimages.Run) string {
	if survivals[run.Guest] < survivals[than.Guest] {
		return fmt.Sprintf("the guest bytes are %s, and %s", run.Guest, than.Guest)
	}
	for i, s := range run.Snapshots {
		if survivals[s] < survivals[than.Snapshots[i]] {
			return fmt.Sprintf("snapshot %d is %s, and %s", i, s, than.Snapshots[i])
		}
	}
	return ""
}

// sameVerdict compares the counts of a plain check.
func sameVerdict(t *testing.T, w way, after *check.Report, run testimages.Run) {
	t.Helper()
	if run.Exit != after.ExitCode() {
		t.Errorf("%v: QEMU exits %d, we say %d\n%q\n%s", w, run.Exit, after.ExitCode(), run.Stderr, summary(after))
		return
	}
	if run.Counts == nil {
		return
	}
	got := testimages.Counts{ImageEndOffset: after.ImageEnd, TotalClusters: int64(after.Total), AllocatedClusters: int64(after.Stats.Allocated),
		FragmentedClusters: int64(after.Stats.Fragmented), CompressedClusters: int64(after.Stats.Compressed),
		Corruptions: int64(after.Corruptions), Leaks: int64(after.Leaks), CheckErrors: int64(after.CheckErrors)}
	if got != *run.Counts {
		t.Errorf("%v:\n   we count %+v\nQEMU counts %+v", w, got, *run.Counts)
	}
}
