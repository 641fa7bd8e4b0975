package cow

import (
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// bounceBytes is the longest write of zeros that stands in for a zero write which the
// format cannot express.
const bounceBytes = 16 << 20

// zeroRequest cuts a zero write as QEMU's block layer does: up to a subcluster's boundary,
// whole subclusters, the rest. What cannot be expressed by flags is written as zeros.
func (s *sim) zeroRequest(r Request) error {
	sub := qcow2.GuestOff(s.g.SubclusterSize())
	left := r.Range()
	for !left.Empty() {
		n := left.Len
		if head := left.Start % sub; head != 0 {
			n = min(n, sub-head)
		} else if tail := left.End() % sub; tail != 0 && n > sub {
			n -= tail
		}
		part := qcow2.Range[qcow2.GuestOff]{Start: left.Start, Len: n}
		done, err := s.zeroPart(part, r.Unmap)
		if err != nil {
			return err
		}
		if !done {
			part.Len = min(n, bounceBytes)
			if err := s.writeData(part, &s.out.Request, true); err != nil {
				return err
			}
			s.out.Fallback = append(s.out.Fallback, part)
			s.commit() // what comes next may copy what was written here
		}
		left = rangeOf(part.End(), left.End())
	}
	return nil
}

// diskEnd is the size of the disk.
func (s *sim) diskEnd() qcow2.GuestOff { return qcow2.GuestOff(s.w.img.VirtualSize()) }

// zeroPart zeroes whole subclusters by flags; a part of one only if the rest of it reads as
// zeros anyway. It is false when that is not possible.
func (s *sim) zeroPart(r qcow2.Range[qcow2.GuestOff], unmap bool) (bool, error) {
	sub := qcow2.GuestOff(s.g.SubclusterSize())
	start := r.Start - r.Start%sub
	end := qcow2.GuestOff(roundUp(int64(r.End()), int64(sub)))
	if r.End() == s.diskEnd() {
		end = r.End()
	}
	if start != r.Start || end != r.End() {
		ok, err := s.restIsZero(r, rangeOf(start, end))
		if !ok || err != nil {
			return false, err
		}
		end = start + sub
	}
	if s.g.Version < 3 {
		if s.w.backing {
			return false, nil // without the zero flag the backing file would show
		}
		return true, s.discardClusters(rangeOf(start, end))
	}
	if s.w.raw() {
		s.zeroDataFile(rangeOf(start, min(end, s.diskEnd())))
	}
	return s.zeroize(rangeOf(start, end), unmap)
}

// restIsZero tells whether the subcluster around r has nothing written in it, and what it
// shows outside of r is known to be zeros.
func (s *sim) restIsZero(r, whole qcow2.Range[qcow2.GuestOff]) (bool, error) {
	e, err := s.entry(r.Start)
	if err != nil {
		return false, err
	}
	in := int64(r.Start) % s.g.ClusterSize()
	if s.w.img.Readable(e, r.Start-qcow2.GuestOff(in)) != nil {
		return false, nil // writing it will say why
	}
	switch e.Subcluster(s.g, int(in/s.g.SubclusterSize())) {
	case qcow2.SubZero, qcow2.SubZeroAlloc:
		return true, nil
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
	default:
		return false, nil
	}
	if !s.w.backing {
		return true, nil
	}
	end := min(whole.End(), s.diskEnd())
	return s.backingZero(rangeOf(whole.Start, r.Start)) && s.backingZero(rangeOf(r.End(), end)), nil
}

func (s *sim) backingZero(r qcow2.Range[qcow2.GuestOff]) bool {
	return r.Empty() || s.w.opt.BackingZero != nil && s.w.opt.BackingZero(r)
}

// entry is the L2 entry that maps a guest offset now.
func (s *sim) entry(off qcow2.GuestOff) (qcow2.L2Entry, error) {
	i := s.g.L1Index(off)
	e := s.l1Entry(i)
	if err := s.judgeTable(i, e); err != nil || e.L2Table() == 0 {
		return qcow2.L2Entry{}, err
	}
	t, err := s.table(e.L2Table())
	if err != nil {
		return qcow2.L2Entry{}, err
	}
	return t.At(s.g, s.g.L2Index(off)), nil
}

// raw tells whether the data file is to hold the disk's bytes by itself.
func (w *Writer) raw() bool {
	return w.g.DataFile && w.img.Header.AutoclearFeatures&qcow2.AutoclearRawData != 0
}

// zeroDataFile writes zeros to a data file that must show them without the image.
func (s *sim) zeroDataFile(r qcow2.Range[qcow2.GuestOff]) {
	s.now.zeroed = append(s.now.zeroed, r)
}

// zeroize sets zero flags: of parts of the first and the last cluster, and of whole ones in
// between. It is false when a part of a compressed cluster cannot be zeroed; what comes
// before that is done.
func (s *sim) zeroize(r qcow2.Range[qcow2.GuestOff], unmap bool) (bool, error) {
	cs := qcow2.GuestOff(s.g.ClusterSize())
	at, end := r.Start, r.End()
	if in := at % cs; in != 0 {
		head := min(end, at-in+cs)
		if ok, err := s.zeroSubclusters(rangeOf(at, head)); !ok || err != nil {
			return false, err
		}
		at = head
	}
	tail := end
	if end < s.diskEnd() {
		end = max(at, end-end%cs)
	}
	for ; at < end; at += cs {
		if err := s.zeroCluster(at, unmap); err != nil {
			return false, err
		}
	}
	if end < tail && at < tail {
		return s.zeroSubclusters(rangeOf(end, tail))
	}
	return true, nil
}

// zeroSubclusters sets the zero bits of a part of a cluster. Its host cluster stays, even if
// it is shared: only the bitmap of our own table changes.
func (s *sim) zeroSubclusters(r qcow2.Range[qcow2.GuestOff]) (bool, error) {
	t, e, err := s.toUnmap(r.Start)
	if err != nil {
		return false, err
	}
	if e.Kind(s.g) == qcow2.Compressed {
		return false, nil
	}
	in := int64(r.Start) % s.g.ClusterSize()
	from, to := in/s.g.SubclusterSize(), ceilDiv(in+int64(r.Len), s.g.SubclusterSize())
	mask := qcow2.SubclusterBitmap(1)<<to - qcow2.SubclusterBitmap(1)<<from
	after := e
	after.Bitmap = e.Bitmap&^mask | mask<<32
	return true, s.setEntry(t, r.Start-qcow2.GuestOff(in), e, after)
}

// zeroCluster makes a whole cluster read as zeros. The host cluster goes if it is
// compressed, or may go; else it is kept for later writes.
func (s *sim) zeroCluster(at qcow2.GuestOff, unmap bool) error {
	t, e, err := s.toUnmap(at)
	if err != nil {
		return err
	}
	kind := e.Kind(s.g)
	gone := kind == qcow2.Compressed || unmap && (kind == qcow2.Normal || kind == qcow2.ZeroAlloc)
	after := e
	if gone {
		after.Entry = 0
	}
	if s.g.ExtendedL2 {
		after.Bitmap = allZero
	} else {
		after.Entry |= qcow2.FlagZero
	}
	if err := s.setEntry(t, at, e, after); err != nil || !gone || after == e {
		return err
	}
	return s.releaseEntry(e)
}

// allZero is the bitmap of a cluster that reads as zeros throughout.
const allZero = qcow2.SubclusterBitmap(0xffffffff) << 32

func (s *sim) setEntry(t slot, at qcow2.GuestOff, before, after qcow2.L2Entry) error {
	s.out.touch(at, before, after)
	if before == after {
		return nil
	}
	return s.setL2(t.place, at, after)
}

// toUnmap is an entry whose cluster may be released, in a table that may be written to.
func (s *sim) toUnmap(at qcow2.GuestOff) (slot, qcow2.L2Entry, error) {
	t, err := s.writable(at)
	if err != nil {
		return slot{}, qcow2.L2Entry{}, err
	}
	e := t.at(s.g, 0)
	return t, e, s.judgeUnmapped(t, e, at)
}

// judgeUnmapped refuses to release a cluster that cannot be where the entry says. A bitmap
// that contradicts itself is no reason: it is replaced.
func (s *sim) judgeUnmapped(t slot, e qcow2.L2Entry, at qcow2.GuestOff) error {
	start := at - at%qcow2.GuestOff(s.g.ClusterSize())
	err := s.judgeEntry(e, start)
	if err == nil || err == image.ErrSubclusters {
		return nil
	}
	return s.stopAt(t, 0, start, err)
}

// discardRequest cuts a discard as QEMU's block layer does. Parts of clusters are left as
// they are, but for the last one of the disk.
func (s *sim) discardRequest(r Request) error {
	cs := qcow2.GuestOff(s.g.ClusterSize())
	if s.g.Version < 3 && s.w.backing {
		s.out.Ignored = append(s.out.Ignored, r.Range())
		return nil // without the zero flag the backing file would show
	}
	whole := r.Range()
	if in := whole.Start % cs; in != 0 {
		head := min(whole.Len, cs-in)
		s.out.Ignored = append(s.out.Ignored, qcow2.Range[qcow2.GuestOff]{Start: whole.Start, Len: head})
		whole = rangeOf(whole.Start+head, whole.End())
	}
	if tail := whole.End() % cs; tail != 0 && whole.End() != s.diskEnd() && !whole.Empty() {
		end := whole.End() - tail
		s.out.Ignored = append(s.out.Ignored, rangeOf(end, whole.End()))
		whole = rangeOf(whole.Start, end)
	}
	return s.discardClusters(whole)
}

// discardClusters gives clusters back; they read as zeros then.
func (s *sim) discardClusters(r qcow2.Range[qcow2.GuestOff]) error {
	for at := r.Start; at < r.End(); at += qcow2.GuestOff(s.g.ClusterSize()) {
		t, e, err := s.toUnmap(at)
		if err != nil {
			return err
		}
		after := s.discarded(e)
		if err := s.setEntry(t, at, e, after); err != nil {
			return err
		}
		if after == e {
			continue
		}
		if err := s.releaseEntry(e); err != nil {
			return err
		}
	}
	return nil
}

// discarded is the entry of a cluster that is given back. What is not allocated needs a zero
// flag only over a backing file.
func (s *sim) discarded(e qcow2.L2Entry) qcow2.L2Entry {
	kind := e.Kind(s.g)
	switch {
	case !s.w.backing && (kind == qcow2.Unallocated || kind == qcow2.ZeroPlain):
		return e
	case s.g.ExtendedL2:
		return qcow2.L2Entry{Bitmap: allZero}
	case s.g.Version >= 3:
		return qcow2.L2Entry{Entry: qcow2.FlagZero}
	}
	return qcow2.L2Entry{}
}
