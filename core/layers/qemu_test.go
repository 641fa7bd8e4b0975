//go:build !js

package layers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/layers"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// tool runs qemu-img or qemu-io.
func tool(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// io runs commands of qemu-io on an image.
func io(t *testing.T, path string, commands ...string) {
	t.Helper()
	args := []string{"-f", "qcow2"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	if out := tool(t, filepath.Dir(path), "qemu-io", append(args, path)...); strings.Contains(out, "rror") || strings.Contains(out, "not ") {
		t.Fatalf("qemu-io: %s", out)
	}
}

func open(t *testing.T, path string) (*image.Image, *check.Report) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return opened(t, b)
}

func opened(t *testing.T, b []byte) (*image.Image, *check.Report) {
	t.Helper()
	img, err := image.Open(context.Background(), source.Bytes(b))
	if err != nil {
		t.Fatal(err)
	}
	r, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return img, r
}

// holdings walks an image to the end, a little at a time.
func holdings(t *testing.T, img *image.Image, r *check.Report) *layers.Holdings {
	t.Helper()
	h := layers.NewHoldings(img, r)
	last, steps := -1, 0
	for ; !h.Done(); steps++ {
		done, total, err := h.Step(context.Background(), 64<<10)
		if err != nil || done < last || done > total || steps > 1<<20 {
			t.Fatalf("step %d: %d of %d, error %v", steps, done, total, err)
		}
		last = done
	}
	return h
}

// inUse is how many clusters have a refcount above zero in the file's own tables.
func inUse(t *testing.T, img *image.Image) (n int64) {
	t.Helper()
	g := img.Geo
	for _, e := range img.Reftable {
		if e.Refblock() == 0 {
			continue
		}
		b := make(qcow2.Refblock, g.ClusterSize())
		if err := source.ReadFull(img.Src, b, int64(e.Refblock())); err != nil {
			t.Fatal(err)
		}
		for i := range g.RefblockEntries() {
			if b.At(g.RefcountOrder, i) != 0 {
				n++
			}
		}
	}
	return n
}

// onDisk is what the file takes on its disk.
func onDisk(t *testing.T, path string) int64 {
	t.Helper()
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		t.Fatal(err)
	}
	return s.Blocks * 512
}

func cloned(t *testing.T, path, to string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to = filepath.Join(filepath.Dir(path), to)
	if err := os.WriteFile(to, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return to
}

// deletes compares what is said of deleting snapshots with what QEMU frees.
func deletes(t *testing.T, path string, h *layers.Holdings, img *image.Image, r *check.Report, chosen []int) {
	t.Helper()
	said := h.Freed(chosen)
	if !said.Exact || !h.Sound() {
		t.Errorf("deleting %v: what it frees is not known exactly", chosen)
	}
	after := cloned(t, path, "deleted.qcow2")
	for _, n := range chosen {
		tool(t, filepath.Dir(path), "qemu-img", "snapshot", "-d", string(r.Snapshots.Snapshots[n-1].Name), after)
	}
	left, report := open(t, after)
	if report.Leaks+report.Corruptions > 0 {
		t.Fatalf("QEMU leaves %d leaks, %d corruptions", report.Leaks, report.Corruptions)
	}
	if freed := inUse(t, img) - inUse(t, left); freed != said.Clusters {
		t.Errorf("deleting %v: said %d clusters, QEMU frees %d", chosen, said.Clusters, freed)
	}
}

func subsets(n int) (all [][]int) {
	for bits := 1; bits < 1<<n; bits++ {
		var s []int
		for i := range n {
			if bits>>i&1 == 1 {
				s = append(s, i+1)
			}
		}
		all = append(all, s)
	}
	return all
}

// TestFreedOfRecipes deletes every choice of snapshots of every healthy image.
func TestFreedOfRecipes(t *testing.T) {
	seen := 0
	for _, name := range testimages.Names() {
		if !strings.HasPrefix(name, "healthy_") || strings.Contains(name, "luks") || strings.Contains(name, "aes") {
			continue
		}
		b := testimages.Make(t, name)
		img, r := opened(t, b.Image)
		n := len(r.Snapshots.Snapshots)
		if n == 0 {
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			placed, err := qemu.Place(t.TempDir(), b)
			if err != nil {
				t.Fatal(err)
			}
			h := holdings(t, img, r)
			for _, chosen := range subsets(min(n, 3)) {
				deletes(t, filepath.Join(placed.Dir, placed.File), h, img, r, chosen)
			}
		})
	}
	if seen < 5 {
		t.Errorf("only %d images with snapshots were found", seen)
	}
}

// TestFreedOfRandomImages takes snapshots between writes, as people do.
func TestFreedOfRandomImages(t *testing.T) {
	for seed := range rounds() {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 7))
			path := randomImage(t, random)
			img, r := open(t, path)
			h := holdings(t, img, r)
			all := subsets(len(r.Snapshots.Snapshots))
			random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, chosen := range all[:min(len(all), 5)] {
				deletes(t, path, h, img, r, chosen)
			}
			addsUp(t, h)
		})
	}
}

// rounds is how many random images are made.
func rounds() int {
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return 60
	}
	return 6
}

func randomImage(t *testing.T, random *rand.Rand) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "image.qcow2")
	cluster := 512 << random.IntN(8)
	options := fmt.Sprintf("cluster_size=%d", cluster)
	if random.IntN(2) == 0 && cluster >= 16<<10 {
		options += ",extended_l2=on"
	}
	if random.IntN(2) == 0 {
		options += ",compat=0.10"
		options = strings.Replace(options, ",extended_l2=on", "", 1)
	}
	const size = 2 << 20
	tool(t, dir, "qemu-img", "create", "-f", "qcow2", "-o", options, path, strconv.Itoa(size))
	for snapshot := range 2 + random.IntN(3) {
		for range 1 + random.IntN(6) {
			n := (1 + random.IntN(64)) * 512
			off := random.IntN((size-n)/512) * 512
			command := "write -P 0x%02x %d %d"
			switch random.IntN(8) {
			case 0:
				command = "write -z -P 0x%02x %d %d"
				command = strings.Replace(command, " -P 0x%02x", "", 1)
				io(t, path, fmt.Sprintf(command, off, n))
				continue
			case 1:
				off = off / cluster * cluster
				io(t, path, fmt.Sprintf("discard %d %d", off, cluster))
				continue
			}
			io(t, path, fmt.Sprintf(command, 1+random.IntN(200), off, n))
		}
		tool(t, dir, "qemu-img", "snapshot", "-c", fmt.Sprintf("s%d", snapshot), path)
	}
	if random.IntN(2) == 0 {
		io(t, path, fmt.Sprintf("write -P 9 0 %d", size/2))
	}
	if random.IntN(3) == 0 {
		tool(t, dir, "qemu-img", "snapshot", "-a", "s0", path)
		io(t, path, "write -P 10 100k 50k")
	}
	return path
}

// TestFreedOnDisk: the file takes so much less on its disk when QEMU has deleted a snapshot.
func TestFreedOnDisk(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "image.qcow2")
	tool(t, dir, "qemu-img", "create", "-f", "qcow2", path, "64M")
	io(t, path, "write -P 1 0 16M")
	tool(t, dir, "qemu-img", "snapshot", "-c", "one", path)
	io(t, path, "write -P 2 4M 8M")
	tool(t, dir, "qemu-img", "snapshot", "-c", "two", path)
	io(t, path, "write -P 3 0 6M")
	img, r := open(t, path)
	h := holdings(t, img, r)
	for _, chosen := range [][]int{{1}, {2}, {1, 2}} {
		after := cloned(t, path, fmt.Sprint("after", len(chosen), chosen[0], ".qcow2"))
		before := onDisk(t, after)
		for _, n := range chosen {
			tool(t, dir, "qemu-img", "snapshot", "-d", []string{"one", "two"}[n-1], after)
		}
		// The snapshot table is written anew to a cluster of which the host stores what is not empty.
		said := h.Freed(chosen).Clusters * img.Geo.ClusterSize()
		if freed := before - onDisk(t, after); freed <= said-img.Geo.ClusterSize() || freed >= said+img.Geo.ClusterSize() {
			t.Errorf("deleting %v: said %d bytes, the file takes %d less", chosen, said, freed)
		}
	}
	if alone, both := h.Freed([]int{1}).Clusters+h.Freed([]int{2}).Clusters, h.Freed([]int{1, 2}).Clusters; both <= alone {
		t.Errorf("the two share clusters, but together they free %d and each alone %d", both, alone)
	}
}

// addsUp: the waterfall leads from the disk's size to the file's.
func addsUp(t *testing.T, h *layers.Holdings) layers.Waterfall {
	t.Helper()
	w := h.Waterfall()
	sum := int64(w.Virtual)
	for _, s := range w.Steps {
		sum += s.Bytes
	}
	if sum != w.File {
		t.Errorf("the steps lead to %d, the file has %d bytes: %+v", sum, w.File, w.Steps)
	}
	return w
}

// TestWaterfallOfEveryRecipe: whatever is wrong with an image, the steps lead to its size,
// and in a healthy one nothing is called damage.
func TestWaterfallOfEveryRecipe(t *testing.T) {
	seen := 0
	for _, name := range testimages.Names() {
		b := testimages.Make(t, name)
		img, err := image.Open(context.Background(), source.Bytes(b.Image))
		if err != nil {
			continue
		}
		seen++
		t.Run(name, func(t *testing.T) {
			r, err := check.Run(context.Background(), img, check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			w := addsUp(t, holdings(t, img, r))
			for _, s := range w.Steps {
				if strings.HasPrefix(name, "healthy_") && (s.Kind == layers.StepDamage || s.Kind == layers.StepLeaked) {
					t.Errorf("a healthy image has a step %+v: %+v", s, w)
				}
			}
		})
	}
	if seen < 200 {
		t.Errorf("only %d recipes were opened", seen)
	}
}
