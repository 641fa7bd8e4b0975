package check_test

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/testimages"
)

var update = flag.Bool("update", false, "write testdata/findings.golden anew")

//go:embed testdata/findings.golden
var findingsGolden string

// shownFindings is how many of each code the golden file holds of a recipe.
const shownFindings = 3

// TestConsentIsExplained holds that a code says what accepting its repair means exactly when
// it can be accepted.
func TestConsentIsExplained(t *testing.T) {
	for _, c := range check.Codes() {
		if text := c.Consent(); (text != "") != (c.Cure() == check.CureConsent) && c.Cure() != check.CureEvidence || text != "" && len(text) < 40 {
			t.Errorf("%s: cure %d, consent %q", c, c.Cure(), text)
		}
	}
}

func TestEveryCodeIsExplained(t *testing.T) {
	seen := map[string]check.Code{}
	for _, c := range check.Codes() {
		for _, text := range []string{c.Title(), c.Meaning(), c.CureText()} {
			if len(text) < 10 {
				t.Errorf("%s is not explained: %q", c, text)
			}
			if other, ok := seen[text]; ok {
				t.Errorf("%s and %s both say %q", c, other, text)
			}
			seen[text] = c
		}
		if len(c.Title()) > 75 {
			t.Errorf("%s: the title has %d characters", c, len(c.Title()))
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d texts", len(seen))
	}
}

// TestCuresSayWhatTheyAre: what is only repaired by consent says so, and what is repaired
// without it does not say that nothing is done.
func TestCuresSayWhatTheyAre(t *testing.T) {
	for _, c := range check.Codes() {
		text := c.CureText()
		asks := strings.Contains(text, "accept") || strings.Contains(text, "without you")
		if (c.Consent() != "") && !asks {
			t.Errorf("%s can be consented to, but its cure says %q", c, text)
		}
		refuses := strings.HasPrefix(text, "Not repaired") || strings.HasPrefix(text, "Left as") || strings.HasPrefix(text, "Never")
		if c.Mendable() && refuses {
			t.Errorf("%s is mended without asking, but its cure says %q", c, text)
		}
	}
}

// describe is the findings of an image as the golden file has them.
func describe(t *testing.T, name string) string {
	t.Helper()
	img, err := image.Open(context.Background(), build(t, name))
	if err != nil {
		return fmt.Sprintf("does not open: %v\n", err)
	}
	rep, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "exit %d, corruptions %d, leaks %d, errors %d\n", rep.ExitCode(), rep.Corruptions, rep.Leaks, rep.CheckErrors)
	for _, g := range rep.Groups {
		for i, f := range g.Findings {
			if i == shownFindings {
				fmt.Fprintf(&s, "  ... %d more of %s, counted %d in all\n", g.Places-i, g.Code, g.Times)
				break
			}
			fmt.Fprintf(&s, "  %s %v\n    %s\n    %s\n", g.Code.Severity(), f, f.What(img.Geo), f.Where(img.Geo))
			if q := f.Qemu(img.Geo); q != "" {
				fmt.Fprintf(&s, "    qemu: %s\n", q)
			}
		}
	}
	return s.String()
}

// TestFindingsGolden holds what each recipe yields, in all its words.
func TestFindingsGolden(t *testing.T) {
	holdGolden(t, "findings.golden", findingsGolden, func(name string) (string, bool) { return describe(t, name), true })
}

// holdGolden holds what each recipe yields against a file of testdata, of which golden is the
// text. What is not ok does not belong there.
func holdGolden(t *testing.T, file, golden string, yields func(name string) (text string, ok bool)) {
	t.Helper()
	want := map[string]string{}
	for _, part := range strings.Split(golden, "== ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		want[name] = text
	}
	var all strings.Builder
	for _, name := range testimages.Names() {
		got, ok := yields(name)
		if !ok {
			continue
		}
		fmt.Fprintf(&all, "== %s\n%s", name, got)
		if got != want[name] && !*update {
			t.Errorf("%s:\n got\n%swant\n%s(go test ./core/check -update writes what is got)", name, got, want[name])
		}
		delete(want, name)
	}
	for name, text := range want {
		t.Errorf("testdata/%s has %s, which yields nothing\n%s", file, name, text)
	}
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", file), []byte(all.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestQemuLines holds our account of QEMU's lines against what it printed.
func TestQemuLines(t *testing.T) {
	compared := map[check.Code]int{}
	for _, name := range testimages.Names() {
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		// What lies beyond the lines that were kept cannot be compared.
		if run := golden.Check; run.StderrLines > len(run.Stderr) || beyondQEMU[name] {
			continue
		}
		img, err := image.Open(context.Background(), build(t, name))
		if err != nil {
			continue
		}
		for _, f := range spoken(run(t, img.Src), img) {
			compared[f.Code]++
			if line := f.Qemu(img.Geo); !strings.Contains(strings.Join(golden.Check.Stderr, "\n"), line) {
				t.Errorf("%s: %v: QEMU does not say %q, but\n%s", name, f, line, strings.Join(golden.Check.Stderr, "\n"))
			}
		}
	}
	if len(compared) < 20 {
		t.Errorf("only %d codes were compared", len(compared))
	}
}

// spoken are the findings that QEMU comes to speak of: when it refuses the image it names
// the first reason only, and when it gives up early what it met until then.
func spoken(rep *check.Report, img *image.Image) []check.Finding {
	var fs []check.Finding
	for _, group := range rep.Groups {
		for _, f := range group.Findings {
			switch {
			case f.Qemu(img.Geo) == "":
			case rep.Refused && f.At.Name != img.Refusals[0].Field:
			case !rep.Refused && rep.Aborted && !aborts[group.Code]:
			default:
				fs = append(fs, f)
			}
		}
	}
	return fs
}

// aborts are the codes at which QEMU gives up.
var aborts = map[check.Code]bool{check.SnapshotTableBad: true, check.SnapshotsOffsetStray: true, check.BitmapDirectoryBad: true, check.BitmapTableBad: true}
