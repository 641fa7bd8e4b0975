//go:build !js

package amend_test

import (
	"bytes"
	"testing"

	"qcowscope/core/amend"
)

// The data of an encrypted image is QEMU's alone to read; its zero clusters, which QEMU's own
// change turns into garbage, still read as zeros.
func TestVersionOfEncryptedImages(t *testing.T) {
	for _, version := range []uint32{2, 3} {
		b := newBench(t)
		b.img("create -q -f qcow2 -o cluster_size=4096,encrypt.format=aes,encrypt.key-secret=s,compat=" + compat[version] +
			" --object secret,id=s,file=password x.qcow2 1M")
		cmds := []string{"-c", "write -P 5 0 256k"}
		if version == 3 {
			cmds = append(cmds, "-c", "write -z 64k 64k", "-c", "write -z 512k 64k")
		}
		b.must("qemu-io", append(cmds, unlocked("x.qcow2")...)...)
		s := b.subject()
		c, blocked := s.version(t, 5-version)
		if blocked != nil {
			t.Fatalf("%+v", blocked)
		}
		s.kept(t, c, 5-version)
		b.write("ours.qcow2", fileOf(t, s.after(t, c.Plan)))
		b.must("qemu-img", append([]string{"check"}, unlocked("ours.qcow2")...)...)
		if !bytes.Equal(b.unlockedDisk("ours.qcow2"), b.unlockedDisk("x.qcow2")) {
			t.Error("the guest reads other bytes")
		}
	}
}

// Zeros over a backing file would have to be written encrypted, and there is no key.
func TestVersionOfEncryptedZerosOverABackingFile(t *testing.T) {
	b := newBench(t)
	b.write("base.raw", bytes.Repeat([]byte("x"), 1<<20))
	b.img("create -q -f qcow2 -o cluster_size=4096,encrypt.format=aes,encrypt.key-secret=s --object secret,id=s,file=password -b base.raw -F raw x.qcow2 1M")
	b.must("qemu-io", append([]string{"-c", "write -P 5 0 64k", "-c", "write -z 0 4k", "-c", "write -z 8k 404k"}, unlocked("x.qcow2")...)...)
	_, blocked := b.subject().version(t, 2)
	if len(blocked) != 1 || blocked[0].What != amend.BlockedByZeros || blocked[0].Count != 102 || len(blocked[0].Places) != 100 {
		t.Errorf("%+v", blocked)
	}
}

// unlocked names an encrypted image with its key.
func unlocked(name string) []string {
	return []string{"--object", "secret,id=s,file=password", "--image-opts", "driver=qcow2,file.filename=" + name + ",encrypt.key-secret=s"}
}

func (b bench) unlockedDisk(name string) []byte {
	b.t.Helper()
	b.must("qemu-img", append([]string{"convert", "-O", "raw"}, append(unlocked(name), "disk.raw")...)...)
	return b.read("disk.raw")
}
