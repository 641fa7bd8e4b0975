//go:build !js

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"qcowscope/testimages"
)

// The page trusts samples.json: it must list every sample with its file's size
// and with the verdict that qemu-img gave.
func TestSamplesListIsTrue(t *testing.T) {
	dir := t.TempDir()
	if err := writeAll(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "samples.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []sample
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 7 {
		t.Fatalf("%d samples, want 7", len(list))
	}
	for _, s := range list {
		info, err := os.Stat(filepath.Join(dir, s.File))
		if err != nil || info.Size() != int64(s.Size) {
			t.Errorf("%s: file %v, size %d: %v", s.ID, info, s.Size, err)
		}
		golden, err := testimages.GoldenFor(s.ID)
		if err != nil {
			t.Error(err)
			continue
		}
		if int64(golden.Check.Exit) != s.Expect.Exit || golden.Check.Counts.Corruptions != s.Expect.Corruptions || golden.Check.Counts.Leaks != s.Expect.Leaks {
			t.Errorf("%s: samples.json says %+v, qemu-img %+v", s.ID, s.Expect, golden.Check)
		}
	}
}
