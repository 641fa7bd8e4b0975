//go:build !js

package redirect_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"qcowscope/core/patch"
)

// logged is one qemu-img or qemu-io call on an image, with all its writes and flushes in
// order: QEMU's filter driver blklogwrites keeps them.
type logged struct {
	plan   *patch.Plan // a batch between two flushes
	output string
	failed bool
}

// Flags of an entry of the log (the kernel's dm-log-writes.h).
const (
	logFlush   = 1
	logFUA     = 2
	logDiscard = 4
)

const logSector = 512

// image is the options that open a file for QEMU, with its writes logged.
func (f qemuFile) image() string {
	return "driver=qcow2,discard=unmap,file.driver=blklogwrites,file.file.driver=file,file.file.discard=unmap,file.file.filename=" + f.name + ",file.log.driver=file,file.log.filename=" + f.name + ".log"
}

// qemuFile is an image in a file of its own.
type qemuFile struct {
	dir, name string
}

func place(t testing.TB, dir string, b []byte) qemuFile {
	t.Helper()
	f := qemuFile{dir, "image.qcow2"}
	if err := os.WriteFile(filepath.Join(dir, f.name), b, 0o644); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f qemuFile) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(f.dir, f.name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run calls a QEMU program in the file's folder.
func (f qemuFile) run(t testing.TB, args ...string) (out string, exit int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = f.dir
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// log calls a QEMU program with the word IMAGE standing for the image, and gives its writes.
// Applied they must make the file that is there afterwards.
func (f qemuFile) log(t testing.TB, args ...string) logged {
	t.Helper()
	was := f.bytes(t)
	logName := filepath.Join(f.dir, f.name+".log")
	if err := os.WriteFile(logName, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		if a == "IMAGE" {
			args[i] = f.image()
		}
	}
	out, exit := f.run(t, args...)
	text, err := os.ReadFile(logName)
	if err != nil {
		t.Fatal(err)
	}
	is := f.bytes(t)
	l := logged{plan: parseLog(t, text, int64(len(was))), output: out, failed: exit != 0}
	l.plan.SizeAfter = int64(len(is))
	if !bytes.Equal(replayed(was, l.plan), is) {
		t.Fatalf("%v: the log does not lead to the file\n%s", args, out)
	}
	return l
}

// parseLog makes a plan of a log: flushes part the batches.
func parseLog(t testing.TB, text []byte, size int64) *patch.Plan {
	t.Helper()
	p := patch.New(size)
	if len(text) == 0 {
		return p
	}
	le := binary.LittleEndian
	if le.Uint64(text) != 0x6a736677736872 || le.Uint32(text[24:]) != logSector {
		t.Fatalf("no log: % x", text[:32])
	}
	batch, at := 0, logSector
	for range le.Uint64(text[16:]) {
		off, n, flags := int64(le.Uint64(text[at:]))*logSector, int64(le.Uint64(text[at+8:]))*logSector, le.Uint64(text[at+16:])
		at += logSector
		var data []byte
		if flags&logDiscard != 0 {
			data = make([]byte, n)
		} else {
			data = text[at : at+int(n)]
			at += int(n)
		}
		if flags&logFlush != 0 && len(p.Batches) > batch {
			batch = len(p.Batches)
		}
		if n > 0 {
			batch = addLogged(p, batch, off, data)
		}
		if flags&logFUA != 0 {
			batch = len(p.Batches)
		}
	}
	return p
}

// addLogged adds a write to the batch, or to one of its own if it overlaps another: a plan
// has no order within a batch.
func addLogged(p *patch.Plan, batch int, off int64, data []byte) int {
	if batch < len(p.Batches) {
		for _, w := range p.Batches[batch] {
			if off < w.End() && w.Off < off+int64(len(data)) {
				batch = len(p.Batches)
				break
			}
		}
	}
	p.Add(batch, off, data, "logged")
	return batch
}

// replayed is the file with the plan's writes, in plain bytes.
func replayed(file []byte, p *patch.Plan) []byte {
	n := max(p.SizeBefore, p.SizeAfter)
	for _, b := range p.Batches {
		for _, w := range b {
			n = max(n, w.End())
		}
	}
	next := make([]byte, n)
	copy(next, file)
	for _, b := range p.Batches {
		for _, w := range b {
			copy(next[w.Off:], w.Data)
		}
	}
	return next[:p.SizeAfter]
}
