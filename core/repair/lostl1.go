package repair

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// activeL1 finds the active L1 table again when the header's pointer to it leads out of
// the file, between clusters or into another structure. The table is still there, leaked:
// the only run of leaked clusters whose entries all lead to tables that lack a reference.
func (r *repairer) activeL1() error {
	h, g := &r.img.Header, r.img.Geo
	off := qcow2.HostOff(h.L1TableOffset)
	inFile := off > 0 && g.Aligned(off) && int64(off) < r.img.Src.Size()
	sound := inFile && r.report.Refcounts.Count(g.Cluster(off)) == 1
	if sound && !r.nothingMapped() || h.L1Size == 0 || h.L1Size > qcow2.MaxL1Entries {
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

// nothingMapped tells whether the active L1 table is empty although data was lost.
func (r *repairer) nothingMapped() bool {
	if r.report.Group(check.LostMapping) == nil {
		return false
	}
	for _, t := range r.report.Refcounts.Tree.Tables {
		if t.Root == 0 {
			return false
		}
	}
	return true
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
