//go:build !js

package amend_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// randomCases is how many random images are made.
func randomCases() uint64 {
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return 250
	}
	return 25
}

// Random images with snapshots, zeros, holes and compressed clusters, up and down.
func TestVersionOfRandomImages(t *testing.T) {
	for seed := range randomCases() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			rng := rand.New(rand.NewPCG(7, seed))
			version := []string{"0.10", "1.1", "1.1"}[rng.IntN(3)]
			create := fmt.Sprintf("create -q -f qcow2 -o cluster_size=%d,compat=%s", 512<<rng.IntN(8), version)
			if rng.IntN(2) == 0 {
				backed(b, create, []string{"raw", "qcow2"}[rng.IntN(2)])
			} else {
				b.img(create + " x.qcow2 1M")
			}
			b.same(b.churn(rng)...)
		})
	}
}

// churn writes at random and takes, applies and deletes snapshots; it tells which are left.
func (b bench) churn(rng *rand.Rand) (snapshots []string) {
	size := b.subject().open(b.t).Geo.ClusterSize()
	for step := range 4 + rng.IntN(5) {
		var cmds []string
		for range 1 + rng.IntN(6) {
			off := rng.Int64N(1<<20) &^ 511
			length := min(1<<20-off, (1+rng.Int64N(200<<10))&^511+512)
			whole := func(cmd string) string {
				return fmt.Sprintf("%s %d %d", cmd, off&^(size-1), max(size, length&^(size-1)))
			}
			cmds = append(cmds, []string{
				fmt.Sprintf("write -P %d %d %d", 1+rng.IntN(255), off, length),
				whole("write -z"), whole("write -z -u"), whole("discard"),
				fmt.Sprintf("write -c -P %d %d %d", 1+rng.IntN(255), off&^(size-1), size)}[rng.IntN(5)])
		}
		for _, c := range cmds {
			// Some cannot be done (zeros in version 2, compressing what is there): no matter.
			_, _ = b.run("qemu-io", "-f", "qcow2", "x.qcow2", "-c", c)
		}
		switch rng.IntN(4) {
		case 0, 1:
			snapshots = append(snapshots, fmt.Sprint("s", step))
			b.img("snapshot -c " + snapshots[len(snapshots)-1] + " x.qcow2")
		case 2:
			if len(snapshots) > 0 {
				b.img("snapshot -a " + snapshots[rng.IntN(len(snapshots))] + " x.qcow2")
			}
		case 3:
			if len(snapshots) > 0 {
				i := rng.IntN(len(snapshots))
				b.img("snapshot -d " + snapshots[i] + " x.qcow2")
				snapshots = slices.Delete(snapshots, i, i+1)
			}
		}
	}
	return snapshots
}
