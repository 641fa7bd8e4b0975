package repair_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

func TestScratch(t *testing.T) {
	for _, name := range testimages.Names() {
		t.Run(name, func(t *testing.T) {
			r, _ := testimages.Load(name)
			b, err := r.Build()
			if err != nil {
				t.Fatal(err)
			}
			golden, _ := testimages.GoldenFor(name)
			src := source.Bytes(b.Image)
			img, err := image.Open(context.Background(), src)
			if err != nil {
				t.Skip(err)
			}
			rep, err := check.Run(context.Background(), img, check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			out, err := repair.Plan(context.Background(), img, rep, repair.Options{Scope: repair.All})
			if err != nil {
				t.Fatal(err)
			}
			over := patch.NewOverlay(src)
			if err := over.Apply(out.Plan); err != nil {
				t.Fatal(err)
			}
			left := make([]byte, over.Size())
			if err := source.ReadFull(over, left, 0); err != nil {
				t.Fatal(err)
			}
			undo, err := out.Plan.Undo(src)
			if err != nil {
				t.Fatal(err)
			}
			if err := over.Apply(undo); err != nil {
				t.Fatal(err)
			}
			back := make([]byte, over.Size())
			source.ReadFull(over, back, 0)
			if !bytes.Equal(back, src) {
				t.Error("undo does not give the original")
			}
			f := filepath.Join(t.TempDir(), "x.qcow2")
			os.WriteFile(f, left, 0o600)
			o, err := exec.Command("qemu-img", "check", f).CombinedOutput()
			code := out.After.ExitCode()
			var got int
			if ee, ok := err.(*exec.ExitError); ok {
				got = ee.ExitCode()
			}
			if got != code && !testing.Short() {
				t.Errorf("after: ours %d qemu %d\n%s", code, got, o)
			}
			if code != golden.All.ExitAfter || code != 0 {
				t.Logf("before %d after: ours %d (C %d L %d) qemu's repair %d; fixed ours %d/%d qemu %+v kept %q", rep.ExitCode(), code, out.After.Corruptions, out.After.Leaks, golden.All.ExitAfter, out.CorruptionsFixed, out.LeaksFixed, golden.All.Counts, out.KeptLeaks)
			} else if golden.All.Counts != nil && (uint64(golden.All.Counts.CorruptionsFixed) != out.CorruptionsFixed || uint64(golden.All.Counts.LeaksFixed) != out.LeaksFixed) {
				t.Logf("FIXED ours %d/%d qemu %d/%d", out.CorruptionsFixed, out.LeaksFixed, golden.All.Counts.CorruptionsFixed, golden.All.Counts.LeaksFixed)
			}
		})
	}
}
