package repair

import (
	"fmt"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Order of the batches: what is in use is marked as such first, space is given back last.
const (
	batchRaise = iota
	batchSwitch
	batchLower
)

// refcounts makes the stored refcounts agree with the references.
func (r *repairer) refcounts() error {
	if r.opt.Scope == Leaks {
		if why := r.mayNotFree(); why != "" {
			r.out.KeptLeaks = why
			return nil
		}
		return r.inPlace()
	}
	if err := r.whatToKeep(); err != nil {
		return err
	}
	if r.leavesAll() {
		return nil
	}
	if r.opt.Scope == Rebuild || r.needsNewStructure() {
		if err := r.rebuild(); err != nil {
			return err
		}
		if err := r.commitPart(); err != nil {
			return err
		}
		// Where the file became longer, pointers that led past its end refer to clusters now.
		if timesOf(r.report, check.RefcountZero, check.RefcountTooLow) == 0 || r.needsNewStructure() {
			return nil
		}
	}
	return r.inPlace()
}

// whatToKeep says why the leaked clusters must stay as they are. A reftable that is something
// else tells of none, and what it overlaps is its own fault: without it the image shows what
// else is wrong.
func (r *repairer) whatToKeep() error {
	look := func() error {
		r.out.KeptLeaks = r.mayNotFree()
		return nil
	}
	if !r.reftableBogus() {
		return look()
	}
	return r.without([]patch.Write{{Off: qcow2.OffReftableLen, Data: be32bytes(0)}}, look)
}

// mayNotFree says why leaked clusters must stay as they are, "" if they may be given back.
// While anything else is wrong a leaked cluster may be what a broken pointer meant.
func (r *repairer) mayNotFree() string {
	if r.report.Group(check.LeakedCluster) == nil && r.report.Group(check.RefcountTooHigh) == nil {
		return ""
	}
	if r.report.Group(check.LostMapping) != nil {
		return "they look like data whose mapping was lost"
	}
	if r.lostTable {
		return "they may belong to a table in the part of the file that is missing"
	}
	if r.cut {
		return "a pointer that was given up may have meant them"
	}
	if r.separated {
		return "one of the places that shared a cluster lost its own, and may have meant them"
	}
	for _, g := range r.report.Groups {
		// What QEMU does not see counts as well, when it is worse than a warning.
		if g.Class == check.Leak || g.Class == check.Beyond && g.Code.Severity() < check.Damage {
			continue
		}
		switch g.Code {
		case check.CopiedL1, check.CopiedL2:
			continue // a flag says nothing about where a pointer leads
		case check.RefcountZero, check.RefcountTooLow, check.RefcountUnreadable, check.ReftableReservedBits, check.RefblockUnaligned, check.RefblockOutside, check.RefblockShared:
			// These are mended with the refcounts, in scope all.
			if r.opt.Scope != Leaks {
				continue
			}
		}
		return fmt.Sprintf("the image has other damage (%s), and a leaked cluster may be what a broken pointer meant", g.Code)
	}
	return ""
}

// needsNewStructure tells whether some refcount has no good place to be stored at.
func (r *repairer) needsNewStructure() bool {
	for _, c := range []check.Code{check.ReftableReservedBits, check.RefblockUnaligned, check.RefblockOutside, check.RefblockShared,
		check.RefcountUnreadable} {
		if r.report.Group(c) != nil && !r.opt.Leave.codes[c] {
			return true
		}
	}
	if g := r.report.Group(check.RegionBeyondEOF); g != nil {
		for _, f := range g.Findings {
			if f.At.Role == refcount.Reftable || f.At.Role == refcount.Refblock {
				return true
			}
		}
	}
	return r.refcountWithoutBlock() && !r.opt.Leave.codes[check.RefcountZero] || r.reftableShared() || r.refblockShared()
}

// refblockShared tells whether something else claims the cluster of a refblock. The finding
// of that name does not say so where refcounts cannot count to 2.
func (r *repairer) refblockShared() bool {
	g, t := r.img.Geo, r.report.Refcounts
	return slices.ContainsFunc(r.img.Reftable, func(e qcow2.ReftableEntry) bool {
		return e.Refblock() > 0 && t.Count(g.Cluster(e.Refblock())) > 1
	})
}

// refcountWithoutBlock tells whether a referenced cluster has no refblock.
func (r *repairer) refcountWithoutBlock() bool {
	t, per := r.report.Refcounts, r.img.Geo.RefblockEntries()
	for from := int64(0); from < t.Len(); from += per {
		k := from / per
		if k < int64(len(r.img.Reftable)) && r.img.Reftable[k].Refblock() != 0 {
			continue
		}
		for _, n := range t.Counts(from, min(from+per, t.Len())) {
			if n != 0 {
				return true
			}
		}
	}
	return false
}

// reftableShared tells whether something else claims a cluster of the reftable: a write to
// the table would be a write to that as well.
func (r *repairer) reftableShared() bool {
	g, t := r.img.Geo, r.report.Refcounts
	first := g.Cluster(qcow2.HostOff(r.img.Header.RefcountTableOffset))
	for c := first; c < first+qcow2.HostCluster(g.Clusters(r.img.ReftableBytes())); c++ {
		if t.Count(c) != 1 {
			return true
		}
	}
	return false
}

// inPlace corrects refcounts where they are stored.
func (r *repairer) inPlace() error {
	t, g := r.report.Refcounts, r.img.Geo
	per := g.RefblockEntries()
	block := make(qcow2.Refblock, g.ClusterSize())
	var raised, lowered, freed uint64
	for from := int64(0); from < t.Len(); from += per {
		k := from / per
		if k >= int64(len(r.img.Reftable)) || r.img.Reftable[k].Refblock() == 0 {
			continue
		}
		off := int64(r.img.Reftable[k].Refblock())
		if off < 0 || off >= r.img.Src.Size() || !g.Aligned(qcow2.HostOff(off)) {
			continue // no refblock: what lies there is something else
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := source.ReadFull(r.img.Src, block, off); err != nil {
			return err
		}
		e := blockEdit{r: r, k: k, off: off, from: from, old: block}
		e.run(min(per, t.Len()-from))
		raised, lowered, freed = raised+e.raised, lowered+e.lowered, freed+e.freed
	}
	r.step(check.RefcountTooLow, raised, "raise refcounts to the references that exist")
	r.step(check.RefcountTooHigh, lowered, "lower refcounts to the references that exist")
	r.step(check.LeakedCluster, freed, "give leaked clusters back")
	return nil
}

// blockEdit corrects one refblock.
type blockEdit struct {
	r                      *repairer
	k, off, from           int64
	old                    qcow2.Refblock
	up, down               qcow2.Refblock // copies with raised, then also lowered refcounts
	raised, lowered, freed uint64
}

func (e *blockEdit) run(n int64) {
	order, t := e.r.img.Geo.RefcountOrder, e.r.report.Refcounts
	mayFree := e.r.out.KeptLeaks == ""
	for i := range n {
		stored, want := e.old.At(order, i), t.Capped(qcow2.HostCluster(e.from+i))
		switch {
		case stored == want:
			continue
		case e.r.leavesRefcount(e.from+i, want, stored):
			continue
		case stored < want && e.r.opt.Scope != Leaks:
			e.raised++
			e.edit(&e.up, e.old).Set(order, i, want)
			if e.down != nil {
				e.down.Set(order, i, want)
			}
		case stored > want && mayFree:
			if want == 0 {
				e.freed++
			} else {
				e.lowered++
			}
			base := e.old
			if e.up != nil {
				base = e.up
			}
			e.edit(&e.down, base).Set(order, i, want)
		}
	}
	e.write(batchRaise, e.old, e.up, "raise refcounts that are too low")
	if e.up != nil {
		e.old = e.up
	}
	e.write(batchLower, e.old, e.down, "lower refcounts that are too high")
}

func (e *blockEdit) edit(b *qcow2.Refblock, from qcow2.Refblock) qcow2.Refblock {
	if *b == nil {
		*b = append(qcow2.Refblock(nil), from...)
	}
	return *b
}

// write adds the sectors that changed, joined where they touch.
func (e *blockEdit) write(batch int, before, after qcow2.Refblock, why string) {
	if after == nil {
		return
	}
	why = fmt.Sprintf("refblock %d: %s", e.k, why)
	for from := 0; from < len(after); {
		if before[from] == after[from] {
			from++
			continue
		}
		to, same := from+1, 0
		for i := to; i < len(after) && same < 64; i++ {
			if same++; before[i] != after[i] {
				to, same = i+1, 0
			}
		}
		e.r.stage.Add(batch, e.off+int64(from), append([]byte(nil), after[from:to]...), why)
		from = to
	}
}
