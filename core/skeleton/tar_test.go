//go:build !js

package skeleton_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"qcowscope/core/skeleton"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// archive is the copy in a tar archive.
func archive(t *testing.T, c *skeleton.Copy, name string) []byte {
	t.Helper()
	out := c.TarHead(name)
	for s, err := range c.Segments(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s.Data...)
	}
	return append(out, c.TarTail()...)
}

// The system's tar makes the copy of the archive, with its holes.
func TestTarMakesTheCopy(t *testing.T) {
	for _, name := range []string{"healthy_size_1t", "healthy_snapshots", "truncated_before_l1", "file_longer_than_needed", "healthy_cluster_2m"} {
		img, report := checked(t, source.Bytes(testimages.Make(t, name).Image))
		c, want := copied(t, img, report, skeleton.Keep{})
		dir := t.TempDir()
		packed := archive(t, c, "copy.qcow2")
		if err := os.WriteFile(filepath.Join(dir, "copy.tar"), packed, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("tar", "-xf", "copy.tar")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%s: tar: %v\n%s", name, err, out)
		}
		got, err := os.ReadFile(filepath.Join(dir, "copy.qcow2"))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: tar makes %d bytes, want %d: %v", name, len(got), len(want), err)
		}
		if most := int(c.Summary.Tables) + 8192; len(packed) > most || len(packed)%512 != 0 {
			t.Errorf("%s: the archive has %d bytes for %d of tables", name, len(packed), c.Summary.Tables)
		}
	}
}
