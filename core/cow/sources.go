package cow

import "qcowscope/core/qcow2"

// SourceKind is where bytes that are copied come from.
type SourceKind uint8

// Copy-on-write copies what the guest sees there now.
const (
	FromCluster SourceKind = iota // the old host cluster
	FromStream                    // the old cluster, which is compressed
	FromBacking                   // the backing file
	FromNothing                   // zeros: nothing is there
)

func (k SourceKind) String() string {
	return [...]string{"the old cluster", "the compressed cluster", "the backing file", "zeros"}[k]
}

// Piece is guest bytes that are copied from one source.
type Piece struct {
	Guest  qcow2.Range[qcow2.GuestOff]
	Source SourceKind
	// Host is where the first byte lies, or the compressed stream; 0 for other sources.
	Host qcow2.HostOff

	entry qcow2.L2Entry // of the stream
}

// sourceOf is where the bytes of a subcluster in this state come from.
func sourceOf(k qcow2.SubclusterKind, backing bool) SourceKind {
	switch {
	case k == qcow2.SubNormal:
		return FromCluster
	case k == qcow2.SubCompressed:
		return FromStream
	case backing && (k == qcow2.SubUnallocated || k == qcow2.SubUnallocatedAlloc):
		return FromBacking
	}
	return FromNothing
}

// pieces cuts r, which lies in the cluster at start with entry e, by source.
func (w *Writer) pieces(e qcow2.L2Entry, start qcow2.GuestOff, r qcow2.Range[qcow2.GuestOff]) (all []Piece) {
	for at := r.Start; at < r.End(); {
		kind, n := w.state(e, start, at, r.End())
		p := Piece{Guest: qcow2.Range[qcow2.GuestOff]{Start: at, Len: n}, Source: sourceOf(kind, w.backing)}
		switch p.Source {
		case FromCluster:
			p.Host = e.Host() + qcow2.HostOff(at-start)
		case FromStream:
			p.Host, p.entry = e.CompressedRange(w.g).Start, e
		}
		at += n
		if k := len(all) - 1; k >= 0 && all[k].Source == p.Source {
			all[k].Guest.Len += n
			continue
		}
		all = append(all, p)
	}
	return all
}

// state is that of the subcluster at off, and how many bytes it goes on, up to end.
func (w *Writer) state(e qcow2.L2Entry, start, off, end qcow2.GuestOff) (qcow2.SubclusterKind, qcow2.GuestOff) {
	sub := qcow2.GuestOff(w.g.SubclusterSize())
	in := off - start
	return e.Subcluster(w.g, int(in/sub)), min(end-off, sub-in%sub)
}

// Copies are what a run copies before and after its data, by source.
func (o *Outcome) Copies(r *Run) (head, tail []Piece) { return o.w.copies(r) }

func (w *Writer) copies(r *Run) (head, tail []Piece) {
	g := w.g
	first := r.firstCluster(g)
	last := first + qcow2.GuestOff((r.Clusters-1)<<g.ClusterBits)
	return w.pieces(r.before[0], first, r.Head), w.pieces(r.before[len(r.before)-1], last, r.Tail)
}

// Skip is a part of a touched cluster that is neither written nor copied, with its state.
type Skip struct {
	Guest qcow2.Range[qcow2.GuestOff]
	State qcow2.SubclusterKind
}

// Skips are the parts of a run's clusters that nothing is done about, ascending. Those
// outside of a subcluster that holds data keep their state in the bitmap.
func (o *Outcome) Skips(r *Run) []Skip {
	g := o.w.g
	first := r.firstCluster(g)
	last := first + qcow2.GuestOff((r.Clusters-1)<<g.ClusterBits)
	covered := r.Covered()
	skips := o.w.skips(r.before[0], first, rangeOf(first, covered.Start))
	return append(skips, o.w.skips(r.before[len(r.before)-1], last, rangeOf(covered.End(), last+qcow2.GuestOff(g.ClusterSize())))...)
}

func (w *Writer) skips(e qcow2.L2Entry, start qcow2.GuestOff, r qcow2.Range[qcow2.GuestOff]) (all []Skip) {
	for at := r.Start; at < r.End(); {
		kind, n := w.state(e, start, at, r.End())
		if k := len(all) - 1; k >= 0 && all[k].State == kind {
			all[k].Guest.Len += n
		} else {
			all = append(all, Skip{qcow2.Range[qcow2.GuestOff]{Start: at, Len: n}, kind})
		}
		at += n
	}
	return all
}
