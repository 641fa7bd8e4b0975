package repair

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// activeL1 finds the active L1 table again when the header's pointer to it leads out of
// the file or between clusters. The table is still there, leaked: the only run of leaked
// clusters whose entries all point to leaked L2 tables.
func (r *repairer) activeL1() error {
	h, g := &r.img.Header, r.img.Geo
	off := qcow2.HostOff(h.L1TableOffset)
	if off > 0 && g.Aligned(off) && int64(off) < r.img.Src.Size() || h.L1Size == 0 || h.L1Size > qcow2.MaxL1Entries {
		return nil
	}
	found, err := r.leakedL1Tables(int64(h.L1Size))
	if err != nil || len(found) != 1 {
		return err
	}
	r.stage.Add(0, qcow2.OffL1Table, be64bytes(uint64(found[0])),
		fmt.Sprintf("l1_table_offset: point to 0x%x, the only L1 table that nothing points to", int64(found[0])))
	r.step(check.RegionBeyondEOF, 1, "point the header to the L1 table that it lost")
	return r.commitPart()
}

// leakedL1Tables are the places of leaked clusters that read as an L1 table with so many
// entries, two at most.
func (r *repairer) leakedL1Tables(entries int64) ([]qcow2.HostOff, error) {
	const probes = 4096
	t, g := r.report.Refcounts, r.img.Geo
	clusters := g.Clusters(entries * qcow2.L1EntrySize)
	e := r.evidence()
	var found []qcow2.HostOff
	tried := 0
	for i, b := range t.Roles(0, t.Len()) {
		if refcount.RoleOf(b) != refcount.Leaked {
			continue
		}
		if tried++; tried > probes {
			return nil, r.ctx.Err()
		}
		off := g.Offset(qcow2.HostCluster(i))
		if r.leakedRun(int64(i), clusters) && e.isL1(off, entries) {
			if found = append(found, off); len(found) == 2 {
				break
			}
		}
	}
	return found, r.ctx.Err()
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

// isL1 tells whether the bytes at off read as an L1 table: some entry points to a lost L2
// table, and every other entry is empty or does so too.
func (e *evidence) isL1(off qcow2.HostOff, entries int64) bool {
	img, t := e.r.img, e.r.report.Refcounts
	buf := make([]byte, entries*qcow2.L1EntrySize)
	if source.ReadFull(img.Src, buf, int64(off)) != nil {
		return false
	}
	tables := 0
	for i := 0; i < len(buf); i += 8 {
		entry := qcow2.L1Entry(be64(buf[i:]))
		if entry == 0 {
			continue
		}
		l2 := entry.L2Table()
		role := t.Role(img.Geo.Cluster(l2))
		if entry.Reserved() != 0 || !img.Geo.Aligned(l2) || role != refcount.Leaked && role != refcount.InactiveL2 {
			return false
		}
		// A few tables read are enough: data does not point to tables by accident. A table
		// that a snapshot still maps needs no reading.
		if tables++; tables <= 16 && role == refcount.Leaked && !e.isTable(l2) {
			return false
		}
	}
	return tables > 0
}
