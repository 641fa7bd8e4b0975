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
// over then: what it led to is a part of what the found table maps.
func (r *repairer) activeL1() error {
	h, g := &r.img.Header, r.img.Geo
	off := qcow2.HostOff(h.L1TableOffset)
	inFile := off > 0 && g.Aligned(off) && int64(off) < r.img.Src.Size()
	sound := inFile && r.report.Refcounts.Count(g.Cluster(off)) == 1
	if sound {
		misled, err := r.misled(r.img.L1)
		if err != nil {
			return err
		}
		sound = !misled
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
	if _, after, err := r.trial(w); err != nil || sound && after.Leaks > 0 {
		return err // an empty table and an old one: which is meant cannot be told
	}
	r.add([]patch.Write{w})
	r.step(check.RegionBeyondEOF, 1, "point the header to the L1 table that it lost")
	return nil
}

// maxAstray is how many L1 entries have to lead astray before the rest is not looked at.
const maxAstray = 64

// misled tells whether the L1 table is none: several of its entries lead to what is no L2
// table, and not one leads to what can be.
func (r *repairer) misled(t image.L1Table) (bool, error) {
	if t.Off <= 0 || t.Entries > qcow2.MaxL1Entries || int64(t.Off) >= r.img.Src.Size() {
		return false, nil
	}
	buf, table := make([]byte, r.img.Geo.ClusterSize()), make([]byte, r.img.Geo.ClusterSize())
	astray := 0
	for at, n := t.Off, t.Bytes(); n > 0; at, n = at+qcow2.HostOff(len(buf)), n-int64(len(buf)) {
		if err := r.ctx.Err(); err != nil {
			return false, err
		}
		part := buf[:min(int64(len(buf)), n)]
		if err := source.ReadFull(r.img.Src, part, int64(at)); err != nil {
			return false, err
		}
		for ; len(part) > 0 && astray < maxAstray; part = part[qcow2.L1EntrySize:] {
			fits, tells := r.leadsToL2(qcow2.L1Entry(be64(part)), table)
			if fits {
				return false, nil
			}
			if tells {
				astray++
			}
		}
	}
	return astray > 1, nil
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
