package main

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/testimages"
)

// elsewhere are the recipes that QEMU refuses for something outside the file's structure
// (another file, a key), and one that it takes for the format of version 1: we say 63 to
// all that is not qcow2.
var elsewhere = map[string]bool{"backing_missing": true, "data_file_missing": true, "version_1": true}

// TestCheckCountsAsQEMU compares keys, numbers and the exit code with what qemu-img gave.
func TestCheckCountsAsQEMU(t *testing.T) {
	eachRecipe(t, 1, func(t *testing.T, name string) {
		want := golden(t, name).Check
		_, _, path := place(t, name)
		r := cli(t, "check", "--output=json", path)
		if r.code != want.Exit && !elsewhere[name] {
			t.Errorf("exit %d, QEMU %d\n%s", r.code, want.Exit, r.err)
		}
		if want.Counts == nil {
			return
		}
		if got := decode[testimages.Counts](t, r.out); got != *want.Counts {
			t.Errorf("\n got %+v\nwant %+v", got, *want.Counts)
		}
	})
}

// TestCheckSpeaksAsQEMU compares the human summary, letter by letter.
func TestCheckSpeaksAsQEMU(t *testing.T) {
	eachRecipe(t, 3, func(t *testing.T, name string) {
		_, img, path := place(t, name)
		if golden(t, name).Check.Counts == nil || img.Encryption != "" {
			return // QEMU prints nothing, or needs a key
		}
		cmd := exec.Command("qemu-img", "check", path)
		cmd.Dir = img.Dir
		want, _ := cmd.Output() // its exit code is a result
		got := cli(t, "check", path).out
		if !strings.HasPrefix(got, string(want)) || len(want) == 0 {
			t.Errorf("got\n%s\nwant it to begin with\n%s", got, want)
		}
	})
}

// TestCheckRepairsInMemory: -r reports what a repair would leave, and writes nothing.
func TestCheckRepairsInMemory(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	before := sum(t, path)
	r := cli(t, "check", "-r", "all", "--output=json", path).want(t, exitOK)
	got, want := decode[testimages.Counts](t, r.out), golden(t, "refcount_zero_data").All.Counts
	if got.CorruptionsFixed != want.CorruptionsFixed || got.LeaksFixed != want.LeaksFixed || got.Corruptions != 0 {
		t.Errorf("got %+v, QEMU %+v", got, want)
	}
	cli(t, "check", path, "-r", "all").want(t, exitOK).says(t, "Double checking the fixed image now...\nNo errors were found")
	cli(t, "check", path, "-r", "leaks").want(t, exitCorrupt)
	if sum(t, path) != before || names(t, img.Dir) != "image.qcow2" {
		t.Error("a check wrote something")
	}
}

// TestCheckRepairedSpeaksAsQEMU compares the report of -r all where both repair alike.
func TestCheckRepairedSpeaksAsQEMU(t *testing.T) {
	for _, name := range []string{"leaked_cluster", "refcount_too_low_shared", "copied_missing_everywhere", "healthy_v3"} {
		_, _, path := place(t, name)
		got := cli(t, "check", "-r", "all", path).want(t, exitOK).out
		want, err := exec.Command("qemu-img", "check", "-r", "all", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got, string(want)) {
			t.Errorf("%s: got\n%s\nwant it to begin with\n%s", name, got, want)
		}
	}
}

// TestCheckJSONOrder holds the order of the keys, which is qemu-img's and then ours.
func TestCheckJSONOrder(t *testing.T) {
	_, _, path := place(t, "leaked_cluster")
	got := cli(t, "check", "--output=json", path).want(t, exitLeaks).out
	want, _ := exec.Command("qemu-img", "check", "--output=json", path).Output()
	head, _, _ := strings.Cut(string(want), "\n}")
	if !strings.HasPrefix(got, head+",\n    \"findings\": [\n") {
		t.Errorf("got\n%s\nwant it to begin with\n%s", got, head)
	}
	for _, key := range []string{"id", "code", "severity", "class", "what", "where", "host-offset", "host-length", "field", "got", "want", "qemu", "times", "schema", "groups"} {
		if !strings.Contains(got, `"`+key+`": `) {
			t.Errorf("there is no key %s in\n%s", key, got)
		}
	}
	if !strings.Contains(got, `"got": 1,`) || !strings.Contains(got, `"qemu": "Leaked cluster`) {
		t.Errorf("a count is not a number:\n%s", got)
	}
}

// TestStrict: what only we see changes the exit code only when that is asked for.
func TestStrict(t *testing.T) {
	_, _, path := place(t, "data_file_misplaced")
	cli(t, "check", path).want(t, exitOK)
	cli(t, "check", "--strict", path).want(t, exitCorrupt)
	_, _, lost := place(t, "l1_zeroed")
	cli(t, "check", lost).want(t, exitLeaks)
	cli(t, "check", "--strict", lost).want(t, exitCorrupt)
	_, _, leak := place(t, "leaked_cluster")
	cli(t, "check", "--strict", leak).want(t, exitLeaks)
}

// TestDeep: broken streams are found when asked for, also after a repair in memory.
func TestDeep(t *testing.T) {
	_, _, path := place(t, "compressed_stream_garbage")
	if plain := cli(t, "check", "--strict", path).want(t, exitOK).out; strings.Contains(plain, "stream") {
		t.Errorf("without --deep:\n%s", plain)
	}
	for _, args := range [][]string{{"check", "--deep", path}, {"check", "--deep", "-r", "all", path}} {
		if deep := cli(t, args...).want(t, exitOK).out; !strings.Contains(deep, "[compressed-stream-broken]") || !strings.Contains(deep, "1 compressed stream decoded, 1 of them broken.") {
			t.Errorf("%v:\n%s", args, deep)
		}
	}
	cli(t, "check", "--deep", "--strict", path).want(t, exitCorrupt)
	_, _, whole := place(t, "healthy_compressed_zstd")
	if deep := cli(t, "check", "--deep", "--strict", whole).want(t, exitOK).out; !strings.Contains(deep, "80 compressed streams decoded, 0 of them broken.") {
		t.Errorf("of whole streams:\n%s", deep)
	}
}

// TestEveryFinding: --all shows what the short form only counts.
func TestEveryFinding(t *testing.T) {
	_, _, path := place(t, "l2_random")
	short, all := cli(t, "check", path).out, cli(t, "check", "--all", path).out
	if !strings.Contains(short, "(--all shows them)") || strings.Contains(all, "more place") || len(all) < 2*len(short) {
		t.Errorf("the short form has %d bytes, the long one %d", len(short), len(all))
	}
	if quiet := cli(t, "check", "-q", path).want(t, exitCorrupt); quiet.out != "" {
		t.Errorf("-q prints %q", quiet.out)
	}
}

// TestUnopenable: what cannot be opened is explained, with a place and with advice.
func TestUnopenable(t *testing.T) {
	_, _, header := place(t, "cluster_bits_absurd")
	r := cli(t, "check", header).want(t, exitFailed)
	r.says(t, "cluster_bits is 48, which must be 9 to 21")
	r.says(t, "file offset 0x14")
	_, _, refused := place(t, "l1_size_too_small")
	r = cli(t, "check", refused).want(t, exitFailed)
	r.says(t, "QEMU cannot open")
	r.says(t, "l1_size at file offset 0x24")
	_, _, zeroed := place(t, "header_zeroed")
	cli(t, "check", zeroed).want(t, exitNotQcow2).says(t, "header was wiped")
	cli(t, "check", t.TempDir()).want(t, exitFailed).says(t, "is a folder")
	cli(t, "check", "/dev/null").want(t, exitFailed).says(t, "is not a file")
	cli(t, "check", filepath.Join(t.TempDir(), "no")).want(t, exitFailed).says(t, "no such file")
	text := cli(t, "check", "--output=json", zeroed).want(t, exitNotQcow2).out
	if p := decode[problemJSON](t, text); p.Problem.What == "" || p.Problem.Advice == "" || p.Schema != schema {
		t.Errorf("got %s", text)
	}
}

// TestNamesCannotSteerTheTerminal: control characters in a name of the image are escaped.
func TestNamesCannotSteerTheTerminal(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x\x1b[2J.qcow2")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", "evil\x1b]0;title\a\n.img", "-F", "raw", path, "1M")
	for _, verb := range []string{"info", "check", "map"} {
		r := cli(t, verb, path)
		if strings.ContainsAny(r.out+r.err, "\x1b\a") {
			t.Errorf("%s lets an escape through: %q %q", verb, r.out, r.err)
		}
	}
	cli(t, "info", path).says(t, `evil\x1b]0;title\a\n.img`)
}

// TestInUse: an image that a running QEMU writes to is not repaired, and a check says so.
func TestInUse(t *testing.T) {
	_, img, path := place(t, "healthy_v3")
	release := hold(t, path)
	defer release()
	cli(t, "check", path).want(t, exitOK).says(t, "open for writing in another program")
	cli(t, "repair", path, "-o", filepath.Join(img.Dir, "out.qcow2")).want(t, exitFailed).says(t, "open for writing in another program")
}

// TestUnreadable: a medium that fails gives an answer, and no plan.
func TestUnreadable(t *testing.T) {
	_, _, path := place(t, "healthy_v3")
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Close() // every read fails from now on
	var out, stderr bytes.Buffer
	c := &command{ctx: context.Background(), verb: &checkVerb, out: &out, err: &stderr}
	if code := c.giveUp(path, "human", explain(path, readError(t, f))); code != exitFailed || !strings.Contains(stderr.String(), "file offset 0x0") {
		t.Errorf("exit %d, says %s", code, stderr.String())
	}
}

func readError(t *testing.T, f *file) error {
	t.Helper()
	_, err := image.Open(context.Background(), f)
	if err == nil {
		t.Fatal("a closed file was read")
	}
	return err
}
