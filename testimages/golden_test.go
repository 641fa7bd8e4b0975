package testimages

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

// everything loads all recipes and samples; too few means that they were not found.
func everything(t *testing.T) []Recipe {
	t.Helper()
	var out []Recipe
	seen := map[string]bool{}
	add := func(r Recipe, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[r.Name] {
			t.Errorf("%s is both a recipe and a sample", r.Name)
		}
		seen[r.Name] = true
		out = append(out, r)
	}
	for _, name := range Names() {
		add(Load(name))
	}
	for _, name := range SampleNames() {
		add(LoadSample(name))
	}
	if len(Names()) < 200 || len(SampleNames()) != 7 {
		t.Fatalf("found %d recipes and %d samples", len(Names()), len(SampleNames()))
	}
	return out
}

// Every recipe builds to the bytes that QEMU judged, on every platform.
func TestBytesAreTheOnesJudged(t *testing.T) {
	for _, r := range everything(t) {
		built, err := r.Build()
		if err != nil {
			t.Error(err)
			continue
		}
		golden, err := GoldenFor(r.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if sum := sha256.Sum256(built.Image); hex.EncodeToString(sum[:]) != golden.SHA256 {
			t.Errorf("%s: other bytes than the golden was made from", r.Name)
		}
		if said := golden.Check.Expect(); said != r.Expect {
			t.Errorf("%s: expects %+v, QEMU said %+v", r.Name, r.Expect, said)
		}
		if len(golden.Check.Snapshots) != len(built.Snapshots) {
			t.Errorf("%s: golden has %d snapshots, the image %d", r.Name, len(golden.Check.Snapshots), len(built.Snapshots))
		}
	}
}

// A recipe that calls itself healthy is: nothing was damaged, QEMU finds nothing,
// and reads what was written from the active layer and from every snapshot.
func TestHealthyIsHealthy(t *testing.T) {
	found := 0
	for _, r := range everything(t) {
		if !strings.HasPrefix(r.Name, "healthy_") {
			continue
		}
		found++
		if last := r.steps[len(r.steps)-1]; last.damage {
			t.Errorf("%s damages the image", r.Name)
		}
		golden, err := GoldenFor(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		if golden.Check.Expect() != (Expect{}) || golden.Check.StderrLines > 0 {
			t.Errorf("%s: QEMU says %+v", r.Name, golden.Check)
		}
		if g := golden.Check.Guest; g != Intact && r.Name != "healthy_size_1t" {
			t.Errorf("%s: the guest bytes are %s", r.Name, g)
		}
		for i, s := range golden.Check.Snapshots {
			if s != Intact {
				t.Errorf("%s: snapshot %d is %s", r.Name, i, s)
			}
		}
	}
	if found < 30 {
		t.Errorf("%d healthy recipes, want at least 30", found)
	}
}

// No qemu-img run had to be ended from outside: the recipes avoid the known ways
// to make it run away, or their goldens would depend on the machine.
func TestNoRunWasKilled(t *testing.T) {
	for _, r := range everything(t) {
		golden, err := GoldenFor(r.Name)
		if err != nil {
			t.Fatal(err)
		}
		for mode, run := range map[string]Run{"check": golden.Check, "leaks": golden.Leaks, "all": golden.All} {
			if run.Killed != "" {
				t.Errorf("%s, %s: %s", r.Name, mode, run.Killed)
			}
		}
	}
}
