//go:build !js

package repair_test

import (
	"testing"

	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// Damaged entries of which the file leaves one reading are mended unasked. QEMU leaves all
// of these, or frees what they meant.
func TestEntriesByEvidence(t *testing.T) {
	for _, name := range []string{
		"l1_bit_flip", "l1_beyond_eof", "l1_offset_zero", "l1_points_at_data", "l1_reserved_bits", "l1_reserved_bits_high",
		"l2_table_beyond_eof", "l2_table_unaligned", "l2_reserved_bits", "l2_reserved_bits_high", "snapshot_l2_reserved_bits",
		"data_unaligned", "data_unaligned_extended_l2", "data_beyond_eof", "snapshot_data_beyond_eof",
		"compressed_copied", "compressed_subcluster_bitmap",
		"subcluster_alloc_no_host", "subcluster_alloc_no_host_zero", "subcluster_zero_and_alloc", "subclusters_zero_and_alloc",
	} {
		t.Run(name, mending{recipe: name}.judge)
	}
}

// QEMU's repair of a sound image with a bitmap destroys its snapshots. Ours writes nothing.
func TestSnapshotsSurviveBesideBitmaps(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	b := testimages.Make(t, "healthy_snapshot_and_bitmap")
	theirs, err := qemu.JudgeMode(t.Context(), b, t.TempDir(), qemu.All)
	if err != nil {
		t.Fatal(err)
	}
	if len(theirs.Snapshots) != 1 || theirs.Snapshots[0] == testimages.Intact {
		t.Errorf("after QEMU's repair the snapshots are %v: the warning about it is out of date", theirs.Snapshots)
	}
	for _, w := range ways() {
		out := planned(t, source.Bytes(b.Image), w.options())
		if w.scope != "rebuild" && !out.Plan.Empty() {
			t.Errorf("%v: it writes\n%v", w, out.Plan)
		}
		ours := judgeRepaired(t, b, w)
		if ours.Guest != testimages.Intact || len(ours.Snapshots) != 1 || ours.Snapshots[0] != testimages.Intact {
			t.Errorf("%v: the guest's bytes are %s, the snapshots %v", w, ours.Guest, ours.Snapshots)
		}
	}
}
