package main

import (
	"path/filepath"
	"testing"
)

// What --leave names is not repaired; the rest is.
func TestRepairLeaves(t *testing.T) {
	_, img, path := place(t, "leaked_cluster")
	out := filepath.Join(img.Dir, "out.qcow2")
	cli(t, "repair", path, "-o", out, "--leave=leaked-cluster").want(t, exitLeaks)
	cli(t, "check", out).want(t, exitLeaks)
	cli(t, "repair", path, "-o", out, "--force").want(t, exitOK)
	cli(t, "repair", path, "-o", out, "--force", "--leave=no-such-code").want(t, exitFailed).says(t, "no code no-such-code")
	r := cli(t, "repair", path, "-o", out, "--force", "--scope=rebuild", "--trace").want(t, exitOK)
	for _, words := range []string{"What there is", "The new reftable goes to cluster", "A crash before this leaves the old structure", "Counted again"} {
		r.says(t, words)
	}
	j := decode[struct {
		Trace *struct{ Steps []struct{ Act, Words string } }
	}](t, cli(t, "repair", path, "-o", out, "--force", "--scope=rebuild", "--trace", "--output=json").want(t, exitOK).out)
	if j.Trace == nil || len(j.Trace.Steps) < 6 {
		t.Errorf("%+v", j)
	}
}
