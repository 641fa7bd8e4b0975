//go:build !js

package check_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// realKinds are the images that QEMU makes for the test below: options of qemu-img create,
// and what lies beside or behind the image.
var realKinds = []struct {
	name, options string
	backing, data bool
}{
	{name: "v3"},
	{name: "v2", options: "compat=0.10"},
	{name: "clusters of 512", options: "cluster_size=512"},
	{name: "clusters of 512, v2", options: "cluster_size=512,compat=0.10"},
	{name: "clusters of 4K", options: "cluster_size=4k"},
	{name: "clusters of 2M", options: "cluster_size=2M"},
	{name: "subclusters", options: "extended_l2=on"},
	{name: "subclusters of 512", options: "extended_l2=on,cluster_size=16k"},
	{name: "refcounts of 8 bits", options: "refcount_bits=8,cluster_size=4k"},
	{name: "refcounts of 64 bits", options: "refcount_bits=64,cluster_size=4k"},
	{name: "lazy refcounts", options: "lazy_refcounts=on,cluster_size=4k"},
	{name: "zstd", options: "compression_type=zstd,cluster_size=4k"},
	{name: "zstd, subclusters", options: "compression_type=zstd,extended_l2=on"},
	{name: "metadata preallocated", options: "preallocation=metadata,cluster_size=4k"},
	{name: "metadata and subclusters preallocated", options: "preallocation=metadata,extended_l2=on"},
	{name: "space preallocated", options: "preallocation=falloc"},
	{name: "backing file", options: "cluster_size=4k", backing: true},
	{name: "backing file, v2", options: "compat=0.10", backing: true},
	{name: "backing file, subclusters", options: "extended_l2=on,cluster_size=16k", backing: true},
	{name: "data file", options: "cluster_size=4k", data: true},
	{name: "data file, subclusters", options: "extended_l2=on", data: true},
}

// realImage is an image that qemu-img and qemu-io work on.
type realImage struct {
	t       *testing.T
	dir     string
	noise   *rand.Rand
	options string
	backing bool
	data    bool
	size    int64
	names   []string // of snapshots
	bitmaps []string
	log     []string
}

const realName = "image.qcow2"

// run is false when QEMU refuses the operation, as it may.
func (r *realImage) run(name string, args ...string) bool {
	r.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = r.dir
	out, err := cmd.CombinedOutput()
	r.log = append(r.log, strings.Join(append([]string{name}, args...), " "))
	var exit *exec.ExitError
	switch {
	case err == nil:
		// qemu-io does not tell by its exit code.
		return !bytes.Contains(out, []byte("failed"))
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return false
	}
	r.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	return false
}

func (r *realImage) io(command string, args ...any) bool {
	return r.run("qemu-io", "-d", "unmap", "-c", fmt.Sprintf(command, args...), realName)
}

func (r *realImage) create() {
	args := []string{"create", "-q", "-f", "qcow2"}
	options := r.options
	if r.data {
		options += ",data_file=data.raw"
	}
	if options != "" {
		args = append(args, "-o", options)
	}
	if r.backing {
		if !r.run("qemu-img", "create", "-q", "-f", "qcow2", "base.qcow2", fmt.Sprint(r.size)) ||
			!r.run("qemu-io", "-c", "write -P 0x5a 0 300k", "base.qcow2") {
			r.t.Fatal("no backing file")
		}
		args = append(args, "-b", "base.qcow2", "-F", "qcow2")
	}
	if !r.run("qemu-img", append(args, realName, fmt.Sprint(r.size))...) {
		r.t.Fatal("no image")
	}
}

// place is a piece of the disk; now and then one that reaches its end.
func (r *realImage) place() (off, n int64) {
	off = r.noise.Int64N(max(1, r.size/512)) * 512
	n = []int64{512, 4096, 64 << 10, 200 << 10}[r.noise.IntN(4)]
	if off+n > r.size || r.noise.IntN(8) == 0 {
		n = r.size - off
	}
	return off, n
}

// realOperations are what QEMU's users do with an image.
var realOperations = []func(*realImage) bool{
	func(r *realImage) bool {
		off, n := r.place()
		return r.io("write -P %d %d %d", 1+r.noise.IntN(200), off, n)
	},
	func(r *realImage) bool {
		off, n := r.place()
		return r.io("write -P %d %d %d", 1+r.noise.IntN(200), off, n)
	},
	func(r *realImage) bool {
		off, _ := r.place()
		return r.io("write -c -P %d %d 64k", 1+r.noise.IntN(200), off&^0xffff)
	},
	func(r *realImage) bool { off, n := r.place(); return r.io("write -z %d %d", off, n) },
	func(r *realImage) bool { off, n := r.place(); return r.io("write -z -u %d %d", off, n) },
	func(r *realImage) bool { off, n := r.place(); return r.io("discard %d %d", off, n) },
	func(r *realImage) bool {
		name := fmt.Sprintf("s%d", len(r.log))
		if !r.run("qemu-img", "snapshot", "-c", name, realName) {
			return false
		}
		r.names = append(r.names, name)
		return true
	},
	func(r *realImage) bool {
		return len(r.names) > 0 && r.run("qemu-img", "snapshot", "-a", r.names[r.noise.IntN(len(r.names))], realName)
	},
	func(r *realImage) bool {
		if len(r.names) == 0 {
			return false
		}
		i := r.noise.IntN(len(r.names))
		defer func() { r.names = slices.Delete(r.names, i, i+1) }()
		return r.run("qemu-img", "snapshot", "-d", r.names[i], realName)
	},
	func(r *realImage) bool { return r.resize(r.size + []int64{512, 64 << 10, 9 << 20}[r.noise.IntN(3)]) },
	func(r *realImage) bool { return r.resize(r.size - []int64{512, 64 << 10, 1 << 20}[r.noise.IntN(3)]) },
	func(r *realImage) bool {
		name := fmt.Sprintf("b%d", len(r.log))
		if !r.run("qemu-img", "bitmap", "--add", realName, name) {
			return false
		}
		r.bitmaps = append(r.bitmaps, name)
		return true
	},
	func(r *realImage) bool {
		if len(r.bitmaps) == 0 {
			return false
		}
		what := []string{"--clear", "--disable", "--enable", "--remove"}[r.noise.IntN(4)]
		i := r.noise.IntN(len(r.bitmaps))
		ok := r.run("qemu-img", "bitmap", what, realName, r.bitmaps[i])
		if ok && what == "--remove" {
			r.bitmaps = slices.Delete(r.bitmaps, i, i+1)
		}
		return ok
	},
	func(r *realImage) bool { return r.backing && r.run("qemu-img", "commit", "-q", realName) },
	func(r *realImage) bool {
		return r.backing && r.noise.IntN(3) == 0 && r.run("qemu-img", "rebase", "-b", "", realName)
	},
	func(r *realImage) bool { return r.run("qemu-img", "amend", "-o", "lazy_refcounts=on", realName) },
	func(r *realImage) bool {
		// QEMU leaks bitmaps there, and says so itself.
		return len(r.bitmaps) == 0 && r.run("qemu-img", "amend", "-o", "compat=0.10", realName)
	},
	func(r *realImage) bool { return r.run("qemu-img", "amend", "-o", "compat=1.1", realName) },
	func(r *realImage) bool { return r.run("qemu-img", "amend", "-o", "refcount_bits=16", realName) },
}

func (r *realImage) resize(size int64) bool {
	return size >= 512 && r.run("qemu-img", "resize", "-q", "--shrink", realName, fmt.Sprint(size))
}

// open is the image as it is now; its size may have changed with a snapshot.
func (r *realImage) open() *image.Image {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, realName))
	if err != nil {
		r.t.Fatal(err)
	}
	img, err := image.Open(context.Background(), source.Bytes(b))
	if err != nil {
		r.t.Fatal(err)
	}
	r.size = int64(img.VirtualSize())
	return img
}

// judge holds the check's findings to notes, and to those that such images may have.
func (r *realImage) judge(allowed map[check.Code]bool) {
	r.t.Helper()
	rep, err := check.Run(context.Background(), r.open(), check.Options{Deep: true})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, g := range rep.Groups {
		if g.Code.Severity() > check.Note || !allowed[g.Code] {
			r.t.Errorf("%s: %v\nafter %s", g.Code.Severity(), g.Findings[0], strings.Join(r.log, "\n"))
		}
	}
	if r.t.Failed() {
		r.t.FailNow()
	}
}

// TestRealImagesHaveNoFindings: images that QEMU made, and worked on in many ways, are as
// they should be, to us as to QEMU.
func TestRealImagesHaveNoFindings(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	const operations = 16
	notes := map[check.Code]bool{check.FileLonger: true}
	for k, kind := range realKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			r := &realImage{t: t, dir: t.TempDir(), noise: rand.New(rand.NewPCG(uint64(k), 7)), options: kind.options, backing: kind.backing, data: kind.data, size: 3<<20 + 512}
			r.create()
			r.judge(notes)
			done := 0
			for tried := 0; done < operations && tried < 20*operations; tried++ {
				if realOperations[r.noise.IntN(len(realOperations))](r) {
					done++
					r.judge(notes)
				}
			}
			if done < operations {
				t.Errorf("QEMU did only %d operations:\n%s", done, strings.Join(r.log, "\n"))
			}
			run, err := qemu.Check(context.Background(), qemu.Image{Dir: r.dir, File: realName}, qemu.Plain)
			if err != nil || run.Exit != 0 {
				t.Errorf("qemu-img check: exit %d, %v, %v", run.Exit, run.Stderr, err)
			}
		})
	}
}

// TestRealConvertedImages: what qemu-img convert writes, compressed and not.
func TestRealConvertedImages(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	noise := rand.New(rand.NewPCG(5, 5))
	raw := make([]byte, 6<<20)
	for i := range raw {
		if i%(1<<20) > 200<<10 {
			raw[i] = byte(noise.IntN(5)) * byte(i>>16)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "disk.raw"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	streams := uint64(0)
	for _, args := range []string{"-o compat=1.1", "-c", "-c -W -m 8", "-c -o cluster_size=4k", "-c -o cluster_size=512", "-c -o cluster_size=2M",
		"-c -o compression_type=zstd", "-c -o compression_type=zstd,cluster_size=4k", "-c -o extended_l2=on", "-c -o compat=0.10", "-S 0"} {
		t.Run(args, func(t *testing.T) {
			r := &realImage{t: t, dir: dir}
			if !r.run("qemu-img", slices.Concat([]string{"convert", "-f", "raw", "-O", "qcow2"}, strings.Fields(args), []string{"disk.raw", realName})...) {
				t.Fatal("no image")
			}
			r.judge(map[check.Code]bool{check.FileLonger: true})
			img := r.open()
			rep, err := check.Run(context.Background(), img, check.Options{Deep: true})
			if err != nil {
				t.Fatal(err)
			}
			if rep.Streams.Decoded != rep.Stats.Compressed || rep.Streams.Broken != 0 {
				t.Errorf("%+v of %d compressed clusters", *rep.Streams, rep.Stats.Compressed)
			}
			streams += rep.Streams.Decoded
			got := make([]byte, len(raw))
			if _, err := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{}).ReadAt(got, 0); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("the guest reads other bytes, %v", err)
			}
		})
	}
	if streams < 5000 {
		t.Errorf("only %d streams", streams)
	}
}

// TestRealVMState: a snapshot of a running machine is applied, deleted, and the disk made
// larger, by QEMU.
func TestRealVMState(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	b := testimages.Make(t, "healthy_vm_state")
	r := &realImage{t: t, dir: t.TempDir()}
	if _, err := qemu.Place(r.dir, b); err != nil {
		t.Fatal(err)
	}
	notes := map[check.Code]bool{check.FileLonger: true, check.VMStateLeft: true}
	for _, args := range []string{"snapshot -a running", "snapshot -c again", "snapshot -d running", "snapshot -d again", "resize -q IMAGE 2M", "resize -q IMAGE 4M"} {
		fields := strings.Fields(args)
		if i := slices.Index(fields, "IMAGE"); i >= 0 {
			fields[i] = realName
		} else {
			fields = append(fields, realName)
		}
		if !r.run("qemu-img", fields...) {
			t.Fatalf("qemu-img %s fails", args)
		}
		r.judge(notes)
		rep := run(t, r.open().Src)
		if left := rep.Group(check.VMStateLeft) != nil; left == strings.HasSuffix(args, "4M") {
			t.Errorf("after %s: VM state is left: %v", args, left)
		}
	}
}
