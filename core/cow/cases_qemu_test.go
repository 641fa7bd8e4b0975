//go:build !js

package cow_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/testimages/qemu"
)

// TestCasesAsQEMU runs every case of the golden files through qemu-io, too: the files are
// the same, byte for byte.
func TestCasesAsQEMU(t *testing.T) {
	for _, c := range slices.Concat(newCluster, inPlace, standard, withoutData) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := build(t, c.recipe)
			o, p := b.planned(t, c.req)
			img, err := qemu.Place(t.TempDir(), b.Built)
			if err != nil {
				t.Fatal(err)
			}
			q := startQemuIO(t, img.Dir, plainFile)
			q.do(command(c.req))
			q.end()
			if d := firstDifference(apply(t, b.img.Src, p.Image), readFile(t, img.Dir, "image.qcow2")); d != "" {
				t.Errorf("the image: %s\n%s", d, o)
			}
			if b.opt.Data == nil {
				return
			}
			ours := b.Side[b.img.DataFile]
			if p.DataFile != nil {
				ours = apply(t, b.opt.Data, p.DataFile)
			}
			if d := firstDifference(ours, readFile(t, img.Dir, b.img.DataFile)); d != "" {
				t.Errorf("the data file: %s\n%s", d, o)
			}
		})
	}
}

// goesOn are wrong entries at which QEMU does not stop: it makes the file longer, or
// overwrites the entry.
var goesOn = map[string]bool{"data past the end": true, "misplaced in a data file": true}

// TestStoppedAsQEMU: where we stop, QEMU fails the write as well.
func TestStoppedAsQEMU(t *testing.T) {
	for _, c := range stopped {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			img, err := qemu.Place(t.TempDir(), build(t, c.recipe).Built)
			if err != nil {
				t.Fatal(err)
			}
			q := startQemuIO(t, img.Dir, plainFile)
			said := q.say(command(c.req))
			if failed := strings.Contains(said, "Input/output error"); failed == goesOn[c.name] {
				t.Errorf("QEMU says %q", said)
			}
			q.in.Close()
			_ = q.cmd.Wait() // it may fail at closing a corrupt image
		})
	}
}

// TestPromises: a bitmap that missed a write is inconsistent to QEMU, which refuses to use
// it, and a feature that is not kept up is gone. Nothing else is wrong with the image.
func TestPromises(t *testing.T) {
	for _, c := range promised {
		t.Run(c.name, func(t *testing.T) {
			b := build(t, c.recipe)
			_, p := b.planned(t, c.req)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "image.qcow2"), apply(t, b.img.Src, p.Image), 0o600); err != nil {
				t.Fatal(err)
			}
			run(t, dir, "qemu-img", "check", "image.qcow2")
			info, err := exec.Command("qemu-img", "info", filepath.Join(dir, "image.qcow2")).Output()
			if err != nil {
				t.Fatal(err)
			}
			if marked := strings.Contains(string(info), "in-use"); marked != (c.name == "a dirty bitmap") {
				t.Errorf("qemu-img info says\n%s", info)
			}
			img, err := image.Open(context.Background(), apply(t, b.img.Src, p.Image))
			if err != nil {
				t.Fatal(err)
			}
			if left := img.Header.AutoclearFeatures &^ qcow2.AutoclearBitmaps; left != 0 {
				t.Errorf("autoclear features 0x%x are left", left)
			}
		})
	}
}
