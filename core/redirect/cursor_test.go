package redirect_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/redirect"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// pathOf is a random path into the image, often to something that is there.
func pathOf(r *rand.Rand, p planned) redirect.Cursor {
	g := p.img.Geo
	l1, l2 := r.Int64N(max(1, p.img.L1.Entries)), r.Int64N(g.L2Entries())
	if extents := p.built.Guest.Extents(); len(extents) > 0 {
		e := extents[r.IntN(len(extents))]
		off := qcow2.GuestOff(e.Off + r.Int64N(e.Len))
		l1, l2 = g.L1Index(off), g.L2Index(off)
	}
	below := []int64{l1, l2}[:r.IntN(3)]
	switch n := int64(len(p.before.Snapshots.Snapshots)); r.IntN(6) {
	case 0, 1:
		if n > 0 {
			return redirect.At(redirect.SnapshotTable, append([]int64{r.Int64N(n)}, below...)...)
		}
	case 2:
		return redirect.At(redirect.Reftable, []int64{r.Int64N(max(1, int64(len(p.img.Reftable))))}[:r.IntN(2)]...)
	case 3:
		return redirect.At(redirect.BitmapDirectory, []int64{r.Int64N(max(1, int64(len(p.img.Bitmaps)))), r.Int64N(4)}[:r.IntN(3)]...)
	case 4:
		return redirect.At(redirect.SnapshotTable)
	}
	return redirect.At(redirect.ActiveL1, below...)
}

// moved redirects the paths of an image; nil when one of them cannot be.
func (p planned) moved(t *testing.T, paths []redirect.Cursor) *redirect.Result {
	t.Helper()
	tx, err := redirect.Begin(ctx, p.img, p.before, p.plan, redirect.Options{})
	for _, c := range paths {
		if err == nil {
			err = tx.Redirect(c)
		}
	}
	var res *redirect.Result
	if err == nil {
		res, err = tx.Commit()
	}
	if errors.Is(err, redirect.ErrCannot) {
		return nil
	}
	if err != nil {
		t.Fatalf("%s: %v: %v", p.name, paths, err)
	}
	return res
}

// A path that is redirected by itself takes with it what leads to it and nothing else. The
// image stays without a fault: refcounts are exact, those of what other paths share too, and
// COPIED says that a refcount is 1. Everything on the path has a new place, once.
func TestRedirectPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var sum tally
	shared, refused := 0, 0
	each := func(p planned) {
		p.plan = patch.New(int64(len(p.src)))
		for n := range 12 {
			var paths []redirect.Cursor
			for range 1 + r.IntN(3) {
				paths = append(paths, pathOf(r, p))
			}
			q := p.with(fmt.Sprint(paths), p.plan)
			res := q.moved(t, append(paths, paths[0]))
			if res == nil {
				refused++
				continue
			}
			q.pathsMoved(t, paths, res)
			shared += q.healthy(t, res)
			if n%4 == 0 {
				q.survives(t, res, &sum)
			}
		}
	}
	eachAged(t, func(_ *rand.Rand, p planned) {
		if r.IntN(max(6, share()/4/testimages.Each(shortEach, jsEach))) == 0 {
			each(p)
		}
	})
	for range max(1, 100/max(20, share())) {
		each(built(t, "shares", shares))
	}
	t.Logf("%+v; %d nodes were shared, %d sets of paths refused", sum, shared, refused)
	if shared < 5 || sum.plans < 5 || sum.unsafe > 0 {
		t.Error("too few, or unsafe")
	}
}

// pathsMoved holds that each node on the paths has one new place.
func (p planned) pathsMoved(t *testing.T, paths []redirect.Cursor, res *redirect.Result) {
	t.Helper()
	to := map[redirect.Cursor]bool{}
	from := map[string]bool{}
	for _, m := range res.Moves {
		key := fmt.Sprint(m.Kind, m.From)
		if from[key] && m.From >= 0 {
			t.Errorf("%s: %v at 0x%x was moved twice", p.name, m.Kind, int64(m.From))
		}
		to[m.Node], from[key] = true, true
	}
	for _, c := range paths {
		root := redirect.At(c.Root)
		if len(res.Moves) == 0 || !to[root] {
			t.Errorf("%s: the root %v of %v stayed\n%v", p.name, root, c, res.Log)
		}
	}
}

// healthy holds that the image is as free of faults as it was and reads the same, and tells
// how many nodes were left to others.
func (p planned) healthy(t *testing.T, res *redirect.Result) (shared int) {
	t.Helper()
	after := content(t, p.src, res.Plan)
	rep := examine(t, open(t, after))
	if rep.Corruptions != p.before.Corruptions || rep.Leaks != p.before.Leaks || rep.CheckErrors != p.before.CheckErrors || worse(p.before, rep) {
		t.Errorf("%s: %d corruptions, %d leaks after, %d, %d before\n%v", p.name, rep.Corruptions, rep.Leaks, p.before.Corruptions, p.before.Leaks, res.Log)
	}
	p.sameGuest(t, p.img, open(t, after))
	p.onlyFreeClusters(t, res)
	for _, m := range res.Moves {
		if m.From >= 0 && m.Kind != redirect.KindStream && rep.Refcounts.Count(p.img.Geo.Cluster(m.From)) > 0 {
			shared++
			if m.Kind != redirect.KindL2 && m.Kind != redirect.KindData {
				t.Errorf("%s: %v %v is left to somebody", p.name, m.Kind, m.Node)
			}
		}
	}
	return shared
}

func worse(was, is *check.Report) bool {
	had := map[check.Code]bool{}
	for _, g := range was.Groups {
		had[g.Code] = true
	}
	for _, g := range is.Groups {
		if !had[g.Code] && g.Code.Severity() >= check.Warning {
			return true
		}
	}
	return false
}

// shares is an image in which two snapshots share everything with each other, a third one
// with the active layer.
const shares = `image version=3 size=1M cluster=64K
write guest=0 len=256K fill=0x11
snapshot name=one
snapshot name=two
write guest=128K len=64K fill=0x22
snapshot name=three`

func built(t *testing.T, name, recipe string) planned {
	t.Helper()
	b := testimages.MakeLines(t, recipe)
	src := source.Bytes(b.Image)
	p := planned{name: name, built: b, src: src, img: open(t, src), plan: patch.New(int64(len(src)))}
	p.before = examine(t, p.img)
	return p
}

// Two layers share an L2 table. Redirected by the path of one it loses a reference; where a
// copy has refcount 1 then, COPIED is set in the active layer's pointer to it. The data below,
// which as many paths lead to as before, keeps its refcounts.
func TestSharedTableIsSplit(t *testing.T) {
	p := built(t, "shares", shares)
	for _, path := range []redirect.Cursor{
		redirect.At(redirect.ActiveL1, 0), redirect.At(redirect.SnapshotTable, 2, 0), redirect.At(redirect.SnapshotTable, 0, 0),
	} {
		res := p.moved(t, []redirect.Cursor{path})
		if res == nil {
			t.Fatalf("%v is refused", path)
		}
		after := open(t, content(t, p.src, res.Plan))
		rep := examine(t, after)
		split := 0
		for _, m := range res.Moves {
			from, to := p.img.Geo.Cluster(m.From), p.img.Geo.Cluster(m.To)
			if m.Kind == redirect.KindL2 {
				split++
				if was, left, mine := p.before.Refcounts.Count(from), rep.Refcounts.Count(from), rep.Refcounts.Count(to); was != 2 || left != 1 || mine != 1 {
					t.Errorf("%v: %d references before, %d to the old table and %d to the new one after", path, was, left, mine)
				}
			}
		}
		if rep.Corruptions+rep.Leaks > 0 || split != 1 {
			t.Errorf("%v: %d corruptions, %d leaks, %d tables split\n%v", path, rep.Corruptions, rep.Leaks, split, res.Log)
		}
		for c := range p.img.HostClusters() {
			if k := qcow2.HostCluster(c); p.before.Refcounts.Role(k) == refcount.Data && rep.Refcounts.Count(k) != p.before.Refcounts.Count(k) {
				t.Errorf("%v: data cluster %d had %d references and has %d", path, c, p.before.Refcounts.Count(k), rep.Refcounts.Count(k))
			}
		}
		var e [8]byte
		if err := source.ReadFull(after.Src, e[:], int64(after.L1.Off)); err != nil {
			t.Fatal(err)
		}
		own := path.Root == redirect.ActiveL1 || path.Index[0] == 2 // the third snapshot shares with the active layer
		if word := qcow2.L1Entry(be.Uint64(e[:])); word.Copied() != own {
			t.Errorf("%v: l1[0] is 0x%x", path, uint64(word))
		}
		p.sameGuest(t, p.img, after)
	}
}
