package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestInPlaceEveryRecipe repairs the image itself. QEMU finds in it what we say is left, a
// guest that could read its disk before still can, and the undo file gives the old bytes
// back. Where it is refused nothing was written.
func TestInPlaceEveryRecipe(t *testing.T) {
	eachRecipe(t, 3, func(t *testing.T, name string) {
		built, img, path := place(t, name)
		before, had := sum(t, path), names(t, img.Dir)
		r := cli(t, "repair", path, "--in-place", "--output=json")
		if r.code == exitFailed || r.code == exitNotQcow2 {
			if sum(t, path) != before || names(t, img.Dir) != had {
				t.Errorf("refused, and yet something was written: %s", names(t, img.Dir))
			}
			return
		}
		report := decode[struct {
			After    rest
			Undo     string
			Redirect *redirectJSON
		}](t, r.out)
		if err := os.Link(path, filepath.Join(img.Dir, "out.qcow2")); err != nil {
			t.Fatal(err)
		}
		sameRest(t, name, img, report.After)
		guestSurvives(t, name, built, img)
		if report.Undo == "" {
			if sum(t, path) != before {
				t.Error("changed without an undo file")
			}
			return
		}
		if report.Redirect == nil {
			t.Error("it is not redirected")
		}
		if again := cli(t, "repair", path, "--in-place"); again.code == exitFailed {
			again.says(t, "undo.json exists")
		} else {
			again.want(t, r.code).says(t, "nothing to change")
		}
		cli(t, "apply", path, report.Undo, "--in-place").want(t, exitOK)
		if sum(t, path) != before {
			t.Error("undoing the repair does not give the image back")
		}
	})
}
