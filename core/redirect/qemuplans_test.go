//go:build !js

package redirect_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

func init() {
	outside = append(outside, kind{name: "qemu", floor: 3_000, all: true, plans: qemuChanges})
}

// create are the images that QEMU changes.
var create = []string{
	"cluster_size=64k", "cluster_size=4k", "cluster_size=512,refcount_bits=64", "cluster_size=1k,refcount_bits=1",
	"cluster_size=64k,extended_l2=on", "cluster_size=2k,compat=0.10", "cluster_size=4k,lazy_refcounts=on", "cluster_size=8k,compression_type=zstd",
}

// change is something that a QEMU program does to an image; IMAGE stands for it.
func change(r *rand.Rand) []string {
	io := func(cmds ...string) []string {
		args := []string{"qemu-io", "--image-opts"}
		for _, c := range cmds {
			args = append(args, "-c", c)
		}
		return append(args, "IMAGE")
	}
	at := func(n int) string { return fmt.Sprintf("%dk", 64*r.IntN(n)) }
	switch r.IntN(14) {
	case 0:
		return io("write -P 7 "+at(30)+" 200k", fmt.Sprintf("write -P 8 %d 5000", 512*r.IntN(4000)))
	case 1:
		return io("discard "+at(20)+" 256k", "write -P 9 "+at(30)+" 64k")
	case 2:
		return io("write -z "+at(30)+" 128k", "write -z -u "+at(30)+" 128k")
	case 3:
		return io("write -c -P 3 "+at(60)+" 64k", "write -c -P 4 3m 192k")
	case 4:
		return []string{"qemu-img", "snapshot", "--image-opts", "-c", "more", "IMAGE"}
	case 5:
		return []string{"qemu-img", "snapshot", "--image-opts", "-d", "one", "IMAGE"}
	case 6:
		return []string{"qemu-img", "snapshot", "--image-opts", "-a", "one", "IMAGE"}
	case 7:
		return []string{"qemu-img", "resize", "--image-opts", "IMAGE", "32M"}
	case 8:
		return []string{"qemu-img", "amend", "--image-opts", "-o", fmt.Sprintf("refcount_bits=%d", 1<<r.IntN(7)), "IMAGE"}
	case 9:
		return []string{"qemu-img", "amend", "--image-opts", "-o", []string{"compat=1.1", "compat=0.10", "lazy_refcounts=on", "size=16M"}[r.IntN(4)], "IMAGE"}
	case 10:
		return []string{"qemu-img", "bitmap", "--image-opts", "--add", "-g", "32k", "IMAGE", "more"}
	case 11:
		return []string{"qemu-img", "bitmap", "--image-opts", "--remove", "IMAGE", "some"}
	case 12:
		return []string{"qemu-img", "rebase", "--image-opts", "-u", "-b", strings.Repeat("long", 20+r.IntN(80)) + ".qcow2", "-F", "qcow2", "IMAGE"}
	}
	return []string{"qemu-img", "check", "--image-opts", "-r", "all", "IMAGE"}
}

// qemuChanges are changes that QEMU makes to random images, and its repairs of damaged ones,
// as plans of what it writes.
func qemuChanges(t *testing.T, each func(planned)) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(max(30, 400/share())) {
		r := rand.New(rand.NewPCG(seed, 6))
		f := place(t, t.TempDir(), nil)
		options := create[r.IntN(len(create))]
		setUp := [][]string{{"qemu-img", "create", "-q", "-f", "qcow2", "-o", options, f.name, "8M"},
			{"qemu-io", "-c", "write -P 1 0 1m", "-c", "write -c -P 2 3m 64k", "-c", fmt.Sprintf("write -P 5 %dk 100k", 4*r.IntN(900)), f.name}}
		if !strings.Contains(options, "refcount_bits=1") {
			setUp = append(setUp, []string{"qemu-img", "snapshot", "-c", "one", f.name}, []string{"qemu-io", "-c", fmt.Sprintf("write -P 6 %dk 100k", 4*r.IntN(200)), f.name})
		}
		if !strings.Contains(options, "compat=0.10") {
			setUp = append(setUp, []string{"qemu-img", "bitmap", "--add", f.name, "some"})
		}
		for _, args := range setUp {
			if out, exit := f.run(t, args...); exit != 0 {
				t.Fatalf("%v: %s", args, out)
			}
		}
		was := source.Bytes(f.bytes(t))
		args := change(r)
		l := f.log(t, args...)
		if l.plan.Empty() {
			continue // some do not go with some images
		}
		img := open(t, was)
		each(planned{name: fmt.Sprintf("%s, %v", options, args), src: was, img: img, before: examine(t, img), plan: l.plan})
	}
}

// qemuRepairs are the repairs of the recipes as QEMU makes them.
func qemuRepairs(t *testing.T, each func(p planned, l logged)) {
	t.Helper()
	for _, name := range testimages.Names() {
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		b := testimages.Make(t, name)
		img, err := image.Open(ctx, source.Bytes(b.Image))
		if err != nil || golden.All.Killed != "" || golden.All.Exit != 0 || golden.Check.Exit < 2 || golden.Check.Exit > 3 || b.Encryption != "" || len(b.Side) > 0 {
			continue
		}
		f := place(t, t.TempDir(), b.Image)
		l := f.log(t, "qemu-img", "check", "--image-opts", "-r", "all", "IMAGE")
		if !l.plan.Empty() {
			each(planned{name: name, built: b, src: b.Image, img: img, before: examine(t, img), plan: l.plan}, l)
		}
	}
}
