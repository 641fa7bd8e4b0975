//go:build !js

package amend_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/source"
)

// amended is what QEMU makes of the image when it changes the width.
func (b bench) amended(s subject, bits uint) subject {
	b.t.Helper()
	b.write("theirs.qcow2", fileOf(b.t, s))
	b.img(fmt.Sprintf("amend -o refcount_bits=%d theirs.qcow2", bits))
	return subject{src: source.Bytes(b.read("theirs.qcow2"))}
}

// likeQEMU holds our LikeQEMU against what QEMU does: the reftable, each refblock and each
// refcount, and the file's length. It returns QEMU's result.
func (b bench) likeQEMU(s subject, bits uint) subject {
	b.t.Helper()
	theirs := b.amended(s, bits)
	r := s.mustWidth(b.t, bits, true)
	ours := s.widened(b.t, r)
	got, want := structureOf(b.t, ours.src), structureOf(b.t, theirs.src)
	if got.order != want.order || got.table != want.table || got.tableLen != want.tableLen {
		b.t.Errorf("the reftable is at %d, %d clusters, with refcounts of order %d; QEMU's at %d, %d, %d", got.table, got.tableLen, got.order, want.table, want.tableLen, want.order)
	}
	if !maps.Equal(got.blocks, want.blocks) {
		b.t.Errorf("refblocks are at %v, QEMU's at %v", got.blocks, want.blocks)
	}
	if !maps.Equal(got.refcounts, want.refcounts) {
		b.t.Errorf("refcounts are %v, QEMU's %v", got.refcounts, want.refcounts)
	}
	if ours.src.Size() != theirs.src.Size() {
		b.t.Errorf("the file has %d bytes, QEMU's %d", ours.src.Size(), theirs.src.Size())
	}
	return theirs
}

// direct holds our direct placement against QEMU's result: clean, the same disks, and never
// larger.
func (b bench) direct(s, theirs subject, bits uint, snapshots []string) {
	b.t.Helper()
	r := s.mustWidth(b.t, bits, false)
	ours := s.widened(b.t, r)
	s.untouched(b.t, r.Plan)
	b.write("ours.qcow2", fileOf(b.t, ours))
	if out, err := b.run("qemu-img", "check", "ours.qcow2"); err != nil {
		b.t.Errorf("QEMU finds: %v\n%s", err, out)
	}
	for _, snapshot := range append([]string{""}, snapshots...) {
		args := []string{"compare", "-q", "-f", "qcow2", "-F", "qcow2", "x.qcow2", "ours.qcow2"}
		if snapshot != "" {
			opened := func(name string) string {
				return "driver=raw,file.driver=file,file.filename=" + filepath.Join(b.dir, name)
			}
			b.must("qemu-img", "convert", "-O", "raw", "-l", snapshot, "x.qcow2", "was.raw")
			b.must("qemu-img", "convert", "-O", "raw", "-l", snapshot, "ours.qcow2", "is.raw")
			args = []string{"compare", "-q", "--image-opts", opened("was.raw"), opened("is.raw")}
		}
		if out, err := b.run("qemu-img", args...); err != nil {
			b.t.Errorf("disk %q reads other bytes: %v %s", snapshot, err, out)
		}
	}
	was := structureOf(b.t, theirs.src)
	if most := int64(len(was.blocks)) + was.tableLen; r.Cost.StructureAfter > most || ours.src.Size() > theirs.src.Size() {
		b.t.Errorf("the structure has %d clusters and the file %d bytes, QEMU's %d and %d", r.Cost.StructureAfter, ours.src.Size(), most, theirs.src.Size())
	}
}

// cases is how many random images are made of each kind.
func cases(share, full uint64) uint64 {
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return full
	}
	return share
}

// Images that QEMU made, of all cluster sizes and widths, with snapshots and holes.
func TestWidthLikeQEMU(t *testing.T) {
	var m madeByQEMU
	t.Run("images", func(t *testing.T) {
		for seed := range cases(30, 300) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				m.try(newBench(t), seed)
			})
		}
	})
	if m.overflown.Load() < 1 || m.snapshotted.Load() < 3 || m.longWalks.Load() < 1 {
		t.Errorf("%d overflown, %d with snapshots, %d with more than three walks: too few", m.overflown.Load(), m.snapshotted.Load(), m.longWalks.Load())
	}
}

// madeByQEMU counts what the images were like.
type madeByQEMU struct{ overflown, snapshotted, longWalks atomic.Int64 }

// try makes an image and changes its width, both ways.
func (m *madeByQEMU) try(b bench, seed uint64) {
	r := rand.New(rand.NewPCG(13, seed))
	order, size := uint(r.IntN(7)), 512<<min(r.IntN(8), r.IntN(8))
	bits := otherWidth(r, order)
	switch seed % 4 { // what makes many walks, and what makes refcounts overflow
	case 0:
		order, size, bits = uint(r.IntN(6)), 512, 64
	case 1:
		order, bits = 1+uint(r.IntN(6)), 1
	}
	b.img(fmt.Sprintf("create -q -f qcow2 -o cluster_size=%d,refcount_bits=%d x.qcow2 1M", size, 1<<order))
	var snapshots []string
	if seed%4 == 0 {
		b.holed(r)
	} else {
		snapshots = b.used(r, order)
	}
	s := b.subject()
	if s.overflows(b.t, bits) {
		m.overflown.Add(1)
		if _, err := b.run("qemu-img", "amend", "-o", fmt.Sprintf("refcount_bits=%d", bits), "x.qcow2"); err == nil {
			b.t.Error("QEMU has no refcount that overflows")
		}
		if _, err := s.width(b.t, amend.WidthOptions{Bits: bits}); err == nil {
			b.t.Error("we have no refcount that overflows")
		}
		return
	}
	b.direct(s, b.likeQEMU(s, bits), bits, snapshots)
	if len(snapshots) > 0 {
		m.snapshotted.Add(1)
	}
	if s.mustWidth(b.t, bits, true).Cost.Walks > 3 {
		m.longWalks.Add(1)
	}
}

// holed fills x.qcow2, with its L2 tables in front, and discards one stretch.
func (b bench) holed(r *rand.Rand) {
	b.t.Helper()
	var cmds []string
	for off := 0; off < 512<<10; off += 32 << 10 {
		cmds = append(cmds, fmt.Sprintf("write -z %d 512", off))
	}
	b.io(append(cmds, "write 0 512k", fmt.Sprintf("discard %d %d", (360<<10+r.Int64N(70<<10))&^511, (34<<10+r.Int64N(40<<10))&^511))...)
}

// used writes to x.qcow2 and discards at random, and takes as many snapshots as the refcounts
// can count; it tells which.
func (b bench) used(r *rand.Rand, order uint) (snapshots []string) {
	b.t.Helper()
	most := min(4, 1<<(1<<order)-2)
	for step := range 1 + r.IntN(4) {
		var cmds []string
		for range 1 + r.IntN(8) {
			off, n := r.Int64N(1<<20)&^511, (1+r.Int64N(300<<10))&^511+512
			n = min(n, 1<<20-off)
			cmds = append(cmds, fmt.Sprintf([]string{"write -P 7 %d %d", "write -P 9 %d %d", "discard %d %d"}[r.IntN(3)], off, n))
		}
		b.io(cmds...)
		if r.IntN(3) == 0 && len(snapshots) < most {
			snapshots = append(snapshots, fmt.Sprint("s", step))
			b.img("snapshot -c " + snapshots[len(snapshots)-1] + " x.qcow2")
		}
	}
	return snapshots
}

// overflows tells whether the change is refused because a refcount does not fit.
func (s subject) overflows(t *testing.T, bits uint) bool {
	t.Helper()
	for _, n := range structureOf(t, s.src).refcounts {
		if bits < 64 && n>>bits != 0 {
			return true
		}
	}
	return false
}

// Layouts that no program makes, with the old structure anywhere.
func TestWidthOfLayoutsLikeQEMU(t *testing.T) {
	for seed := range cases(40, 400) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			r := rand.New(rand.NewPCG(17, seed))
			l := scattered(r, 9+uint(r.IntN(4)/3), uint(r.IntN(7)), 20+r.Int64N(600))
			s := subject{src: l.source(t)}
			bits := otherWidth(r, l.order)
			b.write("x.qcow2", fileOf(t, s))
			b.direct(s, b.likeQEMU(s, bits), bits, nil)
		})
	}
}

// Images that fill what their reftable reaches: QEMU has to lengthen the old one first.
func TestWidthWhereTheOldReftableGrows(t *testing.T) {
	grown := 0
	clusters := []int64{4060, 4090, 4094, 4095, 4096}
	if cases(0, 1) > 0 {
		clusters = append(clusters, 4000, 4030, 4088, 4091, 4092, 4093)
	}
	for _, n := range clusters {
		for _, bits := range []uint{1, 32} {
			l := packed(9, 6, n)
			s := subject{src: l.source(t)}
			b := newBench(t)
			b.write("x.qcow2", fileOf(t, s))
			b.direct(s, b.likeQEMU(s, bits), bits, nil)
			r := s.mustWidth(t, bits, true)
			if len(r.Plan.Batches) == 4 {
				grown++
			}
			for seed := range uint64(4) {
				s.cut(t, rand.New(rand.NewPCG(seed, 1)), r.Plan)
			}
		}
	}
	if grown < 4 {
		t.Errorf("the old reftable grew only %d times", grown)
	}
}
