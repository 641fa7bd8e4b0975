package cow

import (
	"encoding/binary"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// sliceBytes is how much of an L2 table QEMU handles at a time: a run of clusters ends at
// the end of a slice.
const sliceBytes = 4096

// sliceEntries is how many entries a slice has.
func sliceEntries(g qcow2.Geometry) int64 {
	return min(sliceBytes, g.ClusterSize()) / g.L2EntrySize()
}

func putL2(t qcow2.L2Table, g qcow2.Geometry, i int64, e qcow2.L2Entry) {
	n := g.L2EntrySize()
	binary.BigEndian.PutUint64(t[n*i:], e.Entry)
	if g.ExtendedL2 {
		binary.BigEndian.PutUint64(t[n*i+8:], uint64(e.Bitmap))
	}
}

// slot is an entry of an L2 table that may be written to.
type slot struct {
	place
	table qcow2.L2Table // the whole table, to be read before anything changes it
}

// at is the entry i places behind the slot.
func (t slot) at(g qcow2.Geometry, i int64) qcow2.L2Entry { return t.table.At(g, t.index+i) }

// writable is the slot that maps a guest offset. A table that is not there, or that others
// use too, is allocated first.
func (s *sim) writable(off qcow2.GuestOff) (slot, error) {
	i := s.g.L1Index(off)
	if e := s.l1Entry(i); !e.Copied() {
		if err := s.judgeTable(i, e); err != nil {
			return slot{}, err
		}
		if err := s.newTable(i, e); err != nil {
			return slot{}, err
		}
	}
	e := s.l1Entry(i)
	if err := s.judgeTable(i, e); err != nil {
		return slot{}, err
	}
	at := e.L2Table()
	if _, ours := s.tables[at]; !ours {
		if err := s.w.guard.table(s.host(s.g.Cluster(at), 1)); err != nil {
			return slot{}, err
		}
	}
	t, err := s.table(at)
	return slot{place{at, s.g.L2Index(off)}, t}, err
}

// judgeTable says why an L1 entry cannot be followed.
func (s *sim) judgeTable(i int64, e qcow2.L1Entry) error {
	stop := func(err error) error {
		return &StopError{
			Guest: qcow2.Range[qcow2.GuestOff]{Start: s.g.GuestOffset(i, 0), Len: qcow2.GuestOff(s.g.L2Span())},
			At:    s.w.img.L1.Off + qcow2.HostOff(i*qcow2.L1EntrySize), Entry: qcow2.L2Entry{Entry: uint64(e)}, Err: err,
		}
	}
	off := e.L2Table()
	_, ours := s.tables[off]
	switch {
	case off == 0 && e.Copied():
		return stop(ErrTableMissing)
	case !s.g.Aligned(off):
		return stop(image.ErrL2Unaligned)
	case !ours && int64(off) >= s.w.img.Src.Size():
		return stop(ErrTableOutside)
	}
	return nil
}

// newTable allocates an L2 table for L1 entry i, as a copy of the one that it names now.
func (s *sim) newTable(i int64, e qcow2.L1Entry) error {
	old := e.L2Table()
	c, err := s.allocate(1)
	if err != nil {
		return err
	}
	at := s.g.Offset(c)
	t := make(qcow2.L2Table, s.g.ClusterSize())
	if old != 0 {
		b, err := s.table(old)
		if err != nil {
			return err
		}
		copy(t, b)
	}
	s.tables[at] = t
	s.now.newTables = append(s.now.newTables, newTable{at, old, i})
	s.setL1(i, qcow2.L1Entry(uint64(at)|qcow2.FlagCopied))
	if old == 0 {
		return nil
	}
	return s.release(s.host(s.g.Cluster(old), 1))
}

// stopAt is the error of an L2 entry that ends a request.
func (s *sim) stopAt(t slot, i int64, g qcow2.GuestOff, err error) error {
	start := g - g%qcow2.GuestOff(s.g.ClusterSize())
	return &StopError{
		Guest: qcow2.Range[qcow2.GuestOff]{Start: start, Len: qcow2.GuestOff(s.g.ClusterSize())},
		At:    t.place.table + qcow2.HostOff((t.index+i)*s.g.L2EntrySize()), Entry: t.at(s.g, i), Err: err,
	}
}

// judgeEntry says why a request ends at the entry of the guest cluster at off.
func (s *sim) judgeEntry(e qcow2.L2Entry, off qcow2.GuestOff) error {
	if err := s.w.img.Readable(e, off); err != nil {
		return err
	}
	kind := e.Kind(s.g)
	if (kind == qcow2.Normal || kind == qcow2.ZeroAlloc) && !s.g.DataFile && s.outside(e.Host()) {
		return ErrDataOutside
	}
	return nil
}

// outside tells whether a cluster is past the end of the file, and was not allocated just now.
func (s *sim) outside(host qcow2.HostOff) bool {
	if int64(host) < s.w.img.Src.Size() {
		return false
	}
	n := s.counts[s.g.Cluster(host)]
	return n == nil || n.now == 0
}
