package main

import (
	"strings"
	"testing"
)

const sample = `package service

// Info is what the header says.
type Info struct {
	Name  string  ` + "`json:\"name\"`" + ` // shown, never interpreted
	Parts []Part  ` + "`json:\"parts\"`" + `
}

// Part has
// two lines.
type Part struct {
	At float64 ` + "`json:\"at\"`" + `
	N  int     ` + "`json:\"n\"`" + `
	OK bool    ` + "`json:\"ok\"`" + `
}

// Owners are names.
var Owners = []string{"free", "snapshot-l1"}
`

const sampleTS = `// Generated from protocol.go by scripts/gen-protocol. Do not edit.

/** Info is what the header says. */
export interface Info {
  /** shown, never interpreted */
  name: string;
  parts: Part[];
}

/**
 * Part has
 * two lines.
 */
export interface Part {
  at: number;
  n: number;
  ok: boolean;
}

/** Owners are names. */
export const Owners = [
  'free',
  'snapshot-l1',
] as const;

/** One of Owners. */
export type Owner = (typeof Owners)[number];
`

func TestTranslate(t *testing.T) {
	got, err := translate(goSource{"protocol.go", []byte(sample)})
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != sampleTS {
		t.Errorf("got:\n%s\nwant:\n%s", got, sampleTS)
	}
}

// Each of these would cross the boundary as something else than what Go holds, or kill the module.
func TestTranslateRefusesWhatTheCodecHarms(t *testing.T) {
	for _, c := range []struct{ name, decl, want string }{
		{"64-bit", "type T struct { A uint64 `json:\"a\"` }", "T.A: type uint64 does not cross"},
		{"named string", "type S string", "S is not a struct"},
		{"foreign type", "type T struct { A time.Time `json:\"a\"` }", "does not cross"},
		{"array", "type T struct { A [2]int `json:\"a\"` }", "use a slice"},
		{"map", "type T struct { A map[string]int `json:\"a\"` }", "does not cross"},
		{"pointer", "type T struct { A *T `json:\"a\"` }", "does not cross"},
		{"tag option", "type T struct { A int `json:\"a,omitempty\"` }", "does not know options"},
		{"tag dash", "type T struct { A int `json:\"-\"` }", "does not know options"},
		{"no tag", "type T struct { A int }", "no json tag"},
		{"embedded", "type A struct{}\ntype T struct { A }", "embedded structs are not flattened"},
		{"two names", "type T struct { A, B int `json:\"a\"` }", "want one name"},
		{"odd value", "var Owners = 5", "not a list of strings"},
		{"quote in name", `var Owners = []string{"it's"}`, "does not quote"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := translate(goSource{"p.go", []byte("package p\n" + c.decl + "\n")})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one with %q", err, c.want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "p.go:") {
				t.Errorf("error %v does not say where", err)
			}
		})
	}
}

func TestCommittedFileIsCurrent(t *testing.T) {
	t.Chdir("../..")
	if err := run(true); err != nil {
		t.Error(err)
	}
}
