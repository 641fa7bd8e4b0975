// Package lint holds what every source file of this repository keeps, whatever its
// language: short files, short functions, nothing put off. Its test walks the repository.
package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	maxFileLines     = 399
	maxFunctionLines = 80 // the cap; most functions stay under usualLines
	usualLines       = 40
)

// sources are the names of the files that people write. Other files are data or generated.
var sources = regexp.MustCompile(`\.(go|ts|tsx|js|mjs|css|html)$`)

// built are folders that hold what a tool made or fetched.
var built = []string{".git", "node_modules", "build", "dist"}

// generated are files that a tool made or that come with Go.
var generated = regexp.MustCompile(`(\.gen\.ts|wasm_exec\.js)$`)

// putOff are marks of unfinished work. They are spelled in two parts so that this file passes.
var putOff = regexp.MustCompile(`\b(` + "TO" + `DO|` + "FIX" + `ME|` + "XX" + `X)\b`)

// files lists the source files below root, as slash-separated paths relative to it.
func files(root string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(built, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if sources.MatchString(name) && !generated.MatchString(name) {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			found = append(found, filepath.ToSlash(rel))
		}
		return nil
	})
	return found, err
}

// checkFile lists what is wrong with one source file.
func checkFile(root, name string) ([]string, error) {
	src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return nil, err
	}
	found := checkText(name, src)
	if !strings.HasSuffix(name, ".go") {
		return found, nil
	}
	lengths, err := functions(name, src)
	for _, f := range lengths {
		if f.lines > maxFunctionLines {
			found = append(found, fmt.Sprintf("%s: %d lines, the cap is %d", f.at, f.lines, maxFunctionLines))
		}
	}
	return found, err
}

func checkText(name string, src []byte) []string {
	var found []string
	if n := bytes.Count(src, []byte("\n")); n > maxFileLines {
		found = append(found, fmt.Sprintf("%s: %d lines, a file has at most %d", name, n, maxFileLines))
	}
	for i, line := range bytes.Split(src, []byte("\n")) {
		if m := putOff.Find(line); m != nil {
			found = append(found, fmt.Sprintf("%s:%d: %s: do it now or say why not", name, i+1, m))
		}
	}
	return found
}

// function is where a Go function stands and how many lines it takes.
type function struct {
	at    string
	lines int
}

func functions(name string, src []byte) ([]function, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var found []function
	for _, d := range file.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		from, to := fset.Position(fn.Pos()), fset.Position(fn.End())
		found = append(found, function{
			at:    fmt.Sprintf("%s:%d: %s", name, from.Line, fn.Name.Name),
			lines: to.Line - from.Line + 1,
		})
	}
	return found, nil
}
