package cow

import (
	"maps"
	"slices"

	"qcowscope/core/qcow2"
)

// newRefblock allocates the refblock that counts cluster c. The result is errAgain, or why
// it cannot be done.
func (s *sim) newRefblock(c qcow2.HostCluster) error {
	e := s.g.RefblockEntries()
	k := int64(c) / e
	block, err := s.findFree(1)
	if err != nil {
		return err
	}
	if err := s.guardNew(block, 1); err != nil {
		return err
	}
	itself := int64(block)/e == k
	if !itself {
		// Counted somewhere else: that may need a refblock first, and all begins anew.
		if err := s.count(block, 1, 1); err != nil {
			return err
		}
	}
	if k >= int64(len(s.reftable)) {
		if err := s.growReftable(c, block); err != nil {
			return err
		}
	} else {
		s.addRefblock(k, block)
		s.setReftable(k, qcow2.ReftableEntry(s.g.Offset(block)))
	}
	if itself {
		if err := s.setStored(block, 1); err != nil {
			return err
		}
	}
	return errAgain
}

// addRefblock is an empty refblock for entry k at cluster c. The reftable does not name it
// yet.
func (s *sim) addRefblock(k int64, c qcow2.HostCluster) {
	s.newBlocks[s.g.Offset(c)] = true
	s.now.newBlocks = append(s.now.newBlocks, newBlock{s.g.Offset(c), k})
	s.bits[k] = s.w.withoutUsed(k, allFree(s.g.RefblockEntries()))
}

// hookGroups are the reftable entries that the round changes, in groups that must reach the
// disk one after the other: the cluster of a new refblock may be counted in another new one,
// and without that it would be in use with a refcount of 0. A reftable that grew needs none,
// since the header names the whole new one at once.
func (r *round) hookGroups(g qcow2.Geometry) (groups [][]int64) {
	if r.grown != nil {
		return nil
	}
	group := map[int64]int{} // of new refblocks, by reftable index
	for _, n := range r.newBlocks {
		if in := int64(g.Cluster(n.at)) / g.RefblockEntries(); in != n.index {
			if of, there := group[in]; there {
				group[n.index] = of + 1
				continue
			}
		}
		group[n.index] = 0
	}
	for _, k := range slices.Sorted(maps.Keys(r.reftable)) {
		for len(groups) <= group[k] {
			groups = append(groups, nil)
		}
		groups[group[k]] = append(groups[group[k]], k)
	}
	return groups
}

func (s *sim) setReftable(k int64, e qcow2.ReftableEntry) {
	if &s.reftable[0] == &s.w.img.Reftable[0] {
		s.reftable = append([]qcow2.ReftableEntry(nil), s.reftable...)
	}
	if c := s.now.reftable[k]; c != nil {
		c.after = e
	} else {
		s.now.reftable[k] = &change[qcow2.ReftableEntry]{s.reftable[k], e}
	}
	s.reftable[k] = e
}

// growReftable moves the reftable behind all that is counted, half as large again as is
// needed, with new refblocks in front of it that count both. block is the refblock of
// cluster c, which is past the end of the old table.
func (s *sim) growReftable(c, block qcow2.HostCluster) error {
	e, p := s.g.RefblockEntries(), s.g.ReftableEntries()
	first := ceilDiv(max(int64(c)+1, int64(block)), e)
	total := s.refblocksFor(first * e)
	clusters := ceilDiv(total+ceilDiv(total, 2), p)
	if clusters<<s.g.ClusterBits > qcow2.MaxReftableBytes {
		return &StopError{At: -1, Err: ErrReftableLarge}
	}
	entries := make([]qcow2.ReftableEntry, clusters*p)
	copy(entries, s.reftable)
	entries[int64(c)/e] = qcow2.ReftableEntry(s.g.Offset(block))
	s.addRefblock(int64(c)/e, block)
	start := qcow2.HostCluster(first * e)
	at := start
	for k := first; k < total; k++ {
		if entries[k] == 0 {
			entries[k] = qcow2.ReftableEntry(s.g.Offset(at))
			s.addRefblock(k, at)
			at++
		}
	}
	old := s.host(s.g.Cluster(s.reftableAt), s.reftableClusters)
	s.now.grown = &growth{from: s.reftableAt, fromClusters: s.reftableClusters, to: s.g.Offset(at), toClusters: clusters, entries: entries}
	s.reftable, s.reftableAt, s.reftableClusters = entries, s.g.Offset(at), clusters
	if err := s.takeArea(start, int64(at-start)+clusters); err != nil {
		return err
	}
	return s.release(old)
}

// takeArea counts the clusters of new refblocks and a new reftable.
func (s *sim) takeArea(start qcow2.HostCluster, n int64) error {
	if free, err := s.freeAt(start, n); err != nil || free < n {
		if err == nil {
			err = &StopError{Host: s.host(start, n), At: -1, Err: ErrOverlap}
		}
		return err
	}
	if err := s.guardNew(start, n); err != nil {
		return err
	}
	for i := range n {
		if err := s.setStored(start+qcow2.HostCluster(i), 1); err != nil {
			return err
		}
	}
	return nil
}

// refblocksFor is how many refblocks count so many clusters, themselves and their reftable,
// with room for the table to be half as large again.
func (s *sim) refblocksFor(clusters int64) int64 {
	e, p := s.g.RefblockEntries(), s.g.ReftableEntries()
	blocks, table, generous := int64(0), int64(0), true
	for n, last := int64(0), int64(-1); n != last; {
		last = n
		blocks = ceilDiv(clusters+table+blocks, e)
		table = ceilDiv(blocks, p)
		if n = clusters + blocks + table; n == last && generous {
			clusters += ceilDiv(table, 2)
			n, generous = 0, false
		}
	}
	return blocks
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }
