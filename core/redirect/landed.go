package redirect

import (
	"slices"

	"qcowscope/core/patch"
)

// Flight is the writes between two flushes: a crash among them leaves some of their sectors.
type Flight struct {
	Writes  []patch.Write
	Sectors int
	// States are the numbers [First, End) of its states; All says that these are all there can
	// be. The state in which everything has landed is the first one of what follows.
	First, End int
	All        bool
}

// Flights are what is in flight together, in order. The states after the last are those with
// everything on the disk.
func (e *Explorer) Flights() []Flight {
	all := make([]Flight, len(e.batches))
	for i := range e.batches {
		b := &e.batches[i]
		all[i] = Flight{b.writes, len(b.pieces), b.first, b.first + b.states, b.all}
	}
	return all
}

// Landing is what has reached the disk of a write in flight.
type Landing struct {
	Write patch.Write
	// Sectors has an item for each sector that the write touches, in order.
	Sectors []bool
}

// Torn tells whether some of it has landed, and some has not.
func (l Landing) Torn() bool {
	return slices.Contains(l.Sectors, true) && slices.Contains(l.Sectors, false)
}

// kept is the sectors of the state's flight that are on the disk.
func (e *Explorer) kept(i int) (k int, kept []piece, grown bool) {
	for k := range e.batches {
		if b := &e.batches[k]; i < b.first+b.states {
			kept, grown = b.subset(i-b.first, e.random(i))
			return k, kept, grown
		}
	}
	return len(e.batches), nil, true
}

// Landed is how many sectors of its flight are on the disk in state i. Two states of a flight
// with the same sum, of a sample, are the same.
func (e *Explorer) Landed(i int) (sectors int, sum uint64) {
	_, kept, grown := e.kept(i)
	if grown || len(kept) > 0 {
		sum = 1 // the file has its new length
	}
	for _, p := range kept {
		sum = mixed(sum ^ uint64(p.write)<<32 ^ uint64(p.from))
	}
	return len(kept), sum
}

// Landings are the writes that were in flight in state i, and how far each had come. There are
// none in the states with everything on the disk.
func (e *Explorer) Landings(i int) []Landing {
	k, kept, _ := e.kept(i)
	if k == len(e.batches) {
		return nil
	}
	b := &e.batches[k]
	all := make([]Landing, len(b.writes))
	for _, p := range b.pieces {
		on := len(kept) > 0 && kept[0] == p
		if on {
			kept = kept[1:]
		}
		all[p.write].Sectors = append(all[p.write].Sectors, on)
	}
	for w := range all {
		all[w].Write = b.writes[w]
	}
	return all
}

// Plan leads from the file as it was to state i. Its batches are no order in which anything is
// to be written: it is for looking at the state.
func (e *Explorer) Plan(i int) *patch.Plan {
	k, kept, grown := e.kept(i)
	p := patch.New(e.src.Size())
	for n := range e.batches[:k] {
		b := &e.batches[n]
		p.Batches = append(p.Batches, e.part(b, b.pieces, true).Batches...)
		p.SizeAfter = max(p.SizeAfter, e.plan.SizeAfter)
	}
	switch {
	case k < len(e.batches):
		part := e.part(&e.batches[k], kept, grown)
		p.Batches, p.SizeAfter = append(p.Batches, part.Batches...), part.SizeAfter
	case i == e.n-1:
		p.SizeAfter = e.plan.SizeAfter
	}
	return p
}
