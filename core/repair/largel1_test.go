//go:build !js

package repair_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages/qemu"
)

// The L1 table of a disk of 1 EiB has two million entries, and in a new image none leads to a
// table. Who looked through a cluster of 2 MiB for each would not come to an end here.
func TestLargeL1ThatIsEmpty(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=2M", path, "1E").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const cluster = 2 << 20
	leaked := (len(b) + cluster - 1) / cluster
	b = append(b, make([]byte, (leaked+1)*cluster-len(b))...)
	refblock := be.Uint64(b[be.Uint64(b[qcow2.OffReftable:]):])
	be.PutUint16(b[refblock+2*uint64(leaked):], 1)
	img, err := image.Open(context.Background(), source.Bytes(b))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := check.Run(context.Background(), img, check.Options{})
	if err != nil || rep.Leaks != 1 || rep.Corruptions != 0 {
		t.Fatalf("%v, %+v", err, rep)
	}
	out, err := repair.Plan(context.Background(), img, rep, repair.Options{Scope: repair.All})
	if err != nil || !out.Plan.Empty() || out.KeptLeaks == "" { // a leak where nothing is mapped may be all that is left
		t.Fatalf("%v, %+v", err, out)
	}
}
