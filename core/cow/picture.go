package cow

import (
	"strings"

	"qcowscope/core/qcow2"
)

// Deed is what happens to a subcluster: a set of flags.
type Deed uint8

// What can happen to a subcluster. It may be written in part, and the rest copied from
// several sources.
const (
	DeedCopied       Deed = 1 << iota // from the old cluster
	DeedDecompressed                  // from a compressed cluster
	DeedBacking                       // from the backing file
	DeedFilled                        // with zeros
	DeedWritten                       // by the request
	DeedFlagged                       // set to read as zeros, or given back
)

// Picture is one guest cluster, subcluster by subcluster, before, during and after. Without
// extended L2 entries all 32 are the whole cluster.
type Picture struct {
	Guest         qcow2.GuestOff
	Before, After [qcow2.SubclustersPerEntry]qcow2.SubclusterKind
	Deeds         [qcow2.SubclustersPerEntry]Deed
}

// Picture shows Clusters[i].
func (o *Outcome) Picture(i int) Picture {
	g, c := o.w.g, o.Clusters[i]
	p := Picture{Guest: c.Guest}
	for k := range p.Before {
		p.Before[k], p.After[k] = c.Before.Subcluster(g, k), c.After.Subcluster(g, k)
	}
	mine := qcow2.Range[qcow2.GuestOff]{Start: c.Guest, Len: qcow2.GuestOff(g.ClusterSize())}
	for _, run := range o.Runs {
		if run.Covered().Start >= mine.End() || run.Covered().End() <= mine.Start {
			continue
		}
		p.mark(g, run.Guest, DeedWritten)
		head, tail := o.Copies(run)
		for _, piece := range append(head, tail...) {
			p.mark(g, piece.Guest, [...]Deed{DeedCopied, DeedDecompressed, DeedBacking, DeedFilled}[piece.Source])
		}
	}
	if o.Request.Kind != Data && c.Before != c.After {
		p.flag(g, o.Request.Range())
	}
	return p
}

// flag marks what the request changed without writing it.
func (p *Picture) flag(g qcow2.Geometry, r qcow2.Range[qcow2.GuestOff]) {
	done := p.Deeds
	p.mark(g, r, DeedFlagged)
	for k := range p.Deeds {
		if done[k] != 0 || p.Before[k] == p.After[k] {
			p.Deeds[k] = done[k]
		}
	}
}

// mark sets a deed where the range touches the cluster.
func (p *Picture) mark(g qcow2.Geometry, r qcow2.Range[qcow2.GuestOff], d Deed) {
	size := qcow2.GuestOff(g.ClusterSize() / qcow2.SubclustersPerEntry)
	if !g.ExtendedL2 {
		size = 0
	}
	for k := range p.Deeds {
		from := p.Guest + qcow2.GuestOff(k)*size
		to := from + size
		if size == 0 {
			to = from + qcow2.GuestOff(g.ClusterSize())
		}
		if r.Start < to && r.End() > from {
			p.Deeds[k] |= d
		}
	}
}

// The picture in characters.
const (
	stateMarks = ".,0o#C!" // by qcow2.SubclusterKind
	// Legend explains the characters of Picture.Lines.
	Legend = "# data   . unallocated   , unallocated with host   0 zero   o zero with host   C compressed   ! invalid\n" +
		"W written   c copied   d decompressed   b from the backing file   z filled with zeros   w written, the rest copied   x by flag   - left alone"
)

// Lines are the picture as text: before, what happens, after; see Legend.
func (p *Picture) Lines(g qcow2.Geometry) [3]string {
	n := subclusters(g)
	var before, deeds, after strings.Builder
	for k := range n {
		before.WriteByte(stateMarks[p.Before[k]])
		deeds.WriteByte(p.Deeds[k].mark())
		after.WriteByte(stateMarks[p.After[k]])
	}
	return [3]string{before.String(), deeds.String(), after.String()}
}

func (d Deed) mark() byte {
	switch {
	case d == 0:
		return '-'
	case d == DeedWritten:
		return 'W'
	case d&DeedWritten != 0:
		return 'w'
	case d&DeedFlagged != 0:
		return 'x'
	case d&DeedCopied != 0:
		return 'c'
	case d&DeedDecompressed != 0:
		return 'd'
	case d&DeedBacking != 0:
		return 'b'
	}
	return 'z'
}
