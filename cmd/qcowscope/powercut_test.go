package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/redirect"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

var errPower = errors.New("the power went")

// cutDisk is a disk that loses its power after some operations. What was flushed is kept; of
// the sectors that were written since, any may be there.
type cutDisk struct {
	left    int // operations
	durable []byte
	pending []func(r *rand.Rand, b []byte) []byte // what was done since the last flush
}

func (d *cutDisk) do(effect func(r *rand.Rand, b []byte) []byte) error {
	if d.left--; d.left < 0 {
		return errPower
	}
	d.pending = append(d.pending, effect)
	return nil
}

// often is how probable it is that a sector has reached the disk.
func often(r *rand.Rand) bool { return r.IntN(3) > 0 }

func (d *cutDisk) WriteAt(p []byte, off int64) (int, error) {
	return len(p), d.do(func(r *rand.Rand, b []byte) []byte {
		for from := 0; from < len(p); {
			to := min(len(p), from+qcow2.SectorSize-int((off+int64(from))%qcow2.SectorSize))
			if at := off + int64(from); often(r) {
				b = append(b, make([]byte, max(0, at+int64(to-from)-int64(len(b))))...)
				copy(b[at:], p[from:to])
			}
			from = to
		}
		return b
	})
}

func (d *cutDisk) Truncate(size int64) error {
	return d.do(func(r *rand.Rand, b []byte) []byte {
		if often(r) {
			return resized(b, size)
		}
		return b
	})
}

func resized(b []byte, size int64) []byte {
	return append(b, make([]byte, max(0, size-int64(len(b))))...)[:size]
}

// always is a chance by which everything reaches the disk.
type always struct{}

func (always) Uint64() uint64 { return 1<<63 - 1 }

func (d *cutDisk) Sync() error {
	if d.left--; d.left < 0 {
		return errPower
	}
	d.durable, d.pending = d.after(rand.New(always{})), nil
	return nil
}

// after is what is on the disk when the power comes back.
func (d *cutDisk) after(r *rand.Rand) []byte {
	b := slices.Clone(d.durable)
	for _, effect := range d.pending {
		b = effect(r, b)
	}
	return b
}

// TestPowerCut carries repairs out in place on a disk that loses its power after each
// operation in turn. What is left opens, has no corruption that was not there, and the guest
// reads the same; and the undo file gives the old bytes back from there.
func TestPowerCut(t *testing.T) {
	states := make(chan int, len(testimages.Names()))
	t.Run("recipes", func(t *testing.T) {
		eachRecipe(t, 1, func(t *testing.T, name string) {
			h := fnv.New32()
			h.Write([]byte(name))
			if os.Getenv("QCOWSCOPE_FULL") == "" && h.Sum32()%6 != 0 {
				return
			}
			states <- cutPower(t, name, rand.New(rand.NewPCG(uint64(h.Sum32()), 1)))
		})
	})
	close(states)
	total := 0
	for n := range states {
		total += n
	}
	t.Logf("%d states after a power cut", total)
	if total < 200 {
		t.Errorf("only %d states", total)
	}
}

// cutPower is how many states were looked at.
func cutPower(t *testing.T, name string, r *rand.Rand) (states int) {
	built, img, path := place(t, name)
	planned := cli(t, "repair", path, "--in-place", "--plan", "--output=json")
	done := cli(t, "repair", path, "--in-place")
	undo := undoName(path)
	if _, err := os.Stat(undo); err != nil || planned.code != done.code {
		return 0 // nothing to change, or refused
	}
	plan, err := patch.DecodeJSON([]byte(planned.out), source.Bytes(built.Image))
	if err != nil {
		t.Fatal(err)
	}
	judge, err := redirect.NewJudge(t.Context(), source.Bytes(built.Image), redirect.JudgeOptions{}, plan)
	if err != nil {
		t.Fatal(err)
	}
	for ops := 0; ; ops++ {
		d := &cutDisk{left: ops, durable: built.Image}
		err := carryOut(context.Background(), d, plan)
		if err != nil && !errors.Is(err, errPower) {
			t.Fatal(err)
		}
		for range 4 {
			left := d.after(r)
			states++
			v, err := judge.Look(redirect.State{Image: source.Bytes(left)})
			if err != nil || !v.Safe() {
				t.Fatalf("power cut after %d operations: %v %v", ops, v, err)
			}
			if r.IntN(8) == 0 {
				undone(t, img, built, left, fmt.Sprintf("power cut after %d operations", ops))
			}
		}
		if err == nil {
			return states
		}
	}
}

// undone holds that the undo file takes a change back that stopped half-way.
func undone(t *testing.T, img qemu.Image, built *testimages.Built, left []byte, when string) {
	t.Helper()
	path := filepath.Join(img.Dir, img.File)
	if err := os.WriteFile(path, left, 0o600); err != nil {
		t.Fatal(err)
	}
	os.Remove(path + ".redo.json")
	if r := cli(t, "apply", path, undoName(path), "--in-place"); r.code != exitOK {
		t.Errorf("%s: not undone: %s", when, r.err)
		return
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, built.Image) {
		t.Errorf("%s: undone, the bytes are others", when)
	}
}

// TestStopsAtAFault: after an operation that fails nothing more is written, and it is said
// how far it came and what to do.
func TestStopsAtAFault(t *testing.T) {
	plan := patch.New(4 << 16)
	plan.Add(0, 5<<16, make([]byte, 1<<16), "new refblock")
	plan.Add(1, 0, make([]byte, 512), "header")
	plan.Add(2, 1<<16, make([]byte, 512), "late")
	plan.SizeBefore, plan.SizeAfter = 7<<16, 6<<16
	want := []stage{stageFree, stageFree, stageSwitch, stageSwitch, stageDone, stageDone, stageDone, stageDone}
	for ops, stage := range want {
		d := &cutDisk{left: ops, durable: make([]byte, 7<<16)}
		var stopped *stoppedError
		if err := carryOut(t.Context(), d, plan); !errors.As(err, &stopped) || stopped.stage != stage || d.left != -1 {
			t.Fatalf("after %d operations: %v, %d left", ops, err, d.left)
		}
		if words := stopped.whatToDo("disk image.qcow2", "u.json"); !strings.Contains(words, "qcowscope apply 'disk image.qcow2' u.json --in-place") {
			t.Error(words)
		}
	}
	if err := carryOut(t.Context(), &cutDisk{left: len(want), durable: make([]byte, 7<<16)}, plan); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &cutDisk{left: 100}
	var stopped *stoppedError
	if err := carryOut(ctx, d, plan); !errors.As(err, &stopped) || stopped.stage != stageFree || len(d.pending) > 0 {
		t.Errorf("cancelled before it began: %v", err)
	}
}
