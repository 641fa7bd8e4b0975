//go:build !js

package amend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages/qemu"
)

// bench is a folder in which QEMU makes and changes images.
type bench struct {
	t   *testing.T
	dir string
}

func newBench(t *testing.T) bench {
	t.Helper()
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	b := bench{t, t.TempDir()}
	if err := os.WriteFile(filepath.Join(b.dir, "password"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// run gives standard output, and what failed.
func (b bench) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = b.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %q: %w: %s", name, args, err, stderr.String())
	}
	return stdout.String(), nil
}

func (b bench) must(name string, args ...string) string {
	b.t.Helper()
	out, err := b.run(name, args...)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// img runs a line of qemu-img, io a list of qemu-io commands on x.qcow2.
func (b bench) img(line string) string {
	b.t.Helper()
	return b.must("qemu-img", strings.Fields(line)...)
}

func (b bench) io(cmds ...string) {
	b.t.Helper()
	args := []string{"-f", "qcow2", "x.qcow2"}
	for _, c := range cmds {
		args = append(args, "-c", c)
	}
	b.must("qemu-io", args...)
}

func (b bench) read(name string) []byte {
	b.t.Helper()
	all, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b bench) write(name string, data []byte) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// subject is x.qcow2 with base.raw or base.qcow2 behind it.
func (b bench) subject() subject {
	b.t.Helper()
	s := subject{src: source.Bytes(b.read("x.qcow2"))}
	switch s.open(b.t).BackingFile {
	case "":
	case "base.raw":
		s.backing = bytes.NewReader(b.read("base.raw"))
	case "base.qcow2":
		base := subject{src: source.Bytes(b.read("base.qcow2"))}.open(b.t)
		s.backing = image.NewGuestReader(b.t.Context(), base, base.L1, base.VirtualSize(), image.Outside{})
	}
	return s
}

// facts is what `qemu-img info` says of an image, but for names, dates and allocated bytes.
func (b bench) facts(name string) string {
	b.t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(b.img("info --output=json "+name)), &all); err != nil {
		b.t.Fatal(err)
	}
	for _, k := range []string{"filename", "actual-size", "full-backing-filename", "children"} {
		delete(all, k)
	}
	out, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(out)
}

// disks is what QEMU reads of an image, the active layer and each snapshot.
func (b bench) disks(name string, snapshots []string) map[string][]byte {
	b.t.Helper()
	all := map[string][]byte{}
	for _, s := range append([]string{""}, snapshots...) {
		args := []string{"convert", "-O", "raw", name, "disk.raw"}
		if s != "" {
			args = []string{"convert", "-O", "raw", "-l", s, name, "disk.raw"}
		}
		b.must("qemu-img", args...)
		all[s] = b.read("disk.raw")
	}
	return all
}
