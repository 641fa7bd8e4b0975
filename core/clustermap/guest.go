package clustermap

import (
	"context"
	"encoding/binary"
	"iter"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Extent is a run of guest bytes that one layer has in one state, in one piece of the file.
type Extent struct {
	Guest qcow2.Range[qcow2.GuestOff]
	Kind  qcow2.SubclusterKind
	// Host is where its first byte lies, for the kinds with a host cluster; for compressed
	// ones where the first stream lies. It is an offset in the data file if there is one.
	Host qcow2.HostOff
}

// HasHost tells whether every byte of the extent has a place of its own in the file.
func (e Extent) HasHost() bool {
	return e.Kind == qcow2.SubNormal || e.Kind == qcow2.SubZeroAlloc || e.Kind == qcow2.SubUnallocatedAlloc
}

// next tells whether b goes on where e ends.
func (e Extent) next(b Extent) bool {
	return e.Kind == b.Kind && e.Guest.End() == b.Guest.Start && (!e.HasHost() || e.Host+qcow2.HostOff(e.Guest.Len) == b.Host)
}

// tablesAhead is how many bytes of L2 tables are read at a time.
const tablesAhead = 2 << 20

// Guest tells what a layer of an image holds where. It keeps the tables it read last and is
// not safe for concurrent use.
type Guest struct {
	img   *image.Image
	root  image.L1Table
	size  uint64   // of the disk, bytes
	first int64    // L1 index of the first table that is kept
	table [][]byte // per L1 index: nil where there is no table
	state []l1State
}

// l1State is what an L1 entry leads to.
type l1State uint8

const (
	l1Table   l1State = iota
	l1Nothing         // no table, or one past the end of the file, which reads as zeros
	l1Broken          // no program can read through it
)

// NewGuest is that of the active layer. It has read nothing yet.
func NewGuest(img *image.Image) *Guest {
	return &Guest{img: img, root: img.L1, size: img.VirtualSize()}
}

// Extents are the states of the guest bytes in r, ascending and without gaps; bytes past
// the virtual size are left out. What QEMU fails to read has the kind SubInvalid. The
// error is one of reading, or the context's; it ends the sequence.
func (m *Guest) Extents(ctx context.Context, r qcow2.Range[qcow2.GuestOff]) iter.Seq2[Extent, error] {
	return func(yield func(Extent, error) bool) {
		out := joiner{yield: yield}
		from := max(0, r.Start)
		end := min(r.End(), qcow2.GuestOff(min(m.size, 1<<63-1)))
		span := qcow2.GuestOff(m.img.Geo.L2Span())
		mapped := min(end, qcow2.GuestOff(m.root.Entries)*span)
		for from < mapped && !out.stopped {
			to := min(mapped, from-from%span+span)
			if err := m.load(ctx, m.img.Geo.L1Index(from), m.img.Geo.L1Index(mapped-1)); err != nil {
				out.fail(err)
				return
			}
			m.span(&out, from, to)
			from = to
		}
		if from < end {
			out.add(Extent{Guest: rangeOf(from, end), Kind: qcow2.SubInvalid}) // no L1 entry for it
		}
		out.flush()
	}
}

// load makes the table of L1 index i available, and some of those after it up to last.
func (m *Guest) load(ctx context.Context, i, last int64) error {
	if i >= m.first && i < m.first+int64(len(m.state)) {
		return ctx.Err()
	}
	g := m.img.Geo
	n := min(last-i+1, max(1, tablesAhead/g.ClusterSize()))
	m.first, m.table, m.state = i, make([][]byte, n), make([]l1State, n)
	l1, err := m.l1(i, n)
	if err != nil {
		m.state = nil
		return err
	}
	var reqs []source.Request
	for k := range n {
		off := l1[k].L2Table()
		switch {
		case !g.Aligned(off):
			m.state[k] = l1Broken
		case off == 0 || int64(off) >= m.img.Src.Size():
			m.state[k] = l1Nothing
		default:
			m.table[k] = make([]byte, g.ClusterSize())
			reqs = append(reqs, source.Request{Off: int64(off), Buf: m.table[k]})
		}
	}
	if err := m.img.ReadBatch(ctx, reqs); err != nil {
		m.state = nil
		return err
	}
	return nil
}

// l1 reads n L1 entries from i on, which the table has.
func (m *Guest) l1(i, n int64) ([]qcow2.L1Entry, error) {
	entries := make([]qcow2.L1Entry, n)
	buf := make([]byte, n*qcow2.L1EntrySize)
	if err := source.ReadFull(m.img.Src, buf, int64(m.root.Off)+i*qcow2.L1EntrySize); err != nil {
		return nil, err
	}
	for k := range n {
		entries[k] = qcow2.L1Entry(binary.BigEndian.Uint64(buf[8*k:]))
	}
	return entries, nil
}

// span puts out the extents of [from, to), which one L2 table maps.
func (m *Guest) span(out *joiner, from, to qcow2.GuestOff) {
	g := m.img.Geo
	k := g.L1Index(from) - m.first
	switch m.state[k] {
	case l1Nothing:
		out.add(Extent{Guest: rangeOf(from, to), Kind: qcow2.SubUnallocated})
		return
	case l1Broken:
		out.add(Extent{Guest: rangeOf(from, to), Kind: qcow2.SubInvalid})
		return
	}
	table := qcow2.L2Table(m.table[k])
	for off := from; off < to && !out.stopped; {
		next := min(to, off-off%qcow2.GuestOff(g.ClusterSize())+qcow2.GuestOff(g.ClusterSize()))
		m.cluster(out, table.At(g, g.L2Index(off)), off, next)
		off = next
	}
}

// cluster puts out the extents of [from, to), which lies in one cluster.
func (m *Guest) cluster(out *joiner, e qcow2.L2Entry, from, to qcow2.GuestOff) {
	g := m.img.Geo
	inCluster := from % qcow2.GuestOff(g.ClusterSize())
	switch {
	case !readable(g, e, from-inCluster):
		out.add(Extent{Guest: rangeOf(from, to), Kind: qcow2.SubInvalid})
	case e.Kind(g) == qcow2.Compressed:
		out.add(Extent{rangeOf(from, to), qcow2.SubCompressed, e.CompressedRange(g).Start})
	case !g.ExtendedL2:
		out.add(Extent{rangeOf(from, to), e.Subcluster(g, 0), e.Host() + qcow2.HostOff(inCluster)})
	default:
		size := qcow2.GuestOff(g.SubclusterSize())
		for off := from; off < to; {
			next := min(to, off-off%size+size)
			in := off % qcow2.GuestOff(g.ClusterSize())
			out.add(Extent{rangeOf(off, next), e.Subcluster(g, int(in/size)), e.Host() + qcow2.HostOff(in)})
			off = next
		}
	}
}

// readable tells whether QEMU reads the cluster at guest offset off through this entry.
func readable(g qcow2.Geometry, e qcow2.L2Entry, off qcow2.GuestOff) bool {
	kind := e.Kind(g)
	if kind == qcow2.Compressed {
		return !g.DataFile
	}
	if g.Version < 3 && (kind == qcow2.ZeroPlain || kind == qcow2.ZeroAlloc) {
		return false
	}
	if g.ExtendedL2 {
		host := kind == qcow2.Normal
		if alloc := e.Bitmap.Alloc(); alloc&e.Bitmap.Zero() != 0 || alloc != 0 && !host {
			return false
		}
	}
	if kind != qcow2.Normal && kind != qcow2.ZeroAlloc {
		return true
	}
	return g.Aligned(e.Host()) && (!g.DataFile || int64(e.Host()) == int64(off))
}

func rangeOf(from, to qcow2.GuestOff) qcow2.Range[qcow2.GuestOff] {
	return qcow2.Range[qcow2.GuestOff]{Start: from, Len: to - from}
}

// joiner joins extents that continue each other.
type joiner struct {
	yield   func(Extent, error) bool
	last    Extent
	stopped bool
}

func (j *joiner) add(e Extent) {
	if !e.HasHost() && e.Kind != qcow2.SubCompressed {
		e.Host = 0
	}
	if j.last.Guest.Len > 0 && j.last.next(e) {
		j.last.Guest.Len += e.Guest.Len
		return
	}
	j.flush()
	j.last = e
}

func (j *joiner) flush() {
	if j.last.Guest.Len > 0 && !j.stopped {
		j.stopped = !j.yield(j.last, nil)
	}
	j.last = Extent{}
}

// fail puts out what is known and then the error.
func (j *joiner) fail(err error) {
	if j.flush(); !j.stopped {
		j.yield(Extent{}, err)
		j.stopped = true
	}
}
