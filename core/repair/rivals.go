package repair

import (
	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// isSnapshots tells whether the lost table to which the write points snapshot i is the
// snapshot's, where another root leads to the same table as the snapshot does now: the other
// one may be wrong instead. Of two snapshots nothing tells, unless both tables say the same.
func (r *repairer) isSnapshots(i int, w patch.Write, after *check.Report) bool {
	all := r.report.Snapshots.Snapshots
	s := &all[i]
	now, found := qcow2.HostOff(s.L1TableOffset), qcow2.HostOff(0)
	if len(w.Data) == 8 {
		found = qcow2.HostOff(be64(w.Data))
	}
	for k := range all {
		if k != i && all[k].L1TableOffset == s.L1TableOffset && !r.compared(now, found, int64(s.L1Size)).same {
			return false
		}
	}
	if s.L1TableOffset != r.img.Header.L1TableOffset {
		return true
	}
	return flagged(after) == 0 && (r.compared(now, found, int64(s.L1Size)).mayBeActive() || r.breaksFlags(qcow2.OffL1Table, found))
}

// isActives tells whether the table at found is the active one rather than that of a snapshot
// to which the header leads as well.
func (r *repairer) isActives(found qcow2.HostOff, after *check.Report) bool {
	h := &r.img.Header
	for k := range r.report.Snapshots.Snapshots {
		if r.report.Snapshots.Snapshots[k].L1TableOffset == h.L1TableOffset {
			at := int64(r.report.Snapshots.Offsets[k])
			return flagged(after) == 0 && (r.compared(found, qcow2.HostOff(h.L1TableOffset), int64(h.L1Size)).mayBeActive() || r.breaksFlags(at, found))
		}
	}
	return true
}

// breaksFlags tells whether COPIED flags are wrong where the pointer at the place, of the
// header or of a snapshot, leads to the table: they are right in the active tree only.
func (r *repairer) breaksFlags(place int64, table qcow2.HostOff) bool {
	_, after, err := r.trial(patch.Write{Off: place, Data: be64bytes(uint64(table))})
	return err == nil && flagged(after) > 0
}

// comparison is what two L1 tables say, of which one is the active one.
type comparison struct {
	same          bool // they lead to the same L2 tables
	copied, other int  // entries with COPIED
}

// mayBeActive tells whether the first of the two can be the active table: only there COPIED
// is set again when the guest writes.
func (c comparison) mayBeActive() bool { return c.same || c.copied > c.other }

// compared reads two L1 tables of so many entries.
func (r *repairer) compared(a, b qcow2.HostOff, entries int64) comparison {
	if entries <= 0 || entries > qcow2.MaxL1Entries || a <= 0 || b <= 0 {
		return comparison{}
	}
	one, two := make([]byte, entries*qcow2.L1EntrySize), make([]byte, entries*qcow2.L1EntrySize)
	if source.ReadFull(r.img.Src, one, int64(a)) != nil || source.ReadFull(r.img.Src, two, int64(b)) != nil {
		return comparison{}
	}
	c := comparison{same: true}
	for at := 0; at < len(one); at += qcow2.L1EntrySize {
		x, y := be64(one[at:]), be64(two[at:])
		c.same = c.same && (x^y)&^qcow2.FlagCopied == 0
		c.copied += int(x >> 63)
		c.other += int(y >> 63)
	}
	return c
}
