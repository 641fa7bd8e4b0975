package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The patch of a plan makes with xdelta3 the very file that the repair makes here, and the
// undo patch the original.
func TestDiffIsWhatRepairWrites(t *testing.T) {
	for _, name := range []string{"refcount_zero_data", "truncated_to_half"} {
		_, img, path := place(t, name)
		fixed, plan := filepath.Join(img.Dir, "fixed.qcow2"), filepath.Join(img.Dir, "plan.json")
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if r := cli(t, "repair", path, "-o", fixed); r.code == exitFailed {
			t.Fatal(r.err)
		}
		if err := os.WriteFile(plan, []byte(cli(t, "repair", path, "--plan", "--output=json").out), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			flags    []string
			from, to string
		}{{nil, path, fixed}, {[]string{"--undo"}, fixed, path}, {[]string{"--strict"}, path, fixed}} {
			diff := filepath.Join(t.TempDir(), "patch.vcdiff")
			cli(t, append([]string{"diff", path, plan, "-o", diff}, c.flags...)...).want(t, exitOK).says(t, "xdelta3 -d -s")
			got := filepath.Join(t.TempDir(), "out")
			tool(t, img.Dir, "xdelta3", "-d", "-s", c.from, diff, got)
			if sum(t, got) != sum(t, c.to) {
				t.Errorf("%s %v: xdelta3 makes another file", name, c.flags)
			}
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
			t.Errorf("the image was written to: %v", err)
		}
	}
}

func TestDiffRefuses(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	plan := filepath.Join(img.Dir, "plan.json")
	if err := os.WriteFile(plan, []byte(cli(t, "repair", path, "--plan", "--output=json").out), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, other := place(t, "leaked_cluster")
	diff := filepath.Join(img.Dir, "patch.vcdiff")
	cli(t, "diff", path, plan).want(t, exitFailed).says(t, "-o OUT")
	cli(t, "diff", path, plan, "-o", path).want(t, exitFailed).says(t, "is the image itself")
	cli(t, "diff", other, plan, "-o", diff).want(t, exitFailed).says(t, "another file")
	cli(t, "diff", path, path, "-o", diff).want(t, exitFailed).says(t, "not a plan")
	cli(t, "diff", path, plan, "-o", diff).want(t, exitOK)
	cli(t, "diff", path, plan, "-o", diff).want(t, exitFailed).says(t, "--force")
	cli(t, "diff", path, plan, "-o", diff, "--force").want(t, exitOK)
}
