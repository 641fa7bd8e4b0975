//go:build !js

package image_test

import (
	"context"
	"strings"
	"testing"

	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// QEMU refuses exactly what the rules say that it refuses.
func TestRefusalsAreQEMUs(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			img, err := qemu.Place(t.TempDir(), testimages.MakeLines(t, r.base+r.damage))
			if err != nil {
				t.Fatal(err)
			}
			got, err := qemu.Check(context.Background(), img, qemu.Plain)
			if err != nil {
				t.Fatal(err)
			}
			refused := got.Exit == 1 && got.Counts == nil && strings.Contains(strings.Join(got.Stderr, "\n"), "Could not open")
			if refused != (r.field != "") {
				t.Errorf("QEMU exits %d: %q; the rule says %q", got.Exit, got.Stderr, r.field)
			}
		})
	}
}
