//go:build !js

package cow_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// qio is a running qemu-io: what it is told is on the disk when it answers.
type qio struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said string
}

func startQio(t *testing.T, dir string, opts ...string) *qio {
	t.Helper()
	o := append([]string{"driver=qcow2", "discard=unmap", "pass-discard-request=off", "file.driver=file", "file.filename=image.qcow2"}, opts...)
	q := &qio{t: t, cmd: exec.Command("qemu-io", "--image-opts", strings.Join(o, ","))}
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

// answer reads up to the next prompt.
func (q *qio) answer() string {
	var b strings.Builder
	for {
		c, err := q.out.ReadByte()
		if err != nil {
			q.t.Fatalf("qemu-io ended: %v\n%s", err, b.String())
		}
		b.WriteByte(c)
		if strings.HasSuffix(b.String(), "qemu-io> ") {
			return strings.TrimSuffix(b.String(), "qemu-io> ")
		}
	}
}

func (q *qio) do(cmd string) string {
	fmt.Fprintln(q.in, cmd)
	a := q.answer()
	fmt.Fprintln(q.in, "flush")
	return a + q.answer()
}

func (q *qio) end() {
	q.in.Close()
	io.Copy(io.Discard, q.out)
	if err := q.cmd.Wait(); err != nil {
		q.t.Fatal(err)
	}
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func randomRequest(rng *rand.Rand, cs, size int64) (cow.Request, string) {
	var off, n int64
	switch rng.IntN(4) {
	case 0: // within a cluster
		off = rng.Int64N(size)
		n = 1 + rng.Int64N(min(cs, size-off))
	case 1: // whole clusters
		off = rng.Int64N((size+cs-1)/cs) * cs
		n = min(cs*(1+rng.Int64N(6)), size-off)
	case 2: // subclusters
		sc := max(cs/32, 512)
		off = rng.Int64N(size/sc) * sc
		n = min(sc*(1+rng.Int64N(40)), size-off)
	default:
		off = rng.Int64N(size)
		n = 1 + rng.Int64N(min(cs*10, size-off))
	}
	r := cow.Request{Offset: qcow2.GuestOff(off), Length: n}
	switch rng.IntN(6) {
	case 0:
		r.Kind = cow.Zero
		return r, fmt.Sprintf("write -q -z %d %d", off, n)
	case 1:
		r.Kind, r.Unmap = cow.Zero, true
		return r, fmt.Sprintf("write -q -z -u %d %d", off, n)
	case 2:
		r.Kind = cow.Discard
		return r, fmt.Sprintf("discard -q %d %d", off, n)
	}
	r.Fill = byte(1 + rng.IntN(250))
	return r, fmt.Sprintf("write -q -P %d %d %d", r.Fill, off, n)
}

func TestProto(t *testing.T) {
	for seed := range 40 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			rng := rand.New(rand.NewPCG(uint64(seed), 1))
			ext := rng.IntN(2) == 0
			cs := int64(512) << rng.IntN(9)
			opts := fmt.Sprintf("refcount_bits=%d", 1<<rng.IntN(7))
			if ext {
				cs = 16384 << rng.IntN(3)
				opts += ",extended_l2=on"
			}
			opts += fmt.Sprintf(",cluster_size=%d", cs)
			size := cs*(10+rng.Int64N(100)) - 512*rng.Int64N(2)
			run(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-o", opts, "image.qcow2", fmt.Sprint(size))
			path := filepath.Join(dir, "image.qcow2")
			q := startQio(t, dir)
			defer func() { q.end() }()
			ours, _ := os.ReadFile(path)
			img, err := image.Open(context.Background(), source.Bytes(ours))
			if err != nil {
				t.Fatal(err)
			}
			w, err := cow.Open(context.Background(), img, cow.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for step := range 40 {
				r, cmd := randomRequest(rng, cs, size&^511)
				if a := q.do(cmd); strings.TrimSpace(a) != "" {
					t.Fatalf("%s: %s", cmd, a)
				}
				o, err := w.Plan(context.Background(), r)
				if err != nil {
					t.Fatal(cmd, err)
				}
				if testing.Verbose() {
					t.Log(o)
				}
				p, err := o.Plans(context.Background())
				if err != nil {
					t.Fatal(cmd, err)
				}
				over := patch.NewOverlay(source.Bytes(ours))
				if err := over.Apply(p.Image); err != nil {
					t.Fatal(err)
				}
				ours = make([]byte, over.Size())
				over.ReadAt(ours, 0)
				theirs, _ := os.ReadFile(path)
				if !bytes.Equal(ours, theirs) {
					at := 0
					for at < len(ours) && at < len(theirs) && ours[at] == theirs[at] {
						at++
					}
					t.Fatalf("%s step %d %s (cs %d): differ at %#x (cluster %d), sizes %d %d\n%s", opts, step, cmd, cs, at, int64(at)/cs, len(ours), len(theirs), p.Image)
				}
				img, err := image.Open(context.Background(), source.Bytes(ours))
				if err != nil {
					t.Fatal(err)
				}
				if w, err = w.After(context.Background(), o, img); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
