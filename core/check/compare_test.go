package check_test

import (
	"fmt"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// TestEveryRefcountIsCompared breaks the refcount of one cluster after the other in a run
// that is otherwise in order: exactly that one is found, whatever lies beside it.
func TestEveryRefcountIsCompared(t *testing.T) {
	const recipe = `image version=3 size=2M cluster=64K
write guest=0 len=1536K fill=0x11
set refcount[%d] = %d`
	for _, stored := range []int{0, 2, 256} {
		for cluster := 5; cluster < 29; cluster++ {
			built := testimages.MakeLines(t, fmt.Sprintf(recipe, cluster, stored))
			want := check.RefcountTooHigh
			if stored == 0 {
				want = check.RefcountZero
			}
			rep := run(t, source.Bytes(built.Image))
			g := rep.Group(want)
			if g == nil || g.Times != 1 || g.Findings[0].Host.Start != qcow2.HostOff(cluster<<16) || rep.Group(check.CopiedL2) == nil || rep.ImageEnd != 29<<16 {
				t.Errorf("refcount[%d] = %d: %v, image end 0x%x", cluster, stored, rep.Groups, rep.ImageEnd)
			}
		}
	}
}
