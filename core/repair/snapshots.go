package repair

import (
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// snapshots mends the snapshot table and the pointers in it. QEMU gives up on most of this,
// or erases what the snapshots hold.
func (r *repairer) snapshots() error {
	if r.opt.Scope == Leaks || r.img.Header.NbSnapshots == 0 {
		return nil
	}
	if r.img.Geo.DataFile {
		return r.unlessLeft(r.strayWithDataFile)
	}
	for _, part := range []func() error{r.snapshotTable, r.snapshotRoots, r.dropSnapshots, r.completeSnapshots} {
		if err := r.unlessLeft(part); err != nil {
			return err
		}
		if err := r.commitPart(); err != nil {
			return err
		}
	}
	return nil
}

// tableCodes are the findings that the table is not where or what it should be.
var tableCodes = []check.Code{check.SnapshotTableBad, check.SnapshotTableOutside, check.SnapshotEntryGarbage}

// present is the first of the codes that the image has findings of, "" if none.
func (r *repairer) present(codes []check.Code) check.Code {
	for _, c := range codes {
		if r.report.Group(c) != nil {
			return c
		}
	}
	return ""
}

// snapshotTable finds the table, or how many entries it has, or how long these are.
func (r *repairer) snapshotTable() error {
	code := r.present(tableCodes)
	if code == "" {
		return nil
	}
	h := &r.img.Header
	s, err := r.scanSnapshots(int64(min(h.SnapshotsOffset, 1<<62)), h.NbSnapshots)
	if err != nil {
		return err
	}
	if len(s.entries) == 0 {
		if found, err := r.locateSnapshots(code); err != nil || found {
			return err
		}
		if stray, err := r.strayCount(code); err != nil || stray {
			return err
		}
	}
	if mended, err := r.correctTable(code, s); err != nil || mended {
		return err
	}
	return r.keepReadable(code, s)
}

// correctTable corrects lengths of entries, and a count that is larger than the number of
// entries, where that leaves nothing unexplained.
func (r *repairer) correctTable(code check.Code, s *snapshotScan) (bool, error) {
	ws, n := s.lengths, uint32(len(s.entries))
	if s.gap || s.long || n == 0 || n < r.img.Header.NbSnapshots && !s.zeros {
		return false, nil
	}
	if n < r.img.Header.NbSnapshots {
		ws = append(ws, patch.Write{Off: qcow2.OffNbSnapshots, Data: be32bytes(n), Why: fmt.Sprintf("nb_snapshots: the table has %d entries and nothing behind them", n)})
	}
	if len(ws) == 0 {
		return false, nil
	}
	_, after, err := r.trial(ws...)
	if err != nil || after.Aborted || r.anyOf(after, tableCodes) {
		return false, err
	}
	// What is leaked then may be the data of a snapshot whose entry was wiped.
	if n < r.img.Header.NbSnapshots && after.Leaks > 0 {
		return false, nil
	}
	r.add(ws)
	r.step(code, 1, "correct the snapshot table's number of entries or their lengths")
	return true, nil
}

// strayCount clears a number of snapshots, and a pointer to them, where no snapshot is
// missing: nothing in the file is left over that could be one's.
func (r *repairer) strayCount(code check.Code) (bool, error) {
	w := patch.Write{Off: qcow2.OffNbSnapshots, Data: make([]byte, 12), Why: "nb_snapshots and snapshots_offset: no table is there, and nothing in the file belongs to a snapshot"}
	_, after, err := r.trial(w)
	if err != nil || after.Aborted || after.Leaks > 0 || after.Corruptions > 0 {
		return false, err
	}
	r.add([]patch.Write{w})
	r.step(code, 1, "clear a number of snapshots that there are not")
	return true, nil
}

// strayWithDataFile clears a number of snapshots in an image that cannot have any, unless
// there is a table of them.
func (r *repairer) strayWithDataFile() error {
	h := &r.img.Header
	s, err := r.scanSnapshots(int64(min(h.SnapshotsOffset, 1<<62)), h.NbSnapshots)
	if err == nil && len(s.entries) == 0 {
		_, err = r.strayCount(check.SnapshotsWithDataFile)
	}
	return err
}

func (r *repairer) anyOf(rep *check.Report, codes []check.Code) bool {
	for _, c := range codes {
		if rep.Group(c) != nil {
			return true
		}
	}
	return false
}

func (r *repairer) add(ws []patch.Write) {
	for _, w := range ws {
		r.stage.Add(0, w.Off, w.Data, w.Why)
	}
}

// keepReadable writes, by consent, a table of those entries that can be read, and of
// made-up ones for snapshots whose L1 tables are found.
func (r *repairer) keepReadable(code check.Code, s *snapshotScan) error {
	if !r.accepts(code) {
		return nil
	}
	missing := int(r.img.Header.NbSnapshots) - len(s.entries)
	found, err := r.lostRoots(s.entries, missing)
	if err != nil {
		return err
	}
	if s.long {
		r.step(code, 1, "cut what a snapshot's entry holds beyond 1024 bytes of extra data")
	}
	r.step(code, uint64(len(found)), "make new entries for snapshots whose tables were found; their names are lost")
	if dropped := missing - len(found); dropped > 0 {
		r.cut = true
		r.step(code, uint64(dropped), fmt.Sprintf("drop entries of the snapshot table that cannot be read; %d stay", len(s.entries)))
	}
	return r.writeSnapshots(append(s.entries, found...))
}

// snapshotScan is what can be read at a place where the snapshot table may be.
type snapshotScan struct {
	entries []qcow2.Snapshot
	lengths []patch.Write // corrections of extra_data_size, without which entries cannot be read
	gap     bool          // bytes were passed over that are no entry
	long    bool          // an entry really has more extra data than QEMU reads
	zeros   bool          // nothing but zeros follows in the last entry's cluster
}

const (
	scanBytes   = 4 << 20  // of a table that are looked at
	resyncBytes = 64 << 10 // that are searched for the next entry
)

// scanSnapshots reads up to n entries from off on. It passes over bytes that are no entry.
func (r *repairer) scanSnapshots(off int64, n uint32) (*snapshotScan, error) {
	s := &snapshotScan{}
	g, size := r.img.Geo, r.img.Src.Size()
	if off <= 0 || off >= size || !g.Aligned(qcow2.HostOff(off)) {
		return s, nil
	}
	buf := make([]byte, min(size-off, scanBytes))
	if err := source.ReadFull(r.img.Src, buf, off); err != nil {
		return s, err
	}
	pos := int64(0)
	for uint32(len(s.entries)) < n {
		start := (pos + 7) &^ 7
		next, ok := r.takeEntry(s, buf, off, start)
		if !ok {
			if start, ok = r.resync(buf, start+8); !ok {
				break
			}
			s.gap = true
			if next, ok = r.takeEntry(s, buf, off, start); !ok {
				break
			}
		}
		pos = next
	}
	end := min(int64(len(buf)), g.Clusters(max(pos, 1))<<g.ClusterBits)
	_, last := nonzero(buf[min(pos, end):end])
	s.zeros = last < 0
	return s, r.ctx.Err()
}

// takeEntry takes the entry at start, if there is one.
func (r *repairer) takeEntry(s *snapshotScan, buf []byte, base, start int64) (next int64, ok bool) {
	e, next, ok := entryAt(buf, start, -1)
	fixed, end, one := entryOfLength(buf, start)
	switch {
	case ok && len(e.Extra) > qcow2.MaxSnapshotExtra:
		s.long = true
		e.Extra = e.Extra[:qcow2.MaxSnapshotExtra]
	case ok:
	case one:
		e, next = fixed, end
		s.lengths = append(s.lengths, patch.Write{Off: base + start + qcow2.OffSnapshotExtra, Data: be32bytes(uint32(len(e.Extra))),
			Why: fmt.Sprintf("snapshot[%d].extra_data_size: %d, the only length with which id and name are text", len(s.entries), len(e.Extra))})
	case next == 0 || len(e.Extra) > qcow2.MaxSnapshotExtra || !check.SnapshotInFile(r.img, &e):
		return 0, false // an entry whose L1 table is there is one, whatever became of its name
	}
	s.entries = append(s.entries, e)
	return next, true
}

// entryOfLength is the entry at start with the one length of extra data that programs write
// and with which its id and name are text.
func entryOfLength(buf []byte, start int64) (e qcow2.Snapshot, next int64, one bool) {
	fits := 0
	for _, n := range []int64{qcow2.SnapshotExtraFull, qcow2.SnapshotExtraV3, 0} {
		if try, end, ok := entryAt(buf, start, n); ok && rooted(&try) {
			e, next = try, end
			fits++
		}
	}
	return e, next, fits == 1
}

// entryAt reads the entry at start, with extra bytes of extra data or, if that is negative,
// as many as it says.
func entryAt(buf []byte, start, extra int64) (s qcow2.Snapshot, next int64, ok bool) {
	if start > int64(len(buf))-qcow2.SnapshotHeaderSize {
		return s, 0, false
	}
	h := qcow2.DecodeSnapshotHead(buf[start:])
	if extra < 0 {
		extra = int64(h.ExtraSize)
	}
	pos := start + qcow2.SnapshotHeaderSize
	next = pos + extra + int64(h.IDSize) + int64(h.NameSize)
	if next > int64(len(buf)) {
		return s, 0, false
	}
	s = h.Snapshot
	s.Extra = buf[pos : pos+extra]
	s.ID = buf[pos+extra:][:h.IDSize]
	s.Name = buf[pos+extra+int64(h.IDSize):][:h.NameSize]
	return s, next, check.PlausibleSnapshot(&s)
}

// rooted tells whether the entry's L1 table has a possible length and place.
func rooted(s *qcow2.Snapshot) bool {
	return s.L1Size > 0 && s.L1Size <= qcow2.MaxL1Entries && s.L1TableOffset > 0 && s.L1TableOffset < 1<<62
}

// resync is where the next entry begins whose L1 table lies in the file.
func (r *repairer) resync(buf []byte, from int64) (int64, bool) {
	for pos := from; pos < min(int64(len(buf)), from+resyncBytes); pos += 8 {
		if s, _, ok := entryAt(buf, pos, -1); ok && check.SnapshotInFile(r.img, &s) {
			return pos, true
		}
	}
	return 0, false
}

// writeSnapshots writes the table to clusters that hold nothing and switches the header to
// it. The old table stays until then.
func (r *repairer) writeSnapshots(entries []qcow2.Snapshot) error {
	head := append(be32bytes(uint32(len(entries))), be64bytes(0)...)
	if len(entries) > 0 {
		var table []byte
		for i := range entries {
			table = append(table, make([]byte, -len(table)&7)...)
			table = entries[i].AppendTo(table)
		}
		g := r.img.Geo
		clusters := g.Clusters(int64(len(table)))
		if len(table) > qcow2.MaxSnapshotTable {
			return errors.New("repair: the snapshot table would be larger than 64 MiB")
		}
		a, err := r.allocator()
		if err != nil {
			return err
		}
		off := g.Offset(a.TakeRun(clusters))
		table = append(table, make([]byte, clusters<<g.ClusterBits-int64(len(table)))...)
		r.stage.Add(batchRaise, int64(off), table, "new snapshot table")
		putBE64(head[4:], uint64(off))
	}
	r.stage.Add(batchSwitch, qcow2.OffNbSnapshots, head, "nb_snapshots and snapshots_offset: switch to the new snapshot table")
	return nil
}

// completeSnapshots writes the table anew when entries lack what version 3 requires.
func (r *repairer) completeSnapshots() error {
	group := r.report.Group(check.SnapshotEntryShort)
	if group == nil || r.present(tableCodes) != "" {
		return nil
	}
	entries := append([]qcow2.Snapshot(nil), r.report.Snapshots.Snapshots...)
	for i := range entries {
		if len(entries[i].Extra) < qcow2.SnapshotExtraV3 {
			entries[i].Extra = fullExtra(r.img, &entries[i])
		}
	}
	r.step(check.SnapshotEntryShort, group.Times, "write the snapshot table anew with the fields that were missing")
	return r.writeSnapshots(entries)
}

// fullExtra is the extra data that an entry should have: the size of its VM state, the disk
// size (today's, or what its L1 table covers if that is less), and no instruction count.
func fullExtra(img *image.Image, s *qcow2.Snapshot) []byte {
	size := img.VirtualSize()
	if n := img.Geo.L1EntriesFor(size); uint64(s.L1Size) < n {
		size = uint64(s.L1Size) * uint64(img.Geo.L2Span())
	}
	extra := append(be64bytes(s.VMState()), be64bytes(size)...)
	return append(extra, be64bytes(^uint64(0))...)
}
