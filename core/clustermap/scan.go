package clustermap

import (
	"context"
	"encoding/binary"
	"math/bits"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// The kinds of guest clusters.
const (
	// GuestNothing is what no entry says anything about: it comes from the parent, if there
	// is one, and else reads as zeros.
	GuestNothing uint8 = iota
	GuestData
	GuestCompressed
	GuestZero
	GuestUnreadable
	// GuestUnknown is not shown: the disk has more than is kept.
	GuestUnknown
)

// Bounds of what a scan keeps.
const (
	maxTables    = 1 << 20   // L2 tables
	maxPageBytes = 256 << 20 // states of guest clusters, a byte each
	maxLinks     = 1 << 26   // host clusters whose guest cluster is remembered, 4 bytes each
	maxMore      = 1 << 22   // further guest clusters of host clusters, 12 bytes a run
	l1Slack      = 64 << 20  // bytes of L1 tables beyond the file's size
)

// Scan reads the L2 tables of all layers, once, and learns what each layer has where and
// which host and guest clusters belong together. It takes a byte a guest cluster that an L2
// table maps and five bytes a host cluster, within the bounds above.
type Scan struct {
	img    *image.Image
	report *check.Report
	tables []*table
	at     map[tableKey]*table
	next   int // the first of tables that is not yet read
	kept   int64
	Links  *Links
	// Complete is false when there is more than is kept, or when a table could not be read.
	Complete bool
}

// tableKey names an L2 table. In an image with a data file what an entry says depends on
// where it is, too.
type tableKey struct {
	off     qcow2.HostOff
	l1Index int64
}

// table is one L2 table, whoever points to it.
type table struct {
	off     qcow2.HostOff
	l1Index int64 // the first that leads here
	layer   layer
	// page has a byte for each entry: a kind, and how much of the cluster is stored. nil
	// while it is not known.
	page []uint8
}

const kindBits = 3 // of a page's byte

// NewScan finds the L2 tables. The error is one of reading the L1 tables, or the context's.
func NewScan(ctx context.Context, img *image.Image, r *check.Report) (*Scan, error) {
	s := &Scan{img: img, report: r, at: map[tableKey]*table{}, Complete: true}
	s.Links = newLinks(img, r)
	budget := img.Src.Size() + l1Slack
	seen := map[image.L1Table]bool{}
	for n := range s.Layers() {
		t, ok := s.l1(n)
		if budget -= s.inFile(t); budget < 0 {
			s.Complete = false
			break
		}
		if !ok || seen[t] && n > 0 {
			s.Complete = s.Complete && ok
			continue
		}
		seen[t] = true
		err := s.eachL1(ctx, t, func(i int64, e qcow2.L1Entry) { s.note(n, i, e) })
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Layers is how many there are: the active one and the snapshots.
func (s *Scan) Layers() int { return 1 + len(s.report.Snapshots.Snapshots) }

// l1 is the L1 table of layer n; ok is false when it cannot be one.
func (s *Scan) l1(n int) (t image.L1Table, ok bool) {
	if n == 0 {
		return s.img.L1, true
	}
	t, err := s.img.SnapshotL1(&s.report.Snapshots.Snapshots[n-1])
	return t, err == nil
}

func (s *Scan) inFile(t image.L1Table) int64 {
	return max(0, min(t.Bytes(), s.img.Src.Size()-int64(t.Off)))
}

// eachL1 visits the entries of an L1 table that lie in the file.
func (s *Scan) eachL1(ctx context.Context, t image.L1Table, visit func(i int64, e qcow2.L1Entry)) error {
	const window = 1 << 20
	end := s.inFile(t)
	buf := make([]byte, min(window, end))
	for off := int64(0); off < end; off += window {
		b := buf[:min(window, end-off)]
		if err := s.img.ReadBatch(ctx, []source.Request{{Off: int64(t.Off) + off, Buf: b}}); err != nil {
			return err
		}
		for i := 0; i+qcow2.L1EntrySize <= len(b); i += qcow2.L1EntrySize {
			visit((off+int64(i))/qcow2.L1EntrySize, qcow2.L1Entry(binary.BigEndian.Uint64(b[i:])))
		}
	}
	return nil
}

// leads tells whether an L1 entry leads to an L2 table, and else how what it maps shows.
func (s *Scan) leads(e qcow2.L1Entry) (ok bool, kind uint8) {
	off := e.L2Table()
	switch {
	case !s.img.Geo.Aligned(off):
		return false, GuestUnreadable
	case off == 0 || int64(off) >= s.img.Src.Size():
		return false, GuestNothing
	}
	return true, GuestNothing
}

func (s *Scan) key(i int64, e qcow2.L1Entry) tableKey {
	k := tableKey{off: e.L2Table()}
	if s.img.Geo.DataFile {
		k.l1Index = i
	}
	return k
}

// note takes down that layer n leads to a table.
func (s *Scan) note(n int, i int64, e qcow2.L1Entry) {
	if ok, _ := s.leads(e); !ok {
		return
	}
	k := s.key(i, e)
	t := s.at[k]
	if t == nil {
		if len(s.tables) == maxTables {
			s.Complete = false
			return
		}
		t = &table{off: k.off, l1Index: i}
		s.at[k] = t
		s.tables = append(s.tables, t)
	}
	t.layer = t.layer.with(layerOf(n))
}

var scanAhead = source.Ahead{Batches: 2, Bytes: 4 << 20}

// Step reads about so many bytes of tables, and tells how many tables are done. The error is
// the context's; a table that cannot be read is left out.
func (s *Scan) Step(ctx context.Context, bytes int64) (done, total int, err error) {
	tables := source.NewInTurn(ctx, s.img.Src, scanAhead, func(i int, r source.Request, err error) error {
		if err != nil {
			s.Complete = false
			return nil
		}
		s.learn(s.tables[i], r.Buf)
		return nil
	})
	n := s.img.Geo.ClusterSize()
	end := min(len(s.tables), s.next+int(max(1, bytes/n)))
	for i := s.next; i < end; i++ {
		if err := tables.Add(int64(s.tables[i].off), int(n), i); err != nil {
			return s.next, len(s.tables), err
		}
	}
	if err := tables.Finish(); err != nil {
		return s.next, len(s.tables), err
	}
	if s.next = end; s.Done() {
		s.Links.finish()
	}
	return s.next, len(s.tables), nil
}

// Done tells whether all tables are read.
func (s *Scan) Done() bool { return s.next == len(s.tables) }

// learn takes down what a table says.
func (s *Scan) learn(t *table, b qcow2.L2Table) {
	g := s.img.Geo
	n := g.L2Entries()
	if s.kept+n <= maxPageBytes {
		t.page = make([]uint8, n)
		s.kept += n
	} else {
		s.Complete = false
	}
	first := t.l1Index * n
	for j := range n {
		e := b.At(g, j)
		if e.Entry == 0 && e.Bitmap == 0 {
			continue
		}
		if host, ok := plainHost(g, e); ok { // as nearly all are
			if t.page != nil {
				t.page[j] = GuestData | wholePart<<kindBits
			}
			s.Links.serve(int64(g.Cluster(host)), first+j, t.layer)
			continue
		}
		if t.page != nil {
			t.page[j] = pageByte(g, e, g.GuestOffset(t.l1Index, j))
		}
		s.Links.learn(g, e, first+j, t.layer)
	}
}

// plainHost is where a cluster lies that is stored whole and as it is.
func plainHost(g qcow2.Geometry, e qcow2.L2Entry) (host qcow2.HostOff, ok bool) {
	host = e.Host()
	return host, host != 0 && g.Aligned(host) && !g.ExtendedL2 && !g.DataFile && e.Entry&(qcow2.FlagCompressed|qcow2.FlagZero) == 0
}

// pageByte is what an entry says of its cluster.
func pageByte(g qcow2.Geometry, e qcow2.L2Entry, at qcow2.GuestOff) uint8 {
	const whole = wholePart << kindBits
	if !readable(g, e, at) {
		return GuestUnreadable | whole
	}
	switch kind := e.Kind(g); {
	case kind == qcow2.Compressed:
		return GuestCompressed | whole
	case g.ExtendedL2:
		return extendedByte(e)
	case kind == qcow2.Normal:
		return GuestData | whole
	case kind == qcow2.ZeroPlain || kind == qcow2.ZeroAlloc:
		return GuestZero | whole
	}
	return GuestNothing
}

// extendedByte is that of subclusters: data where there is any, with its share.
func extendedByte(e qcow2.L2Entry) uint8 {
	share := func(bitmap uint32) uint8 {
		return uint8((bits.OnesCount32(bitmap)*wholePart+qcow2.SubclustersPerEntry-1)/qcow2.SubclustersPerEntry) << kindBits
	}
	switch {
	case e.Bitmap.Alloc() != 0:
		return GuestData | share(e.Bitmap.Alloc())
	case e.Bitmap.Zero() != 0:
		return GuestZero | share(e.Bitmap.Zero())
	}
	return GuestNothing
}
