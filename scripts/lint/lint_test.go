package lint

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func TestSources(t *testing.T) {
	names, err := files(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("found no source file")
	}
	for _, name := range names {
		found, err := checkFile(root, name)
		if err != nil {
			t.Error(err)
		}
		for _, f := range found {
			t.Error(f)
		}
	}
}

// The report of longer functions is for reading with -v; only the cap is a rule.
func TestReportLongFunctions(t *testing.T) {
	names, err := files(root)
	if err != nil {
		t.Fatal(err)
	}
	total, long := 0, 0
	for _, name := range names {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		lengths, err := functions(name, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range lengths {
			total++
			if f.lines > usualLines {
				long++
				t.Logf("%s: %d lines", f.at, f.lines)
			}
		}
	}
	t.Logf("%d of %d functions are longer than %d lines", long, total, usualLines)
}

func TestCheckFileSeesTrouble(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, text, want string
	}{
		{"ok.go", "package p\n\nfunc f() {}\n", ""},
		{"long.ts", strings.Repeat("x\n", maxFileLines+1), "400 lines"},
		{"late.css", "/* a\n TO" + "DO b */", "late.css:2: "},
		{"func.go", "package p\nfunc f() {\n" + strings.Repeat("_ = 1\n", 79) + "}\n", "func.go:2: f: 81 lines"},
	} {
		if err := os.WriteFile(filepath.Join(dir, c.name), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		found, err := checkFile(dir, c.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(found); (len(found) > 0) != (c.want != "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %q", c.name, got, c.want)
		}
	}
	names, err := files(dir)
	if err != nil || len(names) != 4 {
		t.Errorf("files: %v, %v; want the 4 written", names, err)
	}
}
