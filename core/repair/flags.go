package repair

import (
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// flags makes the COPIED flags of the active tree agree with the stored refcounts, which
// are right by now. A repair of leaks does so, as QEMU's, when nothing else is wrong: a
// refcount that it lowered to 1 may have made flags wrong.
func (r *repairer) flags() error {
	wrong := flagged(r.report)
	if wrong == 0 || r.opt.Scope == Leaks && (r.report.Corruptions > wrong || r.report.CheckErrors > 0) {
		return nil
	}
	// The report keeps only the first findings of each kind: another check tells them all.
	e := flagEdit{r: r}
	opt := r.opt.Check
	opt.OnFinding = e.add
	if _, err := check.Run(r.ctx, r.img, opt); err != nil {
		return err
	}
	e.flush()
	r.step(check.CopiedL1, e.l1Count, "correct COPIED flags of L1 entries")
	r.step(check.CopiedL2, e.l2Count, "correct COPIED flags of L2 entries")
	return nil
}

// judgedTable is the table of its kind that isTable looked at last.
type judgedTable struct {
	off       qcow2.HostOff
	known, ok bool
}

// flagEdit collects wrong flags; entries side by side become one write.
type flagEdit struct {
	r                *repairer
	l1Count, l2Count uint64
	done             map[qcow2.HostOff]bool // entries written in shared tables
	off              qcow2.HostOff
	run              []byte
	why              string

	table  []byte // the one that isTable reads
	l1, l2 judgedTable
}

func (e *flagEdit) add(f check.Finding) {
	if f.Code != check.CopiedL1 && f.Code != check.CopiedL2 || e.r.opt.Leave.has(f) || !e.writable(f) {
		return
	}
	if f.Code == check.CopiedL1 {
		e.l1Count++
	} else {
		e.l2Count++
	}
	if f.At.Off != e.off+qcow2.HostOff(len(e.run)) || len(e.run) == 0 {
		e.flush()
		e.off, e.why = f.At.Off, f.At.Field()+": COPIED is set exactly when the refcount is 1"
	}
	e.run = append(e.run, be64bytes(f.Want)...)
}

// writable tells whether the entry really is one: nothing is written through a broken
// pointer, or twice, or into a cluster that something else claims too, unless it reads as
// the table that it should be.
func (e *flagEdit) writable(f check.Finding) bool {
	g, t := e.r.img.Geo, e.r.report.Refcounts
	c, role := g.Cluster(f.At.Off), refcount.L1
	if f.Code == check.CopiedL2 {
		role = refcount.L2
		if !g.Aligned(f.At.Off - qcow2.HostOff(f.At.L2Index*g.L2EntrySize())) {
			return false
		}
	}
	if t.Role(c) != role {
		return false
	}
	if t.Count(c) == 1 {
		return true
	}
	if t.Conflict(c) && !e.isTable(g.Offset(c), role) || e.done[f.At.Off] {
		return false
	}
	// Two L1 entries may share an L2 table: its entries are met twice.
	if e.done == nil {
		e.done = map[qcow2.HostOff]bool{}
	}
	e.done[f.At.Off] = true
	return true
}

// isTable tells whether a cluster that something else claims too is the table that it should
// be. With a wrong size an L1 table runs over other things.
func (e *flagEdit) isTable(off qcow2.HostOff, role refcount.Role) bool {
	seen := &e.l2
	if role == refcount.L1 {
		seen = &e.l1
	}
	if e.table == nil {
		e.table = make([]byte, e.r.img.Geo.ClusterSize())
	}
	if !seen.known || seen.off != off {
		*seen = judgedTable{off, true, e.r.readsAs(role, off, e.table, -1)}
	}
	return seen.ok
}

// holdsRefcounts tells whether the cluster at off is the reftable's or a refblock: their
// entries can pass for pointers.
func (r *repairer) holdsRefcounts(off qcow2.HostOff) bool {
	table := qcow2.HostOff(r.img.Header.RefcountTableOffset)
	if off >= table && off < table+qcow2.HostOff(r.img.ReftableBytes()) {
		return true
	}
	return slices.ContainsFunc(r.img.Reftable, func(e qcow2.ReftableEntry) bool { return e.Refblock() == off })
}

func (e *flagEdit) flush() {
	if len(e.run) > 0 {
		e.r.stage.Add(0, int64(e.off), e.run, e.why)
	}
	e.run = nil
}
