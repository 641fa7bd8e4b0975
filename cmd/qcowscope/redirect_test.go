package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// TestRedirectFlag: a redirected copy is as QEMU wants it, each batch but the first sector of
// the header lies where nothing was, and the log tells how it came about.
func TestRedirectFlag(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	out := filepath.Join(img.Dir, "out.qcow2")
	r := cli(t, "repair", path, "-o", out, "--redirect", "--log").want(t, exitOK)
	for _, words := range []string{"alloc ", "copy ", "update ", "free ", "count ", "header 0x0+0x200", "commit ", "Redirected: ", "The image was not touched"} {
		r.says(t, words)
	}
	qemuImg(t, img.Dir, "check", out)
	j := decode[struct{ Redirect redirectJSON }](t, cli(t, "repair", path, "-o", out, "--force", "--redirect", "--log", "--output=json").want(t, exitOK).out)
	if len(j.Redirect.Moves) == 0 || j.Redirect.Tables == 0 || !strings.HasPrefix(j.Redirect.Log[len(j.Redirect.Log)-1], "commit") {
		t.Errorf("%+v", j)
	}
	cli(t, "repair", path, "-o", out, "--force", "--redirect", "--fixed-size").want(t, exitFailed).says(t, "behind the end of the device: leave out --redirect")
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plan, err := patch.DecodeJSON([]byte(cli(t, "repair", path, "--plan", "--redirect", "--output=json").want(t, exitOK).out), f)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Batches) != 2 || len(plan.Batches[1]) != 1 || plan.Batches[1][0].Off != 0 || len(plan.Batches[1][0].Data) != qcow2.SectorSize {
		t.Errorf("the plan is\n%v", plan)
	}
}

// TestAmendAndWriteInPlace: the other verbs with a plan change the image itself as well, and
// the old bytes come back.
func TestAmendAndWriteInPlace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "disk.qcow2")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "disk.qcow2", "16M")
	tool(t, dir, "qemu-io", "-c", "write -P 7 0 3M", "disk.qcow2")
	qemuImg(t, dir, "snapshot", "-c", "one", "disk.qcow2")
	for i, args := range [][]string{
		{"amend", path, "--refcount-bits=64"},
		{"amend", path, "--lazy-refcounts=on"},
		{"write", path, "--offset=1000000", "--length=300000", "--pattern=9"},
		{"write", path, "--offset=1M", "--length=64K", "--zero"},
	} {
		before := sum(t, path)
		undo := filepath.Join(dir, fmt.Sprintf("%d.json", i))
		args = append(args, "--in-place", "--undo", undo)
		cli(t, args...).want(t, exitOK).says(t, "was changed in place, read back and checked")
		qemuImg(t, dir, "check", path)
		after := sum(t, path)
		cli(t, "apply", path, undo, "--in-place", "--undo", undo+".redo").want(t, exitOK)
		if sum(t, path) != before {
			t.Fatalf("%v: undone it is another file", args)
		}
		cli(t, "apply", path, undo+".redo", "--in-place", "--undo", undo+".again").want(t, exitOK)
		if sum(t, path) != after {
			t.Fatalf("%v: done again it is another file", args)
		}
	}
	tool(t, dir, "qemu-io", "-r", "-c", "read -P 7 0 1000000", "-c", "read -P 9 1114112 185888", "-c", "read -P 0 1M 64k", path)
}

// TestApplyInPlace: a plan that is not safe in place is redirected, one that is goes as it is.
func TestApplyInPlace(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	plan := filepath.Join(img.Dir, "plan.json")
	text := cli(t, "repair", path, "--plan", "--output=json").want(t, exitOK).out
	if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before := sum(t, path)
	cli(t, "apply", path, plan, "--in-place").want(t, exitOK).says(t, "Redirected: ")
	qemuImg(t, img.Dir, "check", path)
	again := cli(t, "apply", path, plan, "--in-place").want(t, exitFailed)
	again.says(t, "made for another file")
	cli(t, "apply", path, undoName(path), "--in-place").want(t, exitOK)
	if sum(t, path) != before {
		t.Error("undone it is another file")
	}
}

// TestUndoAfterUse: when the image was used since, the undo file would mix two states of it.
func TestUndoAfterUse(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	cli(t, "repair", path, "--in-place").want(t, exitOK)
	repaired, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for at := range 8 {
		if err := os.WriteFile(path, repaired, 0o600); err != nil {
			t.Fatal(err)
		}
		tool(t, img.Dir, "qemu-io", "-c", fmt.Sprintf("write -P 3 %dk 64k", at*100), path)
		used, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if r := cli(t, "apply", path, undoName(path), "--in-place"); r.code == exitOK {
			if len(used) != len(repaired) {
				t.Errorf("a write at %dK allocated clusters, and was undone all the same", at*100)
			}
			os.Remove(path + ".redo.json")
			continue
		}
		refused++
		if now, _ := os.ReadFile(path); !bytes.Equal(now, used) {
			t.Error("refused, and something was written")
		}
	}
	if refused == 0 {
		t.Error("no write was noticed")
	}
}

// TestUndoOfARebuildAfterUse: the same for a plan that is safe as it is.
func TestUndoOfARebuildAfterUse(t *testing.T) {
	for n, write := range []string{"write -P 3 900k 64k", "discard 0 64k", "write -P 3 0 4k"} {
		_, img, path := place(t, "healthy_v3")
		text := cli(t, "repair", path, "--scope=rebuild", "--plan", "--output=json").want(t, exitOK).out
		plan := filepath.Join(img.Dir, "plan.json")
		if err := os.WriteFile(plan, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		before := sum(t, path)
		cli(t, "apply", path, plan, "--in-place").want(t, exitOK)
		tool(t, img.Dir, "qemu-io", "-d", "unmap", "-c", write, path)
		r := cli(t, "apply", path, undoName(path), "--in-place")
		if n < 2 {
			r.want(t, exitFailed).says(t, "made for another file")
			continue
		}
		r.want(t, exitOK) // data where there was data: no table knows of it
		if sum(t, path) == before {
			t.Error("the write is gone")
		}
		qemuImg(t, img.Dir, "check", path)
	}
}

// TestRefusedInPlace: what cannot be made safe is not done in place, and the other way is said.
func TestRefusedInPlace(t *testing.T) {
	dir := t.TempDir()
	path, saved := filepath.Join(dir, "disk.qcow2"), filepath.Join(dir, "plan.json")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", strings.Repeat("n", 900), "-F", "qcow2", "disk.qcow2", "1M")
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plan := patch.New(f.Size())
	plan.Add(0, 1300, []byte("another name"), "a part of the backing file's name")
	text, err := plan.EncodeJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(saved, text, 0o600); err != nil {
		t.Fatal(err)
	}
	before := sum(t, path)
	r := cli(t, "apply", path, saved, "--in-place").want(t, exitFailed)
	r.says(t, "in place a crash could harm the image: the header changes behind its first sector")
	r.says(t, "leave out --in-place and give -o OUT")
	if sum(t, path) != before || names(t, dir) != "disk.qcow2 plan.json" {
		t.Errorf("refused, and something was written: %s", names(t, dir))
	}
	cli(t, "apply", path, saved, "-o", filepath.Join(dir, "out.qcow2")).want(t, exitOK)
}
