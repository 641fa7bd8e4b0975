package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCrash: redirected no state is broken; in place, as QEMU makes the same repair, some are.
func TestCrash(t *testing.T) {
	_, img, path := place(t, "data_cross_linked")
	before := sum(t, path)
	r := cli(t, "crash", path, "--states=60", "--seed=3", "--list", "--output=json").want(t, exitOK)
	j := decode[crashTable](t, r.out)
	if len(j.Ways) != 2 || j.Ways[0].Name != "redirected" || j.Ways[1].Name != "in-place" {
		t.Fatalf("%+v", j)
	}
	for _, w := range j.Ways {
		if w.States != w.Safe+w.Broken || w.Broken != w.NotOpen+w.Corrupt+w.Other || len(w.Listed) != w.Broken {
			t.Errorf("it does not add up: %+v", w)
		}
	}
	if w := j.Ways[0]; w.Broken > 0 || w.States < 20 || w.Flights != 2 {
		t.Errorf("redirected: %+v", w)
	}
	if w := j.Ways[1]; w.Broken == 0 || len(w.Worse) == 0 || !w.Complete {
		t.Errorf("in place: %+v", w)
	}
	if again := cli(t, "crash", path, "--states=60", "--seed=3", "--list", "--output=json").want(t, exitOK); again.out != r.out {
		t.Error("the same seed tells something else")
	}
	text := cli(t, "crash", path, "--states=60", "--list").want(t, exitOK)
	for _, words := range []string{"crash states", "redirected", "in place, as QEMU does it", "new trouble", "more than before the change and after it"} {
		text.says(t, words)
	}
	if sum(t, path) != before || names(t, img.Dir) != "image.qcow2" {
		t.Error("something was written")
	}
	cli(t, "crash", path, "--states=0").want(t, exitFailed).says(t, "--states is")
	cli(t, "crash", path, "--scope=none").want(t, exitFailed).says(t, "--scope is")
	_, _, healthy := place(t, "healthy_v3")
	cli(t, "crash", healthy).want(t, exitOK).says(t, "There is nothing to change")
}

// TestCrashOfAWrite: a guest's write over data tears in place; redirected the guest reads the
// old bytes or the new ones.
func TestCrashOfAWrite(t *testing.T) {
	dir := t.TempDir()
	path, plan := filepath.Join(dir, "disk.qcow2"), filepath.Join(dir, "plan.json")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "disk.qcow2", "1M")
	tool(t, dir, "qemu-io", "-c", "write -P 5 0 512k", "disk.qcow2")
	text := cli(t, "write", path, "--plan", "--output=json", "--offset=64K", "--length=128K", "--pattern=3").want(t, exitOK).out
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	j := decode[crashTable](t, cli(t, "crash", path, "--plan", plan, "--states=60", "--output=json").want(t, exitOK).out)
	if len(j.Ways) != 2 || j.Ways[0].Broken > 0 || j.Ways[1].Name != "as-planned" || j.Ways[1].Other == 0 {
		t.Errorf("%+v", j)
	}
	cli(t, "crash", path, "--plan", path).want(t, exitFailed).says(t, "not a plan")
}
