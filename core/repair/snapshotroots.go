package repair

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// locateSnapshots finds a table that the header lost: the only leaked place with exactly so
// many entries, whose L1 tables are leaked as well. A place near the old pointer goes before
// others.
func (r *repairer) locateSnapshots(code check.Code) (bool, error) {
	h := &r.img.Header
	if h.NbSnapshots > qcow2.MaxSnapshots {
		return false, nil
	}
	all, err := r.leakedSnapshotTables()
	if err != nil {
		return false, err
	}
	var near []qcow2.HostOff
	for _, off := range all {
		if r.nearMiss(uint64(off), h.SnapshotsOffset) {
			near = append(near, off)
		}
	}
	if len(near) > 0 {
		all = near
	}
	if len(all) != 1 {
		return false, nil
	}
	w := patch.Write{Off: qcow2.OffSnapshots, Data: be64bytes(uint64(all[0])),
		Why: fmt.Sprintf("snapshots_offset: point to 0x%x, the only table of %d snapshots that nothing points to", int64(all[0]), h.NbSnapshots)}
	if ok, err := r.betters(w); err != nil || !ok {
		return false, err
	}
	r.add([]patch.Write{w})
	r.step(code, 1, "point the header to the snapshot table that it lost")
	return true, nil
}

// nearMiss tells whether the pointer is the place with low bits set or one byte changed.
func (r *repairer) nearMiss(place, pointer uint64) bool {
	if place == pointer&^uint64(r.img.Geo.ClusterSize()-1) {
		return true
	}
	changed := 0
	for diff := place ^ pointer; diff != 0; diff >>= 8 {
		if diff&0xff != 0 {
			changed++
		}
	}
	return changed == 1
}

// leakedSnapshotTables are the leaked clusters at which such a table begins.
func (r *repairer) leakedSnapshotTables() (found []qcow2.HostOff, err error) {
	h, e := &r.img.Header, r.evidence()
	head := make([]byte, min(r.img.Geo.ClusterSize(), 4096))
	for _, off := range r.probes() {
		if err := r.ctx.Err(); err != nil {
			return nil, err
		}
		if err := source.ReadFull(r.img.Src, head, int64(off)); err != nil {
			return nil, err
		}
		if s, _, ok := entryAt(head, 0, -1); !ok || !check.SnapshotInFile(r.img, &s) {
			continue
		}
		s, err := r.scanSnapshots(int64(off), h.NbSnapshots)
		if err != nil {
			return nil, err
		}
		if s.whole(h.NbSnapshots) && e.ownRoots(s.entries) {
			found = append(found, off)
		}
	}
	return found, nil
}

// whole tells whether n entries were read without any doubt.
func (s *snapshotScan) whole(n uint32) bool {
	return uint32(len(s.entries)) == n && !s.gap && !s.long && len(s.lengths) == 0
}

// ownRoots tells whether every entry's L1 table is there and lost its owner.
func (e *evidence) ownRoots(entries []qcow2.Snapshot) bool {
	for i := range entries {
		s := &entries[i]
		if !check.SnapshotInFile(e.r.img, s) || !e.isRoot(qcow2.HostOff(s.L1TableOffset), int64(s.L1Size), true) {
			return false
		}
	}
	return true
}

// isRoot tells whether at off there is the L1 table of a snapshot that lost its owner: it
// lies in leaked clusters, and all its entries are empty or lead to tables that lack a
// reference. empty says whether it may have none.
func (e *evidence) isRoot(off qcow2.HostOff, entries int64, empty bool) bool {
	g := e.r.img.Geo
	if off <= 0 || entries <= 0 || entries > qcow2.MaxL1Entries || !g.Aligned(off) ||
		!e.r.leakedRun(int64(g.Cluster(off)), g.Clusters(entries*qcow2.L1EntrySize)) {
		return false
	}
	buf := make([]byte, entries*qcow2.L1EntrySize)
	if source.ReadFull(e.r.img.Src, buf, int64(off)) != nil {
		return false
	}
	tables, read := 0, 0
	for i := 0; i < len(buf); i += qcow2.L1EntrySize {
		entry := qcow2.L1Entry(be64(buf[i:]))
		if entry == 0 {
			continue
		}
		used := e.leadsToTable(entry, &read, false)
		if !used && !e.leadsToTable(entry, &read, true) || !e.misses(g.Cluster(entry.L2Table())) {
			return false
		}
		if used {
			tables++
		}
	}
	return tables > 0 || empty
}

// maxRoots bounds how many pointers are tried, each with checks of the whole image.
const maxRoots = 64

// snapshotRoots corrects the pointers to L1 tables of snapshots, one after the other: each
// that is found leaves fewer places for the next.
func (r *repairer) snapshotRoots() error {
	if r.report.Snapshots.Err != nil || r.present(tableCodes) != "" {
		return nil
	}
	tried := 0
	for i := range r.report.Snapshots.Snapshots {
		code := r.rootTrouble(i)
		switch {
		case code != "":
		case r.rootRunsOver(i):
			code = check.SnapshotL1TooLarge
		case r.rootOverlaps(i):
			code = check.MetadataOverlap
		}
		if code == "" || r.mendsLeft(Step{Code: code}) {
			continue
		}
		if tried++; tried > maxRoots {
			return nil
		}
		ws, err := r.findRoot(i, code)
		if err != nil {
			return err
		}
		if len(ws) == 0 {
			continue
		}
		_, after, err := r.trial(ws...)
		if err != nil {
			return err
		}
		if !r.better(after) || !r.isSnapshots(i, ws[0], after) {
			continue
		}
		r.add(ws)
		r.step(code, 1, fmt.Sprintf("point snapshot %d to its table", i+1))
		if err := r.commitPart(); err != nil {
			return err
		}
	}
	return nil
}

// rootTrouble is the code of what is wrong with the pointer of snapshot i, "" if nothing.
func (r *repairer) rootTrouble(i int) check.Code {
	for _, c := range []check.Code{check.SnapshotL1Unaligned, check.SnapshotL1TooLarge, check.SnapshotL1Outside} {
		g := r.report.Group(c)
		if g == nil {
			continue
		}
		for _, f := range g.Findings {
			if f.At.Root == i+1 {
				return c
			}
		}
	}
	return ""
}

// rootOverlaps tells whether the L1 table of snapshot i lies where something else does.
func (r *repairer) rootOverlaps(i int) bool {
	s, g := &r.report.Snapshots.Snapshots[i], r.img.Geo
	return r.report.Group(check.MetadataOverlap) != nil && s.L1Size > 0 && s.L1TableOffset < 1<<62 && r.report.Refcounts.Count(g.Cluster(qcow2.HostOff(s.L1TableOffset))) > 1
}

// rootRunsOver tells whether the L1 table of snapshot i is longer than it should be, over
// clusters that belong to something else.
func (r *repairer) rootRunsOver(i int) bool {
	s := &r.report.Snapshots.Snapshots[i]
	for _, n := range r.rootSizes(s) {
		if r.evidence().runsOver(qcow2.HostOff(s.L1TableOffset), int64(s.L1Size), n) {
			return true
		}
	}
	return false
}

// findRoot is the correction of the pointer, or of the length, of the L1 table of snapshot
// i; nothing if there is not exactly one.
func (r *repairer) findRoot(i int, code check.Code) ([]patch.Write, error) {
	s, at, g, e := &r.report.Snapshots.Snapshots[i], r.report.Snapshots.Offsets[i], r.img.Geo, r.evidence()
	if n, ok := e.stored(g.Cluster(qcow2.HostOff(min(s.L1TableOffset, 1<<62)))); code == check.SnapshotL1Outside && ok && n > 0 &&
		int64(s.L1TableOffset) >= r.img.Src.Size() {
		return nil, nil // the pointer is right, the file was cut off
	}
	sizes := r.rootSizes(s)
	if r.report.Refcounts.Count(g.Cluster(qcow2.HostOff(at))) != 1 && !r.rootRunsOver(i) {
		sizes = nil
	}
	for _, n := range sizes {
		off := qcow2.HostOff(s.L1TableOffset)
		if n != int64(s.L1Size) && (e.isRoot(off, n, false) || e.runsOver(off, int64(s.L1Size), n) && e.holdsL1(off, n, refcount.InactiveL1, true)) {
			return []patch.Write{{Off: at + qcow2.OffSnapshotL1Size, Data: be32bytes(uint32(n)),
				Why: fmt.Sprintf("snapshot[%d].l1_size: %d entries, what its disk needs", i, n)}}, nil
		}
	}
	if s.L1Size > qcow2.MaxL1Entries {
		return nil, nil
	}
	var off qcow2.HostOff
	err := r.without([]patch.Write{{Off: at, Data: r.nowhere()}}, func() (err error) {
		if r.report.Refcounts.Count(g.Cluster(qcow2.HostOff(at))) != 1 {
			return nil // something else claims the snapshot table: nothing is written there
		}
		off, err = r.lostRoot(r.evidence(), s.L1TableOffset, int64(s.L1Size))
		return err
	})
	if err != nil || off == 0 {
		return nil, err
	}
	return []patch.Write{{Off: at, Data: be64bytes(uint64(off)),
		Why: fmt.Sprintf("snapshot[%d].l1_table_offset: point to 0x%x, the only table that it can mean", i, int64(off))}}, nil
}

// rootSizes are the lengths that the L1 table of a snapshot can have: what its disk and VM
// state need, and that of the active table, which it was copied from.
func (r *repairer) rootSizes(s *qcow2.Snapshot) (all []int64) {
	g := r.img.Geo
	disk, ok := s.DiskSize()
	if !ok || disk >= 1<<62 {
		disk = r.img.VirtualSize()
	}
	need := g.L1EntriesFor(disk)
	if vm := s.VMState(); vm < 1<<40 {
		need += g.L1EntriesFor(vm)
	}
	if need > 0 && need <= qcow2.MaxL1Entries {
		all = append(all, int64(need))
	}
	if n := r.img.L1.Entries; n > int64(need) {
		all = append(all, n)
	}
	return all
}

// lostRoot is the one place of an L1 table with so many entries that the pointer can mean:
// with its low bits cleared or one byte corrected, else anywhere. 0 if there is none or a
// choice.
func (r *repairer) lostRoot(e *evidence, pointer uint64, entries int64) (qcow2.HostOff, error) {
	var near, all []qcow2.HostOff
	for _, off := range r.probes() {
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		if !e.isRoot(off, entries, false) {
			continue
		}
		if all = append(all, off); r.nearMiss(uint64(off), pointer) {
			near = append(near, off)
		}
	}
	off, _ := theOne(near, all)
	return off, nil
}

// dropSnapshots takes, by consent, snapshots without a readable L1 table off the list.
func (r *repairer) dropSnapshots() error {
	if r.report.Snapshots.Err != nil || r.present(tableCodes) != "" {
		return nil
	}
	var kept []qcow2.Snapshot
	dropped := uint64(0)
	for i, s := range r.report.Snapshots.Snapshots {
		if code := r.rootTrouble(i); code != "" && r.accepts(code) {
			r.step(code, 1, fmt.Sprintf("drop snapshot %d (%q) from the list; its data stays in the file", i+1, s.Name))
			dropped++
			continue
		}
		kept = append(kept, s)
	}
	if dropped == 0 {
		return nil
	}
	r.cut = true
	return r.writeSnapshots(kept)
}
