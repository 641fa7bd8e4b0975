package refcount

import (
	"context"
	"errors"
	"iter"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Limits of a walk. An image with more clusters than QEMU checks is refused by QEMU too.
const (
	maxClusters = 1<<31 - 1
	batchBytes  = 2 << 20
	batchTables = 256
	readAhead   = 2
)

// Options steer a recount.
type Options struct {
	// MaxClusters bounds the memory, two bytes a cluster; 0 means QEMU's own limit.
	MaxClusters int64
	// Visit is told every trouble, in the order of the walk.
	Visit func(Trouble)
	// Progress is told how many L1 entries of all roots are done.
	Progress func(done, total int64)
	// Parts, in order, take the place of the walk over L2 tables: others have done it. The
	// error is ErrPartsClash when what they counted does not simply add up.
	Parts iter.Seq2[*Part, error]
}

// ErrTooManyClusters says that the file has more clusters than can be counted.
var ErrTooManyClusters = errors.New("refcount: the file has too many clusters to count")

type walker struct {
	ctx          context.Context
	img          *image.Image
	g            qcow2.Geometry
	t            *Table
	opt          Options
	stats        Stats
	tree         Tree
	hostClusters int64

	pipe  *source.Pipeline
	batch *source.Batch
	jobs  []l2Job
	jobAt map[qcow2.HostOff]int // see sameJob
	total int64

	// Repeats are L2 tables that more than one L1 entry points to: they are parsed again
	// as often as QEMU does it, but in one go.
	repeats map[qcow2.HostOff]*l2Job
	order   []qcow2.HostOff

	sharing       sharing
	overlapped    bool // not all repeats were kept
	aborted       bool
	copiedUnknown bool

	// State of the contiguous run within one L2 table, see Stats.
	alloc, frag, next uint64
	nonzero           bool // some entry of the table is not zero
}

// Calculate recounts all references, in QEMU's order. An error is the context's or
// ErrTooManyClusters; unreadable tables are troubles, and the walk goes on.
func Calculate(ctx context.Context, img *image.Image, snaps *image.SnapshotTable, opt Options) (*Result, error) {
	w, err := newWalker(ctx, img, opt)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(*image.SnapshotTable) error{w.headerAndTables, w.metadata, w.bitmaps, w.refblocks} {
		if err := step(snaps); err != nil {
			return nil, err
		}
	}
	w.t.Overflow(func(c qcow2.HostCluster, count uint64) {
		w.trouble(RefcountOverflow, Trouble{Role: w.t.Role(c), Root: -1, Count: count,
			Host:  qcow2.Range[qcow2.HostOff]{Start: w.g.Offset(c), Len: qcow2.HostOff(w.g.ClusterSize())},
			Times: count - w.g.RefcountMax()})
	})
	return &Result{Table: w.t, Stats: w.stats, Tree: &w.tree, Aborted: w.aborted, CopiedUnknown: w.copiedUnknown}, nil
}

func newWalker(ctx context.Context, img *image.Image, opt Options) (*walker, error) {
	limit := int64(maxClusters)
	if opt.MaxClusters > 0 {
		limit = min(limit, opt.MaxClusters)
	}
	if img.HostClusters() > limit {
		return nil, ErrTooManyClusters
	}
	return &walker{
		ctx: ctx, img: img, g: img.Geo, opt: opt,
		t:            newTable(img.Geo, img.Src.Size()),
		hostClusters: img.HostClusters(),
		tree:         Tree{Complete: true},
		repeats:      map[qcow2.HostOff]*l2Job{},
	}, nil
}

func (w *walker) trouble(k Kind, t Trouble) {
	t.Kind = k
	if w.opt.Visit != nil {
		w.opt.Visit(t)
	}
}

// region counts a region that stands alone; past the end it is a trouble.
func (w *walker) region(off qcow2.HostOff, n int64, role Role, root int, times uint64) {
	w.judgeRegion(off, n, role, root)
	if !w.t.addRegion(off, n, role, times) {
		w.trouble(RegionBeyondEOF, Trouble{Role: role, Root: root, L1Index: -1, L2Index: -1,
			Host: qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(n)}, Times: times})
	}
}

// headerAndTables counts the header cluster and walks the active layer and the snapshots.
func (w *walker) headerAndTables(snaps *image.SnapshotTable) error {
	w.region(0, w.g.ClusterSize(), Header, -1, 1)
	if w.g.DataFile && len(snaps.Snapshots) > 0 {
		w.trouble(SnapshotsWithDataFile, Trouble{Root: -1, L1Index: -1, L2Index: -1, Count: uint64(len(snaps.Snapshots)), Times: 1})
	}
	roots := w.roots(snaps)
	if w.opt.Parts != nil {
		return w.addParts(roots)
	}
	return w.walkRoots(roots, 0, indices(roots))
}

// metadata counts the snapshot table, the reftable and the LUKS header.
func (w *walker) metadata(snaps *image.SnapshotTable) error {
	w.region(snaps.Off, snaps.Bytes, SnapshotTable, -1, 1)
	w.region(qcow2.HostOff(w.img.Header.RefcountTableOffset), w.img.ReftableBytes(), Reftable, -1, 1)
	w.region(w.img.LUKS.Start, int64(w.img.LUKS.Len), Crypto, -1, 1)
	return w.ctx.Err()
}

// bitmaps counts the bitmap directory, the tables and the data clusters.
func (w *walker) bitmaps(*image.SnapshotTable) error {
	ext := w.img.BitmapsExt
	if ext == nil {
		return nil
	}
	w.region(qcow2.HostOff(ext.DirectoryOffset), int64(ext.DirectorySize), BitmapData, -1, 1)
	if err := w.img.BitmapsErr; err != nil && !errors.Is(err, image.ErrBitmapTable) {
		w.aborted = true
		w.trouble(BitmapDirectoryBad, Trouble{Role: BitmapData, Root: -1, L1Index: -1, L2Index: -1,
			At: qcow2.HostOff(ext.DirectoryOffset), Times: 1, Err: err})
	}
	for i := range w.img.Bitmaps {
		if err := w.bitmap(&w.img.Bitmaps[i], i); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) bitmap(m *qcow2.Bitmap, index int) error {
	off := qcow2.HostOff(min(m.TableOffset, 1<<62))
	w.region(off, int64(m.TableSize)*qcow2.BitmapTableEntrySize, BitmapData, -1, 1)
	at := Trouble{Role: BitmapData, Root: -1, L1Index: int64(index), L2Index: -1, At: off, Times: 1}
	table, err := w.img.BitmapTable(m)
	if err != nil {
		w.aborted = true
		at.Err = err
		w.trouble(BitmapTableBad, at)
		return w.ctx.Err()
	}
	for i, e := range table {
		if !w.img.BitmapTableEntryOK(e) {
			at.L2Index, at.Entry = int64(i), e
			w.aborted = true // QEMU loads a table wholly or not at all
			w.trouble(BitmapTableEntryBad, at)
			continue
		}
		if data := e & qcow2.OffsetMask; data != 0 {
			w.region(qcow2.HostOff(data), w.g.ClusterSize(), BitmapData, -1, 1)
		}
	}
	return w.ctx.Err()
}

// refblocks counts the refblocks, last, because QEMU tests only them for being alone in
// their cluster.
func (w *walker) refblocks(*image.SnapshotTable) error {
	for i, e := range w.img.Reftable {
		if e != 0 {
			w.refblock(int64(i), e)
		}
	}
	return w.ctx.Err()
}

func (w *walker) refblock(i int64, e qcow2.ReftableEntry) {
	off, cs := e.Refblock(), w.g.ClusterSize()
	at := Trouble{Role: Refblock, Root: -1, L1Index: i, L2Index: -1, Entry: uint64(e), Times: 1,
		At:   qcow2.HostOff(w.img.Header.RefcountTableOffset) + qcow2.HostOff(i*qcow2.ReftableEntrySize),
		Host: qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(cs)}}
	c := uint64(off) >> w.g.ClusterBits
	switch {
	case e.Reserved() != 0:
		w.trouble(ReftableReservedBits, at)
	case !w.g.Aligned(off):
		w.trouble(RefblockUnaligned, at)
	case c >= uint64(w.t.n):
		w.trouble(RefblockOutside, at)
	case off != 0:
		if !w.t.addRegion(off, cs, Refblock, 1) {
			w.trouble(RegionBeyondEOF, at)
		}
		if n := w.t.Capped(qcow2.HostCluster(c)); n != 1 {
			at.Count = n
			w.trouble(RefblockShared, at)
		}
	}
}
