package repair_test

import (
	"context"
	"testing"

	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// TestLeaksStayBesideDamage: a leaked cluster may be what a broken pointer meant, also when
// the breakage is one that QEMU does not count.
func TestLeaksStayBesideDamage(t *testing.T) {
	for _, name := range []string{"data_cross_linked", "l1_entries_share_l2"} {
		b := testimages.Make(t, name)
		img, before := examined(t, source.Bytes(b.Image))
		out, err := repair.Plan(context.Background(), img, before, repair.Options{Scope: repair.All})
		if err != nil {
			t.Fatal(err)
		}
		if before.Leaks == 0 || out.After.Leaks != before.Leaks || out.KeptLeaks == "" || out.After.Corruptions != 0 {
			t.Errorf("%s: %d leaks, after the repair %d and %d corruptions, kept because %q", name, before.Leaks, out.After.Leaks, out.After.Corruptions, out.KeptLeaks)
		}
	}
}
