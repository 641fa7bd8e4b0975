//go:build !js

package service

import (
	"context"
	"strings"
	"testing"

	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// TestWidthJudgedByQEMU changes the width of a sample, and asks qemu-img about what would be
// saved.
func TestWidthJudgedByQEMU(t *testing.T) {
	ctx := context.Background()
	file := sampleImage(t, "hole_in_the_middle")
	for _, bits := range []int{1, 2, 4, 8, 16, 64} {
		for _, likeQemu := range []bool{false, true} {
			s, _ := checked(t, file)
			traced(t, s, LabRequest{Kind: "width", Bits: bits, LikeQemu: likeQemu})
			if v, err := s.LabApply(ctx); err != nil || v.ExitCode != 0 || !strings.Contains(v.Advice, "changed image") {
				t.Fatalf("%d bits: %+v, %v", bits, v, err)
			}
			img, err := qemu.Place(t.TempDir(), &testimages.Built{Image: assembled(t, s, file)})
			if err != nil {
				t.Fatal(err)
			}
			run, err := qemu.Check(ctx, img, qemu.Plain)
			if err != nil || run.Exit != 0 {
				t.Errorf("%d bits, like QEMU %v: qemu-img check exits with %d, %v, %v", bits, likeQemu, run.Exit, run.Stderr, err)
			}
		}
	}
}
