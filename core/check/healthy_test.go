package check_test

import (
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/testimages"
)

// TestHealthyImagesHaveNoFindings: whatever we see beyond QEMU must not be seen in images
// that are as they should be.
func TestHealthyImagesHaveNoFindings(t *testing.T) {
	healthy := 0
	for _, name := range testimages.Names() {
		if !strings.HasPrefix(name, "healthy_") {
			continue
		}
		healthy++
		for _, g := range run(t, build(t, name)).Groups {
			if g.Code.Severity() > check.Note {
				t.Errorf("%s: %v", name, g.Findings[0])
			}
		}
	}
	if healthy < 20 {
		t.Errorf("only %d healthy recipes", healthy)
	}
}
