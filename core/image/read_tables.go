package image

import (
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// l1Window is a part of an L1 table: the entries from first on.
type l1Window struct {
	first   int64
	entries []byte
}

// l1WindowEntries is how many L1 entries are read at a time.
const l1WindowEntries = 512

// entry is the L2 entry that maps guest offset at, and where it stands. Where nothing maps
// the offset the entry is zero.
func (r *GuestReader) entry(at qcow2.GuestOff) (qcow2.L2Entry, qcow2.HostOff, error) {
	g, i := r.img.Geo, r.img.Geo.L1Index(at)
	if i >= r.l1.Entries {
		return qcow2.L2Entry{}, -1, nil
	}
	e, err := r.l1Entry(i)
	if err != nil {
		return qcow2.L2Entry{}, -1, err
	}
	off := e.L2Table()
	fail := func(err error) error {
		return &UnreadableError{Guest: qcow2.Range[qcow2.GuestOff]{Start: g.GuestOffset(i, 0), Len: qcow2.GuestOff(g.L2Span())},
			At: r.l1.Off + qcow2.HostOff(i*qcow2.L1EntrySize), Entry: uint64(e), Err: err}
	}
	if !g.Aligned(off) {
		return qcow2.L2Entry{}, -1, fail(ErrL2Unaligned)
	}
	if off == 0 || int64(off) >= r.img.Src.Size() {
		return qcow2.L2Entry{}, -1, nil // past the end of the file are zeros
	}
	if r.tableAt != off {
		if r.table == nil {
			r.table = make([]byte, g.ClusterSize())
		}
		r.tableAt = -1
		if err := source.ReadFull(r.img.Src, r.table, int64(off)); err != nil {
			return qcow2.L2Entry{}, -1, fail(err)
		}
		r.tableAt = off
	}
	j := g.L2Index(at)
	return r.table.At(g, j), off + qcow2.HostOff(j*g.L2EntrySize()), nil
}

// l1Entry is entry i of the L1 table, which has it.
func (r *GuestReader) l1Entry(i int64) (qcow2.L1Entry, error) {
	w := &r.window
	if k := i - w.first; k < 0 || k >= int64(len(w.entries))/qcow2.L1EntrySize {
		w.first = i
		b := make([]byte, min(l1WindowEntries, r.l1.Entries-i)*qcow2.L1EntrySize)
		w.entries = nil
		if err := source.ReadFull(r.img.Src, b, int64(r.l1.Off)+i*qcow2.L1EntrySize); err != nil {
			return 0, err
		}
		w.entries = b
	}
	return qcow2.L1Entry(be64(w.entries[(i-w.first)*qcow2.L1EntrySize:])), nil
}
