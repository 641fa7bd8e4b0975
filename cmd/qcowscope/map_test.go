package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/testimages/qemu"
)

// qemuMap is what qemu-img map prints, run in the image's folder; false if it fails.
func qemuMap(img qemu.Image, form string) (string, bool) {
	args := []string{"map", "--output=" + form}
	if img.Encryption == "" {
		args = append(args, "-f", "qcow2", img.File)
	} else {
		args = append(args, "--object", "secret,id=key,data="+img.Password, "--image-opts",
			"driver=qcow2,encrypt.format="+img.Encryption+",encrypt.key-secret=key,file.driver=file,file.filename="+img.File)
	}
	cmd := exec.Command("qemu-img", args...)
	cmd.Dir = img.Dir
	out, err := cmd.Output()
	return string(out), err == nil
}

// sameMap compares the map of an image with QEMU's, letter by letter.
func sameMap(t *testing.T, img qemu.Image, form string) bool {
	t.Helper()
	want, ok := qemuMap(img, form)
	if !ok {
		return false
	}
	got := cli(t, "map", "--output="+form, filepath.Join(img.Dir, img.File)).want(t, exitOK)
	// Names are shown as they were given.
	if text := strings.ReplaceAll(got.out, img.Dir+"/", ""); text != want {
		t.Errorf("got\n%s%s\nwant\n%s", text, got.err, want)
	}
	return true
}

// TestMapOfRecipes compares every image that QEMU can map.
func TestMapOfRecipes(t *testing.T) {
	eachRecipe(t, 3, func(t *testing.T, name string) {
		_, img, _ := place(t, name)
		if ok := sameMap(t, img, "json"); !ok && strings.HasPrefix(name, "healthy_") {
			t.Error("QEMU does not map a healthy image")
		}
		sameMap(t, img, "human") // QEMU gives up at compressed and encrypted data
	})
}

// TestMapOfMadeImages compares images of every kind that QEMU makes.
func TestMapOfMadeImages(t *testing.T) {
	writes := []string{"write -P 1 0 192k", "write -P 2 1M 3k", "write -z 2M 64k", "write -z 128k 64k", "discard 64k 64k", "write -P 3 3000k 200k", "write -c -P 4 4M 64k"}
	for name, options := range map[string]string{
		"plain": "", "v2": "compat=0.10", "metadata": "preallocation=metadata", "falloc": "preallocation=falloc", "full": "preallocation=full",
		"small": "cluster_size=512", "large": "cluster_size=2M", "extended": "extended_l2=on,cluster_size=64k", "zstd": "compression_type=zstd",
		"extended-metadata": "extended_l2=on,preallocation=metadata,cluster_size=128k", "lazy": "lazy_refcounts=on", "narrow": "refcount_bits=1,preallocation=metadata",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			img := qemu.Image{Dir: t.TempDir(), File: "image.qcow2"}
			args := []string{"create", "-q", "-f", "qcow2"}
			if options != "" {
				args = append(args, "-o", options)
			}
			qemuImg(t, img.Dir, append(args, img.File, "5M")...)
			mustMap(t, img)
			for _, w := range writes {
				if exec.Command("qemu-io", "-f", "qcow2", "-c", w, filepath.Join(img.Dir, img.File)).Run() == nil {
					mustMap(t, img)
				}
			}
		})
	}
}

func mustMap(t *testing.T, img qemu.Image) {
	t.Helper()
	if !sameMap(t, img, "json") {
		t.Fatal("QEMU does not map its own image")
	}
}

// TestMapOfDataFile: the data lies in another file, whose holes count.
func TestMapOfDataFile(t *testing.T) {
	for _, options := range []string{"data_file=data.raw", "data_file=data.raw,preallocation=metadata", "data_file=data.raw,data_file_raw=on", "data_file=data.raw,extended_l2=on"} {
		img := qemu.Image{Dir: t.TempDir(), File: "image.qcow2"}
		qemuImg(t, img.Dir, "create", "-q", "-f", "qcow2", "-o", options, img.File, "4M")
		mustMap(t, img)
		tool(t, img.Dir, "qemu-io", "-f", "qcow2", "-c", "write 1M 100k", "-c", "write -z 2M 64k", img.File)
		mustMap(t, img)
	}
}

// TestMapOfChains goes through backing files of several formats and lengths.
func TestMapOfChains(t *testing.T) {
	img := qemu.Image{Dir: t.TempDir(), File: "top.qcow2"}
	io := func(file, format string, commands ...string) {
		args := []string{"-f", format}
		for _, c := range commands {
			args = append(args, "-c", c)
		}
		tool(t, img.Dir, "qemu-io", append(args, file)...)
	}
	if err := os.WriteFile(filepath.Join(img.Dir, "base.raw"), []byte(strings.Repeat("x", 130000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(img.Dir, "base.raw"), 1<<20+100); err != nil {
		t.Fatal(err)
	}
	qemuImg(t, img.Dir, "create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "middle.qcow2", "2M")
	io("middle.qcow2", "qcow2", "write 64k 128k", "write -z 512k 64k", "write 1900k 100k")
	qemuImg(t, img.Dir, "create", "-q", "-f", "qcow2", "-o", "extended_l2=on", "-b", "middle.qcow2", "-F", "qcow2", img.File, "3M")
	mustMap(t, img)
	io(img.File, "qcow2", "write 70k 2k", "write 1M 1k", "write -z 1100k 8k", "write 2500k 64k", "discard 128k 64k")
	mustMap(t, img)
	// A backing file without a named format is looked at.
	r := cli(t, "map", "--output=json", dropFormat(t, img)).want(t, exitOK)
	if want, ok := qemuMap(img, "json"); !ok || r.out != want {
		t.Errorf("got\n%s\nwant\n%s", r.out, want)
	}
}

// dropFormat turns the extension that names the backing file's format into one that nobody
// knows.
func dropFormat(t *testing.T, img qemu.Image) string {
	t.Helper()
	path := filepath.Join(img.Dir, img.File)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b[:4096], []byte{0xe2, 0x79, 0x2a, 0xca})
	if at < 0 {
		t.Fatal("the image names no backing format")
	}
	b[at] = 0x12
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestMapWithoutBacking: a layer that cannot be opened is said, and what it would hold is in
// no layer.
func TestMapWithoutBacking(t *testing.T) {
	for name, why := range map[string]string{"gone.img": "no such file", "nbd://host/disk": "not a file on this computer", "self.qcow2": "above itself"} {
		dir := t.TempDir()
		path := filepath.Join(dir, "self.qcow2")
		qemuImg(t, dir, "create", "-q", "-f", "qcow2", "-u", "-b", name, "-F", "qcow2", path, "1M")
		tool(t, dir, "qemu-img", "rebase", "-u", "-b", "", path)
		tool(t, dir, "qemu-io", "-f", "qcow2", "-c", "write 0 64k", path)
		tool(t, dir, "qemu-img", "rebase", "-u", "-b", name, "-F", "qcow2", path)
		r := cli(t, "map", "--output=json", path).want(t, exitOK)
		r.says(t, why)
		if !strings.Contains(r.out, `{ "start": 65536, "length": 983040, "depth": 0, "present": false, "zero": false, "data": false}]`) {
			t.Errorf("%s: got %s", name, r.out)
		}
	}
}

// TestMapOfDamage: what cannot be read is said, the rest is mapped.
func TestMapOfDamage(t *testing.T) {
	_, _, path := place(t, "data_unaligned")
	r := cli(t, "map", "--output=json", path).want(t, exitFailed)
	r.says(t, "guest 0x10000+0x10000")
	if runs := decode[[]struct{ Start, Length int64 }](t, r.out); len(runs) < 2 || runs[0].Length != 65536 || runs[1].Start != 131072 {
		t.Errorf("got %s", r.out)
	}
}
