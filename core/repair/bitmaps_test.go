//go:build !js

package repair_test

import (
	"context"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// The extension is corrected where its directory shows what it should say, and bad tables
// are emptied and marked, all unasked: no data depends on them.
func TestBitmapsByEvidence(t *testing.T) {
	for _, name := range []string{
		"bitmap_directory_unaligned", "bitmap_directory_beyond_eof", "bitmap_extension_reserved", "bitmap_count_wrong", "bitmap_directory_size_wrong",
		"bitmap_table_size_wrong", "bitmap_table_unaligned", "bitmap_flags_unknown",
		"bitmap_table_bad", "bitmap_table_bad_loaded", "bitmap_data_cross_linked",
	} {
		t.Run(name, mending{recipe: name}.judge)
	}
	// What the lost table listed looks like lost data, and stays.
	t.Run("bitmap_table_beyond_eof", mending{recipe: "bitmap_table_beyond_eof", exit: 3, left: []check.Code{check.LeakedCluster, check.LostMapping}}.judge)
}

// Bitmaps that cannot be read are dropped by consent only, one by one; what they may have
// owned stays marked as used.
func TestBitmapsByConsent(t *testing.T) {
	kept := []check.Code{check.LeakedCluster}
	judgeAll(t, []mending{
		{recipe: "bitmap_directory_random", accept: []check.Code{check.BitmapDirectoryBad}, exit: 3, left: kept},
		{recipe: "bitmap_directory_random_snapshot", accept: []check.Code{check.BitmapDirectoryBad}, exit: 3, left: kept},
		{recipe: "bitmap_granularity_absurd", accept: []check.Code{check.BitmapDirectoryBad}, exit: 3, left: kept},
		{recipe: "bitmap_one_of_two_bad", accept: []check.Code{check.BitmapDirectoryBad}, exit: 3, left: kept},
		{recipe: "bitmap_names_equal", accept: []check.Code{check.BitmapDirectoryBad}, exit: 3, left: kept},
	})
}

// bitmapsAfter are the bitmaps in the directory of the repaired image.
func bitmapsAfter(t *testing.T, recipe string, accept ...check.Code) (names []string, flags []uint32) {
	t.Helper()
	b := testimages.Make(t, recipe)
	out := mending{}.plan(t, b, accept)
	img, err := image.Open(context.Background(), source.Bytes(apply(t, source.Bytes(b.Image), out.Plan)))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range img.Bitmaps {
		names, flags = append(names, string(m.Name)), append(flags, m.Flags)
	}
	return names, flags
}

func TestSoundBitmapsStay(t *testing.T) {
	names, flags := bitmapsAfter(t, "bitmap_one_of_two_bad", check.BitmapDirectoryBad)
	if len(names) != 1 || names[0] != "good" || flags[0] != qcow2.BitmapAuto {
		t.Errorf("bitmaps %q, flags %x", names, flags)
	}
	for _, recipe := range []string{"bitmap_table_bad_loaded", "bitmap_table_beyond_eof", "bitmap_data_cross_linked"} {
		names, flags := bitmapsAfter(t, recipe)
		if len(names) != 1 || flags[0]&qcow2.BitmapInUse == 0 {
			t.Errorf("%s: bitmaps %q, flags %x: a bitmap that lost a part must be marked", recipe, names, flags)
		}
	}
	for _, recipe := range []string{"bitmap_directory_unaligned", "bitmap_count_wrong", "bitmap_table_size_wrong", "bitmap_table_unaligned", "bitmap_flags_unknown"} {
		names, flags := bitmapsAfter(t, recipe)
		if len(names) == 0 || flags[0]&qcow2.BitmapInUse != 0 {
			t.Errorf("%s: bitmaps %q, flags %x: nothing of the bitmap was lost", recipe, names, flags)
		}
	}
}

// Bitmaps that no autoclear bit vouches for make QEMU's repair destroy snapshots. Once they
// are left out, by consent, it does not.
func TestUnvouchedBitmapsLeftOut(t *testing.T) {
	b := testimages.Make(t, "bitmaps_autoclear_lost")
	out := mending{}.plan(t, b, []check.Code{check.BitmapsUnvouched})
	if out.After.Group(check.BitmapsUnvouched) != nil || out.After.ExitCode() != 0 {
		t.Fatalf("exit %d after %v", out.After.ExitCode(), out.Plan)
	}
	after := *b
	after.Image = apply(t, source.Bytes(b.Image), out.Plan)
	run, err := qemu.JudgeMode(context.Background(), &after, t.TempDir(), qemu.All)
	if err != nil {
		t.Fatal(err)
	}
	if run.Exit != 0 || run.Guest != "intact" || run.Snapshots[0] != "intact" {
		t.Errorf("after QEMU's own repair of ours: exit %d, guest %s, snapshot %s", run.Exit, run.Guest, run.Snapshots[0])
	}
}
