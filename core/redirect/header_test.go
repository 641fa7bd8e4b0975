//go:build !js

package redirect_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/redirect"
	"qcowscope/core/source"
)

// made is an image that QEMU's tools made, under the name that place gives it.
func made(t *testing.T, name string, calls ...[]string) planned {
	t.Helper()
	f := place(t, t.TempDir(), nil)
	for _, args := range calls {
		if out, exit := f.run(t, args...); exit != 0 {
			t.Fatalf("%v: %s", args, out)
		}
	}
	src := source.Bytes(f.bytes(t))
	p := planned{name: name, src: src, img: open(t, src), plan: patch.New(int64(len(src)))}
	p.before = examine(t, p.img)
	return p
}

// A change of version rewrites the whole header: extensions and the name of the backing file
// move. What only the new header reads is written before the switch, what only the old one
// read is cleared after it, and every crash leaves one of the two, name and all.
func TestVersionOrder(t *testing.T) {
	var sum tally
	behind := 0
	for n := 0; n < 1000; n += 37 {
		name := strings.Repeat("n", n)
		for _, compat := range []string{"0.10", "1.1"} {
			create := []string{"qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=" + compat + ",cluster_size=4k"}
			if n > 0 {
				create = append(create, "-u", "-b", name, "-F", "qcow2")
			}
			p := made(t, fmt.Sprintf("%s, a name of %d bytes", compat, n), append(create, "image.qcow2", "1M"))
			to := uint32(3)
			if compat == "1.1" {
				to = 2
			}
			change, err := amend.Version(ctx, p.img, p.before, to)
			if err != nil {
				t.Fatal(err)
			}
			p.plan = change.Plan
			res := p.redirected(t)
			if res == nil || len(res.Unsafe) > 0 {
				t.Fatalf("%s: %+v", p.name, res)
			}
			p.onlyFreeClusters(t, res)
			p.sure(t, res, content(t, p.src, res.Plan))
			p.survives(t, res, &sum)
			if len(res.Plan.Batches) > 1 {
				behind++
			}
		}
	}
	t.Logf("%+v, %d with something behind the first sector", sum, behind)
	if behind < 10 {
		t.Error("too few names reach behind the first sector")
	}
}

// Where the pointer to the bitmap directory is not in the first sector, autoclear bit 0 is
// cleared, then the pointer set, then the bit: with a flush after each.
func TestBitmapOrder(t *testing.T) {
	p := made(t, "bitmap", []string{"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", strings.Repeat("n", 500), "-F", "qcow2", "image.qcow2", "1M"},
		[]string{"qemu-img", "bitmap", "--add", "image.qcow2", "some"})
	e := qcow2.FindExtension(p.img.Extensions, qcow2.ExtBitmaps)
	if e == nil {
		t.Fatal("QEMU made no bitmap")
	}
	if e.Off+24 < qcow2.SectorSize {
		t.Fatalf("the extension is at %d, in the first sector", e.Off)
	}
	res := p.moved(t, []redirect.Cursor{redirect.At(redirect.BitmapDirectory)})
	if res == nil || len(res.Unsafe) > 0 || len(res.Plan.Batches) != 4 {
		t.Fatalf("%+v", res)
	}
	autoclear := func(batch int) uint64 { return be.Uint64(res.Plan.Batches[batch][0].Data[qcow2.OffAutoclear:]) }
	if b := res.Plan.Batches; b[1][0].Off != 0 || autoclear(1)&1 != 0 || b[2][0].Off != qcow2.SectorSize || b[3][0].Off != 0 || autoclear(3)&1 != 1 {
		t.Errorf("the order is\n%v", res.Plan)
	}
	p.onlyFreeClusters(t, res)
	p.sure(t, res, content(t, p.src, res.Plan))
	undo, err := res.Plan.Undo(p.src)
	if err != nil {
		t.Fatal(err)
	}
	if b := undo.Batches; len(b) < 3 || be.Uint64(b[0][0].Data[qcow2.OffAutoclear:])&1 != 0 || b[1][0].Off != qcow2.SectorSize {
		t.Errorf("back the order is\n%v", undo)
	}
	var sum tally
	p.survives(t, res, &sum)
	t.Logf("%+v", sum)
}

// A list of snapshots that lies in the header changes with it: what such an image holds is put
// right in a copy only.
func TestHeaderThatIsATableToo(t *testing.T) {
	p := made(t, "a list in the header", []string{"qemu-img", "create", "-q", "-f", "qcow2", "image.qcow2", "1M"})
	src := slices.Clone(p.src)
	be.PutUint32(src[qcow2.OffNbSnapshots:], 1)
	damaged := planned{name: p.name, src: src, img: open(t, src), plan: patch.New(int64(len(src)))}
	damaged.before = examine(t, damaged.img)
	if n := damaged.before.Refcounts.Count(0); n != 2 {
		t.Fatalf("the header has %d users", n)
	}
	refblock := int64(damaged.img.Reftable[0].Refblock())
	damaged.plan.Add(0, refblock+2, []byte{0, 1}, "refcount of cluster 1, as it is")
	damaged.plan.Add(0, refblock+200, []byte{0, 1}, "refcount of cluster 100")
	if _, err := redirect.Plan(ctx, damaged.img, damaged.before, damaged.plan, redirect.Options{}); !errors.Is(err, redirect.ErrCannot) || !strings.Contains(err.Error(), "the header is read as another table") {
		t.Fatalf("%v", err)
	}
	p.plan = damaged.plan
	if p.redirected(t) == nil {
		t.Error("without the list the plan is not redirected, either")
	}
}
