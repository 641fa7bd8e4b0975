//go:build !js

package patch_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// xdelta3 is the program that applies patches for those who have not this one.
const xdelta3 = "xdelta3"

// xdelta applies a patch as the documentation says. A missing xdelta3 is a failure.
func xdelta(t *testing.T, src, diff []byte) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	for name, b := range map[string][]byte{"source": src, "patch": diff} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(xdelta3, "-d", "-s", "source", "patch", "target")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("xdelta3: %w\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "target"))
}

// sameByXdelta applies both patches of a plan.
func sameByXdelta(t *testing.T, p *patch.Plan, before []byte) {
	t.Helper()
	after := afterPlan(t, before, p)
	there, back := patches(t, p, source.Bytes(before), patch.VCDIFFOptions{})
	if got, err := xdelta(t, before, there); err != nil || !bytes.Equal(got, after) {
		t.Fatalf("patch: %d bytes, want %d: %v\n%v", len(got), len(after), err, p)
	}
	if got, err := xdelta(t, after, back); err != nil || !bytes.Equal(got, before) {
		t.Fatalf("undo patch: %d bytes, want %d: %v\n%v", len(got), len(before), err, p)
	}
}

func TestXdeltaAppliesRandomPlans(t *testing.T) {
	for seed := range uint64(40 / testimages.Each(2, 1)) {
		r := rand.New(rand.NewPCG(seed, 18))
		before := noise(r, r.IntN(3<<20))
		sameByXdelta(t, widePlan(r, before), before)
	}
}

// The plans of all recipes and scopes, in the short run of every other recipe, and xdelta3 makes of them what the overlay shows.
func TestXdeltaAppliesEveryRepair(t *testing.T) {
	names := testimages.Names()
	if len(names) < 100 {
		t.Fatalf("only %d recipes", len(names))
	}
	for i, name := range names {
		if !testimages.Taken(t.Name(), i, testimages.Each(2, 1)) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			built := testimages.Make(t, name)
			for _, scope := range []repair.Scope{repair.All, repair.Rebuild} {
				if p := repairPlan(t, built.Image, scope); !p.Empty() && p.SizeAfter < 1<<30 {
					sameByXdelta(t, p, built.Image)
				}
			}
		})
	}
}

func repairPlan(t *testing.T, file []byte, scope repair.Scope) *patch.Plan {
	t.Helper()
	img, err := image.Open(context.Background(), source.Bytes(file))
	if err != nil {
		return patch.New(int64(len(file))) // nothing to plan where nothing opens
	}
	report, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := repair.Plan(context.Background(), img, report, repair.Options{Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	return out.Plan
}

// A file longer than 32 bits can say, almost all of it a hole: the patch is small, and what
// xdelta3 makes is compared as it comes.
func TestXdeltaAppliesToAHugeFile(t *testing.T) {
	size := int64(4<<30 + 64<<20)
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		size = 6<<30 + 123
	}
	dir := t.TempDir()
	src := sparseFile(t, filepath.Join(dir, "source"), size)
	p := patch.New(size)
	r := rand.New(rand.NewPCG(9, 9))
	for i := int64(0); i < 40; i++ {
		p.Add(0, i*(size/40)+i*517, noise(r, 64), "here and there")
	}
	p.Add(1, 4<<30-3, []byte("across"), "across 4 GiB")
	p.SizeAfter = size + 9<<20
	after := patch.NewOverlay(src)
	if err := after.Apply(p); err != nil {
		t.Fatal(err)
	}
	there := patchFile(t, filepath.Join(dir, "patch"), func(w io.Writer) error { return p.WriteVCDIFF(w, src, patch.VCDIFFOptions{}) })
	back := patchFile(t, filepath.Join(dir, "undo"), func(w io.Writer) error { return p.WriteUndoVCDIFF(w, src, patch.VCDIFFOptions{}) })
	undo, err := p.Undo(src)
	if err != nil {
		t.Fatal(err)
	}
	xdeltaMakes(t, src.Name(), there, after)

	for _, b := range p.Batches {
		for _, w := range b {
			if _, err := src.WriteAt(w.Data, w.Off); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := src.Truncate(p.SizeAfter); err != nil {
		t.Fatal(err)
	}
	before := patch.NewOverlay(hugeFile{src.File, p.SizeAfter})
	if err := before.Apply(undo); err != nil {
		t.Fatal(err)
	}
	xdeltaMakes(t, src.Name(), back, before)
}

// patchFile writes a patch, which must be small.
func patchFile(t *testing.T, path string, write func(io.Writer) error) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := write(f); err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() > 64<<10 {
		t.Errorf("%s has %v bytes: %v", path, info.Size(), err)
	}
	return path
}

// xdeltaMakes compares what xdelta3 makes of the source as it comes, without a second copy.
func xdeltaMakes(t *testing.T, src, diff string, want source.Source) {
	t.Helper()
	cmd := exec.Command(xdelta3, "-d", "-c", "-s", src, diff)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := sameStream(pipe, want); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("xdelta3: %v\n%s", err, stderr.String())
	}
}

// sameStream compares what comes with the whole of a source.
func sameStream(got io.Reader, want source.Source) error {
	a, b := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); off < want.Size(); {
		n, err := io.ReadFull(got, a[:min(int64(len(a)), want.Size()-off)])
		if err != nil {
			return fmt.Errorf("at 0x%x: %w", off+int64(n), err)
		}
		if err := source.ReadFull(want, b[:n], off); err != nil {
			return err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return fmt.Errorf("other bytes in the MiB at 0x%x", off)
		}
		off += int64(n)
	}
	if n, _ := io.ReadFull(got, a[:1]); n != 0 {
		return fmt.Errorf("more than %d bytes", want.Size())
	}
	return nil
}

// hugeFile is a file as a source.
type hugeFile struct {
	*os.File
	size int64
}

func (f hugeFile) Size() int64 { return f.size }

// sparseFile is a hole with some bytes in it.
func sparseFile(t *testing.T, path string, size int64) hugeFile {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for off := int64(0); off < size; off += 300 << 20 {
		if _, err := f.WriteAt([]byte("some bytes of the file"), off); err != nil {
			t.Fatal(err)
		}
	}
	return hugeFile{f, size}
}

// xdelta3 tells the wrong file from the right one where the plan writes.
func TestXdeltaNoticesAnotherFile(t *testing.T) {
	before := noise(rand.New(rand.NewPCG(5, 6)), 1<<20)
	p := patch.New(int64(len(before)))
	p.Add(0, 300_000, []byte("fresh"), "")
	there, _ := patches(t, p, source.Bytes(before), patch.VCDIFFOptions{})
	before[300_100] ^= 1
	if _, err := xdelta(t, before, there); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("%v", err)
	}
}
