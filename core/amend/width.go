package amend

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// WidthOptions say which width refcounts shall have, and how to get there.
type WidthOptions struct {
	Bits     uint // of a refcount: 1, 2, 4, 8, 16, 32 or 64
	LikeQEMU bool // place everything where QEMU would, instead of the smallest structure
	Trace    alloc.Tracer
}

// Result is the plan of a change of width, and what it costs and gains.
type Result struct {
	Change
	Cost Cost
}

// Cost says what a change of width costs and gains.
type Cost struct {
	BitsBefore, BitsAfter           uint
	StructureBefore, StructureAfter int64  // clusters of the reftable and the refblocks
	LimitBefore, LimitAfter         uint64 // the greatest refcount that fits
	Greatest                        uint64 // refcount in the image
	Written                         int64  // bytes
	FileBefore, FileAfter           int64  // the file's length in bytes
	Walks                           int    // over the refcounts
}

// The batches of a change of width. LikeQEMU may need two more before them, see growth.
const (
	batchStructure = iota // where nothing is: the new refblocks and the new reftable
	batchSwitch           // one write to the header's first sector
)

// widener makes one change of width.
type widener struct {
	ctx    context.Context
	img    *image.Image
	report *check.Report
	opt    WidthOptions
	g      qcow2.Geometry // with the new width
	old    *storedRefcounts
	plan   *patch.Plan
	cost   Cost
}

// Width is the plan that gives the image refcounts of another width. The report is a check
// of the image. Every stored refcount is carried over, those of leaked clusters too. What
// forbids the change is told by a *BlockedError, or by an *OverflowError when refcounts do
// not fit. Other errors are those of reading, or the context's.
func Width(ctx context.Context, img *image.Image, report *check.Report, opt WidthOptions) (*Result, error) {
	w := &widener{ctx: ctx, img: img, report: report, opt: opt, plan: patch.New(img.Src.Size()), g: img.Geo}
	order, err := refcountOrder(opt.Bits)
	if err != nil {
		return nil, err
	}
	w.g.RefcountOrder = order
	if order == img.Geo.RefcountOrder {
		return w.unchanged(), nil
	}
	if blockers := w.blockers(); len(blockers) > 0 {
		return nil, &BlockedError{blockers}
	}
	if w.old, err = readStoredRefcounts(ctx, img); err != nil {
		return nil, err
	}
	if err := w.refuseOverflow(); err != nil {
		return nil, err
	}
	place := w.direct
	if opt.LikeQEMU {
		place = w.likeQEMU
	}
	if err := place(); err != nil {
		if errors.Is(err, alloc.ErrReftableTooLarge) {
			err = &BlockedError{[]Blocker{reftableTooLarge}}
		}
		return nil, err
	}
	w.plan.Compact()
	return w.result(), nil
}

var reftableTooLarge = Blocker{What: BlockedByReftable, Why: "refcounts of this width would need a reftable larger than 8 MiB",
	Advice: "choose narrower refcounts, or convert the image to one with larger clusters (qemu-img convert)"}

func refcountOrder(bits uint) (uint, error) {
	for order := range uint(qcow2.MaxRefcountOrder + 1) {
		if 1<<order == bits {
			return order, nil
		}
	}
	return 0, fmt.Errorf("amend: refcounts have 1, 2, 4, 8, 16, 32 or 64 bits, not %d", bits)
}

// blockers are what forbids a change of width whatever the refcounts are.
func (w *widener) blockers() []Blocker {
	all := unusable(w.img)
	if w.img.Header.Version < 3 {
		b := Blocker{What: BlockedByVersion, Why: "version 2 of the format has refcounts of 16 bits only", Advice: "change to version 3 (compat=1.1) in the same amend"}
		b.add("version", qcow2.OffVersion)
		all = append(all, b)
	}
	if w.img.Header.Has(qcow2.IncompatDirty) {
		b := Blocker{What: BlockedByDirtyBit, Why: "the image was not closed, and its refcounts may be out of date", Advice: adviceRepair}
		b.add("incompatible_features", qcow2.OffIncompatible)
		all = append(all, b)
	}
	if err := w.report.Incomplete; err != nil {
		return append(all, Blocker{What: BlockedByDamage, Why: "a part of the file cannot be read: " + err.Error(), Advice: "copy the file from a medium that can be read"})
	}
	if b, damaged := damage(w.report); damaged && len(w.img.Refusals) == 0 {
		all = append(all, b)
	}
	return all
}

// BlockedByDirtyBit names the blocker of images whose refcounts may be out of date.
const BlockedByDirtyBit = "dirty bit"

// switchTo adds the write that makes the structure the image's: version 3 keeps all that
// must change together within 52 bytes of one sector.
func (w *widener) switchTo(batch int, s alloc.Structure) {
	h := w.img.Header
	h.RefcountTableOffset, h.RefcountTableClusters = uint64(w.g.Offset(s.Table)), uint32(s.TableLen)
	h.RefcountOrder = uint32(w.g.RefcountOrder)
	sector := h.AppendTo(nil)[qcow2.OffReftable : qcow2.OffRefcountOrder+4]
	w.plan.Add(batch, qcow2.OffReftable, sector, fmt.Sprintf("refcount_table_offset, refcount_table_clusters and refcount_order: switch to refcounts of %d bits", w.g.RefcountBits()))
	w.tell(alloc.Event{Act: alloc.SwitchHeader, Block: -1, At: s.Table, N: s.TableLen})
	w.cost.StructureAfter = s.Clusters()
}

// tellFreed tells what becomes free of the old structure.
func (w *widener) tellFreed() {
	if w.opt.Trace == nil {
		return
	}
	for k, c := range w.old.table {
		if c != 0 {
			w.tell(alloc.Event{Act: alloc.FreeOldBlock, Block: int64(k), At: c})
		}
	}
	w.tell(alloc.Event{Act: alloc.FreeOldTable, Block: -1, At: w.old.tableAt, N: w.old.tableLen()})
}

func (w *widener) tell(e alloc.Event) { w.opt.Trace.Tell(e) }

// unchanged is the result for an image that has the width already.
func (w *widener) unchanged() *Result {
	n := w.img.Geo.Clusters(w.img.ReftableBytes())
	for _, e := range w.img.Reftable {
		if e.Refblock() != 0 {
			n++
		}
	}
	w.cost.StructureBefore, w.cost.StructureAfter = n, n
	return w.result()
}

func (w *widener) result() *Result {
	c := w.cost
	c.BitsBefore, c.BitsAfter = w.img.Geo.RefcountBits(), w.g.RefcountBits()
	c.LimitBefore, c.LimitAfter = w.img.Geo.RefcountMax(), w.g.RefcountMax()
	c.Written, c.FileBefore, c.FileAfter = w.plan.Bytes(), w.plan.SizeBefore, w.plan.SizeAfter
	return &Result{Change: Change{Plan: w.plan}, Cost: c}
}
