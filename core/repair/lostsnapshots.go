package repair

import (
	"fmt"
	"strconv"

	"qcowscope/core/qcow2"
)

// lostRoots makes entries for snapshots whose own are gone but whose L1 tables are still in
// the file: leaked tables as long as the active one, whose entries all lead to tables that
// lack a reference. There are none if more are found than are missing. Ids and names are
// made up; what was in the old entries is not known.
func (r *repairer) lostRoots(kept []qcow2.Snapshot, missing int) ([]qcow2.Snapshot, error) {
	e, n := r.evidence(), r.img.L1.Entries
	var found []qcow2.Snapshot
	owned := map[qcow2.HostOff]bool{}
	for i := range kept {
		owned[qcow2.HostOff(kept[i].L1TableOffset)] = true
	}
	next := nextID(kept)
	for _, off := range r.probes() {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if owned[off] || !e.isRoot(off, n, false) {
			continue
		}
		if len(found) == missing {
			return nil, nil
		}
		s := qcow2.Snapshot{L1TableOffset: uint64(off), L1Size: uint32(n), ID: strconv.AppendInt(nil, next, 10), Name: fmt.Appendf(nil, "recovered-%d", next)}
		s.Extra = fullExtra(r.img, &s)
		found = append(found, s)
		next++
	}
	return found, nil
}

// nextID is a number above all ids.
func nextID(kept []qcow2.Snapshot) int64 {
	next := int64(1)
	for i := range kept {
		if n, err := strconv.ParseInt(string(kept[i].ID), 10, 32); err == nil {
			next = max(next, n+1)
		}
	}
	return next
}
