package layers

import (
	"encoding/binary"
	"slices"
)

// Bounds of what is kept of who holds what, so that no image can make it grow beyond reason.
// Behind them a cluster is known to be held by several layers, but not by which.
const (
	maxSets  = 1<<16 - 1
	maxSpans = 4 << 20  // of all sets and tables together, 8 bytes each
	maxMemo  = 1 << 20  // pairs of sets whose union is remembered
	maxMerge = 64 << 20 // spans that may be merged
)

// span is the layers from first to last: 0 is the active one, n the nth snapshot.
type span struct{ first, last uint32 }

// holders are the layers that refer to something, ascending and apart.
type holders []span

// with adds a layer that is not below the last.
func (h holders) with(n uint32) holders {
	if k := len(h) - 1; k >= 0 && n <= h[k].last+1 {
		h[k].last = max(h[k].last, n)
		return h
	}
	return append(h, span{n, n})
}

// active tells whether the active layer is among them.
func (h holders) active() bool { return len(h) > 0 && h[0].first == 0 }

// union merges two.
func union(a, b holders) holders {
	all := make(holders, 0, len(a)+len(b))
	for len(a)+len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].first <= b[0].first {
			a, b = b, a
		}
		s := b[0]
		b = b[1:]
		if k := len(all) - 1; k >= 0 && s.first <= all[k].last+1 {
			all[k].last = max(all[k].last, s.last)
		} else {
			all = append(all, s)
		}
	}
	return all
}

// set is who holds a cluster, and how.
type set struct {
	by holders
	// state: all that refer to it do so for a VM state, behind the end of the disk.
	state bool
	// packed: a compressed stream lies here.
	packed bool
	// unknown: by more layers than can be told apart.
	unknown bool
}

// setID names a set; nobody holds what has the first.
type setID uint16

const nobody setID = 0

// sets keeps each set that occurs once.
type sets struct {
	all    []set
	ids    map[string]setID
	memo   map[uint32]setID
	last   uint32 // the pair that was asked for last
	lastID setID
	spans  int
	merged int
	// exact is false when some set is not known.
	exact bool
	// some of the many: with and without the active layer.
	many [2]setID
}

func newSets() *sets {
	s := &sets{all: []set{{}}, ids: map[string]setID{}, memo: map[uint32]setID{}, exact: true}
	for i := range s.many {
		s.many[i] = setID(len(s.all))
		by := holders{span{uint32(1 - i), ^uint32(0)}}
		s.all = append(s.all, set{by: by, unknown: true})
	}
	return s
}

// id is that of a set.
func (s *sets) id(of set) setID {
	if of.unknown {
		return s.manyOf(of)
	}
	key := binary.AppendUvarint(nil, flags(of))
	for _, r := range of.by {
		key = binary.AppendUvarint(binary.AppendUvarint(key, uint64(r.first)), uint64(r.last))
	}
	if id, ok := s.ids[string(key)]; ok {
		return id
	}
	if len(s.all) == maxSets || s.spans+len(of.by) > maxSpans {
		return s.manyOf(of)
	}
	id := setID(len(s.all))
	of.by = slices.Clone(of.by)
	s.all = append(s.all, of)
	s.spans += len(of.by)
	s.ids[string(key)] = id
	return id
}

func flags(of set) (f uint64) {
	if of.state {
		f |= 1
	}
	if of.packed {
		f |= 2
	}
	return f
}

func (s *sets) manyOf(of set) setID {
	s.exact = false
	if of.by.active() {
		return s.many[1]
	}
	return s.many[0]
}

// join is the set of a cluster that both hold.
func (s *sets) join(a, b setID) setID {
	if a == b || b == nobody {
		return a
	}
	if a == nobody {
		return b
	}
	pair := uint32(min(a, b))<<16 | uint32(max(a, b))
	if pair == s.last {
		return s.lastID
	}
	id, ok := s.memo[pair]
	if !ok {
		id = s.merge(s.all[a], s.all[b])
		if len(s.memo) < maxMemo {
			s.memo[pair] = id
		}
	}
	s.last, s.lastID = pair, id
	return id
}

func (s *sets) merge(a, b set) setID {
	both := set{state: a.state && b.state, packed: a.packed || b.packed, unknown: a.unknown || b.unknown}
	if s.merged += len(a.by) + len(b.by); s.merged > maxMerge {
		both.unknown = true
	}
	if both.unknown {
		if both.by = a.by; b.by.active() {
			both.by = b.by
		}
		return s.id(both)
	}
	both.by = union(a.by, b.by)
	return s.id(both)
}

// packed is the same set where a compressed stream lies.
func (s *sets) packed(id setID) setID {
	of := s.all[id]
	of.packed = true
	return s.id(of)
}
