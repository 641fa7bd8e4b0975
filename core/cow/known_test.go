//go:build !js

package cow_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/source"
)

// TestCountsStored: what a check knows of the refcounts is what the refblocks say. Plans
// that begin with the one are those that begin with the other, and fewer bytes are read.
func TestCountsStored(t *testing.T) {
	for seed := range uint64(len(kinds)) {
		rng := rand.New(rand.NewPCG(seed, 7))
		d := drawDisk(kinds[seed], rng)
		var n tally
		s := newSequence(t, d, rng, &n)
		s.run()
		s.open()
		report, err := check.Run(context.Background(), s.img, check.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !report.CountsStored() {
			t.Fatalf("%s: the check found %v", d.kind, report.Groups)
		}
		known := s.opt
		known.Counts, known.CountsStored = report.Refcounts.Table, true
		a, b := s.writer(s.opt), s.writer(known)
		for range 12 {
			r := s.request()
			if want, got := planned(t, a, r), planned(t, b, r); want != got {
				t.Fatalf("%s: %s\n%s\n%s", d.kind, command(r), want, got)
			}
		}
	}
}

func (s *sequence) writer(opt cow.Options) *cow.Writer {
	s.t.Helper()
	w, err := cow.Open(context.Background(), s.img, opt)
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

func planned(t *testing.T, w *cow.Writer, r cow.Request) string {
	t.Helper()
	o, err := w.Plan(context.Background(), r)
	if err != nil {
		return err.Error()
	}
	return o.String()
}

// TestCountsNotStored: where the check found the stored refcounts to be others, they are read.
func TestCountsNotStored(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "qemu-img", "create", "-q", "-f", "qcow2", "image.qcow2", "1M")
	run(t, dir, "qemu-io", "-c", "write -P 1 0 256K", "image.qcow2")
	for _, c := range []struct {
		name    string
		cluster int64
		stored  byte
	}{{"a leak", 20, 1}, {"in use with refcount 0", 5, 0}} {
		b := slices.Clone(readFile(t, dir, "image.qcow2"))
		b[2<<16+2*c.cluster+1] = c.stored
		b = append(b, make([]byte, max(0, 21<<16-len(b)))...)
		img, err := image.Open(context.Background(), source.Bytes(b))
		if err != nil {
			t.Fatal(err)
		}
		report, err := check.Run(context.Background(), img, check.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if report.CountsStored() {
			t.Errorf("%s: the check knows better", c.name)
		}
	}
}

// TestLargeImageKnown: of an image that was checked no refblock is read to find the first
// free cluster, but for the last, which counts clusters that the file does not have.
func TestLargeImageKnown(t *testing.T) {
	l := &largeImage{}
	img, err := image.Open(context.Background(), l)
	if err != nil {
		t.Fatal(err)
	}
	report, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := cow.Open(context.Background(), img, cow.Options{Counts: report.Refcounts.Table, CountsStored: report.CountsStored()})
	if err != nil {
		t.Fatal(err)
	}
	before := l.reads
	if err := w.Prepare(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := l.reads - before; n > 1<<largeBits {
		t.Errorf("%d bytes were read", n)
	}
}
