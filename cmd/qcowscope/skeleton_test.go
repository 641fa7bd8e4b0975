package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/testimages/qemu"
)

func TestSkeletonChecksLikeItsImage(t *testing.T) {
	for _, name := range []string{"refcount_zero_data", "healthy_size_1t", "l2_random", "healthy_snapshots"} {
		_, img, path := place(t, name)
		before := sum(t, path)
		out := filepath.Join(img.Dir, "skeleton.qcow2")
		r := cli(t, "skeleton", path, "-o", out, "--output=json").want(t, exitOK)
		j := decode[skeletonJSON](t, r.out)
		info, err := os.Stat(out)
		if err != nil {
			t.Fatal(err)
		}
		if !j.Same || j.Size != info.Size() || j.Tables > j.Size || (name == "l2_random") != (j.Words > 0) {
			t.Errorf("%s: %+v", name, j)
		}
		if got, want := cli(t, "check", out, "-q").code, cli(t, "check", path, "-q").code; got != want {
			t.Errorf("%s: the skeleton checks with %d, the image with %d", name, got, want)
		}
		run, err := qemu.Check(t.Context(), qemu.Image{Dir: img.Dir, File: "skeleton.qcow2"}, qemu.Plain)
		if want := golden(t, name).Check; err != nil || run.Exit != want.Exit || *run.Counts != *want.Counts {
			t.Errorf("%s: QEMU counts %+v, of the image %+v: %v", name, run.Counts, want.Counts, err)
		}
		if sum(t, path) != before {
			t.Errorf("%s: the image was written to", name)
		}
	}
}

func TestSkeletonIsSparse(t *testing.T) {
	_, img, path := place(t, "healthy_cluster_2m")
	out := filepath.Join(img.Dir, "skeleton.qcow2")
	cli(t, "skeleton", path, "-o", out).want(t, exitOK).says(t, "A check finds in it what it finds in the image")
	f, err := openFile(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Allocated() > f.Size()/4 {
		t.Errorf("%d of %d bytes are allocated", f.Allocated(), f.Size())
	}
}

func TestSkeletonKeepsWhatItIsAskedFor(t *testing.T) {
	_, img, path := place(t, "healthy_snapshot_and_bitmap")
	original, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		keep          string
		named, bitmap bool
	}{{"", false, false}, {"snapshots", true, false}, {"bitmaps", false, true}, {"names", true, true}} {
		out := filepath.Join(t.TempDir(), "skeleton.qcow2")
		cli(t, "skeleton", path, "-o", out, "--keep="+c.keep).want(t, exitOK)
		made, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]bool{snapshotName(t, img.Dir): c.named, "backup": c.bitmap} {
			if !bytes.Contains(original, []byte(name)) {
				t.Fatalf("the image has no %q", name)
			}
			if got := bytes.Contains(made, []byte(name)); got != want {
				t.Errorf("--keep=%s: the copy has %q: %v", c.keep, name, got)
			}
		}
	}
}

// snapshotName is the name of the image's first snapshot, as QEMU tells it.
func snapshotName(t *testing.T, dir string) string {
	t.Helper()
	lines := strings.Split(qemuImg(t, dir, "snapshot", "-l", "image.qcow2"), "\n")
	return strings.Fields(lines[2])[1]
}

func TestSkeletonRefuses(t *testing.T) {
	_, img, path := place(t, "healthy_v3")
	out := filepath.Join(img.Dir, "skeleton.qcow2")
	cli(t, "skeleton", path).want(t, exitFailed).says(t, "-o OUT")
	cli(t, "skeleton", path, "-o", path, "--force").want(t, exitFailed).says(t, "is the image itself")
	cli(t, "skeleton", path, "-o", out, "--keep=everything").want(t, exitFailed).says(t, "everything is none of")
	cli(t, "skeleton", path, "-o", out).want(t, exitOK)
	cli(t, "skeleton", path, "-o", out).want(t, exitFailed).says(t, "--force")
	_, other, zeroed := place(t, "header_zeroed")
	cli(t, "skeleton", zeroed, "-o", filepath.Join(other.Dir, "out")).want(t, exitNotQcow2)
}
