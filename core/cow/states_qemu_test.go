//go:build !js

package cow_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"qcowscope/testimages/qemu"
)

// TestStatesAsQEMU: QEMU reads, refuses and checks every state as we say it does.
func TestStatesAsQEMU(t *testing.T) {
	for _, x := range stateImages() {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			img, err := qemu.Place(t.TempDir(), build(t, x.recipe).Built)
			if err != nil {
				t.Fatal(err)
			}
			q := startQemuIO(t, img.Dir, plainFile, "-r")
			said := q.say(fmt.Sprintf("read -q -P %d %d 256", x.fill, x.guest+subcluster3+256))
			if failed := strings.Contains(said, "read failed: Input/output error"); failed == x.state.Valid() || !failed && said != "" {
				t.Errorf("%s: QEMU says %q", x.state.Reads, said)
			}
			q.end()
			check := exec.Command("qemu-img", "check", "image.qcow2")
			check.Dir = img.Dir
			out, _ := check.CombinedOutput()
			if corrupt := check.ProcessState.ExitCode() == 2; corrupt != (x.state.Code != "" && !strings.HasPrefix(x.name, "version 2")) {
				t.Errorf("qemu-img check says\n%s", out)
			}
		})
	}
}
