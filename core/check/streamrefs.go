package check

import (
	"cmp"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// streamRef is a compressed entry. Its key orders streams by where they lie, then by their
// sectors.
type streamRef struct {
	key    uint64
	table  uint32 // in the tree
	index  uint32 // in the table
	copied bool
}

// collect gathers the round's entries.
func (s *streamCheck) collect() error {
	s.refs = s.refs[:0]
	tables := source.NewInTurn(s.ctx, s.img.Src, tablesAhead, s.collectRead)
	n, garbage := int(s.img.Geo.ClusterSize()), s.garbageTables()
	for i := range s.report.Refcounts.Tree.Tables {
		t := &s.report.Refcounts.Tree.Tables[i]
		if t.Empty || t.Repeat || garbage[t.Off] {
			continue
		}
		if err := tables.Add(int64(t.Off), n, i); err != nil {
			return err
		}
	}
	if err := tables.Finish(); err != nil {
		return err
	}
	s.order()
	return nil
}

// collectRead gathers the entries of a table, when it was read.
func (s *streamCheck) collectRead(table int, r source.Request, err error) error {
	s.tell()
	if err == nil { // else the walk has told that it cannot be read
		s.collectTable(uint32(table), r.Buf)
	}
	return nil
}

func (s *streamCheck) collectTable(table uint32, b qcow2.L2Table) {
	g := s.img.Geo
	shift := g.ClusterBits - 8
	for j := range g.L2Entries() {
		e := b.At(g, j)
		if e.Entry&qcow2.FlagCompressed == 0 {
			continue
		}
		where := e.CompressedRange(g)
		if int64(where.Start) >= s.size {
			continue // the walk has told so
		}
		sectors := e.Entry >> (62 - shift) & (1<<shift - 1)
		key := uint64(where.Start)<<shift | sectors
		if key < s.from || key >= s.to {
			continue
		}
		if len(s.refs) >= s.room {
			if s.halve(); key >= s.to {
				continue
			}
		}
		s.refs = append(s.refs, streamRef{key, table, uint32(j), e.Copied()})
	}
}

// order sorts the entries and leaves one of those that map the same place to the same
// stream: layers share what they have in common. It is the first, the active layer's.
func (s *streamCheck) order() {
	tables := s.report.Refcounts.Tree.Tables
	place := func(a, b streamRef) int {
		if a.table != b.table && tables[a.table].L1Index != tables[b.table].L1Index {
			return cmp.Compare(a.table, b.table)
		}
		return cmp.Compare(a.index, b.index)
	}
	slices.SortFunc(s.refs, func(a, b streamRef) int {
		return cmp.Or(cmp.Compare(a.key, b.key), place(a, b), cmp.Compare(a.table, b.table))
	})
	s.refs = slices.CompactFunc(s.refs, func(a, b streamRef) bool { return a.key == b.key && place(a, b) == 0 })
}

// halve makes room by leaving the streams that lie further behind to another round. If there
// are ever so many places with one and the same stream, only some are kept.
func (s *streamCheck) halve() {
	s.order()
	half := s.room / 2
	if len(s.refs) <= half {
		return
	}
	s.to = s.refs[half].key
	keep := half
	for keep > 0 && s.refs[keep-1].key == s.to {
		keep--
	}
	if keep == 0 {
		s.to, keep = s.to+1, half
	}
	s.refs = s.refs[:keep]
}

// streamRange is where the stream of a key lies.
func (s *streamCheck) streamRange(key uint64) qcow2.Range[qcow2.HostOff] {
	return qcow2.L2Entry{Entry: s.entry(key)}.CompressedRange(s.img.Geo)
}

// entry is the L2 entry, without COPIED, that leads to the stream of a key.
func (s *streamCheck) entry(key uint64) uint64 {
	shift := s.img.Geo.ClusterBits - 8
	return qcow2.FlagCompressed | key&(1<<shift-1)<<(62-shift) | key>>shift
}
