package amend_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// widths are all that refcounts may have.
var widths = []uint{1, 2, 4, 8, 16, 32, 64}

// width is the change of width, or why there is none.
func (s subject) width(t testing.TB, opt amend.WidthOptions) (*amend.Result, error) {
	t.Helper()
	r, err := amend.Width(context.Background(), s.open(t), s.check(t), opt)
	if err != nil {
		return nil, err
	}
	if err := r.Plan.Check(s.src.Size()); err != nil {
		t.Fatal(err)
	}
	return r, nil
}

// mustWidth is the change of width where nothing forbids it.
func (s subject) mustWidth(t testing.TB, bits uint, likeQEMU bool) *amend.Result {
	t.Helper()
	r, err := s.width(t, amend.WidthOptions{Bits: bits, LikeQEMU: likeQEMU})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// structure is a refcount structure as it lies in a file, and all refcounts that it holds.
type structure struct {
	order           uint
	table, tableLen int64 // clusters
	blocks          map[int64]int64
	refcounts       map[int64]uint64
}

func structureOf(t testing.TB, src source.Source) structure {
	t.Helper()
	be := binary.BigEndian
	head := make([]byte, 104)
	read := func(b []byte, off int64) {
		if err := source.ReadFull(src, b, off); err != nil {
			t.Fatal(err)
		}
	}
	read(head, 0)
	bits := be.Uint32(head[20:])
	s := structure{order: uint(be.Uint32(head[96:])), table: int64(be.Uint64(head[48:]) >> bits), tableLen: int64(be.Uint32(head[56:])),
		blocks: map[int64]int64{}, refcounts: map[int64]uint64{}}
	table, block := make([]byte, s.tableLen<<bits), make(qcow2.Refblock, 1<<bits)
	read(table, s.table<<bits)
	per := int64(8) << bits >> s.order
	for k := range int64(len(table) / 8) {
		off := int64(be.Uint64(table[8*k:]))
		if off == 0 {
			continue
		}
		s.blocks[k] = off >> bits
		read(block, off)
		for i := range per {
			if n := block.At(s.order, i); n != 0 {
				s.refcounts[k*per+i] = n
			}
		}
	}
	return s
}

// own are the clusters of the structure itself.
func (s structure) own() map[int64]bool {
	own := map[int64]bool{}
	for i := range s.tableLen {
		own[s.table+i] = true
	}
	for _, c := range s.blocks {
		own[c] = true
	}
	return own
}

// widened applies the plan of a change of width and holds it to what all must keep: every
// refcount that is not the structure's own is carried over, the check finds nothing new, and
// only free clusters and the header are written to, the header in one write.
func (s subject) widened(t testing.TB, r *amend.Result) subject {
	t.Helper()
	now := s.after(t, r.Plan)
	was, is := structureOf(t, s.src), structureOf(t, now.src)
	if got := uint(1) << is.order; got != r.Cost.BitsAfter {
		t.Errorf("refcounts have %d bits, wanted are %d", got, r.Cost.BitsAfter)
	}
	want := map[int64]uint64{}
	for c, n := range was.refcounts {
		want[c] = n
	}
	for c := range was.own() {
		want[c]--
	}
	for c := range is.own() {
		if want[c] != 0 {
			t.Errorf("cluster %d had refcount %d and belongs to the new structure", c, want[c])
		}
		want[c] = 1
	}
	for c, n := range want {
		if is.refcounts[c] != n {
			t.Errorf("cluster %d has refcount %d, not %d", c, is.refcounts[c], n)
		}
		delete(is.refcounts, c)
	}
	if len(is.refcounts) > 0 {
		t.Errorf("refcounts from nowhere: %v", is.refcounts)
	}
	before, after := s.check(t), now.check(t)
	if after.Corruptions != before.Corruptions || after.Leaks != before.Leaks || after.CheckErrors != before.CheckErrors {
		t.Errorf("%d corruptions, %d leaks, there were %d and %d", after.Corruptions, after.Leaks, before.Corruptions, before.Leaks)
	}
	if got := int64(len(is.blocks)) + is.tableLen; got != r.Cost.StructureAfter {
		t.Errorf("the structure has %d clusters, said are %d", got, r.Cost.StructureAfter)
	}
	return now
}

// untouched holds that the plan writes to free clusters, and to the header at once.
func (s subject) untouched(t testing.TB, p *patch.Plan) {
	t.Helper()
	g, used := s.open(t).Geo, structureOf(t, s.src).refcounts
	last := p.Batches[len(p.Batches)-1]
	if len(p.Batches) != 2 || len(last) != 1 || last[0].Off != qcow2.OffReftable || last[0].End() != qcow2.OffRefcountOrder+4 {
		t.Errorf("the header is not switched by one write at the end:\n%v", p)
	}
	for _, w := range p.Batches[0] {
		for c := g.Cluster(qcow2.HostOff(w.Off)); c <= g.Cluster(qcow2.HostOff(w.End()-1)); c++ {
			if used[int64(c)] != 0 {
				t.Errorf("writes to cluster %d, which is in use", c)
			}
		}
	}
}

// cut applies the first batches of the plan and some writes of the next: the image is the
// old one, with nothing new in it but what nothing refers to.
func (s subject) cut(t testing.TB, r *rand.Rand, p *patch.Plan) {
	t.Helper()
	n := r.IntN(len(p.Batches))
	cut := patch.New(p.SizeBefore)
	for _, b := range p.Batches[:n] {
		for _, w := range b {
			cut.Add(0, w.Off, w.Data, w.Why)
		}
	}
	for _, w := range p.Batches[n] {
		if n < len(p.Batches)-1 && r.IntN(2) == 0 {
			cut.Add(1, w.Off, w.Data, w.Why)
		}
	}
	now := s.after(t, cut)
	before, after := s.check(t), now.check(t)
	if after.Corruptions != before.Corruptions || after.CheckErrors != before.CheckErrors || len(p.Batches) == 2 && after.Leaks != before.Leaks {
		t.Errorf("cut in batch %d: %d corruptions, %d errors, %d leaks; there were %d, %d, %d", n, after.Corruptions, after.CheckErrors, after.Leaks,
			before.Corruptions, before.CheckErrors, before.Leaks)
	}
	for k, c := range structureOf(t, s.src).blocks {
		if len(p.Batches) == 2 && structureOf(t, now.src).blocks[k] != c {
			t.Errorf("cut in batch %d: the old refblock %d is not found any more", n, k)
		}
	}
}

// otherWidth is one that the image does not have.
func otherWidth(r *rand.Rand, order uint) uint {
	for {
		if bits := widths[max(r.IntN(len(widths)), r.IntN(len(widths)))]; bits != 1<<order {
			return bits
		}
	}
}

// layouts is how many random layouts are tried; under js, which is many times slower, few.
func layouts() uint64 {
	if runtime.GOOS == "js" {
		return 40
	}
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return 5000
	}
	return 400
}

// Random layouts, direct and as QEMU does it: everything is kept, and direct is never larger.
func TestWidthOfRandomLayouts(t *testing.T) {
	smaller := 0
	for seed := range layouts() {
		r := rand.New(rand.NewPCG(seed, 11))
		l := scattered(r, 9+uint(r.IntN(4)/3), uint(r.IntN(7)), 20+r.Int64N(600))
		s := subject{src: l.source(t)}
		bits := otherWidth(r, l.order)
		name := fmt.Sprintf("seed %d: %d clusters of %d bytes, %d to %d bits", seed, l.clusters, 1<<l.bits, 1<<l.order, bits)
		direct, like := s.mustWidth(t, bits, false), s.mustWidth(t, bits, true)
		s.widened(t, direct)
		s.untouched(t, direct.Plan)
		s.widened(t, like)
		s.cut(t, r, direct.Plan)
		s.cut(t, r, like.Plan)
		if direct.Cost.StructureAfter > like.Cost.StructureAfter || direct.Cost.FileAfter > like.Cost.FileAfter {
			t.Errorf("%s: direct has %d clusters and ends at %d, QEMU %d at %d", name, direct.Cost.StructureAfter, direct.Cost.FileAfter,
				like.Cost.StructureAfter, like.Cost.FileAfter)
		}
		if direct.Cost.StructureAfter < like.Cost.StructureAfter || direct.Cost.FileAfter < like.Cost.FileAfter {
			smaller++
		}
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if smaller == 0 {
		t.Error("direct placement never gained anything")
	}
}
