package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qcowscope/core/check"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// TestRepairEveryRecipe writes a repaired copy of every image that opens. QEMU finds in it
// what we say is left; the image is untouched; a guest that could read its disk before
// still can; and undoing gives the image back, byte for byte.
func TestRepairEveryRecipe(t *testing.T) {
	eachRecipe(t, 3, func(t *testing.T, name string) {
		built, img, path := place(t, name)
		before := sum(t, path)
		undo, out := filepath.Join(img.Dir, "undo.json"), filepath.Join(img.Dir, "out.qcow2")
		r := cli(t, "repair", path, "-o", out, "--undo", undo, "--output=json")
		if sum(t, path) != before {
			t.Fatal("the image was written to")
		}
		if r.code == exitFailed || r.code == exitNotQcow2 {
			if _, err := os.Stat(out); err == nil || strings.Contains(names(t, img.Dir), ".part") {
				t.Errorf("exit %d, and yet there is %s", r.code, names(t, img.Dir))
			}
			if code := cli(t, "check", path).code; code != exitFailed && code != exitNotQcow2 {
				t.Errorf("not repaired, though it can be checked: %s", r.err)
			}
			return
		}
		report := decode[struct{ After rest }](t, r.out)
		sameRest(t, name, img, report.After)
		if want := report.After.exitCode(); r.code != want {
			t.Errorf("exit %d, want %d for what is left", r.code, want)
		}
		guestSurvives(t, name, built, img)
		back := filepath.Join(img.Dir, "back.qcow2")
		cli(t, "apply", out, undo, "-o", back).want(t, exitOK)
		if sum(t, back) != before {
			t.Error("undoing the repair does not give the image back")
		}
	})
}

// rest is the report of a copy, as far as the tests need it.
type rest struct {
	testimages.Counts
	Groups           []struct{ Severity string }
	Refused, Aborted bool
}

// exitCode is the one that stands for what is left.
func (r rest) exitCode() int {
	code := exitOK
	if r.Leaks > 0 {
		code = exitLeaks
	}
	if r.Corruptions > 0 || r.CheckErrors > 0 || r.Refused || r.Aborted {
		code = exitCorrupt
	}
	for _, g := range r.Groups {
		if g.Severity == check.Danger.String() || g.Severity == check.Damage.String() {
			code = exitCorrupt
		}
	}
	return code
}

// sameRest compares what we say is left in the copy with what QEMU finds there.
func sameRest(t *testing.T, name string, img qemu.Image, after rest) {
	t.Helper()
	img.File = "out.qcow2"
	run, err := qemu.Check(context.Background(), img, qemu.Plain)
	if err != nil {
		t.Fatal(err)
	}
	if run.Counts == nil {
		if !after.Refused && !after.Aborted && !elsewhere[name] {
			t.Errorf("QEMU prints no counts for the copy: %v", run.Stderr)
		}
		return
	}
	if after.Counts != *run.Counts {
		t.Errorf("left in the copy: %+v, QEMU finds %+v", after.Counts, *run.Counts)
	}
}

// guestSurvives holds that a guest that read its bytes through the damage reads them still.
func guestSurvives(t *testing.T, name string, built *testimages.Built, img qemu.Image) {
	t.Helper()
	if golden(t, name).Check.Guest != testimages.Intact {
		return
	}
	img.File = "out.qcow2"
	readable, err := qemu.Convert(context.Background(), img, "", "guest.raw")
	if err != nil {
		t.Fatal(err)
	}
	guest, err := os.ReadFile(filepath.Join(img.Dir, "guest.raw"))
	if !readable || err != nil {
		t.Fatalf("QEMU cannot read the copy: %v", err)
	}
	want := make([]byte, built.Guest.Size)
	if _, err := built.Guest.ReadAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if string(guest) != string(want) {
		t.Error("the guest reads other bytes from the copy")
	}
}

// TestRepairRefusals: nothing is written where it would destroy something.
func TestRepairRefusals(t *testing.T) {
	_, img, path := place(t, "leaked_cluster")
	at := func(name string) string { return filepath.Join(img.Dir, name) }
	if err := os.Link(path, at("hard.qcow2")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, at("soft.qcow2")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("taken.qcow2"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := sum(t, path)
	for _, c := range []struct {
		args []string
		why  string
	}{
		{[]string{}, "-o OUT"},
		{[]string{"-o", path}, "is the image itself"},
		{[]string{"-o", path, "--force"}, "is the image itself"},
		{[]string{"-o", at("hard.qcow2"), "--force"}, "is the image itself"},
		{[]string{"-o", at("soft.qcow2"), "--force"}, "is the image itself"},
		{[]string{"-o", at("taken.qcow2")}, "exists"},
		{[]string{"-o", at("folder"), "--force"}, "is not a file"},
		{[]string{"-o", at("no/out.qcow2")}, "no such file"},
		{[]string{"-o", at("out.qcow2"), "--undo", at("taken.qcow2")}, "exists"},
		{[]string{"-o", at("out.qcow2"), "--undo", path, "--force"}, "is the image itself"},
		{[]string{"-o", at("out.qcow2"), "--scope=everything"}, "--scope is leaks, all or rebuild"},
		{[]string{"-o", at("out.qcow2"), "--accept=nonsense"}, "no code nonsense"},
		{[]string{"-o", at("out.qcow2"), "--accept=leaked-cluster"}, "not repaired by consent"},
	} {
		cli(t, append([]string{"repair", path}, c.args...)...).want(t, exitFailed).says(t, c.why)
	}
	if sum(t, path) != before || names(t, img.Dir) != "folder hard.qcow2 image.qcow2 soft.qcow2 taken.qcow2" {
		t.Errorf("something was written: %s", names(t, img.Dir))
	}
	cli(t, "repair", path, "-o", at("taken.qcow2"), "--force").want(t, exitOK)
	qemuImg(t, img.Dir, "check", "taken.qcow2")
}

// TestRepairScopes: leaks frees only, rebuild writes a structure that nothing needed.
func TestRepairScopes(t *testing.T) {
	_, img, path := place(t, "refcount_too_low_shared")
	out := filepath.Join(img.Dir, "out.qcow2")
	cli(t, "repair", path, "-o", out, "--scope=leaks").want(t, exitCorrupt).says(t, "nothing to change")
	_, img, path = place(t, "healthy_v3")
	out = filepath.Join(img.Dir, "out.qcow2")
	cli(t, "repair", path, "-o", out).want(t, exitOK).says(t, "There was nothing to change")
	if sum(t, out) != sum(t, path) {
		t.Error("a copy without changes differs")
	}
	cli(t, "repair", path, "-o", out, "--scope=rebuild", "--force").want(t, exitOK).says(t, "new refcount table")
	qemuImg(t, img.Dir, "check", out)
}

// TestPlanAndApply: a printed plan, applied, is the repair.
func TestPlanAndApply(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	at := func(name string) string { return filepath.Join(img.Dir, name) }
	text := cli(t, "repair", path, "--plan").want(t, exitOK).out
	if !strings.HasPrefix(text, "size ") || !strings.Contains(text, "batch 0") {
		t.Errorf("the plan for people is\n%s", text)
	}
	plan := cli(t, "repair", path, "--plan", "--output=json").want(t, exitOK).out
	if names(t, img.Dir) != "image.qcow2" {
		t.Errorf("--plan wrote something: %s", names(t, img.Dir))
	}
	if err := os.WriteFile(at("plan.json"), []byte(plan), 0o600); err != nil {
		t.Fatal(err)
	}
	cli(t, "repair", path, "-o", at("repaired.qcow2")).want(t, exitOK)
	cli(t, "apply", path, at("plan.json"), "-o", at("applied.qcow2")).want(t, exitOK)
	if sum(t, at("applied.qcow2")) != sum(t, at("repaired.qcow2")) {
		t.Error("the applied plan is not the repair")
	}
	// The plan is for the image as it was.
	cli(t, "apply", at("repaired.qcow2"), at("plan.json"), "-o", at("twice.qcow2")).want(t, exitFailed).says(t, "made for another file")
	cli(t, "apply", path, path, "-o", at("twice.qcow2")).want(t, exitFailed).says(t, "not a plan")
	cli(t, "apply", path, at("plan.json"), "-o", path, "--force").want(t, exitFailed).says(t, "is the image itself")
}

// TestSparse: holes stay holes, and the copy has the image's mode.
func TestSparse(t *testing.T) {
	dir := t.TempDir()
	path, out := filepath.Join(dir, "big.qcow2"), filepath.Join(dir, "out.qcow2")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path, "8G")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	cli(t, "repair", path, "-o", out).want(t, exitOK)
	qemuImg(t, dir, "compare", "-q", path, out)
	f, err := openFile(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Size() < 8<<30 || f.Allocated() > 16<<20 || f.info.Mode().Perm() != 0o640 {
		t.Errorf("the copy has %d bytes, %d on disk, mode %v", f.Size(), f.Allocated(), f.info.Mode())
	}
}

// TestCopyWithoutCloning: the copy is the image's, byte for byte, also where the file
// system cannot share blocks, and whatever lies at the edges of its holes.
func TestCopyWithoutCloning(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "in")
	data := make([]byte, 3<<20+777)
	for _, at := range []int{0, 4095, 65536, 131071, 200000, 1 << 20, 3<<20 + 776} {
		data[at] = 0xaa
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := copyRange(context.Background(), out, f, 0, f.size, &progress{}); err != nil {
		t.Fatal(err)
	}
	if sum(t, out.Name()) != sum(t, path) {
		t.Error("the copy differs")
	}
}

// countdown is a context that is cancelled when it is asked for the nth time.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestInterrupted: wherever a repair is stopped, no file is left behind, and the image is
// as it was.
func TestInterrupted(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	before := sum(t, path)
	out := filepath.Join(img.Dir, "out.qcow2")
	stops := 0
	for n := 0; ; n++ {
		ctx := &countdown{context.Background(), n}
		r := cliWith(ctx, "repair", path, "-o", out, "--undo", filepath.Join(img.Dir, "undo.json"))
		if r.code == exitOK {
			break
		}
		stops++
		if r.code != exitFailed || !strings.Contains(r.err, "interrupted, nothing was written") {
			t.Fatalf("stopped at %d: exit %d: %s", n, r.code, r.err)
		}
		if left := names(t, img.Dir); left != "image.qcow2" || sum(t, path) != before {
			t.Fatalf("stopped at %d: there is %s", n, left)
		}
	}
	if stops < 10 {
		t.Errorf("only %d places to stop at", stops)
	}
}

// TestChangedMeanwhile: an image that is written to while it is read is not repaired.
func TestChangedMeanwhile(t *testing.T) {
	_, _, path := place(t, "healthy_v3")
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.changed(); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if err := f.changed(); err == nil || !strings.Contains(err.Error(), "changed at") {
		t.Errorf("a later time of writing is not seen: %v", err)
	}
}

// TestBackingName: a name that leads elsewhere from OUT is said, and can be kept valid.
func TestBackingName(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"vm", "repaired/here"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	vm := filepath.Join(dir, "vm")
	qemuImg(t, vm, "create", "-q", "-f", "raw", "base.img", "1M")
	tool(t, vm, "qemu-io", "-f", "raw", "-c", "write -P 7 0 1M", "base.img")
	qemuImg(t, vm, "create", "-q", "-f", "qcow2", "-b", "base.img", "-F", "raw", "top.qcow2")
	top := filepath.Join(vm, "top.qcow2")
	out := filepath.Join(dir, "repaired/here/top.qcow2")
	cli(t, "repair", top, "-o", out).want(t, exitOK).says(t, "--rebase-backing keeps it valid")
	r := cli(t, "repair", top, "-o", out, "--rebase-backing", "--force").want(t, exitOK)
	if strings.Contains(r.err, "leads elsewhere") {
		t.Error(r.err)
	}
	qemuImg(t, dir, "compare", "-q", "-f", "qcow2", "-F", "qcow2", top, out)
	beside := cli(t, "repair", top, "-o", filepath.Join(vm, "beside.qcow2")).want(t, exitOK)
	if beside.err != "" {
		t.Errorf("beside the image the name is valid, but it says %s", beside.err)
	}
	// A name that the header has no room for.
	long := filepath.Join(dir, "repaired/here")
	for range 8 {
		long = filepath.Join(long, strings.Repeat("d", 120))
	}
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	small := filepath.Join(long, "small.qcow2")
	qemuImg(t, long, "create", "-q", "-f", "raw", "base.img", "1M")
	qemuImg(t, long, "create", "-q", "-f", "qcow2", "-o", "cluster_size=512", "-b", "base.img", "-F", "raw", "small.qcow2")
	cli(t, "repair", small, "-o", filepath.Join(vm, "small.qcow2"), "--rebase-backing").want(t, exitFailed).says(t, "has no room")
}
