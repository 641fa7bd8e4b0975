package cow

import (
	"math/bits"

	"qcowscope/core/qcow2"
)

// Run is consecutive guest clusters that a data write treats alike: in place, or in newly
// allocated clusters that lie in a row.
type Run struct {
	Guest    qcow2.Range[qcow2.GuestOff] // the request's bytes in it
	Host     qcow2.HostOff               // of the first of them; in the data file if there is one
	Clusters int64
	InPlace  bool
	// First and Last are the states of the first and the last subcluster that are written:
	// they alone decide what is copied.
	First, Last qcow2.SubclusterKind
	// Head and Tail are copied: guest bytes before and after the written ones, which the
	// bitmap is going to call allocated too.
	Head, Tail qcow2.Range[qcow2.GuestOff]
	// Record tells that L2 entries change. Without a record nothing but data is written.
	Record bool

	slot   place
	before []qcow2.L2Entry
	req    *Request
	zeros  bool // zeros are written, whatever the request says
}

// firstCluster is the guest offset of the run's first cluster.
func (r *Run) firstCluster(g qcow2.Geometry) qcow2.GuestOff {
	return r.Guest.Start - r.Guest.Start%qcow2.GuestOff(g.ClusterSize())
}

// Covered are the bytes that the bitmap calls allocated afterwards: head, data and tail.
func (r *Run) Covered() qcow2.Range[qcow2.GuestOff] {
	return rangeOf(r.Guest.Start-r.Head.Len, r.Guest.End()+r.Tail.Len)
}

// regions finds what a run copies (see Head and Tail), and whether entries change.
func (s *sim) regions(r *Run) {
	g := s.g
	first := r.firstCluster(g)
	in := int64(r.Guest.Start - first)
	end := int64(r.Guest.End() - first)
	lastIn := (r.Clusters - 1) << g.ClusterBits // where the last cluster begins
	firstEntry, lastEntry := r.before[0], r.before[r.Clusters-1]
	s0, s1 := int(in/g.SubclusterSize()), int((end-lastIn-1)/g.SubclusterSize())
	r.First, r.Last = firstEntry.Subcluster(g, s0), lastEntry.Subcluster(g, s1)
	from, to := in, end
	if r.InPlace {
		r.Record = !s.allNormal(r, s0, s1)
		from, to = inPlaceRegions(g, r.First, r.Last, in, end)
	} else {
		r.Record = true
		from = copyFrom(g, r.First, firstEntry.Bitmap.Alloc(), int64(s0))
		to = lastIn + copyTo(g, r.Last, lastEntry.Bitmap.Alloc(), int64(s1))
	}
	r.Head = rangeOf(first+qcow2.GuestOff(from), r.Guest.Start)
	r.Tail = rangeOf(r.Guest.End(), first+qcow2.GuestOff(to))
	if !r.Record {
		r.Head, r.Tail = rangeOf(r.Guest.Start, r.Guest.Start), rangeOf(r.Guest.End(), r.Guest.End())
	}
}

// allNormal tells whether every subcluster that is written, from s0 of the first cluster to
// s1 of the last, holds data already: then no entry changes.
func (s *sim) allNormal(r *Run, s0, s1 int) bool {
	n := subclusters(s.g)
	for i, e := range r.before {
		from, to := 0, n-1
		if i == 0 {
			from = s0
		}
		if i == len(r.before)-1 {
			to = s1
		}
		for k := from; k <= to; k++ {
			if e.Subcluster(s.g, k) != qcow2.SubNormal {
				return false
			}
		}
	}
	return true
}

// subclusters is how many a cluster has: one without extended L2 entries.
func subclusters(g qcow2.Geometry) int { return int(g.ClusterSize() / g.SubclusterSize()) }

// inPlaceRegions: a subcluster that holds data needs nothing but the new bytes; any other
// was never written, and the rest of it is filled up.
func inPlaceRegions(g qcow2.Geometry, first, last qcow2.SubclusterKind, in, end int64) (from, to int64) {
	from, to = in, end
	if first != qcow2.SubNormal {
		from = in - in%g.SubclusterSize()
	}
	if last != qcow2.SubNormal {
		to = roundUp(end, g.SubclusterSize())
	}
	return from, to
}

// copyFrom is where copying to a new cluster begins, in bytes into the first cluster, when
// the write begins in subcluster s0.
func copyFrom(g qcow2.Geometry, first qcow2.SubclusterKind, alloc uint32, s0 int64) int64 {
	switch {
	case first == qcow2.SubCompressed:
		return 0
	case first == qcow2.SubUnallocated || first == qcow2.SubZero:
		return s0 * g.SubclusterSize()
	case !g.ExtendedL2:
		return 0
	}
	// Leading subclusters without data stay so in the bitmap.
	return min(s0, int64(bits.TrailingZeros32(alloc))) * g.SubclusterSize()
}

// copyTo is where copying ends, in bytes into the last cluster, when the write ends in
// subcluster s1.
func copyTo(g qcow2.Geometry, last qcow2.SubclusterKind, alloc uint32, s1 int64) int64 {
	switch {
	case last == qcow2.SubCompressed:
		return g.ClusterSize()
	case last == qcow2.SubUnallocated || last == qcow2.SubZero:
		return (s1 + 1) * g.SubclusterSize()
	case !g.ExtendedL2:
		return g.ClusterSize()
	}
	return g.ClusterSize() - min(qcow2.SubclustersPerEntry-1-s1, int64(bits.LeadingZeros32(alloc)))*g.SubclusterSize()
}

func roundUp(n, to int64) int64 { return ceilDiv(n, to) * to }

// entryAfter is the L2 entry of the run's guest cluster at a guest offset, which lies at host,
// once the run is written: head, data and tail are allocated, everything else keeps its state.
func (r *Run) entryAfter(g qcow2.Geometry, at qcow2.GuestOff, old qcow2.L2Entry, host qcow2.HostOff) qcow2.L2Entry {
	e := qcow2.L2Entry{Entry: uint64(host) | qcow2.FlagCopied, Bitmap: old.Bitmap}
	if !g.ExtendedL2 {
		return e
	}
	covered := r.Covered()
	from := max(0, int64(covered.Start-at)) / g.SubclusterSize()
	to := ceilDiv(min(g.ClusterSize(), int64(covered.End()-at)), g.SubclusterSize())
	mask := uint64(1)<<to - uint64(1)<<from
	e.Bitmap = e.Bitmap&^qcow2.SubclusterBitmap(mask<<32) | qcow2.SubclusterBitmap(mask)
	return e
}
