package repair_test

import (
	"bytes"
	"testing"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// A header that leads to something else instead of the reftable is pointed back to it: what
// passes for refcounts there is not kept.
func TestReftableIsSomethingElse(t *testing.T) {
	healthy := testimages.Make(t, "healthy_snapshots").Image
	l1 := be.Uint64(healthy[qcow2.OffL1Table:])
	for _, to := range []uint64{0, l1, be.Uint64(healthy[l1:]) & qcow2.OffsetMask} {
		damaged := bytes.Clone(healthy)
		be.PutUint64(damaged[qcow2.OffReftable:], to)
		out := planned(t, source.Bytes(damaged), way{"all", false}.options())
		if out.KeptLeaks != "" || len(out.After.Groups) > 0 {
			t.Errorf("reftable at 0x%x: leaks are kept: %q, left: %d kinds\n%v", to, out.KeptLeaks, len(out.After.Groups), out.Plan)
		}
	}
}
