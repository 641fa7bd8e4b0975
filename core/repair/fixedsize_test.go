package repair_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// onDevice rebuilds an image on a device of just the file's size.
func onDevice(t *testing.T, img *image.Image, opt repair.Options) (*repair.Outcome, error) {
	t.Helper()
	before, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opt.Scope, opt.FixedSize = repair.Rebuild, true
	return repair.Plan(context.Background(), img, before, opt)
}

// withGap is a full image of n clusters and its refcounts, behind which gap clusters are free.
func withGap(t *testing.T, order uint, n, gap int64) *image.Image {
	t.Helper()
	img := rebuilt(t, filled(9, order, n))
	longer := patch.New(img.Src.Size())
	longer.SizeAfter += gap << 9
	over := patch.NewOverlay(img.Src)
	if err := over.Apply(longer); err != nil {
		t.Fatal(err)
	}
	img, err := image.Open(context.Background(), over)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// On a device that is full a rebuild says what would fit, and that then does.
func TestRebuildOnADevice(t *testing.T) {
	for _, c := range []struct {
		name   string
		order  uint
		n, gap int64
		ways   []repair.Way
	}{
		{"room for all", 6, 200, 5, nil},
		{"one cluster short", 6, 200, 4, []repair.Way{{RefcountBits: 32}, {RefcountBits: 64, ReuseTables: true}}},
		{"room for one refblock", 6, 200, 2, []repair.Way{{RefcountBits: 16}, {RefcountBits: 64, ReuseTables: true}}},
		{"no room", 6, 200, 0, []repair.Way{{RefcountBits: 64, ReuseTables: true}}},
		{"no room, narrow", 0, 200, 0, []repair.Way{{RefcountBits: 1, ReuseTables: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := withGap(t, c.order, c.n, c.gap)
			out, err := onDevice(t, img, repair.Options{})
			if c.ways == nil {
				if err != nil || out.Plan.SizeAfter != img.Src.Size() {
					t.Fatalf("%v", err)
				}
				return
			}
			var full *repair.NoRoomError
			if !errors.As(err, &full) || !slices.Equal(full.Ways, c.ways) {
				t.Fatalf("%v, want the ways %v", err, c.ways)
			}
			for _, w := range c.ways {
				out, err := onDevice(t, img, repair.Options{RefcountBits: w.RefcountBits, ReuseTables: w.ReuseTables})
				if err != nil {
					t.Fatalf("%v: %v", w, err)
				}
				if out.Plan.SizeAfter != img.Src.Size() || out.After.Corruptions > 0 || out.After.Leaks > 0 || out.After.Worst() > check.Note {
					t.Errorf("%v: size %d -> %d, left are %v", w, img.Src.Size(), out.Plan.SizeAfter, out.After.Groups[0])
				}
				if got := out.After.Refcounts.Len(); got > img.HostClusters() {
					t.Errorf("%v: %d clusters in use of %d", w, got, img.HostClusters())
				}
			}
		})
	}
}

// A width that cannot hold a refcount is refused, and never offered.
func TestRebuildRefusesWidths(t *testing.T) {
	img := withGap(t, 4, 200, 9)
	for _, bits := range []uint{3, 65, 128} {
		if _, err := onDevice(t, img, repair.Options{RefcountBits: bits}); err == nil {
			t.Errorf("a width of %d bits was taken", bits)
		}
	}
	_, err := onDevice(t, sharedL2(t, img), repair.Options{RefcountBits: 1})
	if err == nil || !strings.Contains(err.Error(), "has 2 references") {
		t.Errorf("two references and one bit: %v", err)
	}
}

// sharedL2 is the image with its first data cluster under two entries, and refcounts that
// say so.
func sharedL2(t *testing.T, img *image.Image) *image.Image {
	t.Helper()
	l2 := int64(img.L1.Off) + 512
	word := make([]byte, 8)
	if err := source.ReadFull(img.Src, word, l2); err != nil {
		t.Fatal(err)
	}
	data := int64(be.Uint64(word) &^ (1 << 63))
	word[0] &^= 0x80
	plan := patch.New(img.Src.Size())
	plan.Add(0, l2, slices.Concat(word, word), "")
	block := int64(img.Reftable[0].Refblock())
	plan.Add(0, block+2*(data>>9), []byte{0, 2}, "")
	next := data>>9 + 1
	plan.Add(0, block+2*next, []byte{0, 0}, "")
	over := patch.NewOverlay(img.Src)
	if err := over.Apply(plan); err != nil {
		t.Fatal(err)
	}
	out, err := image.Open(context.Background(), over)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The trace tells where everything goes, in the order of the passes.
func TestRebuildTrace(t *testing.T) {
	src := filled(9, 6, 4032).source(t)
	img, before := examined(t, src)
	var told []alloc.Event
	opt := repair.Options{Scope: repair.All, Trace: func(e alloc.Event) { told = append(told, e) }}
	if _, err := repair.Plan(context.Background(), img, before, opt); err != nil {
		t.Fatal(err)
	}
	var acts []alloc.Act
	placed := map[int64]alloc.Event{}
	for _, e := range told {
		if e.Words() == "" {
			t.Errorf("no words for act %d", e.Act)
		}
		if len(acts) == 0 || acts[len(acts)-1] != e.Act {
			acts = append(acts, e.Act)
		}
		switch e.Act {
		case alloc.FreeTable:
			clear(placed)
		case alloc.PlaceBlock:
			placed[e.Block] = e
		case alloc.WriteBlock:
			if p := placed[e.Block]; p.At != e.At || p.From != e.From || p.To != e.To {
				t.Errorf("refblock %d was placed as %+v and written as %+v", e.Block, p, e)
			}
		}
	}
	want := []alloc.Act{alloc.CountReferences, alloc.CompareCounts, alloc.PlaceTable, alloc.PlaceBlock, alloc.FreeTable, alloc.GrowTable,
		alloc.PlaceTable, alloc.PlaceBlock, alloc.WriteBlock, alloc.WriteTable, alloc.SwitchHeader, alloc.Recount}
	if !slices.Equal(acts, want) {
		t.Errorf("acts %v, want %v", acts, want)
	}
}
