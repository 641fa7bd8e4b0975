package repair_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// way is one way to repair an image.
type way struct {
	scope  repair.Scope
	accept bool // consent to everything
}

// ways are all that are tried; under js, which is many times slower, only the first two.
func ways() []way {
	all := []way{{repair.Leaks, false}, {repair.All, false}, {repair.Rebuild, false}, {repair.All, true}, {repair.Rebuild, true}}
	if runtime.GOOS == "js" {
		return all[:2]
	}
	return all
}

func (w way) String() string {
	if w.accept {
		return string(w.scope) + " by consent"
	}
	return string(w.scope)
}

func (w way) options() repair.Options {
	opt := repair.Options{Scope: w.scope}
	if w.accept {
		opt.Accept = map[check.Code]bool{}
		for _, c := range check.Codes() {
			opt.Accept[c] = true
		}
	}
	return opt
}

// jsEach is of how many recipes one is tried under js.
const jsEach = 4

// everyRecipe runs a test for each recipe that opens, or a share of them: natively one of short.
func everyRecipe(t *testing.T, short int, test func(t *testing.T, b *testimages.Built)) {
	t.Helper()
	opened, each := 0, testimages.Each(short, jsEach)
	for i, name := range testimages.Names() {
		if !testimages.Taken(t.Name(), i, each) {
			continue
		}
		b := testimages.Make(t, name)
		if _, err := image.Open(context.Background(), source.Bytes(b.Image)); err != nil {
			continue
		}
		opened++
		t.Run(name, func(t *testing.T) { test(t, b) })
	}
	if opened < 180/each {
		t.Errorf("only %d recipes opened", opened)
	}
}

// summary is all that a report says, in words.
func summary(r *check.Report) string {
	var s strings.Builder
	fmt.Fprintf(&s, "exit %d, %d corruptions, %d leaks, %d errors, %+v, end %d, refused %v, aborted %v\n",
		r.ExitCode(), r.Corruptions, r.Leaks, r.CheckErrors, r.Stats, r.ImageEnd, r.Refused, r.Aborted)
	for _, g := range r.Groups {
		fmt.Fprintf(&s, "%s %d times at %d places:\n", g.Code, g.Times, g.Places)
		for _, f := range g.Findings {
			fmt.Fprintf(&s, "  %s %v %v 0x%x 0x%x\n", f.ID(), f.Host, f.Guest, f.Got, f.Want)
		}
	}
	return s.String()
}

// Whatever the damage and the scope: the plan does what its outcome says, the same each
// time; undone it gives the old bytes; no byte that the guest reads rightly is written to
// or lost; and nothing is freed while something is wrong.
func TestRepairsOfAllRecipes(t *testing.T) {
	everyRecipe(t, 2, func(t *testing.T, b *testimages.Built) {
		src := source.Bytes(b.Image)
		sum := bytes.Clone(src)
		before := examine(t, src)
		for _, w := range ways() {
			out := planned(t, src, w.options())
			after := apply(t, src, out.Plan)
			if got, want := summary(out.After), summary(examine(t, source.Bytes(after))); got != want {
				t.Errorf("%v: the outcome says\n%sthe image is\n%s", w, got, want)
			}
			if again := planned(t, src, w.options()); again.Plan.String() != out.Plan.String() {
				t.Errorf("%v: planned again it is another plan:\n%v\n%v", w, out.Plan, again.Plan)
			}
			undo, err := out.Plan.Undo(src)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(apply(t, source.Bytes(after), undo), src) {
				t.Errorf("%v: undone it is another file", w)
			}
			if out.After.Corruptions > before.Corruptions && !before.Aborted && !before.Refused {
				t.Errorf("%v: %d corruptions, before it were %d\n%v", w, out.After.Corruptions, before.Corruptions, out.Plan)
			}
			guestKeepsItsBytes(t, w, b, out, out.Plan, after)
			nothingFreedAmidDamage(t, w, b, before, out, after)
		}
		if !bytes.Equal(src, sum) {
			t.Error("the source was written to")
		}
	})
}

// overlaps tells whether some write of the plan touches the range.
func overlaps(p *patch.Plan, off, n int64) bool {
	for _, b := range p.Batches {
		for _, w := range b {
			if w.Off < off+n && off < w.End() {
				return true
			}
		}
	}
	return false
}

// guestKeepsItsBytes holds that what read right reads right, and that no write touches the
// host bytes behind it. Only what the outcome lists as given up may differ.
func guestKeepsItsBytes(t *testing.T, w way, b *testimages.Built, out *repair.Outcome, p *patch.Plan, after []byte) {
	t.Helper()
	was, ok := newView(b, b.Image)
	is, still := newView(b, after)
	if !ok || !still {
		t.Fatalf("%v: no geometry before (%v) or after (%v)", w, ok, still)
	}
	if was.bits != is.bits || was.ext != is.ext {
		return // the header told a lie: nothing was read right by it
	}
	g := guestsOf(b)
	cells := is.cells()
	lost := 0
	for at, c := range was.cells() {
		if now := cells[at]; now == c && !overlaps(p, c.host, c.len) || !g.good(&was, at, c) {
			continue
		}
		if slices.ContainsFunc(out.Lost, func(r qcow2.Range[qcow2.GuestOff]) bool {
			return int64(r.Start) < (at.guest+1)<<was.bits && at.guest<<was.bits < int64(r.End())
		}) {
			continue
		}
		if c.len > 0 && c.host >= int64(len(b.Image)) {
			continue // a pointer past the end: that it reads as it should is luck
		}
		if lost++; lost > 3 {
			return
		}
		if !was.external && c.len > 0 && overlaps(p, c.host, c.len) {
			t.Errorf("%v: %+v reads right, and its bytes at %+v are written to\n%v", w, at, c, p)
		}
		if !g.good(&is, at, cells[at]) {
			t.Errorf("%v: %+v read right by %+v, and does not by %+v\n%v", w, at, c, cells[at], p)
		}
	}
}

// nothingFreedAmidDamage holds that a cluster that may be what a broken pointer meant
// keeps its refcount.
func nothingFreedAmidDamage(t *testing.T, w way, b *testimages.Built, before *check.Report, out *repair.Outcome, after []byte) {
	t.Helper()
	damaged := out.After.Corruptions+out.After.CheckErrors > 0
	for _, g := range out.After.Groups {
		damaged = damaged || g.Code.Severity() >= check.Damage
	}
	if !damaged {
		return
	}
	was, _ := newView(b, b.Image)
	is, _ := newView(b, after)
	if was.bits != is.bits {
		return
	}
	old := refcountStructures(t, b, out.Plan)
	for c := range before.Refcounts.Len() {
		if was.stored(c) > 0 && is.stored(c) == 0 && !old[c] {
			t.Errorf("%v: cluster %d (%v) is freed while the image has %s damage\n%v", w, c, before.Refcounts.Role(qcow2.HostCluster(c)), out.After.Groups[0].Code, out.Plan)
			return
		}
	}
}

// refcountStructures are the clusters of the reftables and refblocks that the header led to
// at some time of the plan: when a new structure takes their place they are free.
func refcountStructures(t *testing.T, b *testimages.Built, p *patch.Plan) map[int64]bool {
	t.Helper()
	all := map[int64]bool{}
	for n := range len(p.Batches) + 1 {
		file := apply(t, source.Bytes(b.Image), part(p, n, func(int) bool { return false }))
		v, ok := newView(b, file)
		if !ok {
			continue
		}
		table, clusters := int64(v.word(48)), int64(v.word(56)>>32)
		for i := range min(clusters, 1<<10) {
			all[table>>v.bits+i] = true
		}
		for i := range min(clusters<<v.bits/8, int64(len(file))/8) {
			all[int64(v.word(table+8*i)&^511)>>v.bits] = true
		}
	}
	return all
}

// part is a plan that was interrupted: some batches whole, of the next some writes.
func part(p *patch.Plan, whole int, keep func(i int) bool) *patch.Plan {
	cut := *p
	cut.Batches = slices.Clone(p.Batches[:whole])
	if whole < len(p.Batches) {
		var some []patch.Write
		for i, w := range p.Batches[whole] {
			if keep(i) {
				some = append(some, w)
			}
		}
		cut.Batches = append(cut.Batches, some)
	}
	return &cut
}

// named are the clusters that a plan is about: those that it writes to, those whose
// refcount it changes, and those that the entries it writes point to.
func named(b *testimages.Built, p *patch.Plan, after []byte) func(c int64) bool {
	was, _ := newView(b, b.Image)
	is, _ := newView(b, after)
	set := map[int64]bool{}
	for _, batch := range p.Batches {
		for _, w := range batch {
			for c := w.Off >> was.bits; c <= (w.End()-1)>>was.bits; c++ {
				set[c] = true
			}
			for off := w.Off &^ 7; off+8 <= w.End() && len(w.Data) <= 1<<was.bits; off += 8 {
				entries := []uint64{was.word(off), is.word(off)}
				if off >= w.Off {
					entries = append(entries, be.Uint64(w.Data[off-w.Off:]))
				}
				for _, e := range entries {
					host := int64(e & 0x00fffffffffffe00)
					set[host>>was.bits], set[(host+1<<was.bits-1)>>was.bits] = true, true
				}
			}
		}
	}
	return func(c int64) bool { return set[c] || was.stored(c) != is.stored(c) }
}

// known are the findings of a report by code and field.
func known(all map[string]bool, r *check.Report) {
	for _, g := range r.Groups {
		all[string(g.Code)] = true
		for _, f := range g.Findings {
			all[f.ID()] = true
		}
	}
}

// A plan may be interrupted anywhere. Then the guest reads what it read or what it will
// read, and the only new trouble is leaks, and refcounts and flags of clusters that the plan
// is about.
func TestInterruptedRepairs(t *testing.T) {
	everyRecipe(t, 3, func(t *testing.T, b *testimages.Built) {
		src := source.Bytes(b.Image)
		before := examine(t, src)
		for k, w := range ways() {
			out := planned(t, src, w.options())
			p := out.Plan
			if p.Writes() == 0 {
				continue
			}
			r := rand.New(rand.NewPCG(uint64(k), 11))
			about := named(b, p, apply(t, src, p))
			fine := map[string]bool{}
			known(fine, before)
			for n := range p.Batches {
				known(fine, examine(t, source.Bytes(apply(t, src, part(p, n, func(int) bool { return false })))))
				cuts := []*patch.Plan{part(p, n, func(int) bool { return false })}
				if len(p.Batches[n]) > 1 {
					for range cutsEach() {
						cuts = append(cuts, part(p, n, func(int) bool { return r.IntN(2) == 0 }))
					}
				}
				for _, cut := range cuts {
					interrupted(t, w, b, before, out, fine, about, cut)
				}
			}
		}
	})
}

// cutsEach is how many random subsets of a batch of writes are tried.
func cutsEach() int {
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return 3
	}
	return 1
}

func interrupted(t *testing.T, w way, b *testimages.Built, before *check.Report, out *repair.Outcome, fine map[string]bool, about func(int64) bool, cut *patch.Plan) {
	t.Helper()
	file := apply(t, source.Bytes(b.Image), cut)
	guestKeepsItsBytes(t, w, b, out, cut, file)
	if before.Refused || before.Aborted {
		return // what was wrong before could not be told
	}
	for _, g := range examine(t, source.Bytes(file)).Groups {
		for _, f := range g.Findings {
			if g.Class == check.Leak || fine[f.ID()] || g.Code.Severity() <= check.Note {
				continue
			}
			switch g.Code {
			case check.RefcountZero, check.RefcountTooLow, check.CopiedL1, check.CopiedL2:
				off := int64(1) << (b.Image[23])
				if c := int64(f.Host.Start) / off; about(c) {
					continue
				}
			case check.LostMapping: // says that leaks are not freed
				continue
			}
			t.Errorf("%v: interrupted it has new trouble: %v: %v\n%v", w, f.ID(), f, cut)
			return
		}
	}
}
