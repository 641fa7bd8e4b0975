package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

func TestMain(m *testing.M) {
	if err := qemu.Available(); err != nil {
		os.Stderr.WriteString("these tests compare with qemu-img: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// result is what one call of the program gave.
type result struct {
	code     int
	out, err string
}

// cli calls the program in this process.
func cli(t *testing.T, args ...string) result {
	t.Helper()
	return cliWith(context.Background(), args...)
}

func cliWith(ctx context.Context, args ...string) result {
	var out, err bytes.Buffer
	code := run(ctx, args, &out, &err)
	return result{code, out.String(), err.String()}
}

// want fails the test when the call did not end as it should.
func (r result) want(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit %d, want %d\n%s%s", r.code, code, r.out, r.err)
	}
	return r
}

// says fails the test when the words are in neither output.
func (r result) says(t *testing.T, words string) {
	t.Helper()
	if !strings.Contains(r.out+r.err, words) {
		t.Errorf("does not say %q:\n%s%s", words, r.out, r.err)
	}
}

// isAsDocumented holds the calls that one of docs shows, in blocks that begin with one,
// against what they print in a folder. It stays in there.
func isAsDocumented(t *testing.T, name, dir string, calls int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	blocks := strings.Split(string(text), "$ qcowscope ")[1:]
	for _, block := range blocks {
		line, want, _ := strings.Cut(block, "\n")
		want, _, _ = strings.Cut(want, "```")
		if got := cli(t, strings.Fields(line)...).want(t, exitOK); got.out != want {
			t.Errorf("qcowscope %s prints\n%s\ndocs/%s shows\n%s", line, got.out, name, want)
		}
	}
	if len(blocks) != calls {
		t.Errorf("docs/%s shows %d calls, want %d", name, len(blocks), calls)
	}
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not the JSON that it should be: %v\n%s", err, text)
	}
	return v
}

// place builds a recipe in a folder of its own.
func place(t *testing.T, name string) (*testimages.Built, qemu.Image, string) {
	t.Helper()
	built := testimages.Make(t, name)
	img, err := qemu.Place(t.TempDir(), built)
	if err != nil {
		t.Fatal(err)
	}
	return built, img, filepath.Join(img.Dir, img.File)
}

func golden(t *testing.T, name string) testimages.Golden {
	t.Helper()
	g, err := testimages.GoldenFor(name)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// eachRecipe runs a test for every recipe, side by side, or in the short run for one of short.
func eachRecipe(t *testing.T, short int, test func(t *testing.T, name string)) {
	names := testimages.Names()
	if len(names) < 30 {
		t.Fatalf("only %d recipes", len(names))
	}
	for i, name := range names {
		if !testimages.Taken(t.Name(), i, testimages.Each(short, 1)) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name)
		})
	}
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// qemuImg runs the judge in a folder; it must succeed.
func qemuImg(t *testing.T, dir string, args ...string) string {
	t.Helper()
	return tool(t, dir, "qemu-img", args...)
}

func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// names lists a folder.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}
