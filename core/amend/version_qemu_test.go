//go:build !js

package amend_test

import (
	"bytes"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// compat is how qemu-img calls a version.
var compat = map[uint32]string{2: "0.10", 3: "1.1"}

// result of a change of version of x.qcow2, by us and by QEMU.
type result struct {
	change  *amend.Change
	blocked []amend.Blocker
	refused error // by QEMU
}

// both changes x.qcow2 to the other version: by us to ours.qcow2, by QEMU to theirs.qcow2.
func (b bench) both() result {
	b.t.Helper()
	s := b.subject()
	to := 5 - s.open(b.t).Header.Version
	b.write("theirs.qcow2", fileOf(b.t, s))
	r := result{}
	_, r.refused = b.run("qemu-img", "amend", "-o", "compat="+compat[to], "theirs.qcow2")
	if r.change, r.blocked = s.version(b.t, to); r.change != nil {
		b.write("ours.qcow2", fileOf(b.t, s.after(b.t, r.change.Plan)))
	}
	return r
}

// same holds our result against what QEMU makes of it: the facts of its own result, clean,
// and every disk as before.
func (b bench) same(snapshots ...string) {
	b.t.Helper()
	r := b.both()
	if r.refused != nil || r.blocked != nil {
		b.t.Fatalf("refused by QEMU: %v, by us: %+v", r.refused, r.blocked)
	}
	if got, want := b.facts("ours.qcow2"), b.facts("theirs.qcow2"); got != want {
		b.t.Errorf("info says\n%s\nof QEMU's\n%s", got, want)
	}
	if out, err := b.run("qemu-img", "check", "ours.qcow2"); err != nil {
		b.t.Errorf("not clean: %v\n%s\n%s", err, out, r.change.Plan)
	}
	sameDisks(b.t, "by QEMU", b.disks("ours.qcow2", snapshots), b.disks("x.qcow2", snapshots))
	s := b.subject()
	s.kept(b.t, r.change, 5-s.open(b.t).Header.Version)
	s.cuts(b.t, r.change.Plan)
}

// On images of all kinds, up and down: what QEMU says of ours is what it says of its own,
// and no guest or snapshot reads a different byte.
func TestVersionLikeQEMU(t *testing.T) {
	for name, s := range scenes {
		for _, size := range []string{"512", "4096", "65536"} {
			for _, version := range []string{"0.10", "1.1"} {
				t.Run(name+", "+size+" from "+version, func(t *testing.T) {
					t.Parallel()
					b := newBench(t)
					s.make(b, "create -q -f qcow2 -o cluster_size="+size+",compat="+version)
					b.same(s.snapshots...)
				})
			}
		}
	}
}

// refusals are what QEMU refuses, and we by name.
var refusals = map[string]struct {
	create string
	after  []string // lines of qemu-img
	what   string
	here   bool // QEMU does not refuse it, and ought to
}{
	"width":           {create: "-o refcount_bits=8", what: amend.BlockedByWidth},
	"data file":       {create: "-o data_file=d.raw", what: amend.BlockedByDataFile},
	"extended L2":     {create: "-o extended_l2=on", what: amend.BlockedByExtendedL2},
	"zstd":            {create: "-o compression_type=zstd", after: []string{"convert -c -O qcow2 -o compression_type=zstd base.raw x.qcow2"}, what: amend.BlockedByZstd},
	"zstd not used":   {create: "-o compression_type=zstd"},
	"snapshot's size": {after: []string{"snapshot -c a x.qcow2", "resize -q x.qcow2 2M"}, what: amend.BlockedBySnapshots},
	"bitmaps":         {after: []string{"bitmap --add x.qcow2 b"}, what: amend.BlockedByBitmaps, here: true},
	"several": {create: "-o extended_l2=on,refcount_bits=32,data_file=d.raw", after: []string{"bitmap --add x.qcow2 b"},
		what: strings.Join([]string{amend.BlockedByWidth, amend.BlockedByDataFile, amend.BlockedByExtendedL2, amend.BlockedByBitmaps}, ", ")},
	"lazy refcounts": {create: "-o lazy_refcounts=on"},
}

func TestVersionRefusedLikeQEMU(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.write("base.raw", bytes.Repeat([]byte("x"), 1<<20))
			b.img("create -q -f qcow2 " + c.create + " x.qcow2 1M")
			for _, line := range c.after {
				b.img(line)
			}
			if c.what == "" {
				b.same()
				return
			}
			r := b.both()
			var got []string
			for _, blocker := range r.blocked {
				got = append(got, blocker.What)
			}
			if strings.Join(got, ", ") != c.what {
				t.Errorf("blocked by %q", got)
			}
			if (r.refused != nil) == c.here {
				t.Errorf("QEMU says %v", r.refused)
			}
		})
	}
}

// The longest backing file name that QEMU fits into the longer header fits into ours, and
// no longer one.
func TestVersionHeaderRoom(t *testing.T) {
	for n := 370; n <= 384; n++ {
		b := newBench(t)
		b.write("base.raw", make([]byte, 1<<20))
		name := "./" + strings.Repeat("/", n-len("./base.raw")) + "base.raw"
		b.img("create -q -f qcow2 -o compat=0.10,cluster_size=512 -b " + name + " -F raw x.qcow2 1M")
		b.write("theirs.qcow2", b.read("x.qcow2"))
		_, refused := b.run("qemu-img", "amend", "-o", "compat=1.1", "theirs.qcow2")
		s := b.subject()
		c, blocked := s.version(t, 3)
		if (refused != nil) != (blocked != nil) {
			t.Errorf("a name of %d bytes: QEMU %v, we %+v", n, refused, blocked)
		}
		if blocked != nil {
			if blocked[0].What != amend.BlockedByHeaderRoom {
				t.Errorf("blocked by %q", blocked[0].What)
			}
			continue
		}
		s.kept(t, c, 3)
		b.write("ours.qcow2", fileOf(t, s.after(t, c.Plan)))
		if got, want := b.facts("ours.qcow2"), b.facts("theirs.qcow2"); got != want {
			t.Errorf("info says\n%s\nof QEMU's\n%s", got, want)
		}
	}
}

// A backing file's name that does not fit into the first sector, before or after, is written
// where the old header has none: the switch stays one write of a sector.
func TestVersionSwitchesInOneSector(t *testing.T) {
	for _, version := range []string{"0.10", "1.1"} {
		for _, n := range []int{20, 376, 377, 380, 400, 416, 417, 450, 600, 1000} {
			b := newBench(t)
			b.write("base.raw", make([]byte, 1<<20))
			name := "./" + strings.Repeat("/", n-len("./base.raw")) + "base.raw"
			b.img("create -q -f qcow2 -o compat=" + version + " -b " + name + " -F raw x.qcow2 1M")
			s := b.subject()
			r := b.both()
			if r.refused != nil || r.blocked != nil {
				t.Fatalf("refused by QEMU: %v, by us: %+v", r.refused, r.blocked)
			}
			if got, want := b.facts("ours.qcow2"), b.facts("theirs.qcow2"); got != want {
				t.Errorf("info says\n%s\nof QEMU's\n%s", got, want)
			}
			s.kept(t, r.change, 5-s.open(t).Header.Version)
			s.cuts(t, r.change.Plan)
			for _, batch := range r.change.Plan.Batches {
				for _, w := range batch {
					if w.Off < 512 && w.End() > 512 {
						t.Errorf("a name of %d bytes, from %s: the first sector is written with what follows it\n%s", n, version, r.change.Plan)
					}
				}
			}
		}
	}
}

// So many zero clusters over a backing file that their refcounts need a longer reftable:
// it is found room for, and switched to before anything needs it.
func TestVersionGrowsTheReftable(t *testing.T) {
	b := newBench(t)
	b.img("create -q -f raw base.raw 32M")
	b.must("qemu-io", "-f", "raw", "-c", "write -P 0x99 0 32M", "base.raw")
	b.img("create -q -f qcow2 -o cluster_size=512 -b base.raw -F raw x.qcow2 32M")
	b.io("write -z 0 24M", "write -P 1 5M 64k")
	s := b.subject()
	was := s.open(t).Header.RefcountTableClusters
	b.same()
	now := subject{src: source.Bytes(b.read("ours.qcow2"))}.open(t).Header.RefcountTableClusters
	if now <= was {
		t.Errorf("the reftable has %d clusters, it had %d", now, was)
	}
}

// What nothing references and still has a refcount is never taken, in the file; past its
// end a stale refcount stands for nothing.
func TestVersionTakesOnlyFreeClusters(t *testing.T) {
	for _, version := range []string{"0.10", "1.1"} {
		b := newBench(t)
		b.img("create -q -f qcow2 -o cluster_size=512,compat=" + version + " x.qcow2 1M")
		b.io("write -P 1 0 4k", "discard 1k 2k")
		b.img("snapshot -c a x.qcow2")
		s := b.subject()
		leaked := b.leakAndShorten(s)
		c, blocked := leaked.version(t, 5-s.open(t).Header.Version)
		if blocked != nil {
			t.Fatal(blocked)
		}
		before, after := leaked.check(t), leaked.after(t, c.Plan).check(t)
		if after.Leaks != before.Leaks || after.Leaks == 0 || after.Corruptions > 0 {
			t.Errorf("%d leaks, there were %d; %d corruptions", after.Leaks, before.Leaks, after.Corruptions)
		}
	}
}

// leakAndShorten raises the refcounts of all free clusters of the image, and of some past
// its end. For version 2 the snapshot's extra data is cut, so that it must be added.
func (b bench) leakAndShorten(s subject) subject {
	b.t.Helper()
	img, r := s.open(b.t), s.check(b.t)
	p := patch.New(s.src.Size())
	for c := range r.Refcounts.Len() + 5 {
		if r.Refcounts.Counts(0, r.Refcounts.Len()); c >= r.Refcounts.Len() || r.Refcounts.Counts(c, c+1)[0] == 0 {
			p.Add(0, int64(img.Reftable[0].Refblock())+2*c, []byte{0, 1}, "leak")
		}
	}
	if img.Header.Version == 2 {
		at := r.Snapshots.Offsets[0]
		tail := append([]byte{0, 0, 0, 0}, fileOf(b.t, s)[at+40+24:][:8]...)
		p.Add(1, at+36, tail, "no extra data")
	}
	return s.after(b.t, p)
}

// Lazy refcounts on and off give QEMU's header.
func TestLazyRefcountsLikeQEMU(t *testing.T) {
	for _, on := range []bool{true, false} {
		b := newBench(t)
		b.img(map[bool]string{true: "create -q -f qcow2 x.qcow2 1M", false: "create -q -f qcow2 -o lazy_refcounts=on x.qcow2 1M"}[on])
		s := b.subject()
		c, err := amend.LazyRefcounts(t.Context(), s.open(t), on)
		if err != nil {
			t.Fatal(err)
		}
		now := s.after(t, c.Plan)
		b.write("ours.qcow2", fileOf(t, now))
		b.img("amend -o lazy_refcounts=" + map[bool]string{true: "on", false: "off"}[on] + " x.qcow2")
		if !bytes.Equal(b.read("ours.qcow2"), b.read("x.qcow2")) {
			t.Errorf("on=%v: QEMU's file is another one", on)
		}
		if again, err := amend.LazyRefcounts(t.Context(), now.open(t), on); err != nil || !again.Plan.Empty() {
			t.Errorf("on=%v, once more: %v %v", on, again, err)
		}
	}
}

// QEMU's own downgrade overwrites data of a snapshot with zeros: should a later one not do
// so, this test says that our reason to do otherwise is gone.
func TestQEMUZeroesSharedData(t *testing.T) {
	b := newBench(t)
	b.img("create -q -f qcow2 x.qcow2 1M")
	b.io("write -P 1 0 256k")
	b.img("snapshot -c a x.qcow2")
	b.io("write -z 64k 64k")
	b.both()
	if bytes.Equal(b.disks("theirs.qcow2", []string{"a"})["a"], b.disks("x.qcow2", []string{"a"})["a"]) {
		t.Error("QEMU keeps the snapshot's bytes")
	}
	if r := (subject{src: source.Bytes(b.read("theirs.qcow2"))}).check(t); r.Group(check.CopiedL2) == nil {
		t.Error("QEMU sets COPIED rightly")
	}
}
