package anatomy_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"qcowscope/core/anatomy"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

type fieldRange = qcow2.Range[qcow2.HostOff]

func at(off, n int64) fieldRange {
	return fieldRange{Start: qcow2.HostOff(off), Len: qcow2.HostOff(n)}
}

// jsEach is of how many recipes one is looked at under js.
const jsEach = 4

// eachRecipe opens every recipe that can be opened, or the share of them that is looked at:
// natively one of short.
func eachRecipe(t *testing.T, short int, visit func(t *testing.T, img *image.Image)) {
	t.Helper()
	names := testimages.Names()
	if len(names) < 200 {
		t.Fatalf("only %d recipes", len(names))
	}
	opened, each := 0, testimages.Each(short, jsEach)
	for i, name := range names {
		if !testimages.Taken(t.Name(), i, each) {
			continue
		}
		b := testimages.Make(t, name)
		img, err := image.Open(context.Background(), source.Bytes(b.Image))
		if err != nil {
			continue
		}
		opened++
		t.Run(name, func(t *testing.T) { visit(t, img) })
	}
	if opened < 200/each {
		t.Errorf("only %d recipes could be opened", opened)
	}
}

func checked(t testing.TB, img *image.Image) *anatomy.Anatomy {
	t.Helper()
	report, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := anatomy.New(img, report)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func fields(t testing.TB, a *anatomy.Anatomy, r fieldRange) []anatomy.Field {
	t.Helper()
	fs, err := a.Fields(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// tiled says why the fields do not cover the range without gaps and overlaps, "" if they do.
func tiled(fs []anatomy.Field, r fieldRange, size int64) string {
	if r.Len = min(r.Len, qcow2.HostOff(size)-r.Start); r.Empty() {
		if len(fs) > 0 {
			return fmt.Sprintf("%d fields of nothing", len(fs))
		}
		return ""
	}
	if len(fs) == 0 {
		return "no fields"
	}
	if first := fs[0].Host; first.Start > r.Start || first.End() <= r.Start {
		return fmt.Sprintf("the first is %v", first)
	}
	if last := fs[len(fs)-1].Host; last.Start >= r.End() || last.End() < r.End() {
		return fmt.Sprintf("the last is %v", last)
	}
	for i, f := range fs {
		switch {
		case f.Host.Empty():
			return fmt.Sprintf("%s is empty: %v", f.Name, f.Host)
		case f.Name == "" || f.Meaning == "":
			return fmt.Sprintf("the field at %v has no words: %q, %q", f.Host, f.Name, f.Meaning)
		case i > 0 && fs[i-1].Host.End() != f.Host.Start:
			return fmt.Sprintf("after %s %v comes %s %v", fs[i-1].Name, fs[i-1].Host, f.Name, f.Host)
		}
	}
	return ""
}

// windows are the ranges of an image to look at: of every cluster its beginning and its end,
// or all of it when QCOWSCOPE_FULL is set.
func windows(img *image.Image) []fieldRange {
	var all []fieldRange
	size := min(img.Src.Size(), 4<<20)
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		for off := int64(0); off < size; off += anatomy.MaxRange {
			all = append(all, at(off, anatomy.MaxRange))
		}
		return all
	}
	cs := img.Geo.ClusterSize()
	const head, tail = 700, 300
	for off := int64(0); off < size; off += cs {
		all = append(all, at(off, min(head, cs)), at(min(off+cs-tail, img.Src.Size()), tail))
	}
	return all
}

// Whatever the damage, the fields of a range lie side by side, with the check and before it.
func TestFieldsTileEveryRecipe(t *testing.T) {
	eachRecipe(t, 2, func(t *testing.T, img *image.Image) {
		early, err := anatomy.New(img, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []*anatomy.Anatomy{early, checked(t, img)} {
			for _, r := range windows(img) {
				if why := tiled(fields(t, a, r), r, img.Src.Size()); why != "" {
					t.Errorf("%v: %s", r, why)
				}
			}
		}
	})
}

// What a byte is does not depend on the range that was asked for: the fields of a small
// range are those that touch it of a large one.
func TestFieldsDoNotDependOnTheRange(t *testing.T) {
	eachRecipe(t, 2, func(t *testing.T, img *image.Image) {
		a := checked(t, img)
		random := rand.New(rand.NewPCG(uint64(len(t.Name())), 7))
		const page = 4 << 10
		for range 6 {
			from := random.Int64N(min(img.Src.Size(), 4<<20)+1) / page * page
			whole := fields(t, a, at(from, page))
			r := at(from+random.Int64N(page-600), random.Int64N(600))
			if int64(r.Start) > img.Src.Size() {
				continue
			}
			var want []anatomy.Field
			for _, f := range whole {
				if r.Len > 0 && f.Host.Start < r.End() && f.Host.End() > r.Start {
					want = append(want, f)
				}
			}
			got := fields(t, a, r)
			if why := tiled(got, r, img.Src.Size()); why != "" {
				t.Errorf("%v: %s", r, why)
			}
			if len(got) != len(want) {
				t.Errorf("%v: %d fields, of a larger range %d", r, len(got), len(want))
				continue
			}
			for i := range got {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Errorf("%v: %+v, of a larger range %+v", r, got[i], want[i])
				}
			}
		}
	})
}

// Every pointer that leads to a structure of the file is one that the structure names.
func TestPointersLeadBack(t *testing.T) {
	led := map[anatomy.Kind]int{}
	eachRecipe(t, 1, func(t *testing.T, img *image.Image) {
		a := checked(t, img)
		if len(img.Refusals) > 0 || img.Geo.ClusterSize() > 64<<10 || img.Src.Size() > 4<<20 {
			return
		}
		for _, r := range windows(img) {
			for _, f := range fields(t, a, r) {
				to := int64(f.To.Host.Start)
				if f.To.Host.Empty() || to >= img.Src.Size() || f.Kind == anatomy.Refblock {
					continue
				}
				target := fields(t, a, at(to, 1))[0]
				if back(target, f) {
					led[target.Kind]++
				}
			}
		}
	})
	for _, k := range []anatomy.Kind{anatomy.Reftable, anatomy.Refblock, anatomy.L1, anatomy.L2, anatomy.SnapshotTable, anatomy.SnapshotL1,
		anatomy.SnapshotL2, anatomy.BitmapDirectory, anatomy.BitmapTable, anatomy.BitmapData, anatomy.Data, anatomy.Compressed, anatomy.Zero,
		anatomy.SnapshotData, anatomy.Crypto} {
		encrypted := k == anatomy.Crypto && testimages.Each(1, jsEach) > 1 // few recipes are, and none of the share
		if led[k] == 0 && !encrypted {
			t.Errorf("no pointer leads to a %s that names it", k)
		}
	}
}

// back tells whether the pointer is one of those that lead to the field.
func back(f, pointer anatomy.Field) bool {
	for _, r := range f.From {
		if r.Host.Start == pointer.Host.Start {
			return true
		}
	}
	return false
}

func TestRangesOutside(t *testing.T) {
	img := open(t, "healthy_v3")
	a := checked(t, img)
	for _, r := range []fieldRange{at(-1, 5), at(0, -1), at(0, anatomy.MaxRange+1), at(img.Src.Size()+1, 1), at(1<<62, 1), {Start: 0, Len: 1<<63 - 1}} {
		if fs, err := a.Fields(context.Background(), r); !errors.Is(err, anatomy.ErrRange) {
			t.Errorf("%v: %d fields, %v", r, len(fs), err)
		}
	}
	for _, r := range []fieldRange{at(0, 0), at(img.Src.Size(), 100)} {
		if fs := fields(t, a, r); len(fs) != 0 {
			t.Errorf("%v: %d fields", r, len(fs))
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Fields(ended, at(0, 512)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func open(t testing.TB, name string) *image.Image {
	t.Helper()
	b := testimages.Make(t, name)
	img, err := image.Open(context.Background(), source.Bytes(b.Image))
	if err != nil {
		t.Fatal(err)
	}
	return img
}
