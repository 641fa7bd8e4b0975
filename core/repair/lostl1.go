package repair

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// activeL1 finds the active L1 table again when the header's pointer to it leads out of
// the file, between clusters or into another structure. The table is still there, leaked:
// the only run of leaked clusters whose entries all lead to tables that lack a reference.
// Where the pointer leads to what can be a table, it is corrected only if nothing is left
// over then: what it led to is a part of what the found table maps, or a snapshot's table.
func (r *repairer) activeL1() error {
	h, g := &r.img.Header, r.img.Geo
	off := qcow2.HostOff(h.L1TableOffset)
	inFile := off > 0 && g.Aligned(off) && int64(off) < r.img.Src.Size()
	sound := false
	if inFile {
		led, err := r.leads(r.img.L1)
		if err != nil {
			return err
		}
		// Another pointer to the same place may be the wrong one.
		sound = led == toTables || led == unclear && r.report.Refcounts.Count(g.Cluster(off)) == 1
	}
	if sound && r.report.Group(check.LeakedCluster) == nil || h.L1Size == 0 || h.L1Size > qcow2.MaxL1Entries {
		return nil
	}
	var found qcow2.HostOff
	err := r.without([]patch.Write{{Off: qcow2.OffL1Table, Data: r.nowhere()}}, func() (err error) {
		found, err = r.lostRoot(r.evidence(), h.L1TableOffset, int64(h.L1Size))
		return err
	})
	if err != nil || found == 0 {
		return err
	}
	w := patch.Write{Off: qcow2.OffL1Table, Data: be64bytes(uint64(found)), Why: fmt.Sprintf("l1_table_offset: point to 0x%x, the only L1 table that it can mean", int64(found))}
	if ok, err := r.betters(w); err != nil || !ok {
		return err
	}
	_, after, err := r.trial(w)
	if err != nil || sound && (after.Leaks > 0 || !r.isActives(found, after)) {
		return err // which of two tables is meant, or whether one is an old one, cannot be told
	}
	r.add([]patch.Write{w})
	r.step(check.RegionBeyondEOF, 1, "point the header to the L1 table that it lost")
	return nil
}

// maxAstray is how many L1 entries have to lead astray before the rest is not looked at.
const maxAstray = 64

// lead is where the entries of an L1 table lead.
type lead int

const (
	unclear  lead = iota // few entries, and not to tables; or to empty ones only
	toTables             // to L2 tables
	astray               // several, and none to what can be an L2 table: it is no L1 table
)

// leads looks where the entries of what is said to be an L1 table lead.
func (r *repairer) leads(t image.L1Table) (lead, error) {
	if t.Off <= 0 || t.Entries > qcow2.MaxL1Entries || int64(t.Off) >= r.img.Src.Size() {
		return unclear, nil
	}
	buf, table := make([]byte, r.img.Geo.ClusterSize()), make([]byte, r.img.Geo.ClusterSize())
	wrong, empty := 0, 0
	for at, n := t.Off, t.Bytes(); n > 0; at, n = at+qcow2.HostOff(len(buf)), n-int64(len(buf)) {
		if err := r.ctx.Err(); err != nil {
			return unclear, err
		}
		part := buf[:min(int64(len(buf)), n)]
		if err := source.ReadFull(r.img.Src, part, int64(at)); err != nil {
			return unclear, err
		}
		for ; len(part) > 0 && wrong+empty < maxAstray; part = part[qcow2.L1EntrySize:] {
			fits, tells := r.leadsToL2(qcow2.L1Entry(be64(part)), table)
			if !fits { // as most entries of a large table, so only what fits is looked through
				if tells {
					wrong++
				}
				continue
			}
			if _, last := nonzero(table); last >= 0 {
				return toTables, nil
			}
			empty++
		}
	}
	if wrong > 1 && empty == 0 {
		return astray, nil
	}
	return unclear, nil
}

// leadsToL2 tells whether the entry leads to what can be an L2 table. An entry that leads
// nowhere or past the end tells nothing, as what it meant may have been cut off. table is
// room for one.
func (r *repairer) leadsToL2(entry qcow2.L1Entry, table []byte) (fits, tells bool) {
	off, aligned := entry.L2Table(), r.img.Geo.Aligned(entry.L2Table())
	if off == 0 || aligned && int64(off) >= r.img.Src.Size() {
		return false, false
	}
	return aligned && r.readsAs(refcount.L2, off, table, -1), true
}

// leakedRun tells whether n clusters from c on are leaked.
func (r *repairer) leakedRun(c, n int64) bool {
	t := r.report.Refcounts
	if c+n > t.Len() {
		return false
	}
	for _, b := range t.Roles(c, c+n) {
		if refcount.RoleOf(b) != refcount.Leaked {
			return false
		}
	}
	return true
}
