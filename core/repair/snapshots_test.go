//go:build !js

package repair_test

import (
	"context"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// Snapshot tables and pointers that the rest of the file leaves one reading of are corrected
// unasked, and no snapshot is lost.
func TestSnapshotsByEvidence(t *testing.T) {
	for _, name := range []string{
		"snapshot_entry_incomplete", "snapshot_extra_too_big", "snapshot_count_too_large", "snapshot_count_wrong",
		"snapshot_table_unaligned", "snapshot_table_beyond_eof",
		"snapshot_l1_unaligned", "snapshot_l1_beyond_eof", "snapshot_l1_too_large", "snapshot_l1_runs_over", "snapshot_l1_offset_header",
		"snapshots_count_stray", "snapshots_count_stray_data_file",
	} {
		t.Run(name, mending{recipe: name}.judge)
	}
}

// Where entries or tables are gone the user decides. Snapshots whose tables are found stay
// readable under new names; of others everything stays in the file.
func TestSnapshotsByConsent(t *testing.T) {
	kept := []check.Code{check.LeakedCluster, check.RefcountTooHigh}
	judgeAll(t, []mending{
		{recipe: "snapshot_table_random", accept: []check.Code{check.SnapshotTableBad}, names: []string{"recovered-1"}},
		{recipe: "snapshot_table_lost", accept: []check.Code{check.SnapshotTableOutside}, names: []string{"recovered-1"}},
		{recipe: "snapshot_table_zeroed", accept: []check.Code{check.SnapshotEntryGarbage}, names: []string{"recovered-1"}},
		{recipe: "snapshot_entry_overwritten", accept: []check.Code{check.SnapshotTableBad}, names: []string{"one", "recovered-4", "three"}},
		{recipe: "snapshot_extra_long", accept: []check.Code{check.SnapshotTableBad}},
		{recipe: "snapshot_l1_unaligned_lost", accept: []check.Code{check.SnapshotL1Unaligned}, names: []string{""}, exit: 3, left: append(kept, check.LostMapping)},
		{recipe: "snapshot_l1_too_large_lost", accept: []check.Code{check.SnapshotL1TooLarge}, names: []string{""}, exit: 3, left: append(kept, check.LostMapping)},
		{recipe: "snapshot_l1_lost", accept: []check.Code{check.SnapshotL1Outside}, names: []string{"", "two"}, exit: 3, left: kept},
	})
}

// An image with a data file cannot have snapshots; which of the two is wrong nobody knows.
func TestSnapshotsWithDataFileAreLeft(t *testing.T) {
	out := mending{}.plan(t, testimages.Make(t, "snapshots_with_data_file"), check.Codes())
	if !out.Plan.Empty() || out.After.Group(check.SnapshotsWithDataFile) == nil {
		t.Errorf("%v", out.Plan)
	}
}

// QEMU's repair of an image with bitmaps forgets its snapshots and erases them, even when
// nothing is wrong. Ours keeps them, in every scope.
func TestSnapshotsOutliveTheRepairOfBitmaps(t *testing.T) {
	judged := 0
	for _, name := range []string{"healthy_snapshot_and_bitmap", "bitmaps_autoclear_lost", "autoclear_unknown"} {
		b := testimages.Make(t, name)
		theirs, err := qemu.JudgeMode(context.Background(), b, t.TempDir(), qemu.All)
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Snapshots[0] != testimages.Unreadable {
			t.Errorf("%s: after qemu-img check -r all the snapshot is %s", name, theirs.Snapshots[0])
		}
		for _, scope := range []repair.Scope{repair.Leaks, repair.All, repair.Rebuild} {
			judged++
			out := planned(t, source.Bytes(b.Image), repair.Options{Scope: scope})
			after := *b
			after.Image = apply(t, source.Bytes(b.Image), out.Plan)
			ours, err := qemu.JudgeMode(context.Background(), &after, t.TempDir(), qemu.Plain)
			if err != nil {
				t.Fatal(err)
			}
			if ours.Exit != 0 || ours.Guest != testimages.Intact || ours.Snapshots[0] != testimages.Intact {
				t.Errorf("%s, scope %s: exit %d, guest %s, snapshot %s", name, scope, ours.Exit, ours.Guest, ours.Snapshots[0])
			}
		}
	}
	if judged != 9 {
		t.Errorf("%d repairs were judged", judged)
	}
}
