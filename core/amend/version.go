package amend

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// Change is a plan that amends an image, and what had to be converted for it, in words.
// The plan is empty when there is nothing to change.
type Change struct {
	Plan  *patch.Plan
	Notes []string
}

// The batches of a change of version, in order. Before the header's first sector is written
// the image is of the old version, and nothing in it says anything that the old version
// does not know; after it is of the new one. A cut leaves, at most, leaks: new clusters that
// nothing points to yet, old ones whose refcount is still there. Only the COPIED flags of
// clusters that lost their last sharer may be missing until the last batch, and if the
// reftable grew the refcount of a new refblock may be read as 0 between two writes of
// batchReach. Guest data is never written.
const (
	batchNew     = iota // where nothing points yet: new tables, refcounts raised, the backing file's moved name
	batchReach          // new refblocks enter the reftable, or the header points to the new reftable
	batchEntries        // L2 entries give up the zero flag
	batchHeader         // the version
	batchFreed          // refcounts of what nothing uses any more
	batchCopied         // entries that own their cluster alone now
)

// versioner makes one change of version.
type versioner struct {
	ctx     context.Context
	img     *image.Image
	report  *check.Report
	plan    *patch.Plan
	edits   *refcountEdits
	header  qcow2.Header // as it will be
	blocked []Blocker
	notes   []string
}

// Version is the plan that makes the image one of version 2 (compat=0.10) or 3 (compat=1.1).
// The report is a check of the image. What the other version does not know is converted
// where guest and snapshots read the same afterwards; what forbids the change is told by a
// *BlockedError, all of it at once. Other errors are those of reading, or the context's.
func Version(ctx context.Context, img *image.Image, report *check.Report, to uint32) (*Change, error) {
	if to != 2 && to != 3 {
		return nil, fmt.Errorf("amend: there is no version %d, only 2 and 3", to)
	}
	v := &versioner{ctx: ctx, img: img, report: report, plan: patch.New(img.Src.Size()), header: img.Header}
	if img.Header.Version == to {
		return &Change{Plan: v.plan}, nil
	}
	v.judgeImage()
	if len(v.blocked) > 0 && !v.countable() {
		return nil, &BlockedError{v.blocked}
	}
	v.edits = newRefcountEdits(img, report.Refcounts.Table)
	change := v.upgrade
	if to == 2 {
		change = v.downgrade
	}
	var b *BlockedError
	if err := change(); errors.As(err, &b) {
		v.blocked = append(v.blocked, b.Blockers...)
	} else if err != nil {
		return nil, err
	}
	if len(v.blocked) > 0 {
		return nil, &BlockedError{v.blocked}
	}
	v.plan.Compact()
	return &Change{Plan: v.plan, Notes: v.notes}, nil
}

// countable tells whether the tables were walked, so that all that forbids the change can
// be found.
func (v *versioner) countable() bool {
	return v.report.Refcounts != nil && v.report.Incomplete == nil && !v.report.Aborted && len(v.img.Refusals) == 0
}

func (v *versioner) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

// upgrade leads to version 3: snapshots must say how large their disk is, and the header
// grows by its feature bits, of which none is set.
func (v *versioner) upgrade() error {
	h := &v.header
	h.Version, h.HeaderLength, h.Tail = 3, qcow2.HeaderLengthFull, make([]byte, qcow2.HeaderLengthFull-qcow2.HeaderLengthV3Min)
	if err := v.completeSnapshots(); err != nil {
		return err
	}
	if g := v.report.Group(check.ZeroInVersion2); g != nil {
		v.note("%d L2 entries have the zero flag, which version 2 does not know: what could not be read reads as zeros now", g.Times)
	}
	return v.finish()
}

// downgrade leads to version 2, which has no feature bits and no zero flag.
func (v *versioner) downgrade() error {
	v.judgeFeatures()
	v.judgeSnapshots()
	if err := v.expandZeros(); err != nil || len(v.blocked) > 0 {
		return err
	}
	v.dropFeatures()
	return v.finish()
}

// dropFeatures leaves out of the header what has no meaning for this image, or need not be
// known to read it.
func (v *versioner) dropFeatures() {
	h := &v.header
	if h.Has(qcow2.IncompatDirty) {
		v.note("the dirty bit is cleared: all refcounts are right")
	}
	if h.Has(qcow2.IncompatCompression) {
		v.note("the compression type is forgotten: no cluster is compressed")
	}
	if h.CompatibleFeatures&qcow2.CompatLazyRefcounts != 0 {
		v.note("lazy refcounts are turned off")
	}
	if bits := h.CompatibleFeatures &^ qcow2.CompatLazyRefcounts; bits != 0 {
		v.note("compatible feature bits 0x%x are dropped: version 2 has no place for them", bits)
	}
	if bits := h.AutoclearFeatures &^ qcow2.AutoclearBitmaps; bits != 0 {
		v.note("autoclear feature bits 0x%x are dropped: version 2 has no place for them", bits)
	}
	if len(h.Tail) > 8 {
		v.note("%d bytes of header fields that this program does not know are dropped: version 2 has no place for them", len(h.Tail)-8)
	}
	h.Version, h.HeaderLength, h.Tail = 2, qcow2.HeaderLengthV2, nil
	h.IncompatibleFeatures, h.CompatibleFeatures, h.AutoclearFeatures = 0, 0, 0
}

// finish writes refcounts and header. The reftable is the last to be placed, since all the
// rest may make it grow.
func (v *versioner) finish() error {
	if err := v.edits.placeReftable(&v.header); err != nil {
		return err
	}
	v.edits.write(v.plan, &v.header)
	return v.writeHeader()
}
