//go:build !js

package cow_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"qcowscope/core/clustermap"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// TestRandomSequences runs random writes, zero writes, discards, compressed writes and
// snapshots through qemu-io and through ours, and compares the files, byte for byte, after
// each step.
func TestRandomSequences(t *testing.T) {
	n := 5
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		n = 240
	}
	var all covered
	t.Cleanup(func() { all.judge(t, n) })
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			var tally tally
			t.Cleanup(func() { tally.judge(t, n) })
			for seed := range n {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					t.Parallel()
					rng := rand.New(rand.NewPCG(uint64(seed), uint64(slices.Index(kinds, kind))))
					s := newSequence(t, drawDisk(kind, rng), rng, &tally)
					s.covered = &all
					s.run()
				})
			}
		})
	}
}

// tally counts the steps that were compared: files that were the same, and those that were
// only alike.
type tally struct{ same, alike atomic.Int64 }

// judge holds that nearly all steps were compared byte for byte.
func (n *tally) judge(t *testing.T, sequences int) {
	same, alike := n.same.Load(), n.alike.Load()
	t.Logf("%d steps gave the same files, %d the same states", same, alike)
	if same < int64(6*sequences) || alike*10 > same {
		t.Errorf("only %d steps gave the same files, %d the same states", same, alike)
	}
}

// covered counts, over all kinds of images, what was done to them.
type covered struct{ normal, extended, data, zero, discard, snapshots atomic.Int64 }

// judge holds that enough of each was done, for so many sequences of each kind of image.
func (c *covered) judge(t *testing.T, each int) {
	for _, f := range []struct {
		what  string
		n     *atomic.Int64
		floor int
	}{
		{"sequences on normal images", &c.normal, 5 * each}, {"sequences on extended images", &c.extended, 4 * each},
		{"writes", &c.data, 100 * each}, {"zero writes", &c.zero, 50 * each}, {"discards", &c.discard, 20 * each}, {"snapshots", &c.snapshots, 3 * each},
	} {
		if t.Logf("%d %s", f.n.Load(), f.what); f.n.Load() < int64(f.floor) {
			t.Errorf("too few %s: %d, wanted %d", f.what, f.n.Load(), f.floor)
		}
	}
}

// count notes a request, or with nil a snapshot.
func (c *covered) count(r *cow.Request) {
	if c == nil {
		return // a sequence that is not one of many
	}
	switch {
	case r == nil:
		c.snapshots.Add(1)
	case r.Kind == cow.Zero:
		c.zero.Add(1)
	case r.Kind == cow.Discard:
		c.discard.Add(1)
	default:
		c.data.Add(1)
	}
}

// image notes the image of a sequence.
func (c *covered) image(d disk) {
	switch {
	case c == nil:
	case d.extended:
		c.extended.Add(1)
	default:
		c.normal.Add(1)
	}
}

// sequence is one image twice: QEMU's in a folder, ours in memory.
type sequence struct {
	t    *testing.T
	rng  *rand.Rand
	d    disk
	dir  string
	q    *qemuIO
	opt  cow.Options
	file source.Bytes // ours
	data source.Bytes
	img  *image.Image
	w    *cow.Writer
	done []string // commands so far
	*tally
	covered *covered // may be nil
}

func newSequence(t *testing.T, d disk, rng *rand.Rand, n *tally) *sequence {
	s := &sequence{t: t, rng: rng, d: d, dir: t.TempDir(), tally: n}
	d.create(t, s.dir, rng)
	if d.backing != "" {
		s.openBacking()
	}
	s.restart()
	return s
}

func (s *sequence) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s\n%s\n%v of %d bytes", fmt.Sprintf(format, args...), strings.Join(s.done, "\n"), s.d.options, s.d.size)
}

// restart has both begin anew with QEMU's file, as after a restart of the VM.
func (s *sequence) restart() {
	s.t.Helper()
	if s.q != nil {
		s.q.end()
	}
	s.file = readFile(s.t, s.dir, "image.qcow2")
	if s.d.dataFile != "" {
		s.data = readFile(s.t, s.dir, s.d.dataFile)
	}
	s.open()
	w, err := cow.Open(context.Background(), s.img, s.opt)
	if err != nil {
		s.fatalf("%v", err)
	}
	s.w = w
	s.q = startQemuIO(s.t, s.dir, plainFile)
}

func (s *sequence) open() {
	img, err := image.Open(context.Background(), s.file)
	if err != nil {
		s.fatalf("%v", err)
	}
	s.img = img
	if s.d.dataFile != "" {
		s.opt.Data = s.data
	}
}

// openBacking gives ours the backing file, and what is known to be zeros in it.
func (s *sequence) openBacking() {
	b := source.Bytes(readFile(s.t, s.dir, s.d.backing))
	layer := clustermap.Layer{Size: b.Size(), Holes: holes(b)}
	s.opt.Backing = bytes.NewReader(b)
	if s.d.backingFormat == "qcow2" {
		img, err := image.Open(context.Background(), b)
		if err != nil {
			s.fatalf("%v", err)
		}
		layer = clustermap.Layer{Image: img}
		s.opt.Backing = image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{})
	}
	var runs []clustermap.Run
	for r, err := range clustermap.Chain(context.Background(), []clustermap.Layer{layer}, false) {
		if err != nil {
			s.fatalf("%v", err)
		}
		runs = append(runs, r)
	}
	s.opt.BackingZero = func(r qcow2.Range[qcow2.GuestOff]) bool {
		return !slices.ContainsFunc(runs, func(x clustermap.Run) bool {
			return !x.Zero && x.Guest.Start < r.End() && x.Guest.End() > r.Start
		})
	}
}

// holes are the pieces of a raw file that are all zeros: it was written so. qemu-img stores
// the first block of every raw file that it makes.
type holes []byte

const firstBlock = 4096

func (h holes) Allocated() int64 { return int64(len(h)) }

func (h holes) Hole(off int64) (bool, int64, error) {
	if off < firstBlock {
		return false, firstBlock - off, nil
	}
	end := min(int64(len(h)), (off/holeGrain+1)*holeGrain)
	return bytes.Count(h[off:end], []byte{0}) == int(end-off), end - off, nil
}

func (s *sequence) run() {
	s.covered.image(s.d)
	for range s.d.steps {
		switch k := s.rng.IntN(20); {
		case k == 0 && s.d.snapshots:
			s.snapshot()
		case k < 4 && s.d.compressed:
			s.compress()
		default:
			s.step(s.request())
		}
	}
	s.q.end()
	run(s.t, s.dir, "qemu-img", "check", "-q", "image.qcow2")
}

// snapshot is taken by qemu-img; both go on from its file.
func (s *sequence) snapshot() {
	s.done = append(s.done, "snapshot")
	s.covered.count(nil)
	s.q.end()
	s.q = nil
	run(s.t, s.dir, "qemu-img", "snapshot", "-c", fmt.Sprint("s", len(s.done)), "image.qcow2")
	s.restart()
}

// compress has QEMU write compressed clusters where nothing is; both go on from its file.
func (s *sequence) compress() {
	clusters := s.d.size / s.d.cluster
	off := s.rng.Int64N(clusters) * s.d.cluster
	n := min(1+s.rng.Int64N(6), clusters-off/s.d.cluster) * s.d.cluster
	c := fmt.Sprintf("write -q -c -P %d %d %d", 1+s.rng.IntN(200), off, n)
	s.done = append(s.done, c)
	s.q.say(c) // it fails on clusters that are allocated already
	s.restart()
}

// request draws one: within a cluster, of clusters, of subclusters, of anything.
func (s *sequence) request() cow.Request {
	rng, size := s.rng, s.d.size&^511
	var off, n int64
	switch sub := max(s.d.cluster/32, 512); rng.IntN(4) {
	case 0:
		off, n = rng.Int64N(size), 1+rng.Int64N(s.d.cluster)
	case 1:
		off, n = rng.Int64N((size+s.d.cluster-1)/s.d.cluster)*s.d.cluster, s.d.cluster*(1+rng.Int64N(6))
	case 2:
		off, n = rng.Int64N(size/sub)*sub, sub*(1+rng.Int64N(40))
	default:
		off, n = rng.Int64N(size), 1+rng.Int64N(s.d.longest)
	}
	r := cow.Request{Offset: qcow2.GuestOff(off), Length: min(n, size-off), Fill: byte(1 + rng.IntN(127))}
	if s.d.kind == "growing refcount structures" && rng.IntN(4) > 0 {
		return r
	}
	switch rng.IntN(6) {
	case 0:
		r.Kind = cow.Zero
	case 1:
		r.Kind, r.Unmap = cow.Zero, true
	case 2:
		r.Kind = cow.Discard
	}
	return r
}

// step runs one request through both.
func (s *sequence) step(r cow.Request) {
	s.t.Helper()
	s.done = append(s.done, command(r))
	s.covered.count(&r)
	s.q.do(command(r))
	if s.d.lazy {
		s.q.end() // refcounts reach the disk when the image is closed
	}
	o, err := s.w.Plan(context.Background(), r)
	if err != nil {
		s.fatalf("%v", err)
	}
	p, err := o.Plans(context.Background())
	if err != nil {
		s.fatalf("%v", err)
	}
	if s.rng.IntN(6) == 0 {
		s.cut(r, p)
	}
	s.file = apply(s.t, s.file, p.Image)
	if p.DataFile != nil {
		s.data = apply(s.t, s.data, p.DataFile)
	}
	if why := s.differs(); why != "" {
		if !mayDiffer(o) {
			s.fatalf("%s\n%s", why, o)
		}
		s.sameStates()
		s.tally.alike.Add(1)
		s.restart()
		return
	}
	s.tally.same.Add(1)
	s.open()
	if s.d.lazy {
		s.q = nil
		s.restart()
		return
	}
	if s.w, err = s.w.After(context.Background(), o, s.img, s.opt); err != nil {
		s.fatalf("%v", err)
	}
}

// differs says where our files are not those of QEMU.
func (s *sequence) differs() string {
	if d := firstDifference(s.file, readFile(s.t, s.dir, "image.qcow2")); d != "" {
		return "the image: " + d
	}
	if s.d.dataFile == "" {
		return ""
	}
	if d := firstDifference(s.data, readFile(s.t, s.dir, s.d.dataFile)); d != "" {
		return "the data file: " + d
	}
	return ""
}

// mayDiffer tells whether QEMU's choice of clusters is not determined: a request in several
// pieces that frees clusters may or may not reuse those of one piece for the next.
func mayDiffer(o *cow.Outcome) bool {
	freed := slices.ContainsFunc(o.Refcounts, func(c cow.RefcountChange) bool { return c.Before > 0 && c.After == 0 })
	return freed && len(o.Runs) > 1
}

// sameStates compares all that does not depend on where clusters are: states, bitmaps,
// COPIED, guest bytes, and how many clusters have which refcount.
func (s *sequence) sameStates() {
	theirs, err := image.Open(context.Background(), source.Bytes(readFile(s.t, s.dir, "image.qcow2")))
	if err != nil {
		s.fatalf("%v", err)
	}
	s.open()
	if !slices.Equal(s.entries(s.img), s.entries(theirs)) {
		s.fatalf("L2 entries are in other states")
	}
	if a, b := s.refcounts(s.img), s.refcounts(theirs); !maps.Equal(a, b) {
		s.fatalf("other refcounts: %v, QEMU %v", a, b)
	}
	if !bytes.Equal(s.guest(s.img), s.guest(theirs)) {
		s.fatalf("the guest reads other bytes")
	}
}
