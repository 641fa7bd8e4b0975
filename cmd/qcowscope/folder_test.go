package main

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/testimages"
)

// farm is a folder with an image of every recipe, and with files that are none.
func farm(t *testing.T) (root string, paths []string) {
	t.Helper()
	root = t.TempDir()
	for i, name := range testimages.Names() {
		_, _, made := place(t, name)
		dir := filepath.Join(root, string(rune('a'+i%5)))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name+".qcow2")
		if err := os.Rename(made, path); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for name, text := range map[string]string{"notes.txt": "nothing", "false.qcow2": "no image at all", "empty": ""} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(root, filepath.Join(root, "circle")); err != nil {
		t.Fatal(err)
	}
	return root, append(paths, filepath.Join(root, "false.qcow2"))
}

// Every image of a folder gets the result that it gets alone, and the worst come first.
func TestCheckRecursive(t *testing.T) {
	root, paths := farm(t)
	r := cli(t, "check", "--recursive", root, "--output=json", "--jobs=3").want(t, exitCorrupt)
	got := decode[struct {
		Images []struct {
			Filename string
			Exit     int `json:"exit-code"`
			Check    json.RawMessage
		}
		Summary struct{ Images, Clean, Corrupt, Leaks, Unreadable, Other int }
	}](t, r.out)
	if len(got.Images) != len(paths) || len(paths) < 200 {
		t.Fatalf("%d results for %d images", len(got.Images), len(paths))
	}
	worst := 0
	order := map[int]int{exitCorrupt: 0, exitFailed: 1, exitNotQcow2: 2, exitLeaks: 3, exitOK: 4}
	for _, image := range got.Images {
		alone := cli(t, "check", image.Filename, "--output=json")
		if alone.code != image.Exit {
			t.Errorf("%s: exit %d, alone %d", image.Filename, image.Exit, alone.code)
		}
		if alone.code != exitFailed && alone.code != exitNotQcow2 {
			a, b := decode[testimages.Counts](t, alone.out), decode[testimages.Counts](t, string(image.Check))
			if a != b {
				t.Errorf("%s: %+v, alone %+v", image.Filename, b, a)
			}
		}
		if order[image.Exit] < worst {
			t.Errorf("%s with exit %d stands behind worse ones", image.Filename, image.Exit)
		}
		worst = order[image.Exit]
	}
	s := got.Summary
	if s.Images != len(paths) || s.Clean+s.Corrupt+s.Leaks+s.Unreadable != s.Images || s.Clean == 0 || s.Corrupt == 0 || s.Leaks == 0 || s.Unreadable == 0 {
		t.Errorf("summary %+v", s)
	}
	human := cli(t, "check", "--recursive", root).want(t, exitCorrupt)
	human.says(t, "2 other files passed over")
	if n := strings.Count("\n"+human.out, "\n") - strings.Count(human.out, "\n ") - 2; n != s.Images-s.Clean {
		t.Errorf("%d images are shown, %d are not clean", n, s.Images-s.Clean)
	}
	cli(t, "check", "--recursive", paths[0]).want(t, exitFailed)
	cli(t, "check", "--recursive", t.TempDir()).want(t, exitFailed)
}

// Build servers get a test for each image.
func TestJUnit(t *testing.T) {
	root, paths := farm(t)
	r := cli(t, "check", "--recursive", root, "--output=junit").want(t, exitCorrupt)
	var suite junitSuite
	if err := xml.Unmarshal([]byte(r.out), &suite); err != nil {
		t.Fatal(err)
	}
	failures, errors := 0, 0
	for _, c := range suite.Cases {
		if c.Failure != nil {
			failures++
		}
		if c.Error != nil {
			errors++
		}
	}
	if suite.Tests != len(paths) || len(suite.Cases) != len(paths) || suite.Failures != failures || suite.Errors != errors || failures == 0 || errors == 0 {
		t.Errorf("%d tests, %d failures (%d), %d errors (%d)", suite.Tests, suite.Failures, failures, suite.Errors, errors)
	}
}

// Code hosts get a result for each finding, with a rule that exists.
func TestSARIF(t *testing.T) {
	_, img, path := place(t, "leaked_cluster")
	r := cli(t, "check", path, "--output=sarif").want(t, exitLeaks)
	log := decode[sarifLog](t, r.out)
	if log.Version != "2.1.0" || len(log.Runs) != 1 || !log.Runs[0].Invocations[0].Successful {
		t.Fatalf("%+v", log)
	}
	run := log.Runs[0]
	if len(run.Results) == 0 {
		t.Fatal("no result")
	}
	for _, result := range run.Results {
		if run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
			t.Errorf("rule %d is not %s", result.RuleIndex, result.RuleID)
		}
		if uri := result.Locations[0].Physical.Artifact.URI; !strings.HasPrefix(uri, "file:///") || !strings.HasSuffix(uri, filepath.Base(path)) {
			t.Errorf("artifact %s", uri)
		}
	}
	none := cli(t, "check", filepath.Join(img.Dir, "nothing"), "--output=sarif").want(t, exitFailed)
	if log := decode[sarifLog](t, none.out); log.Runs[0].Invocations[0].Successful || len(log.Runs[0].Invocations[0].Notifications) != 1 {
		t.Errorf("%s", none.out)
	}
}
