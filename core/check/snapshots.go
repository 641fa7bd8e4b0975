package check

import (
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// snapshots reads the snapshot table. QEMU gives up on a table that it cannot parse.
func (c *checker) snapshots() error {
	c.progress(PhaseSnapshots, 0, 1)
	t, err := c.img.ReadSnapshots()
	if err != nil {
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		c.readError(err)
		c.report.Aborted = true
	}
	c.report.Snapshots = t
	if t.Err != nil {
		c.report.Aborted = true
		code := SnapshotTableBad
		if c.img.Header.NbSnapshots == 0 {
			code = SnapshotsOffsetStray
		}
		c.add(Finding{Code: code, At: headerPlace("snapshots_offset", qcow2.OffSnapshots), Got: c.img.Header.SnapshotsOffset, Times: 1, Err: t.Err})
	}
	for i := range t.Snapshots {
		c.snapshotEntry(t, i)
	}
	return nil
}

// snapshotEntry notes what is wrong with an entry by itself.
func (c *checker) snapshotEntry(t *image.SnapshotTable, i int) {
	s := &t.Snapshots[i]
	at := Place{Kind: FieldSnapshot, Name: "extra_data_size", Role: refcount.SnapshotTable, Root: i + 1,
		L1Index: -1, L2Index: -1, Off: qcow2.HostOff(t.Offsets[i] + qcow2.OffSnapshotExtra)}
	if c.img.Geo.Version >= 3 && len(s.Extra) < qcow2.SnapshotExtraV3 {
		c.add(Finding{Code: SnapshotEntryShort, At: at, Got: uint64(len(s.Extra)), Want: qcow2.SnapshotExtraFull, Times: 1})
	}
	if !PlausibleSnapshot(s) && !SnapshotInFile(c.img, s) && !c.img.Geo.DataFile {
		at.Name, at.Off = "entry", qcow2.HostOff(t.Offsets[i])
		c.add(Finding{Code: SnapshotEntryGarbage, At: at, Got: s.L1TableOffset, Times: 1})
		return
	}
	c.snapshotDiskSize(t, i)
}

// SnapshotInFile tells whether the snapshot's L1 table has a possible length and lies in
// the file. Garbage hardly ever does.
func SnapshotInFile(img *image.Image, s *qcow2.Snapshot) bool {
	n := int64(s.L1Size) * qcow2.L1EntrySize
	return s.L1Size > 0 && s.L1Size <= qcow2.MaxL1Entries && s.L1TableOffset > 0 && s.L1TableOffset < 1<<62 &&
		img.Geo.Aligned(qcow2.HostOff(s.L1TableOffset)) && int64(s.L1TableOffset) <= img.Src.Size()-n
}

// PlausibleSnapshot tells whether a program may have written the entry: it has an id, which
// is ASCII, and a name that is text. Whether it can be used is another question.
func PlausibleSnapshot(s *qcow2.Snapshot) bool {
	for _, v := range s.ID {
		if v <= ' ' || v > '~' {
			return false
		}
	}
	for _, v := range s.Name {
		if v < ' ' || v == 0x7f {
			return false
		}
	}
	return len(s.ID) > 0
}
