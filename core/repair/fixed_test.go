//go:build !js

package repair_test

import (
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// otherNumbers are the kinds of repairs after which our numbers (fixed and left) are not
// QEMU's, each with its reason and how many recipes and scopes it is about.
var otherNumbers = map[string]struct {
	why   string
	times int
}{
	"kept":    {"nothing is freed while something else is wrong, or a mapping looks lost", 65},
	"mended":  {"ours mends what QEMU leaves", 33},
	"anew":    {"QEMU writes bitmaps or the header anew before it repairs, and counts what that left behind; with snapshots it loses them", 9},
	"refused": {"a plain check has no numbers: QEMU counts what its repair of the table brought to light, ours what it found", 1},
	"rebuilt": {"the refcounts were not there: QEMU first writes an empty block, and counts what it does not hold as fixed too", 4},
	"root":    {"ours corrects the one field from which the rest followed, and counts what that ended", 3},
	"moved":   {"ours writes the table to a new place, with what the entry lacked, and gives the old place back", 1},
	"bitmap":  {"ours completes a bitmap directory that QEMU leaves in use", 1},
}

// rest names the kind of what is not seen from the numbers.
var rest = map[string]string{
	"refblock_beyond_eof": "rebuilt", "refblock_beyond_eof_spare": "rebuilt", "reftable_beyond_eof": "rebuilt", "reftable_clusters_zero": "rebuilt",
	"extended_l2_bit_lost": "root", "l1_offset_into_data": "root", "snapshot_table_beyond_eof": "root",
	"snapshot_entry_incomplete": "moved", "bitmap_directory_cut": "bitmap", "bitmaps_autoclear_lost": "anew",
}

// numbers are what a repair fixed and left.
type numbers struct{ fixed, freed, corruptions, leaks, errors int64 }

// The numbers after a repair are QEMU's, but for the kinds listed.
func TestFixedAsQEMU(t *testing.T) {
	same, times := 0, map[string]int{}
	for _, name := range testimages.Names() {
		b := testimages.Make(t, name)
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		for scope, theirs := range map[repair.Scope]testimages.Run{repair.Leaks: golden.Leaks, repair.All: golden.All} {
			if theirs.Counts == nil {
				continue
			}
			src := source.Bytes(b.Image)
			out := planned(t, src, way{scope, false}.options())
			q := theirs.Counts
			ours := numbers{int64(out.CorruptionsFixed), int64(out.LeaksFixed), int64(out.After.Corruptions), int64(out.After.Leaks), int64(out.After.CheckErrors)}
			want := numbers{q.CorruptionsFixed, q.LeaksFixed, q.Corruptions, q.Leaks, q.CheckErrors}
			if ours == want {
				same++
				continue
			}
			kind := whyOther(b, examine(t, src), out, ours, want)
			if times[kind]++; kind == "" {
				t.Errorf("%s, %s: fixed, freed and left %v, QEMU %v", name, scope, ours, want)
			}
		}
	}
	for kind, k := range otherNumbers {
		if times[kind] != k.times {
			t.Errorf("%s (%s): %d times, not %d", kind, k.why, times[kind], k.times)
		}
	}
	t.Logf("%d times the same numbers, others %v", same, times)
}

// whyOther is the kind of a difference.
func whyOther(b *testimages.Built, before *check.Report, out *repair.Outcome, ours, qemu numbers) string {
	switch {
	case be.Uint64(b.Image[88:]) != 0 && be.Uint32(b.Image[4:]) == 3 && qemu.fixed+qemu.freed > ours.fixed+ours.freed:
		return "anew"
	case out.KeptLeaks != "":
		return "kept"
	case ours.corruptions+ours.errors < qemu.corruptions+qemu.errors:
		return "mended"
	case before.Refused || before.Aborted:
		return "refused"
	}
	return rest[b.Recipe.Name]
}
