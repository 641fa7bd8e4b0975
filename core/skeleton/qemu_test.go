//go:build !js

package skeleton_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"qcowscope/core/skeleton"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// QEMU counts in the copy what it counts in the image. Files that the image names have to be
// there for it, and so has the key of an encrypted one.
func TestQEMUCountsTheSame(t *testing.T) {
	judged := 0
	eachRecipe(t, func(t *testing.T, name string) {
		b := testimages.Make(t, name)
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		img, report := checked(t, source.Bytes(b.Image))
		if img == nil {
			return
		}
		_, b.Image = copied(t, img, report, skeleton.Keep{Backing: true, DataFile: true, LUKS: b.Encryption == "luks"})
		placed, err := qemu.Place(t.TempDir(), b)
		if err != nil {
			t.Fatal(err)
		}
		run, err := qemu.Check(context.Background(), placed, qemu.Plain)
		if err != nil {
			t.Fatal(err)
		}
		want := golden.Check
		if run.Exit != want.Exit || (run.Counts == nil) != (want.Counts == nil) || run.Counts != nil && *run.Counts != *want.Counts {
			t.Errorf("QEMU exits with %d and counts %+v, of the image with %d and %+v\n%v", run.Exit, run.Counts, want.Exit, want.Counts, run.Stderr)
		}
		if run.Counts != nil {
			judged++
		}
	})
	if judged < 150 {
		t.Errorf("QEMU judged only %d copies", judged)
	}
}

// Where the name of the backing file became another, QEMU checks the copy without one, as
// the documentation says.
func TestQEMUChecksWithoutTheBackingFile(t *testing.T) {
	b := testimages.Make(t, "healthy_backing_qcow2")
	img, report := checked(t, source.Bytes(b.Image))
	c, file := copied(t, img, report, skeleton.Keep{})
	if c.Summary.Names != 1 || bytes.Contains(file, []byte(img.BackingFile)) {
		t.Errorf("%d names replaced, of 1; the copy has %q: %v", c.Summary.Names, img.BackingFile, bytes.Contains(file, []byte(img.BackingFile)))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "copy.qcow2"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("qemu-img", "check", "--output=json",
		`json:{"driver":"qcow2","backing":null,"file":{"driver":"file","filename":"copy.qcow2"}}`)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var counts testimages.Counts
	if err := json.Unmarshal(out, &counts); err != nil || counts.AllocatedClusters != int64(report.Stats.Allocated) || counts.Corruptions != 0 {
		t.Errorf("%+v, %v", counts, err)
	}
}
