package repair

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// pointers corrects L1 and L2 entries whose pointer is damaged, where exactly one place in
// the file can be meant. QEMU leaves all of these.
func (r *repairer) pointers() error {
	if r.opt.Scope == Leaks {
		return nil
	}
	if err := r.unlessLeft(r.activeL1); err != nil {
		return err
	}
	if err := r.commitPart(); err != nil {
		return err
	}
	found, err := r.places(check.L1ReservedBits, check.L2ReservedBits, check.L2TableUnaligned, check.DataUnaligned,
		check.RegionBeyondEOF, check.L1OffsetZero, check.L2TableGarbage)
	if err != nil {
		return err
	}
	e := r.evidence()
	p := pointerEdit{r: r, done: map[qcow2.HostOff]bool{}, taken: map[qcow2.HostOff]bool{}, misled: map[int]bool{}}
	if err := p.findMisled(found); err != nil {
		return err
	}
	for _, f := range found {
		if f.At.Kind != check.FieldL1 && f.At.Kind != check.FieldL2 || f.Got&qcow2.FlagCompressed != 0 && f.At.Kind == check.FieldL2 {
			continue
		}
		switch f.Code {
		case check.L1ReservedBits, check.L2ReservedBits:
			p.maskReserved(e, f)
		case check.L1OffsetZero:
			p.brokenL1 = append(p.brokenL1, f)
		default:
			p.pointElsewhere(e, f)
		}
	}
	if err := r.commitPart(); err != nil {
		return err
	}
	if !r.opt.Leave.codes[check.LostMapping] {
		if err := p.adoptOrphan(); err != nil {
			return err
		}
	}
	p.clearEmpty()
	p.steps()
	return nil
}

// pointerEdit gathers the corrections of pointers.
type pointerEdit struct {
	r                         *repairer
	done                      map[qcow2.HostOff]bool // entries that are corrected
	taken                     map[qcow2.HostOff]bool // places that an entry was pointed to
	misled                    map[int]bool           // roots whose L1 table is none, of those with broken entries
	brokenL1                  []check.Finding        // L1 entries for which no place was found
	masked, pointed, orphaned uint64
	cleared                   uint64
}

// findMisled looks at the L1 tables around the findings. Where the pointer to the table is
// wrong, what seems to be a damaged entry is none, and what fits it fits by accident.
func (p *pointerEdit) findMisled(found []check.Finding) (err error) {
	for _, f := range found {
		root := f.At.Root
		if _, known := p.misled[root]; known || f.At.Kind != check.FieldL1 {
			continue
		}
		t := p.r.img.L1
		if root > 0 {
			if t, err = p.r.img.SnapshotL1(&p.r.report.Snapshots.Snapshots[root-1]); err != nil {
				continue
			}
		}
		led, err := p.r.leads(t)
		if err != nil {
			return err
		}
		p.misled[root] = led == astray
	}
	return nil
}

func (p *pointerEdit) write(f check.Finding, entry uint64, why string) {
	p.done[f.At.Off] = true
	p.r.stage.Add(0, int64(f.At.Off), be64bytes(entry), f.At.Field()+": "+why)
}

// maskReserved clears reserved bits of a pointer whose other bits are beyond doubt. What
// the guest reads stays: readers ignore the bits.
func (p *pointerEdit) maskReserved(e *evidence, f check.Finding) {
	if p.done[f.At.Off] || !e.alone(f) {
		return
	}
	mask := qcow2.L1Reserved
	if f.At.Kind == check.FieldL2 {
		mask = qcow2.L2Reserved
	}
	p.masked++
	p.write(f, f.Got&^mask, "clear reserved bits; where it points fits")
}

// pointElsewhere corrects a pointer that is unaligned or leaves the file.
func (p *pointerEdit) pointElsewhere(e *evidence, f check.Finding) {
	if p.done[f.At.Off] || e.cutOff(f) {
		return
	}
	table := f.At.Kind == check.FieldL1
	host, ok := e.candidate(f, table)
	if !ok || p.taken[host] || table && p.misled[f.At.Root] {
		if table {
			p.brokenL1 = append(p.brokenL1, f)
		}
		return
	}
	p.taken[host] = true
	p.pointed++
	flags := f.Got & qcow2.FlagCopied
	if !table {
		flags |= f.Got & qcow2.FlagZero
	}
	p.write(f, flags|uint64(host), fmt.Sprintf("point to 0x%x, the only cluster that it can mean", int64(host)))
}

// adoptOrphan gives the one L2 table that nothing points to back to the one L1 entry that
// points nowhere. With more of either it would be a guess.
func (p *pointerEdit) adoptOrphan() error {
	r := p.r
	if r.report.Group(check.LeakedCluster) == nil {
		return nil
	}
	orphans, err := r.orphanedTables()
	if err != nil || len(orphans) != 1 || p.taken[orphans[0]] {
		return err
	}
	if len(p.brokenL1) != 1 || p.brokenL1[0].At.Root != 0 {
		return nil
	}
	slot, old := p.brokenL1[0].At.Off, p.brokenL1[0].Got
	w := patch.Write{Off: int64(slot), Data: be64bytes(uint64(orphans[0]) | qcow2.FlagCopied),
		Why: fmt.Sprintf("L1 entry at 0x%x: it was 0x%x; the L2 table at 0x%x has no other place", int64(slot), old, int64(orphans[0]))}
	if fits, err := r.explains(w); err != nil || !fits {
		return err
	}
	p.orphaned++
	p.done[slot] = true
	r.add([]patch.Write{w})
	return nil
}

// orphanedTables are leaked clusters that read as L2 tables, two at most: more is enough to
// know that there is a choice.
func (r *repairer) orphanedTables() ([]qcow2.HostOff, error) {
	const probes = 4096
	t, g := r.report.Refcounts, r.img.Geo
	e := r.evidence()
	var found []qcow2.HostOff
	tried := 0
	for i, b := range t.Roles(0, t.Len()) {
		if refcount.RoleOf(b) != refcount.Leaked {
			continue
		}
		if tried++; tried > probes {
			return nil, r.ctx.Err() // too many to be sure that it is the only one
		}
		if off := g.Offset(qcow2.HostCluster(i)); e.isTable(off) {
			if found = append(found, off); len(found) == 2 {
				break
			}
		}
	}
	return found, r.ctx.Err()
}

// clearEmpty clears L1 entries that have flags but no table, once it is sure that no table
// is missing: the guest reads such a range as unallocated before and after.
func (p *pointerEdit) clearEmpty() {
	if p.r.report.Group(check.LeakedCluster) != nil {
		return
	}
	for _, f := range p.brokenL1 {
		if f.Code == check.L1OffsetZero && !p.done[f.At.Off] {
			p.cleared++
			p.write(f, 0, "it points to no table, so it is empty")
		}
	}
}

func (p *pointerEdit) steps() {
	p.r.step(check.L2ReservedBits, p.masked, "clear reserved bits of pointers")
	p.r.step(check.DataUnaligned, p.pointed, "point damaged entries to the only cluster that they can mean")
	p.r.step(check.LostMapping, p.orphaned, "give a lost L2 table back to the L1 table")
	p.r.step(check.L1OffsetZero, p.cleared, "clear L1 entries that point to nothing")
}
