package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// subclustered makes the images of docs/write.md.
func subclustered(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", "base.qcow2", "1M")
	tool(t, dir, "qemu-io", "-c", "write -P 1 0 1M", "base.qcow2")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", "-o", "extended_l2=on", "sub.qcow2", "1M")
	tool(t, dir, "qemu-io", "-c", "write -P 2 10k 6k", "-c", "write -z 40k 4k", "sub.qcow2")
	if err := os.WriteFile(filepath.Join(dir, "trace.txt"), []byte("0 4096\n65536 4096\n8192 4096\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What docs/write.md shows is what is printed.
func TestWriteIsAsDocumented(t *testing.T) {
	isAsDocumented(t, "write.md", subclustered(t), 4)
}

// A copy after a write is what qemu-io makes of the same image, the original stays, and the
// undo plan gives its bytes back.
func TestWriteIsWhatQemuIODoes(t *testing.T) {
	dir := subclustered(t)
	t.Chdir(dir)
	before := sum(t, "sub.qcow2")
	for i, c := range []struct {
		flags []string
		io    string
	}{
		{[]string{"--offset=7K", "--length=30K", "--pattern=90"}, "write -P 90 7k 30k"},
		{[]string{"--offset=60K", "--length=0x20000", "--pattern=0x11"}, "write -P 17 60k 128k"},
		{[]string{"--offset=8K", "--length=64K", "--zero"}, "write -z 8k 64k"},
		{[]string{"--offset=0", "--length=64K", "--zero", "--unmap"}, "write -z -u 0 64k"},
		{[]string{"--offset=0", "--length=64K", "--discard"}, "discard 0 64k"},
	} {
		out, theirs, undone := fmt.Sprintf("out%d.qcow2", i), fmt.Sprintf("theirs%d.qcow2", i), fmt.Sprintf("undone%d.qcow2", i)
		cli(t, append([]string{"write", "sub.qcow2", "-o", out, "--undo=" + out + ".undo"}, c.flags...)...).want(t, exitOK).says(t, out+" is written and checked")
		tool(t, dir, "cp", "sub.qcow2", theirs)
		tool(t, dir, "qemu-io", "-c", c.io, theirs)
		qemuImg(t, dir, "check", "-q", out)
		qemuImg(t, dir, "compare", "-q", out, theirs)
		if ours, want := qemuImg(t, dir, "map", "--output=json", out), qemuImg(t, dir, "map", "--output=json", theirs); ours != want {
			t.Errorf("%s: the map is\n%s\nqemu-io makes\n%s", c.io, ours, want)
		}
		cli(t, "apply", out, out+".undo", "-o", undone).want(t, exitOK)
		if sum(t, undone) != before || sum(t, "sub.qcow2") != before {
			t.Errorf("%s: the original, or what undo makes of the copy, has other bytes", c.io)
		}
	}
}

// Writes in flight at once: who waits is told, as text and JSON, and the copy holds all of
// them.
func TestWriteInFlight(t *testing.T) {
	dir := subclustered(t)
	t.Chdir(dir)
	flags := []string{"write", "sub.qcow2", "--offset=128K", "--length=4K", "--pattern=0x10", "--in-flight=120K+16K", "--in-flight=8K+1K"}
	cli(t, append(flags, "-o", "out.qcow2")...).want(t, exitOK).says(t, "from guest 0x20000 on it waits for write 1")
	tool(t, dir, "qemu-io", "-c", "read -P 0x11 120k 16k", "-c", "read -P 0x12 8k 1k", "-c", "read -P 1 136k 8k", "-c", "read -P 1 112k 8k", "out.qcow2")
	qemuImg(t, dir, "check", "-q", "out.qcow2")
	j := decode[struct {
		Explained struct{ Request string }
		Others    []struct{ Steps []string } `json:"in-flight"`
		Events    []string
	}](t, cli(t, append(flags, "--plan", "--output=json")...).want(t, exitOK).out)
	if len(j.Others) != 2 || len(j.Others[0].Steps) == 0 || len(j.Events) < 5 || !strings.Contains(j.Explained.Request, "0x20000") {
		t.Errorf("JSON tells %+v", j)
	}
	cli(t, "write", "sub.qcow2", "--plan", "--offset=0", "--length=4K", "--zero", "--in-flight=4K+4K").want(t, exitFailed).says(t, "--in-flight goes with --pattern")
	cli(t, "write", "sub.qcow2", "--plan", "--offset=0", "--length=4K", "--pattern=1", "--in-flight=4K").want(t, exitFailed).says(t, "OFFSET+LENGTH")
}

// Data of an external file is written only to a copy that is named.
func TestWriteToDataFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "data_file=data.raw,data_file_raw=on", "image.qcow2", "1M")
	before := sum(t, "data.raw")
	write := []string{"write", "image.qcow2", "--offset=64K", "--length=4K", "--pattern=7"}
	cli(t, append(write, "-o", "out.qcow2")...).want(t, exitFailed).says(t, "--data-file-out=F says where")
	cli(t, append(write, "--plan")...).want(t, exitOK).says(t, "data file")
	cli(t, append(write, "-o", "out.qcow2", "--data-file-out=out.raw")...).want(t, exitOK).says(t, "put it in that place")
	if sum(t, "data.raw") != before {
		t.Error("the data file was changed")
	}
	if err := os.Rename("out.raw", "data.raw"); err != nil {
		t.Fatal(err)
	}
	qemuImg(t, dir, "check", "-q", "out.qcow2")
	tool(t, dir, "qemu-io", "-c", "read -P 7 64k 4k", "-c", "read -P 0 68k 60k", "out.qcow2")
}

func TestWriteRefuses(t *testing.T) {
	t.Chdir(subclustered(t))
	_, _, path := place(t, "data_cross_linked")
	for _, c := range []struct {
		flags []string
		says  string
	}{
		{[]string{"sub.qcow2", "-o", "x", "--offset=3M", "--length=1", "--pattern=1"}, "the range is not on the disk"},
		{[]string{"sub.qcow2", "-o", "x", "--offset=0", "--length=1"}, "say what to write"},
		{[]string{"sub.qcow2", "-o", "x", "--offset=0", "--length=1", "--zero", "--discard"}, "say what to write"},
		{[]string{"sub.qcow2", "-o", "x", "--pattern=1"}, "say where"},
		{[]string{"sub.qcow2", "-o", "x", "--offset=64KK", "--length=1", "--pattern=1"}, "a number of bytes"},
		{[]string{"sub.qcow2", "-o", "sub.qcow2", "--force", "--offset=0", "--length=1", "--pattern=1"}, "is the image itself"},
		{[]string{path, "-o", "x", "--offset=0", "--length=1", "--pattern=1"}, "damaged"},
	} {
		cli(t, append([]string{"write"}, c.flags...)...).want(t, exitFailed).says(t, c.says)
	}
}

// The states are as many as the image's kind has, and the invalid ones say what to do.
func TestWriteStates(t *testing.T) {
	dir := subclustered(t)
	t.Chdir(dir)
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "plain.qcow2", "1M")
	for name, want := range map[string]int{"sub.qcow2": 8, "plain.qcow2": 4} {
		states := decode[[]stateJSON](t, cli(t, "write", name, "--states", "--output=json").want(t, exitOK).out)
		if len(states) != want {
			t.Errorf("%s has %d states", name, len(states))
		}
		text := cli(t, "write", name, "--states").want(t, exitOK)
		for _, s := range states {
			text.says(t, s.Meaning)
			if s.Valid != (s.Repair == "") {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
}

func TestAmplify(t *testing.T) {
	t.Chdir(subclustered(t))
	type answer struct {
		Setups []setupCostJSON
		Advice string
	}
	backed := decode[answer](t, cli(t, "amplify", "trace.txt", "--initial=backed", "--output=json").want(t, exitOK).out)
	empty := decode[answer](t, cli(t, "amplify", "trace.txt", "--output=json").want(t, exitOK).out)
	if len(backed.Setups) != len(empty.Setups) || len(backed.Setups) < 18 || backed.Advice == "" {
		t.Fatalf("%+v", backed)
	}
	for i, k := range backed.Setups {
		if k.Copied != empty.Setups[i].Zeroed || empty.Setups[i].Copied != 0 || k.Written != 3*4096 {
			t.Errorf("from the backing file %+v, without one %+v", k, empty.Setups[i])
		}
	}
	cli(t, "amplify", "trace.txt", "--initial=full").want(t, exitFailed).says(t, "--initial is")
	if err := os.WriteFile("bad.txt", []byte("0 4096\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cli(t, "amplify", "bad.txt").want(t, exitFailed).says(t, "line 2")
	cli(t, "amplify", "nowhere.txt").want(t, exitFailed).says(t, "no such file")
}
