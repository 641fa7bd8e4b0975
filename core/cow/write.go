package cow

import (
	"slices"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// workers is how many pieces of one request QEMU has in flight: the tables of one that was
// started before the last so many are written before the next is started.
const workers = 8

// nowhere is the host offset of what has no place yet.
const nowhere = qcow2.HostOff(-1)

// chunk is a piece of a request that lies in one piece of the file: QEMU writes it at once,
// and its L2 entries after that.
type chunk struct {
	guest qcow2.Range[qcow2.GuestOff]
	runs  []*Run
}

// records tells whether some L2 entry is going to change.
func (c *chunk) records() bool {
	return slices.ContainsFunc(c.runs, func(r *Run) bool { return r.Record })
}

// writeData writes a range: every piece is allocated, then written, then linked.
func (s *sim) writeData(r qcow2.Range[qcow2.GuestOff], req *Request, zeros bool) error {
	var started []*chunk
	for !r.Empty() {
		c, err := s.nextChunk(r, req, zeros)
		if err != nil {
			return err
		}
		if len(started) == workers {
			if err := s.link(started[0]); err != nil {
				return err
			}
			started = started[1:]
		}
		started = append(started, c)
		r = rangeOf(c.guest.End(), r.End())
	}
	for _, c := range started {
		if err := s.link(c); err != nil {
			return err
		}
	}
	return nil
}

func rangeOf(from, to qcow2.GuestOff) qcow2.Range[qcow2.GuestOff] {
	return qcow2.Range[qcow2.GuestOff]{Start: from, Len: to - from}
}

// nextChunk finds or allocates host clusters for the start of the range, as far as they lie
// in a row and no write in flight is in the way. It is empty when it must wait for one.
func (s *sim) nextChunk(r qcow2.Range[qcow2.GuestOff], req *Request, zeros bool) (*chunk, error) {
	c := &chunk{guest: qcow2.Range[qcow2.GuestOff]{Start: r.Start}}
	want := nowhere
	for at := r.Start; at < r.End(); {
		end, ok := s.unblocked(rangeOf(at, r.End()))
		if !ok {
			if !c.records() {
				c.runs = nil // after the wait all of it is looked up again
			}
			break
		}
		run, err := s.nextRun(rangeOf(at, end), want)
		if err != nil {
			return nil, err
		}
		if run == nil {
			break
		}
		run.req, run.zeros = req, zeros
		c.runs = append(c.runs, run)
		at = run.Guest.End()
		c.guest.Len = at - c.guest.Start
		want = run.Host + qcow2.HostOff(run.Guest.Len)
	}
	return c, nil
}

// nextRun is the longest start of the range whose clusters are all overwritten in place, or
// all need new ones, within one slice of an L2 table and in a row in the file. It is nil
// when that cannot begin at the host offset want.
func (s *sim) nextRun(r qcow2.Range[qcow2.GuestOff], want qcow2.HostOff) (*Run, error) {
	t, err := s.writable(r.Start)
	if err != nil {
		return nil, err
	}
	in := r.Start % qcow2.GuestOff(s.g.ClusterSize())
	slice := sliceEntries(s.g)
	most := min(s.g.Clusters(int64(in+r.Len)), slice-t.index%slice)
	run := &Run{slot: t.place, InPlace: !s.needsNew(t.at(s.g, 0))}
	if run.InPlace {
		run.Host = t.at(s.g, 0).Host()
		if want != nowhere && run.Host != want {
			return nil, nil
		}
		most = s.inPlace(t, most)
	} else {
		most = s.alike(t, most)
		if run.Host, most, err = s.place(r.Start-in, want, most); err != nil || most == 0 {
			return nil, err
		}
	}
	run.Clusters = most
	run.Host += qcow2.HostOff(in)
	run.Guest = rangeOf(r.Start, min(r.End(), r.Start-in+qcow2.GuestOff(most<<s.g.ClusterBits)))
	for i := range most {
		run.before = append(run.before, t.at(s.g, i))
	}
	return run, s.judgeRun(run, t)
}

// needsNew tells whether writing to the cluster of an entry takes a new one: there is none,
// or others use it too.
func (s *sim) needsNew(e qcow2.L2Entry) bool {
	kind := e.Kind(s.g)
	return kind != qcow2.Normal && kind != qcow2.ZeroAlloc || !e.Copied()
}

// inPlace is how many entries from the slot on lie in a row in the file, all exclusive.
func (s *sim) inPlace(t slot, most int64) int64 {
	first := t.at(s.g, 0).Host()
	for i := range most {
		e := t.at(s.g, i)
		if s.needsNew(e) || e.Host() != first+qcow2.HostOff(i<<s.g.ClusterBits) {
			return i
		}
	}
	return most
}

// alike is how many entries from the slot on need new clusters.
func (s *sim) alike(t slot, most int64) int64 {
	for i := range most {
		if !s.needsNew(t.at(s.g, i)) {
			return i
		}
	}
	return most
}

// place allocates up to n clusters in a row for the guest cluster at off on: at want, if
// that is somewhere, as many as are free there.
func (s *sim) place(off qcow2.GuestOff, want qcow2.HostOff, n int64) (qcow2.HostOff, int64, error) {
	if s.g.DataFile {
		return qcow2.HostOff(off), n, nil
	}
	if want != nowhere {
		got, err := s.allocateAt(s.g.Cluster(want), n)
		return want, got, err
	}
	c, err := s.allocate(n)
	return s.g.Offset(c), n, err
}

// judgeRun refuses a run with an invalid entry, or that would overwrite tables.
func (s *sim) judgeRun(run *Run, t slot) error {
	if s.w.img.Header.CryptMethod != qcow2.CryptNone {
		return image.ErrEncrypted
	}
	first := run.firstCluster(s.g)
	for i, e := range run.before {
		at := first + qcow2.GuestOff(int64(i)<<s.g.ClusterBits)
		if err := s.judgeEntry(e, at); err != nil {
			return s.stopAt(t, int64(i), at, err)
		}
	}
	s.regions(run)
	if s.g.DataFile || !run.InPlace {
		return nil
	}
	s.dangersInPlace(run)
	return s.w.guard.data(qcow2.Range[qcow2.HostOff]{Start: run.Host, Len: qcow2.HostOff(run.Guest.Len)})
}

// link points the L2 entries of a chunk's runs to their clusters, the last run first, and
// takes their references away from the old ones.
func (s *sim) link(c *chunk) error {
	for i := len(c.runs) - 1; i >= 0; i-- {
		if err := s.linkRun(c.runs[i]); err != nil {
			return err
		}
	}
	s.out.Runs = append(s.out.Runs, c.runs...)
	return nil
}

func (s *sim) linkRun(run *Run) error {
	s.now.runs = append(s.now.runs, run)
	s.now.copies = s.now.copies || run.Head.Len > 0 || run.Tail.Len > 0
	if run.Record && s.lazy() && !s.dirty {
		s.dirty, s.now.dirty = true, true
	}
	t, err := s.table(run.slot.table)
	if err != nil {
		return err
	}
	host := run.Host - qcow2.HostOff(run.Guest.Start-run.firstCluster(s.g))
	for i := range run.Clusters {
		at := run.firstCluster(s.g) + qcow2.GuestOff(i<<s.g.ClusterBits)
		p := place{run.slot.table, run.slot.index + i}
		// Another write in place may have changed the bitmap since this one was looked up.
		old := t.At(s.g, p.index)
		if !run.Record {
			s.out.touch(at, old, old)
			continue
		}
		after := run.entryAfter(s.g, at, old, host+qcow2.HostOff(i<<s.g.ClusterBits))
		if err := s.setL2(p, at, after); err != nil {
			return err
		}
		s.out.touch(at, old, after)
		if run.InPlace {
			continue
		}
		if err := s.releaseEntry(old); err != nil {
			return err
		}
	}
	return nil
}

// lazy tells whether refcounts may be behind while the image is open: the dirty bit says so.
func (s *sim) lazy() bool {
	return s.w.img.Header.CompatibleFeatures&qcow2.CompatLazyRefcounts != 0 && s.g.Version >= 3
}

// releaseEntry takes the reference of an entry that is no more away from its clusters.
func (s *sim) releaseEntry(e qcow2.L2Entry) error {
	if s.g.DataFile {
		return nil // clusters of a data file have no refcounts
	}
	switch e.Kind(s.g) {
	case qcow2.Compressed:
		return s.release(e.CompressedRange(s.g))
	case qcow2.Normal, qcow2.ZeroAlloc:
		return s.release(s.host(s.g.Cluster(e.Host()), 1))
	}
	return nil
}
