// Package layers tells what an image consists of: the active state and the snapshots and
// what each of them alone keeps, the dirty ranges of its bitmaps, the files beside it that
// it names, and what every byte of the file is for.
package layers

import (
	"context"
	"encoding/binary"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Bounds of the walk.
const (
	maxTables = 1 << 20   // L2 tables
	slack     = 64 << 20  // bytes of L1 tables beyond the file's size
	mostL1    = 4 << 30   // bytes of L1 tables, however large the file
	l1Window  = 256 << 10 // bytes of an L1 table that are read at a time
	readCost  = 64 << 10  // bytes that could be read in the time that it takes to ask for some
)

// Holdings learns in one pass over the L2 tables which layers hold which host clusters. It
// takes two bytes a host cluster.
type Holdings struct {
	img    *image.Image
	report *check.Report
	sets   *sets
	owners []setID // of each cluster of the file

	layer  int // whose L1 table is read next
	l1At   int64
	budget int64
	tables []*table
	at     map[tableKey]*table
	spans  int
	next   int // the first of tables that is not read

	guest  guestCounts
	counts []kindCounts // by set, when all is read
	// Complete is false when some table could not be read or is impossible, or when there
	// are more than are walked.
	Complete bool
}

// tableKey names an L2 table. In an image with a data file what an entry says depends on
// where it is, too.
type tableKey struct {
	off     qcow2.HostOff
	l1Index int64
}

// table is an L2 table, whoever points to it.
type table struct {
	off     qcow2.HostOff
	by      holders
	unknown bool
	state   bool  // it maps only VM states
	active  int64 // L1 entries of the active layer that lead here
	l1Index int64 // the first of those
}

// guestCounts are what the active layer says of the clusters of the disk. Those with
// extended entries are counted by the subcluster where nothing is stored.
type guestCounts struct {
	zero       int64 // bytes that are zero and take no cluster
	stored     int64 // clusters with a host cluster of their own
	compressed int64 // clusters
	beyond     int64 // clusters with one behind the end of the disk, that are no VM state
}

// kind of a host cluster that layers hold.
type kind uint8

const (
	l1Table kind = iota
	l2Table
	guestData
	kinds
)

type kindCounts [kinds]int64

// NewHoldings begins a walk; it reads nothing yet. The report must be of the same image.
func NewHoldings(img *image.Image, r *check.Report) *Holdings {
	n := min(img.HostClusters(), r.Refcounts.Table.Len())
	return &Holdings{img: img, report: r, sets: newSets(), owners: make([]setID, n), at: map[tableKey]*table{},
		budget: min(img.Src.Size(), mostL1) + slack, Complete: true}
}

// Layers is how many there are: the active one and the snapshots.
func (h *Holdings) Layers() int { return 1 + len(h.report.Snapshots.Snapshots) }

// Done tells whether all is read.
func (h *Holdings) Done() bool { return h.counts != nil }

// Step reads about so many bytes of tables and tells how many steps of how many are done;
// the total is known when all L1 tables are read, and grows until then. The error is the
// context's; a table that cannot be read is left out.
func (h *Holdings) Step(ctx context.Context, bytes int64) (done, total int, err error) {
	for h.layer < h.Layers() && bytes > 0 {
		n, err := h.l1Step(ctx)
		if err != nil {
			return h.layer, h.Layers(), err
		}
		bytes -= max(n, readCost)
	}
	if h.layer == h.Layers() && bytes > 0 {
		if err := h.l2Step(ctx, bytes); err != nil {
			return h.layer + h.next, h.Layers() + len(h.tables), err
		}
		if h.next == len(h.tables) && h.counts == nil {
			h.count()
		}
	}
	return h.layer + h.next, h.Layers() + len(h.tables), nil
}

// l1 is the L1 table of layer n; ok is false when it cannot be one.
func (h *Holdings) l1(n int) (t image.L1Table, ok bool) {
	if n == 0 {
		return h.img.L1, true
	}
	t, err := h.img.SnapshotL1(&h.report.Snapshots.Snapshots[n-1])
	return t, err == nil
}

// diskEntries is how many L1 entries of layer n map its disk; those behind map its VM state.
func (h *Holdings) diskEntries(n int) uint64 {
	size := h.img.VirtualSize()
	if n > 0 {
		if s, ok := h.report.Snapshots.Snapshots[n-1].DiskSize(); ok {
			size = s
		}
	}
	return h.img.Geo.L1EntriesFor(size)
}

// diskClusters is how many clusters the disk has, the last may be cut short.
func (h *Holdings) diskClusters() int64 {
	size, cs := h.img.VirtualSize(), uint64(h.img.Geo.ClusterSize())
	n := int64(size >> h.img.Geo.ClusterBits)
	if size%cs != 0 {
		n++
	}
	return n
}

// l1Step reads the next window of L1 entries, and tells how many bytes that were.
func (h *Holdings) l1Step(ctx context.Context) (int64, error) {
	t, ok := h.l1(h.layer)
	inFile := max(0, min(t.Bytes(), h.img.Src.Size()-int64(t.Off)))
	if h.l1At == 0 {
		if !ok || t.Off < 0 || h.budget < inFile {
			h.Complete, inFile = false, 0
		} else {
			h.hold(t.Off, t.Bytes(), h.sets.id(set{by: holders{{uint32(h.layer), uint32(h.layer)}}}))
		}
		h.budget -= inFile
	}
	n := min(l1Window, inFile-h.l1At) &^ (qcow2.L1EntrySize - 1)
	if n <= 0 {
		h.layer, h.l1At = h.layer+1, 0
		return 1, ctx.Err()
	}
	buf := make([]byte, n)
	if err := h.img.ReadBatch(ctx, []source.Request{{Off: int64(t.Off) + h.l1At, Buf: buf}}); err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		h.Complete = false
		clear(buf)
	}
	first := h.l1At / qcow2.L1EntrySize
	for i := int64(0); i < n/qcow2.L1EntrySize; i++ {
		if e := qcow2.L1Entry(binary.BigEndian.Uint64(buf[8*i:])); e != 0 {
			h.note(first+i, e)
		}
	}
	h.l1At += n
	return n, nil
}

// note takes down that the layer leads to a table.
func (h *Holdings) note(i int64, e qcow2.L1Entry) {
	off := e.L2Table()
	if off == 0 || !h.img.Geo.Aligned(off) || int64(off) >= h.img.Src.Size() {
		return
	}
	k := tableKey{off: off}
	if h.img.Geo.DataFile {
		k.l1Index = i
	}
	t := h.at[k]
	if t == nil {
		if len(h.tables) == maxTables {
			h.Complete = false
			return
		}
		t = &table{off: off, state: true, l1Index: i}
		h.at[k] = t
		h.tables = append(h.tables, t)
	}
	before := len(t.by)
	if t.by = t.by.with(uint32(h.layer)); len(t.by) > before {
		h.spans++
	}
	if h.spans > maxSpans {
		t.unknown = true
		t.by = t.by[:1]
	}
	t.state = t.state && uint64(i) >= h.diskEntries(h.layer)
	if h.layer == 0 {
		t.active++
	}
}

var tablesAhead = source.Ahead{Batches: 2, Bytes: 4 << 20}

// l2Step reads about so many bytes of L2 tables.
func (h *Holdings) l2Step(ctx context.Context, bytes int64) error {
	tables := source.NewInTurn(ctx, h.img.Src, tablesAhead, func(i int, r source.Request, err error) error {
		if err != nil {
			h.Complete = false
			return nil
		}
		h.learn(h.tables[i], r.Buf)
		return nil
	})
	n := h.img.Geo.ClusterSize()
	end := min(len(h.tables), h.next+int(max(1, bytes/n)))
	for i := h.next; i < end; i++ {
		if err := tables.Add(int64(h.tables[i].off), int(n), i); err != nil {
			return err
		}
	}
	if err := tables.Finish(); err != nil {
		return err
	}
	h.next = end
	return nil
}

// hold notes that the layers of a set have the clusters of a region, as far as it lies in
// the file.
func (h *Holdings) hold(off qcow2.HostOff, n int64, id setID) {
	if off < 0 || n <= 0 {
		return
	}
	g := h.img.Geo
	last := min(int64(g.Cluster(off+qcow2.HostOff(n)-1)), int64(len(h.owners))-1)
	for c := int64(g.Cluster(off)); c <= last; c++ {
		h.owners[c] = h.sets.join(h.owners[c], id)
	}
}

// kindOf is what layers have a cluster of that role for; ok is false where it is no
// layer's: what an entry points to there is wrong.
func kindOf(r refcount.Role) (k kind, ok bool) {
	switch r {
	case refcount.L1, refcount.InactiveL1:
		return l1Table, true
	case refcount.L2, refcount.InactiveL2:
		return l2Table, true
	case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData:
		return guestData, true
	}
	return 0, false
}

// count adds up the clusters of each set.
func (h *Holdings) count() {
	h.counts = make([]kindCounts, len(h.sets.all))
	roles := h.report.Refcounts.Table.Roles(0, int64(len(h.owners)))
	var kindsOf [1 << 8]kind
	for b := range kindsOf {
		k, ok := kindOf(refcount.RoleOf(uint8(b)))
		if kindsOf[b] = k; !ok {
			kindsOf[b] = kinds
		}
	}
	for c, id := range h.owners {
		if k := kindsOf[roles[c]]; id != nobody && k != kinds {
			h.counts[id][k]++
		}
	}
}
