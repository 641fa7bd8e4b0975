//go:build !js

package cow_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/cow"
	"qcowscope/testimages/qemu"
)

func TestMain(m *testing.M) {
	if err := qemu.Available(); err != nil {
		os.Stderr.WriteString("these tests compare with qemu-io: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// qemuIO is a running qemu-io over image.qcow2 in a folder. What it was told is on the disk
// when it answers, and its search for free clusters goes on where it was.
type qemuIO struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	// failed tells that a command failed: qemu-io then exits with 1.
	failed bool
}

const prompt = "qemu-io> "

// plainFile opens the image as a VM does that passes discards on to the image, but not
// further to the file: freed clusters keep their bytes.
const plainFile = "driver=qcow2,discard=unmap,pass-discard-request=off,file.driver=file,file.filename=image.qcow2"

func startQemuIO(t *testing.T, dir, options string, flags ...string) *qemuIO {
	t.Helper()
	q := &qemuIO{t: t, cmd: exec.Command("qemu-io", append(flags, "--image-opts", options)...)}
	q.cmd.Dir = dir
	in, err := q.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := q.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	q.cmd.Stderr = q.cmd.Stdout
	q.in, q.out = in, bufio.NewReader(out)
	if err := q.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	q.answer()
	return q
}

// answer is what it says up to the next prompt.
func (q *qemuIO) answer() string {
	q.t.Helper()
	var said []byte
	for !bytes.HasSuffix(said, []byte(prompt)) {
		c, err := q.out.ReadByte()
		if err != nil {
			q.t.Fatalf("qemu-io ended: %v\n%s", err, said)
		}
		said = append(said, c)
	}
	return strings.TrimSpace(string(said[:len(said)-len(prompt)]))
}

func (q *qemuIO) say(command string) string {
	q.t.Helper()
	fmt.Fprintln(q.in, command)
	said := q.answer()
	q.failed = q.failed || strings.Contains(said, "failed")
	return said
}

// do runs a command, which must say nothing, and brings all that it did to the disk.
func (q *qemuIO) do(command string) {
	q.t.Helper()
	if said := q.say(command); said != "" {
		q.t.Fatalf("%s: %s", command, said)
	}
	if said := q.say("flush"); said != "" {
		q.t.Fatalf("flush: %s", said)
	}
}

func (q *qemuIO) end() {
	q.t.Helper()
	q.in.Close()
	rest, _ := io.ReadAll(q.out)
	if err := q.cmd.Wait(); err != nil && !q.failed {
		q.t.Fatalf("qemu-io: %v\n%s", err, rest)
	}
}

// command is a request in the words of qemu-io.
func command(r cow.Request) string {
	switch {
	case r.Kind == cow.Discard:
		return fmt.Sprintf("discard -q %d %d", r.Offset, r.Length)
	case r.Kind == cow.Zero && r.Unmap:
		return fmt.Sprintf("write -q -z -u %d %d", r.Offset, r.Length)
	case r.Kind == cow.Zero:
		return fmt.Sprintf("write -q -z %d %d", r.Offset, r.Length)
	}
	return fmt.Sprintf("write -q -P %d %d %d", r.Fill, r.Offset, r.Length)
}

// run calls a program in a folder; it must succeed.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// firstDifference is where two files differ, "" if they do not.
func firstDifference(ours, theirs []byte) string {
	if bytes.Equal(ours, theirs) {
		return ""
	}
	at := 0
	for at < min(len(ours), len(theirs)) && ours[at] == theirs[at] {
		at++
	}
	part := func(b []byte) []byte { return b[min(at, len(b)):min(at+16, len(b))] }
	return fmt.Sprintf("they differ at 0x%x: ours % x, QEMU's % x; %d and %d bytes", at, part(ours), part(theirs), len(ours), len(theirs))
}
