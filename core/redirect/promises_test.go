package redirect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/redirect"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// Whatever the plan: redirected it makes the same image but for the places, writes only to
// clusters that were free before the header switches over, and nothing without need; and no
// crash breaks it.
func TestRedirectedPlans(t *testing.T) {
	var all atomic.Int64
	t.Cleanup(func() { // when all kinds are through
		t.Logf("%d crash states", all.Load())
		if full() && all.Load() < 100_000 {
			t.Errorf("only %d crash states", all.Load())
		}
	})
	for k, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(k), 2))
			var sum tally
			kind.plans(t, func(p planned) {
				if !full() && !kind.all && r.IntN(share()/2/testimages.Each(shortEach, jsEach)) > 0 {
					return
				}
				res := p.redirected(t)
				if res == nil {
					return
				}
				p.keepsPromises(t, res)
				p.survives(t, res, &sum)
				if askQEMU != nil {
					askQEMU(t, r, p, res)
				}
			})
			all.Add(int64(sum.states))
			floor := kind.least()
			t.Logf("%d plans, %d crash states, %d of them behind the switch, %d unsafe", sum.plans, sum.states, sum.switched, sum.unsafe)
			if sum.states < floor || sum.switched == 0 {
				t.Errorf("too few: %+v, the floor is %d", sum, floor)
			}
		})
	}
}

// askQEMU has QEMU judge a sample of the results and of the crash states, where it is there.
var askQEMU func(t *testing.T, r *rand.Rand, p planned, res *redirect.Result)

// keepsPromises holds a redirected plan to all of them.
func (p planned) keepsPromises(t *testing.T, res *redirect.Result) {
	t.Helper()
	made := p
	made.src = content(t, p.src, p.plan)
	made.img = open(t, made.src)
	made.before = examine(t, made.img)
	after := content(t, p.src, res.Plan)
	p.sameReport(t, made.before, examine(t, open(t, after)), res)
	p.sameGuest(t, made.img, open(t, after))
	p.onlyFreeClusters(t, res)
	p.nothingWithoutNeed(t, res)
	p.undone(t, res, after)
	p.replayed(t, res)
	p.sure(t, res, after)
	again := planned{name: p.name + " again", src: p.src, img: p.img, before: p.before, plan: res.Plan}
	if twice := again.redirected(t); twice == nil || len(twice.Moves) > 0 && len(res.Unsafe) == 0 {
		t.Errorf("%s: redirected again something moves: %+v", p.name, twice)
	}
}

// sameReport compares what is wrong with the image that the plan makes and the redirected one.
func (p planned) sameReport(t *testing.T, want, got *check.Report, res *redirect.Result) {
	t.Helper()
	if res.After.Corruptions != got.Corruptions || res.After.Leaks != got.Leaks || res.After.ImageEnd != got.ImageEnd {
		t.Errorf("%s: the result says %d corruptions, %d leaks, there are %d, %d", p.name, res.After.Corruptions, res.After.Leaks, got.Corruptions, got.Leaks)
	}
	// Where two things lie in one place they are parted, which can make it better, and leave
	// the refcount of the place too high.
	tangled := slices.ContainsFunc(want.Groups, func(g check.Group) bool {
		return g.Code == check.MetadataOverlap || g.Code == check.CrossLink || g.Code == check.L2TableShared || g.Code == check.RegionBeyondEOF
	})
	equal := got.Corruptions == want.Corruptions && got.Leaks == want.Leaks
	if got.CheckErrors != want.CheckErrors || got.Refused != want.Refused || !equal && !(tangled && got.Corruptions <= want.Corruptions) {
		t.Errorf("%s: %d corruptions, %d leaks, %d errors, the plan makes %d, %d, %d\n%v", p.name, got.Corruptions, got.Leaks, got.CheckErrors,
			want.Corruptions, want.Leaks, want.CheckErrors, res.Log)
	}
}

// maxGuest is the largest disk that is compared whole.
const maxGuest = 64 << 20

// What a guest reads from files beside the image.
var besideBacking, besideData = bytes.Repeat([]byte("backing "), 1<<20), bytes.Repeat([]byte("data"), 1<<20)

// sameGuest reads both images as a guest does, through every layer.
func (p planned) sameGuest(t *testing.T, want, got *image.Image) {
	t.Helper()
	layers := func(img *image.Image) (all []*image.GuestReader) {
		out := image.Outside{Backing: bytes.NewReader(besideBacking), Data: bytes.NewReader(besideData)}
		all = append(all, image.NewGuestReader(ctx, img, img.L1, min(img.VirtualSize(), maxGuest), out))
		snaps, err := img.ReadSnapshots()
		if err != nil {
			t.Fatal(err)
		}
		for i := range snaps.Snapshots {
			if l1, err := img.SnapshotL1(&snaps.Snapshots[i]); err == nil {
				all = append(all, image.NewGuestReader(ctx, img, l1, min(uint64(l1.Entries*img.Geo.L2Span()), maxGuest), out))
			}
		}
		return all
	}
	as, bs := layers(want), layers(got)
	if len(as) != len(bs) {
		t.Fatalf("%s: %d layers, want %d", p.name, len(bs), len(as))
	}
	for i := range as {
		p.sameLayer(t, i, as[i], bs[i], want)
	}
}

func (p planned) sameLayer(t *testing.T, layer int, a, b *image.GuestReader, want *image.Image) {
	t.Helper()
	cs := want.Geo.ClusterSize()
	x, y := make([]byte, cs), make([]byte, cs)
	for off := int64(0); off < a.Size(); off += cs {
		n, errA := a.ReadAt(x, off)
		m, errB := b.ReadAt(y, off)
		var badA, badB *image.UnreadableError
		if errors.As(errA, &badA) != errors.As(errB, &badB) || errA == io.EOF != (errB == io.EOF) || !bytes.Equal(x[:n], y[:m]) {
			if p.readsHeader(want, layer, qcow2.GuestOff(off)) {
				continue
			}
			t.Errorf("%s: layer %d reads other bytes at 0x%x (%v, %v)", p.name, layer, off, errA, errB)
			return
		}
	}
}

// readsHeader tells whether a guest reads the header cluster at the offset: its pointers are
// what a redirection changes.
func (p planned) readsHeader(img *image.Image, layer int, off qcow2.GuestOff) bool {
	if layer > 0 {
		return false
	}
	var e [16]byte
	if err := source.ReadFull(img.Src, e[:8], int64(img.L1.Off)+8*img.Geo.L1Index(off)); err != nil {
		return false
	}
	l2 := qcow2.L1Entry(be.Uint64(e[:8])).L2Table()
	if err := source.ReadFull(img.Src, e[:], int64(l2)+img.Geo.L2Index(off)*img.Geo.L2EntrySize()); err != nil {
		return false
	}
	entry := qcow2.L2Entry{Entry: be.Uint64(e[:8])}
	if entry.Kind(img.Geo) == qcow2.Compressed {
		return img.Geo.Cluster(entry.CompressedRange(img.Geo).Start) == 0
	}
	return img.Geo.Cluster(entry.Host()) == 0
}

// onlyFreeClusters holds that before the switch only free clusters are written to, and what
// of the header cluster comes behind its first sector; and that the switch is one sector.
func (p planned) onlyFreeClusters(t *testing.T, res *redirect.Result) {
	t.Helper()
	if len(res.Unsafe) > 0 {
		return
	}
	batches := res.Plan.Batches
	g := p.img.Geo
	if made := open(t, content(t, p.src, p.plan)).Geo; made.ClusterBits != g.ClusterBits {
		return // nothing is known of the old clusters
	}
	switched := false
	for i, batch := range batches {
		for _, w := range batch {
			if w.Off < qcow2.SectorSize {
				if len(batch) != 1 || w.End() > qcow2.SectorSize {
					t.Errorf("%s: batch %d writes more than the first sector", p.name, i)
				}
				switched = true
				continue
			}
			for c := g.Cluster(qcow2.HostOff(w.Off)); c <= g.Cluster(qcow2.HostOff(w.End()-1)); c++ {
				if c > 0 && !switched && (p.before.Refcounts.Count(c) > 0 || p.before.Refcounts.Role(c) == refcount.Leaked) {
					t.Errorf("%s: batch %d writes to cluster %d, %v\n%v", p.name, i, c, p.before.Refcounts.Role(c), res.Plan)
					return
				}
			}
		}
	}
}

// nothingWithoutNeed holds that a node has a new place only if its bytes change: those that
// the plan writes, pointers to other new places, refcounts.
func (p planned) nothingWithoutNeed(t *testing.T, res *redirect.Result) {
	t.Helper()
	changed := map[redirect.Cursor]bool{}
	places := map[qcow2.HostOff]redirect.Cursor{}
	for _, m := range res.Moves {
		places[m.To] = m.Node
	}
	for _, r := range res.Log {
		switch r.Op {
		case redirect.OpWrite:
			changed[r.Node] = true
		case redirect.OpUpdate:
			changed[places[r.Parent]] = true
		case redirect.OpCount:
			changed[places[r.Off]] = true
		}
	}
	cs := p.img.Geo.ClusterSize()
	if made := open(t, content(t, p.src, p.plan)); made.Geo.ClusterBits != p.img.Geo.ClusterBits {
		cs = max(cs, made.Geo.ClusterSize())
	}
	most := 4*cs + 2*p.plan.Bytes() // the header, and what lies at no changed node
	once := map[string]bool{}
	for _, m := range res.Moves {
		if !changed[m.Node] {
			t.Errorf("%s: %v %v moved and does not change\n%v", p.name, m.Kind, m.Node, res.Log)
		}
		key := fmt.Sprint(m.Kind, m.From, m.Len)
		if m.From >= 0 && once[key] {
			t.Errorf("%s: %v %v moved twice\n%v", p.name, m.Kind, m.Node, res.Log)
		}
		once[key] = true
		most += m.Len + 2*cs
	}
	if n := res.Plan.Bytes(); n > most {
		t.Errorf("%s: %d bytes are written, the nodes on the paths have %d\n%v", p.name, n, most, res.Plan)
	}
}

// undone holds that the plan can be taken back.
func (p planned) undone(t *testing.T, res *redirect.Result, after source.Bytes) {
	t.Helper()
	undo, err := res.Plan.Undo(p.src)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, after, undo), p.src) {
		t.Errorf("%s: undone it is another file", p.name)
	}
}

// replayed holds that the log, cut anywhere, leads to the old image or the new one.
func (p planned) replayed(t *testing.T, res *redirect.Result) {
	t.Helper()
	cuts := []int{len(res.Log) / 3, len(res.Log) / 2, len(res.Log)}
	for cut := range len(res.Log) {
		cuts = append(cuts, cut)
	}
	for _, cut := range cuts {
		plan, err := res.Log[:cut].Replay(p.src)
		if err != nil {
			t.Fatal(err)
		}
		if cut < len(res.Log) && !plan.Empty() || cut == len(res.Log) && plan.String() != res.Plan.String() {
			t.Errorf("%s: %d of %d records replayed make\n%v", p.name, cut, len(res.Log), plan)
		}
	}
}

// sure holds that the plan is known to be safe as it is, and so is the one that takes it
// back.
func (p planned) sure(t *testing.T, res *redirect.Result, after source.Bytes) {
	t.Helper()
	undo, err := res.Plan.Undo(p.src)
	if err != nil {
		t.Fatal(err)
	}
	forth, err := redirect.Safe(ctx, p.src, res.Plan, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	back, err := redirect.Safe(ctx, after, undo, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if safe := len(res.Unsafe) == 0; forth != safe || safe && !back && len(p.src) >= qcow2.SectorSize {
		t.Errorf("%s: known to be safe: %v, undone: %v, it is %v\n%v", p.name, forth, back, safe, res.Plan)
	}
}
