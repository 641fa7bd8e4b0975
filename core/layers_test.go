//go:build !js

package core_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// rows names the row of each package, from the bottom up. See doc.go.
var rows = map[string]int{
	"qcow2": 0, "source": 0,
	"image": 1, "patch": 1,
	"refcount": 2,
	"check":    3, "alloc": 3,
	"repair": 4, "amend": 4, "cow": 4, "redirect": 4, "salvage": 4, "clustermap": 4, "skeleton": 4, "report": 4, "anatomy": 4, "layers": 4,
}

const (
	module     = "qcowscope/"
	coreModule = module + "core/"
)

// outside are the modules that core may use: decompression of guest data.
var outside = []string{"github.com/klauspost/compress"}

// barred are the parts of the standard library that tie code to one host, or print.
var barred = []string{"os", "net", "syscall", "log", "plugin"}

// forbidden says why package pkg of core may not import what it imports, "" if it may.
// A test may use the whole standard library, the test images, and core packages of any row:
// checking an image that was repaired needs both ends of the house.
func forbidden(pkg, imp string, test bool) string {
	if name, ok := strings.CutPrefix(imp, coreModule); ok {
		return forbiddenInCore(pkg, name, test)
	}
	if strings.HasPrefix(imp, module) {
		if test && within(imp, module+"testimages") {
			return ""
		}
		return "core is imported by the rest of the module, never the reverse"
	}
	if host, _, _ := strings.Cut(imp, "/"); strings.Contains(host, ".") {
		for _, m := range outside {
			if within(imp, m) {
				return ""
			}
		}
		return "not one of the modules that core may use"
	}
	for _, b := range barred {
		if within(imp, b) && !test {
			return "core knows no host and prints nothing"
		}
	}
	return ""
}

func forbiddenInCore(pkg, imported string, test bool) string {
	from, known := rows[pkg]
	if !known {
		return "package " + pkg + " has no row"
	}
	to, known := rows[imported]
	switch {
	case !known:
		return "package " + imported + " has no row"
	case test || to < from:
		return ""
	case to == from:
		return "it points sideways"
	}
	return "it points up"
}

func within(imp, tree string) bool {
	return imp == tree || strings.HasPrefix(imp, tree+"/")
}

// prints finds the calls that write to standard output: builtin print and println, fmt.Print*.
func prints(file *ast.File) []token.Pos {
	var at []token.Pos
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch fun := call.Fun.(type) {
		case *ast.Ident:
			if fun.Name == "print" || fun.Name == "println" {
				at = append(at, call.Pos())
			}
		case *ast.SelectorExpr:
			pkg, ok := fun.X.(*ast.Ident)
			if ok && pkg.Name == "fmt" && strings.HasPrefix(fun.Sel.Name, "Print") {
				at = append(at, call.Pos())
			}
		}
		return true
	})
	return at
}

// violations lists what a file of package pkg does against the rules.
func violations(fset *token.FileSet, pkg string, file *ast.File, test bool) []string {
	var found []string
	for _, spec := range file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			imp = spec.Path.Value
		}
		if why := forbidden(pkg, imp, test); why != "" {
			found = append(found, fmt.Sprintf("%s: %s imports %s: %s", fset.Position(spec.Pos()), pkg, imp, why))
		}
	}
	if !test {
		for _, pos := range prints(file) {
			found = append(found, fmt.Sprintf("%s: %s prints to standard output", fset.Position(pos), pkg))
		}
	}
	return found
}

func TestImportsPointDown(t *testing.T) {
	fset := token.NewFileSet()
	seen := 0
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || !strings.Contains(filepath.ToSlash(name), "/") {
			return err
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		seen++
		pkg := path.Dir(filepath.ToSlash(name))
		for _, v := range violations(fset, pkg, file, strings.HasSuffix(name, "_test.go")) {
			t.Error(v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("found no Go file in core")
	}
}

func TestEveryFolderHasARow(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := rows[e.Name()]; e.IsDir() && !ok {
			t.Errorf("core/%s has no row: give it one in layers_test.go and in doc.go", e.Name())
		}
	}
}

func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		pkg, imp string
		test     bool
		want     string // part of the reason, "" if allowed
	}{
		{"image", "qcowscope/core/qcow2", false, ""},
		{"repair", "qcowscope/core/check", false, ""},
		{"image", "github.com/klauspost/compress/zstd", false, ""},
		{"image", "encoding/binary", false, ""},
		{"check", "fmt", false, ""},
		{"check", "qcowscope/core/alloc", false, "sideways"},
		{"image", "qcowscope/core/patch", false, "sideways"},
		{"image", "qcowscope/core/image", false, "sideways"},
		{"image", "qcowscope/core/check", false, "up"},
		{"image", "qcowscope/core/wiring", false, "no row"},
		{"wiring", "qcowscope/core/qcow2", false, "no row"},
		{"check", "qcowscope/cmd/qcowscope", false, "never the reverse"},
		{"check", "qcowscope/wasm/service", true, "never the reverse"},
		{"check", "qcowscope/testimages", false, "never the reverse"},
		{"check", "qcowscope/testimages", true, ""},
		{"check", "qcowscope/core/repair", true, ""},
		{"source", "os", false, "knows no host"},
		{"source", "os/exec", false, "knows no host"},
		{"source", "os", true, ""},
		{"source", "net/http", false, "knows no host"},
		{"source", "syscall/js", false, "knows no host"},
		{"source", "log/slog", false, "knows no host"},
		{"source", "github.com/norunners/vert", false, "not one of the modules"},
		{"source", "github.com/klauspost/compressor", true, "not one of the modules"},
	} {
		got := forbidden(c.pkg, c.imp, c.test)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s imports %s (test: %v): got %q, want %q", c.pkg, c.imp, c.test, got, c.want)
		}
	}
}

func TestViolationsAreSeenInSource(t *testing.T) {
	const src = `package image
import ("fmt"; "os"; "qcowscope/core/check")
func f() { fmt.Println(1); println(2); _ = fmt.Sprint(3) }`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "bad.go", src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	if got := violations(fset, "image", file, false); len(got) != 4 {
		t.Errorf("got %d violations, want 4 (os, check, Println, println):\n%s", len(got), strings.Join(got, "\n"))
	}
}
