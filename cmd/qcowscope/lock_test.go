package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hold has a qemu-io open the image until the returned function is called.
func hold(t *testing.T, path string, args ...string) (release func()) {
	t.Helper()
	cmd := exec.Command("qemu-io", append(args, path)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(in, "length\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for { // its answer says that the image is open
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("qemu-io: %q %v", line, err)
		}
		if strings.Contains(line, "MiB") {
			break
		}
	}
	return func() {
		in.Close()
		io.Copy(io.Discard, lines)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// TestInPlaceBesideQEMU: while QEMU has the image open, for writing or only for reading,
// nothing is written; and while we have it QEMU does not open it.
func TestInPlaceBesideQEMU(t *testing.T) {
	_, img, path := place(t, "leaked_cluster")
	before := sum(t, path)
	for _, args := range [][]string{{}, {"-r"}} {
		release := hold(t, path, args...)
		cli(t, "repair", path, "--in-place").want(t, exitFailed).says(t, "is open in another program, perhaps a running VM: stop it first")
		cli(t, "amend", path, "--in-place", "--refcount-bits=8").want(t, exitFailed).says(t, "is open in another program")
		release()
	}
	if sum(t, path) != before || names(t, img.Dir) != "image.qcow2" {
		t.Fatalf("something was written: %s", names(t, img.Dir))
	}
	f, err := openToChange(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"qemu-img", "info"}, {"qemu-img", "check", "-r", "all"}, {"qemu-io", "-c", "read 0 512"}} {
		out, err := exec.Command(args[0], append(args[1:], path)...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "lock") {
			t.Errorf("%v opens an image that is being changed: %s", args, out)
		}
	}
	cli(t, "repair", path, "--in-place").want(t, exitFailed).says(t, "is open in another program")
	cli(t, "apply", path, path, "--in-place").want(t, exitFailed).says(t, "is open in another program")
	cli(t, "repair", path, "-o", filepath.Join(img.Dir, "out.qcow2")).want(t, exitFailed).says(t, "open for writing in another program")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	cli(t, "repair", path, "--in-place").want(t, exitOK)
	qemuImg(t, img.Dir, "check", path)
}

// TestInPlaceRefusals: nothing is written, and what to do instead is said.
func TestInPlaceRefusals(t *testing.T) {
	_, img, path := place(t, "leaked_cluster")
	before := sum(t, path)
	at := func(name string) string { return filepath.Join(img.Dir, name) }
	for _, name := range []string{"mine.json", "image.qcow2.undo.json"} {
		if err := os.WriteFile(at(name), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(path, at("hard.qcow2")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		why  string
	}{
		{[]string{"-o", at("out.qcow2")}, "leave out -o"},
		{[]string{"--force"}, "--force is for copies"},
		{[]string{"--rebase-backing"}, "--rebase-backing needs -o"},
		{[]string{"--log", "--plan", "--output=json"}, "leave out --log"},
		{nil, "image.qcow2.undo.json exists"},
		{[]string{"--undo", at("mine.json")}, "mine.json exists"},
		{[]string{"--undo", at("no/undo.json")}, "no such file"},
		{[]string{"--undo", path}, "exists"},
		{[]string{"--undo", at("hard.qcow2")}, "exists"},
	} {
		cli(t, append([]string{"repair", path, "--in-place"}, c.args...)...).want(t, exitFailed).says(t, c.why)
	}
	cli(t, "repair", path, "-o", at("out.qcow2"), "--log").want(t, exitFailed).says(t, "--log prints what --redirect does")
	cli(t, "apply", path, at("mine.json"), "--in-place", "-o", at("out.qcow2")).want(t, exitFailed).says(t, "leave out -o")
	cli(t, "apply", path, at("mine.json"), "-o", at("out.qcow2"), "--undo", at("u.json")).want(t, exitFailed).says(t, "--undo goes with --in-place")
	cli(t, "apply", path, at("mine.json"), "--in-place").want(t, exitFailed).says(t, "not a plan")
	if sum(t, path) != before || names(t, img.Dir) != "hard.qcow2 image.qcow2 image.qcow2.undo.json mine.json" {
		t.Errorf("something was written: %s", names(t, img.Dir))
	}
	cli(t, "repair", path, "--in-place", "--undo", at("undo.json")).want(t, exitOK).says(t, "undo.json has the old bytes")
	cli(t, "repair", path, "--in-place").want(t, exitOK).says(t, "was not written to: there was nothing to change")
}
