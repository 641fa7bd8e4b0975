package cow

import (
	"errors"

	"qcowscope/core/qcow2"
)

// errAgain says that room for refcounts was made, maybe where the caller wanted to
// allocate: it has to look again.
var errAgain = errors.New("cow: refcount structures were allocated")

// maxHostOff is the greatest offset that an entry can name.
const maxHostOff = qcow2.HostOff(qcow2.OffsetMask)

// findFree is the start of the first n free clusters in a row from the index on, which then
// stands behind them. Smaller gaps are left behind.
func (s *sim) findFree(n int64) (qcow2.HostCluster, error) {
	e := s.g.RefblockEntries()
	limit := int64(s.g.Cluster(maxHostOff))
	for at, run := s.index, int64(0); at+n <= limit; {
		k, i := at/e, at%e
		if s.emptyFrom(k) {
			return s.found(at-run, n), nil
		}
		b, err := s.blockBits(k)
		if err != nil {
			return 0, err
		}
		if i == 0 && b.exact && b.longest < n && run+b.head < n {
			if run = b.tail; b.head == e {
				run += e
			}
			at += e
			continue
		}
		free := b.freeFrom(i, e)
		if free > i {
			run = 0
		}
		used := b.usedFrom(free, e)
		if run += used - free; run >= n {
			return s.found(at-i+used-run, n), nil
		}
		at += used - i
	}
	return 0, &StopError{At: -1, Err: ErrFull}
}

// emptyFrom tells whether nothing from refblock k on is in use.
func (s *sim) emptyFrom(k int64) bool {
	if t := s.w.opt.Counts; t != nil && k*s.g.RefblockEntries() < t.Len() {
		return false
	}
	return k >= int64(len(s.reftable))
}

func (s *sim) found(start, n int64) qcow2.HostCluster {
	s.index = start + n
	return qcow2.HostCluster(start)
}

// allocate takes the first n free clusters in a row.
func (s *sim) allocate(n int64) (qcow2.HostCluster, error) {
	for {
		c, err := s.findFree(n)
		if err != nil {
			return 0, err
		}
		if err := s.count(c, n, 1); err == errAgain {
			continue
		} else if err != nil {
			return 0, err
		}
		return c, s.guardNew(c, n)
	}
}

// allocateAt takes as many of n clusters from c on as are free, up to the first that is
// not. The index does not move.
func (s *sim) allocateAt(c qcow2.HostCluster, n int64) (int64, error) {
	for {
		free, err := s.freeAt(c, n)
		if err != nil || free == 0 {
			return 0, err
		}
		if err := s.count(c, free, 1); err == errAgain {
			continue
		} else if err != nil {
			return 0, err
		}
		return free, s.guardNew(c, free)
	}
}

// freeAt is how many clusters from c on are free, at most n.
func (s *sim) freeAt(c qcow2.HostCluster, n int64) (int64, error) {
	e, got := s.g.RefblockEntries(), int64(0)
	n = min(n, int64(s.g.Cluster(maxHostOff)-c))
	for got < n {
		k, i := (int64(c)+got)/e, (int64(c)+got)%e
		b, err := s.blockBits(k)
		if err != nil {
			return 0, err
		}
		used := b.usedFrom(i, e)
		if got += used - i; used < e {
			break
		}
	}
	return min(got, n), nil
}

// guardNew refuses clusters that hold tables although their refcount is 0.
func (s *sim) guardNew(c qcow2.HostCluster, n int64) error {
	return s.w.guard.data(s.host(c, n))
}

func (s *sim) host(c qcow2.HostCluster, n int64) qcow2.Range[qcow2.HostOff] {
	return qcow2.Range[qcow2.HostOff]{Start: s.g.Offset(c), Len: qcow2.HostOff(n << s.g.ClusterBits)}
}

// count adds a reference to n clusters from c on, or with by -1 takes one away. A refcount
// that drops to 0 lowers the index. errAgain: nothing was counted, but structures were
// allocated.
func (s *sim) count(c qcow2.HostCluster, n int64, by int) error {
	for i := range n {
		err := s.countOne(c+qcow2.HostCluster(i), by)
		if err == errAgain {
			s.index = min(s.index, int64(c))
		}
		if err != nil && i > 0 {
			if back := s.count(c, i, -by); back != nil {
				return back
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sim) countOne(c qcow2.HostCluster, by int) error {
	off, err := s.refblock(int64(c) / s.g.RefblockEntries())
	if err != nil {
		return err
	}
	if off == 0 {
		return s.newRefblock(c)
	}
	v, err := s.stored(c)
	if err != nil {
		return err
	}
	if by < 0 && v == 0 {
		s.out.danger(Danger{ReleasedFree, s.host(c, 1)})
		return nil
	}
	if by > 0 && s.now.freed[c] {
		// What pointed here must be off the disk before anything new is written here.
		s.commit()
	}
	v += uint64(by)
	if err := s.setStored(c, v); err != nil || v > 0 {
		return err
	}
	s.now.freed[c] = s.counts[c].start > 0
	s.index = min(s.index, int64(c))
	return nil
}

// release takes a reference away from each cluster that the range touches.
func (s *sim) release(r qcow2.Range[qcow2.HostOff]) error {
	first := s.g.Cluster(r.Start)
	return s.count(first, int64(s.g.Cluster(r.End()-1)-first)+1, -1)
}
