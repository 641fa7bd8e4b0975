package main

import (
	"strings"
	"testing"
)

func TestCheckAsAPage(t *testing.T) {
	_, _, path := place(t, "refcount_zero_data")
	page := cli(t, "check", path, "--output=html").want(t, exitCorrupt).out
	for _, must := range []string{"<!doctype html>", "refcount-zero", "As qemu-img check counts", "qcowscope " + version()} {
		if !strings.Contains(page, must) {
			t.Errorf("the page does not say %q", must)
		}
	}
	if strings.Contains(page, "changed before this check") {
		t.Error("a plan without -r")
	}
	fixed := cli(t, "check", path, "--output=html", "-r", "all").want(t, exitOK).out
	if !strings.Contains(fixed, "What was changed before this check") || !strings.Contains(fixed, "corruptions mended") {
		t.Errorf("the page does not tell what was repaired:\n%s", fixed)
	}
	cli(t, "check", t.TempDir(), "--recursive", "--output=html").want(t, exitFailed).says(t, "of one image")
}
