package clustermap

import (
	"cmp"
	"math"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// layer says which layers have a cluster: none, the active one alone, the active one and
// snapshots, several snapshots, or a single snapshot.
type layer uint8

const (
	noLayer layer = iota
	activeOnly
	activeShared
	severalSnapshots
	onlySnapshot                 // the first; the others follow
	lastSnapshot = math.MaxUint8 // it and all later ones
)

// layerOf is that of layer n alone.
func layerOf(n int) layer {
	if n == 0 {
		return activeOnly
	}
	return layer(min(int(onlySnapshot)+n-1, int(lastSnapshot)))
}

// with is what the layers of two pointers are together.
func (l layer) with(m layer) layer {
	switch {
	case l == noLayer || l == m:
		return m
	case m == noLayer:
		return l
	case l == activeOnly || l == activeShared || m == activeOnly || m == activeShared:
		return activeShared
	}
	return severalSnapshots
}

// The kinds of host clusters by layer: 5 to 14 are those that only snapshot 1 to 10 has.
const (
	LayerNone      uint8 = iota // free, or nothing points there
	LayerTables                 // structures of the image
	LayerActive                 // only the active layer has it
	LayerShared                 // the active layer and snapshots
	LayerSnapshots              // several snapshots
	LayerSnapshot               // only the first snapshot
	LayerOthers    uint8 = 15   // only one snapshot, a later one than the tenth
)

// layerRank: those that only one snapshot has come last, the first before the later ones.
var layerRank = rankOf(LayerActive, LayerTables, LayerShared, LayerSnapshots, LayerSnapshot, LayerSnapshot+1, LayerSnapshot+2,
	LayerSnapshot+3, LayerSnapshot+4, LayerSnapshot+5, LayerSnapshot+6, LayerSnapshot+7, LayerSnapshot+8, LayerSnapshot+9, LayerOthers)

// Links tells which guest clusters a host cluster serves, of any layer, and the reverse.
//
// In a cell of its Picture the kind is one of LayerNone to LayerOthers, the high three bits
// of the first byte are how many of the clusters do not follow the one before them on the
// disk, of 7, and the second byte is where on the disk the first of them belongs, from 1 at
// its start to 255 at its end; 0 is nowhere.
type Links struct {
	Picture       *Picture
	table         *refcount.Table
	guestClusters int64
	// guest is for each host cluster 1 + the guest cluster that it serves, 0 if none.
	guest  []uint32
	layers []layer
	more   []moreLinks
}

// moreLinks are further guest clusters of a host cluster.
type moreLinks struct{ host, guest, n uint32 }

// newLinks has none yet. There are none at all for images with a data file, whose data lies
// elsewhere, and for files with too many clusters.
func newLinks(img *image.Image, r *check.Report) *Links {
	t := r.Refcounts.Table
	l := &Links{table: t, guestClusters: img.Geo.Clusters(int64(min(img.VirtualSize(), 1<<62)))}
	if t.Len() <= maxLinks {
		l.guest, l.layers = make([]uint32, t.Len()), make([]layer, t.Len())
	}
	l.Picture = newPicture(t.Len(), l, linked)
	return l
}

// Known tells whether the links of the file are kept.
func (l *Links) Known() bool { return l.guest != nil }

// learn takes down what an entry says that maps a guest cluster.
func (l *Links) learn(g qcow2.Geometry, e qcow2.L2Entry, guest int64, of layer) {
	var r qcow2.Range[qcow2.HostOff]
	switch e.Kind(g) {
	case qcow2.Compressed:
		r = e.CompressedRange(g)
	case qcow2.Normal, qcow2.ZeroAlloc:
		r = qcow2.Range[qcow2.HostOff]{Start: e.Host(), Len: qcow2.HostOff(g.ClusterSize())}
	}
	if r.Len == 0 || g.DataFile || r.Start < 0 || guest >= math.MaxUint32 {
		return
	}
	last := min(int64(g.Cluster(r.End()-1)), int64(len(l.guest))-1)
	for c := int64(g.Cluster(r.Start)); c <= last; c++ {
		l.serve(c, guest, of)
	}
}

// serve takes down that a host cluster serves a guest cluster.
func (l *Links) serve(c, guest int64, of layer) {
	if c >= int64(len(l.guest)) || guest >= math.MaxUint32 {
		return
	}
	l.layers[c] = l.layers[c].with(of)
	switch l.guest[c] {
	case 0:
		l.guest[c] = uint32(guest) + 1
	case uint32(guest) + 1:
	default:
		l.further(uint32(c), uint32(guest))
	}
}

func (l *Links) further(host, guest uint32) {
	if n := len(l.more); n > 0 {
		if last := &l.more[n-1]; last.host == host && last.guest+last.n == guest {
			last.n++
			return
		}
	}
	if len(l.more) < maxMore {
		l.more = append(l.more, moreLinks{host, guest, 1})
	}
}

// finish sorts what was learnt.
func (l *Links) finish() {
	slices.SortFunc(l.more, func(a, b moreLinks) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.guest, b.guest))
	})
}

// Clusters is a run of host or guest clusters.
type Clusters struct{ First, N int64 }

// Block is a rectangle of a map in rows: Rows runs of N clusters, each beginning Stride
// clusters behind the one before. A single run has one row.
type Block struct{ First, N, Rows, Stride int64 }

// runs visits the rows within [0, end), until visit is false.
func (b Block) runs(end int64, visit func(from, to int64) bool) {
	for row := range max(1, b.Rows) {
		from := b.First + row*b.Stride
		to := min(from+b.N, end)
		if from = max(0, from); from >= end || from < to && !visit(from, to) {
			return
		}
	}
}

// last is the first cluster behind the block.
func (b Block) last() int64 { return b.First + max(0, b.Rows-1)*b.Stride + b.N }

// meets tells whether clusters from up to to have any in the block.
func (b Block) meets(from, to int64) bool {
	if from = max(from, b.First); from >= min(to, b.last()) {
		return false
	}
	if b.Rows <= 1 {
		return true
	}
	in := (from - b.First) % b.Stride
	return in < b.N || from-in+b.Stride < to
}

// Guests are the guest clusters that the host clusters of a block serve, ascending and
// joined; at most as many runs as asked for, more tells whether there are others.
func (l *Links) Guests(b Block, most int) (runs []Clusters, more bool) {
	add := collector(&runs, &more, 4*most)
	b.runs(int64(len(l.guest)), func(from, to int64) bool {
		for _, guest := range l.guest[from:to] {
			if guest != 0 {
				add(int64(guest)-1, 1)
			}
		}
		i, _ := slices.BinarySearchFunc(l.more, uint32(from), func(m moreLinks, host uint32) int { return cmp.Compare(m.host, host) })
		for ; i < len(l.more) && int64(l.more[i].host) < to; i++ {
			add(int64(l.more[i].guest), int64(l.more[i].n))
		}
		return !more
	})
	return joinedClusters(runs, most, more)
}

// Hosts are the host clusters that serve the guest clusters of a block in any layer, as
// Guests does.
func (l *Links) Hosts(b Block, most int) (runs []Clusters, more bool) {
	if b.First < 0 || b.N <= 0 || b.First >= math.MaxUint32 {
		return nil, false
	}
	add := collector(&runs, &more, 4*most)
	low, width := uint32(b.First)+1, uint32(min(b.last()-b.First, math.MaxUint32-b.First)-1)
	for host, guest := range l.guest {
		// An unsigned difference: also false below low.
		if guest-low <= width && (b.Rows <= 1 || b.meets(int64(guest)-1, int64(guest))) {
			add(int64(host), 1)
		}
	}
	for _, m := range l.more {
		if b.meets(int64(m.guest), int64(m.guest)+int64(m.n)) {
			add(int64(m.host), 1)
		}
	}
	return joinedClusters(runs, most, more)
}

// collector adds clusters to runs, of which there may be so many.
func collector(runs *[]Clusters, more *bool, most int) func(first, n int64) {
	return func(first, n int64) {
		switch k := len(*runs) - 1; {
		case k >= 0 && (*runs)[k].First+(*runs)[k].N == first:
			(*runs)[k].N += n
		case len(*runs) < most:
			*runs = append(*runs, Clusters{first, n})
		default:
			*more = true
		}
	}
}

// joinedClusters sorts runs and joins those that meet; it keeps at most so many.
func joinedClusters(runs []Clusters, most int, more bool) ([]Clusters, bool) {
	slices.SortFunc(runs, func(a, b Clusters) int { return cmp.Compare(a.First, b.First) })
	out := runs[:0]
	for _, r := range runs {
		if k := len(out) - 1; k >= 0 && r.First <= out[k].First+out[k].N {
			out[k].N = max(out[k].N, r.First+r.N-out[k].First)
		} else {
			out = append(out, r)
		}
	}
	if len(out) > most {
		return out[:most], true
	}
	return out, more
}

// run is of host clusters of the same layers that serve guest clusters one after the other.
func (l *Links) run(first, limit int64) (look, int64) {
	k := l.lookOf(first)
	n := int64(1)
	for n < limit && l.lookOf(first+n) == k {
		n++
	}
	return k, n
}

func (l *Links) lookOf(c int64) look {
	k := look{kind: l.kind(c)}
	if l.guest == nil || l.guest[c] == 0 {
		return k
	}
	guest := int64(l.guest[c] - 1)
	k.tone = uint8(1 + min(guest*255/max(1, l.guestClusters), 254))
	if c > 0 && l.guest[c-1] != 0 && l.guest[c-1]+1 != l.guest[c] {
		k.part = wholePart
	}
	return k
}

func (l *Links) kind(c int64) uint8 {
	switch l.table.Role(qcow2.HostCluster(c)) {
	case refcount.Free, refcount.Leaked:
		return LayerNone
	case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData:
	default:
		return LayerTables
	}
	switch of := l.layerAt(c); {
	case of == noLayer:
		return LayerNone
	case of < onlySnapshot:
		return LayerActive + uint8(of-activeOnly)
	default:
		return min(LayerSnapshot+uint8(of-onlySnapshot), LayerOthers)
	}
}

func (l *Links) layerAt(c int64) layer {
	if l.layers == nil {
		return noLayer
	}
	return l.layers[c]
}

// linked packs the cells of Links.
func linked(t *tally) Cell {
	return Cell{t.most(layerRank) | min(7, (t.share()+1)/2)<<5, t.first}
}
