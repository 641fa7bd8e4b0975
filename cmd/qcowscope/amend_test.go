package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// holed makes the image of docs/amend.md: guest data in clusters 8 to 200, of which those in
// clusters 126 to 191 were discarded.
func holed(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "cluster_size=512,refcount_bits=32", "hole.qcow2", "128K")
	for _, commands := range [][]string{{"write -z 0 512", "write -z 32k 512", "write -z 64k 512", "write -z 96k 512"},
		{"write 0 32k"}, {"write 32k 28672"}, {"write 64k 32k"}, {"write 96k 4k"}, {"discard 60416 1k", "discard 64k 32k"}} {
		var args []string
		for _, cmd := range commands {
			args = append(args, "-c", cmd)
		}
		tool(t, dir, "qemu-io", append(args, "hole.qcow2")...)
	}
	return dir
}

// facts is the part of `qemu-img info` that amend changes.
type facts struct {
	Specific struct {
		Data struct {
			Compat string `json:"compat"`
			Lazy   bool   `json:"lazy-refcounts"`
			Bits   int    `json:"refcount-bits"`
		} `json:"data"`
	} `json:"format-specific"`
}

func factsOf(t *testing.T, path string) string {
	t.Helper()
	f := decode[facts](t, qemuImg(t, filepath.Dir(path), "info", "--output=json", path)).Specific.Data
	return fmt.Sprintf("%s %d %v", f.Compat, f.Bits, f.Lazy)
}

// What docs/amend.md shows is what is printed.
func TestAmendTraceIsAsDocumented(t *testing.T) {
	isAsDocumented(t, "amend.md", holed(t), 2)
}

// Several changes in one call, up and down again: QEMU agrees on what came of it, the guest
// reads the same, and undoing gives the image back.
func TestAmendComposes(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "compat=0.10,cluster_size=4K", "v2.qcow2", "4M")
	tool(t, dir, "qemu-io", "-c", "write -P 7 0 300k", "-c", "write -P 9 2M 100k", "v2.qcow2")
	qemuImg(t, dir, "snapshot", "-c", "one", "v2.qcow2")
	tool(t, dir, "qemu-io", "-c", "write -P 8 100k 100k", "v2.qcow2")
	before := sum(t, at("v2.qcow2"))
	for _, c := range []struct{ from, to, facts, says string }{
		{"v2", "v3 --compat=1.1 --refcount-bits=64 --lazy-refcounts=on", "1.1 64 true", "refcount width: 16 bits -> 64 bits"},
		{"v3", "narrow --refcount-bits=2 --lazy-refcounts=off --like-qemu", "1.1 2 false", "lazy refcounts: on -> off"},
		{"narrow", "old --compat=0.10 --refcount-bits=16", "0.10 16 false", "version: 1.1 -> 0.10"},
		{"old", "same --compat=0.10", "0.10 16 false", "There was nothing to change"},
	} {
		flags := strings.Fields(c.to)
		in, out := at(c.from+".qcow2"), at(flags[0]+".qcow2")
		cli(t, append([]string{"amend", in, "-o", out, "--undo", at("undo.json"), "--force"}, flags[1:]...)...).want(t, exitOK).says(t, c.says)
		if got := factsOf(t, out); got != c.facts {
			t.Errorf("%s: QEMU says %s, want %s", c.to, got, c.facts)
		}
		qemuImg(t, dir, "check", "-q", out)
		qemuImg(t, dir, "compare", "-q", in, out)
		for _, name := range []string{in, out} {
			qemuImg(t, dir, "convert", "-O", "raw", "-l", "one", name, name+".raw")
		}
		if sum(t, in+".raw") != sum(t, out+".raw") {
			t.Errorf("%s: the snapshot reads other bytes", c.to)
		}
		cli(t, "apply", out, at("undo.json"), "-o", at("back.qcow2"), "--force").want(t, exitOK)
		if sum(t, at("back.qcow2")) != sum(t, in) {
			t.Errorf("%s: undoing does not give the image back", c.to)
		}
	}
	if sum(t, at("v2.qcow2")) != before {
		t.Error("the image was written to")
	}
}

// A printed plan, applied, is the change.
func TestAmendPlan(t *testing.T) {
	dir := holed(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	text := cli(t, "amend", at("hole.qcow2"), "--refcount-bits=8", "--plan", "--trace").want(t, exitOK).out
	if !strings.Contains(text, "Places\n") || !strings.Contains(text, "size 102912 -> ") {
		t.Errorf("the plan for people is\n%s", text)
	}
	plan := cli(t, "amend", at("hole.qcow2"), "--refcount-bits=8", "--plan", "--output=json").want(t, exitOK).out
	if err := os.WriteFile(at("plan.json"), []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	if names(t, dir) != "hole.qcow2 plan.json" {
		t.Errorf("--plan wrote something: %s", names(t, dir))
	}
	cli(t, "amend", at("hole.qcow2"), "-o", at("amended.qcow2"), "--refcount-bits=8").want(t, exitOK)
	cli(t, "apply", at("hole.qcow2"), at("plan.json"), "-o", at("applied.qcow2")).want(t, exitOK)
	if sum(t, at("applied.qcow2")) != sum(t, at("amended.qcow2")) {
		t.Error("the applied plan is not the change")
	}
}

// amended is the JSON of amend, as far as the tests need it.
type amended struct {
	Changes []propertyJSON
	Notes   []string
	Width   struct {
		Walks     int
		Placement string
	}
	Trace *struct {
		Steps   []stepOfTrace
		LeftOut int `json:"left-out"`
	}
	After rest
}

// Long runs of like steps are abbreviated, for programs after many more; --all has every one.
func TestAmendTraceOfManyBlocks(t *testing.T) {
	dir := t.TempDir()
	path, out := filepath.Join(dir, "many.qcow2"), filepath.Join(dir, "out.qcow2")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "cluster_size=512,preallocation=metadata", path, "96M")
	args := []string{"amend", path, "-o", out, "--force", "--refcount-bits=64", "--like-qemu", "--trace"}
	short := cli(t, args...).want(t, exitOK)
	long := cli(t, append(args, "--all")...).want(t, exitOK)
	if n := strings.Count(short.out, "\n"); n > 250 {
		t.Errorf("abbreviated it has %d lines", n)
	}
	if n := strings.Count(long.out, "\n"); n < 10000 {
		t.Errorf("in full it has %d lines", n)
	}
	short.says(t, "more like these (--all tells them)")
	j := decode[amended](t, cli(t, append(args, "--output=json")...).want(t, exitOK).out)
	if j.Trace == nil || len(j.Trace.Steps) != toldJSON || j.Trace.LeftOut == 0 || j.Width.Placement != "like-qemu" || j.Width.Walks < 3 {
		t.Errorf("as JSON it has %d steps, %d are left out; %+v", len(j.Trace.Steps), j.Trace.LeftOut, j.Width)
	}
	all := decode[amended](t, cli(t, append(args, "--output=json", "--all")...).want(t, exitOK).out)
	if len(all.Trace.Steps) != toldJSON+j.Trace.LeftOut || all.Trace.LeftOut != 0 {
		t.Errorf("all of it has %d steps", len(all.Trace.Steps))
	}
	for _, s := range j.Trace.Steps {
		if s.Act == "" || s.Words == "" {
			t.Fatalf("a step without words: %+v", s)
		}
	}
}

// An image that was not closed is repaired first, and that is said.
func TestAmendOfADirtyImage(t *testing.T) {
	_, img, path := place(t, "dirty_after_crash")
	out := filepath.Join(img.Dir, "out.qcow2")
	j := decode[amended](t, cli(t, "amend", path, "-o", out, "--refcount-bits=64", "--output=json").want(t, exitOK).out)
	if len(j.Notes) < 2 || !strings.Contains(j.Notes[0], "was not closed") || len(j.Changes) == 0 {
		t.Errorf("it says %q and changes %v", j.Notes, j.Changes)
	}
	qemuImg(t, img.Dir, "check", "-q", out)
}

// What forbids a change is said whole, and nothing is written.
func TestAmendRefused(t *testing.T) {
	for _, c := range []struct {
		recipe string
		flags  []string
		says   []string
	}{
		{"healthy_v2", []string{"--refcount-bits=8"}, []string{"version 2 of the format", "compat=1.1"}},
		{"corrupt_bit", []string{"--refcount-bits=8"}, []string{"corrupt bit", "Repair the image first"}},
		{"refcount_zero_data", []string{"--refcount-bits=8"}, []string{"refcount-zero (1)", "Repair the image first"}},
		{"healthy_snapshots", []string{"--refcount-bits=1"}, []string{"do not fit 1 bits", "has refcount 2", "snapshot 1's l2[0][0]", "Choose 2 bits or more"}},
		{"healthy_refcount_bits_8", []string{"--compat=0.10"}, []string{"refcount width", "to 16 bits in the same amend"}},
	} {
		_, img, path := place(t, c.recipe)
		out := filepath.Join(img.Dir, "out.qcow2")
		r := cli(t, append([]string{"amend", path, "-o", out}, c.flags...)...).want(t, exitFailed)
		for _, words := range c.says {
			r.says(t, words)
		}
		j := decode[refusedJSON](t, cli(t, append([]string{"amend", path, "-o", out, "--output=json"}, c.flags...)...).want(t, exitFailed).out)
		if len(j.Blockers) == 0 || j.Blockers[0].Why == "" || j.Blockers[0].Advice == "" {
			t.Errorf("%s: as JSON it says %+v", c.recipe, j)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was written", c.recipe)
		}
	}
}

// Flags that do not go together.
func TestAmendMisuse(t *testing.T) {
	for _, flags := range []string{"", "--refcount-bits=3", "--compat=2", "--lazy-refcounts=yes", "--compat=0.10 --refcount-bits=8",
		"--compat=0.10 --lazy-refcounts=on", "--compat=1.1 --trace", "--compat=1.1 --like-qemu", "--refcount-bits=8 --all",
		"--refcount-bits=8 --trace --plan --output=json", "--refcount-bits=8 --rebase-backing"} {
		cli(t, append([]string{"amend", "x.qcow2"}, strings.Fields(flags)...)...).want(t, exitFailed).says(t, "usage: qcowscope amend")
	}
}
