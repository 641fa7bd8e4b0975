package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHelp: every command says what it takes and how it exits, in both ways of asking.
func TestHelp(t *testing.T) {
	all := cli(t, "help").want(t, exitOK).out
	for _, v := range verbs() {
		if !strings.Contains(all, v.name+" ") || !strings.Contains(all, v.short) {
			t.Errorf("help does not list %s", v.name)
		}
		text := cli(t, "help", v.name).want(t, exitOK).out
		for _, must := range []string{"usage: qcowscope " + v.name + " " + v.args, "exit codes", "  0  ", "  1  "} {
			if !strings.Contains(text, must) {
				t.Errorf("help %s does not say %q:\n%s", v.name, must, text)
			}
		}
		if again := cli(t, v.name, "--help").want(t, exitOK).out; again != text {
			t.Errorf("%s --help says something else than help %s", v.name, v.name)
		}
	}
	if !strings.HasPrefix(cli(t, "version").want(t, exitOK).out, "qcowscope ") {
		t.Error("no version")
	}
}

// TestHelpListsTheFlags: what help names is taken, and nothing else is.
func TestHelpListsTheFlags(t *testing.T) {
	for _, v := range verbs() {
		listed := 0
		for _, line := range strings.Split(v.help, "\n") {
			word, ok := strings.CutPrefix(line, "  -")
			if !ok {
				continue
			}
			word, _, _ = strings.Cut(word, " ")
			name, _, _ := strings.Cut(word, "=")
			if r := cli(t, v.name, "-"+name); strings.Contains(r.err, "not defined") {
				t.Errorf("%s does not know -%s", v.name, name)
			}
			listed++
		}
		if listed == 0 {
			t.Errorf("help %s lists no flag", v.name)
		}
	}
}

func TestMisuse(t *testing.T) {
	cli(t).want(t, exitFailed).says(t, "qcowscope check")
	cli(t, "defragment").want(t, exitFailed).says(t, "no command defragment")
	cli(t, "help", "defragment").want(t, exitFailed)
	cli(t, "check").want(t, exitFailed).says(t, "it takes IMAGE")
	cli(t, "check", "a", "b").want(t, exitFailed).says(t, "it takes IMAGE")
	cli(t, "check", "--fix", "a").want(t, exitFailed).says(t, "not defined")
	cli(t, "check", "-r", "everything", "a").want(t, exitFailed).says(t, "-r is leaks or all")
	cli(t, "check", "--output=xml", "a").want(t, exitFailed).says(t, "it is human, json, ")
	cli(t, "apply", "a", "-o", "b").want(t, exitFailed).says(t, "it takes IMAGE PLAN")
}

// TestFlagsMayFollow: flags stand before or after the image, and -- ends them.
func TestFlagsMayFollow(t *testing.T) {
	_, _, path := place(t, "leaked_cluster")
	before := cli(t, "check", "--output=json", path).want(t, exitLeaks).out
	if after := cli(t, "check", path, "--output=json").want(t, exitLeaks).out; after != before {
		t.Error("the place of a flag matters")
	}
	dir := t.TempDir()
	t.Chdir(dir)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "--all"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	cli(t, "check", "-q", "--", "--all").want(t, exitLeaks)
}
