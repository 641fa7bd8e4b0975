package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An image that fills its device has no room for new tables. What is offered works, and
// QEMU finds nothing wrong with it.
func TestRebuildWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	img, out := filepath.Join(dir, "full.qcow2"), filepath.Join(dir, "out.qcow2")
	qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-o", "cluster_size=512,refcount_bits=64", img, "64K")
	tool(t, dir, "qemu-io", "-c", "write -P 7 0 64k", img)
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	r := cli(t, "repair", img, "-o", out, "--scope=rebuild", "--fixed-size").want(t, exitFailed)
	_, ways, offered := strings.Cut(r.err, ": --")
	if !offered {
		t.Fatalf("nothing is offered: %s", r.err)
	}
	for flags := range strings.SplitSeq("--"+ways, ", or ") {
		args := append([]string{"repair", img, "-o", out, "--fixed-size", "--force"}, strings.Fields(flags)...)
		cli(t, args...).want(t, exitOK)
		if size(out) != size(img) {
			t.Errorf("%s: %d bytes became %d", flags, size(img), size(out))
		}
		qemuImg(t, dir, "check", "-q", out)
		qemuImg(t, dir, "compare", "-q", img, out)
	}
	cli(t, "repair", img, "-o", out, "--reuse-tables", "--force").want(t, exitFailed)
	cli(t, "repair", img, "-o", out, "--scope=rebuild", "--refcount-bits=5", "--force").want(t, exitFailed)
}
