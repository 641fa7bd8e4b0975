// Package repair turns findings into a plan. It follows a policy that is safer than QEMU's:
// nothing is freed while the image has other corruption or a lost mapping, freeing never
// zeroes, and new tables go where nothing is.
package repair

import (
	"context"
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// Scope is how much a repair may do.
type Scope string

// The scopes. Rebuild writes a whole new refcount structure even when the old one could be
// corrected.
const (
	Leaks   Scope = "leaks"
	All     Scope = "all"
	Rebuild Scope = "rebuild"
)

// Valid tells whether the scope is one of the three.
func (s Scope) Valid() bool { return s == Leaks || s == All || s == Rebuild }

// Options steer a repair.
type Options struct {
	Scope  Scope
	Accept map[check.Code]bool // codes whose repair chooses or gives something up
	Leave  Leave               // what is not repaired
	Check  check.Options       // for the checks of what the plan would make

	// RefcountBits is the width of the refcounts that a rebuild writes, 0 to leave it.
	RefcountBits uint
	// FixedSize: nothing is written past the end, as on a block device.
	FixedSize bool
	// ReuseTables: a rebuild may write over the old refcount structure. A crash on the way
	// can then be mended by the undo plan only.
	ReuseTables bool
	Trace       alloc.Tracer // is told how a rebuild comes about
}

// Step is one kind of change that the plan makes.
type Step struct {
	Code  check.Code // the finding it mends
	What  string
	Count uint64
}

// Outcome is a plan, what it does, and what the image is like with it.
type Outcome struct {
	Plan  *patch.Plan
	Steps []Step
	After *check.Report // of the image with the plan applied
	// What `qemu-img check -r` would call fixed.
	CorruptionsFixed, LeaksFixed uint64
	// Lost are the guest ranges whose bytes are not in the file any more: it was cut off. The
	// guest reads zeros there. LostBytes counts all, Lost lists the first.
	Lost      []qcow2.Range[qcow2.GuestOff]
	LostBytes int64
	// KeptLeaks is why leaked clusters were not given back, "" if they were or there are none.
	KeptLeaks string
	// NotLeft are codes of findings that were to be left and are gone all the same: they were
	// symptoms of what is mended, or a new refcount structure has counted everything.
	NotLeft []check.Code
}

// The last stages, by number. What comes before them mends structures.
const (
	stageRefcounts = 10 + iota
	stageFlags
	stageBits
)

type repairer struct {
	ctx    context.Context
	opt    Options
	base   *image.Image
	over   *patch.Overlay
	img    *image.Image // of the overlay
	report *check.Report
	plan   *patch.Plan // all stages so far
	stage  *patch.Plan // the one being made
	out    *Outcome

	lostTable bool // an L2 table is in the missing part of the file
	cut       bool // pointers were given up by consent
	judged    int  // tables, by isTableBut

	separated bool // places that shared a cluster or table got their own
}

// Plan makes the plan for an image whose check is done. The plan is verified: After is a
// check of its effect. Errors are those of reading, or the context's.
func Plan(ctx context.Context, img *image.Image, before *check.Report, opt Options) (*Outcome, error) {
	if !opt.Scope.Valid() {
		return nil, fmt.Errorf("repair: scope %q is not leaks, all or rebuild", opt.Scope)
	}
	opt.Leave = opt.Leave.whole(before)
	r := &repairer{ctx: ctx, opt: opt, base: img, img: img, report: before, over: patch.NewOverlay(img.Src), plan: patch.New(img.Src.Size())}
	r.out = &Outcome{Plan: r.plan, After: before}
	if before.Incomplete != nil {
		return nil, fmt.Errorf("repair: the image could not be read wholly: %w", before.Incomplete)
	}
	if before.Group(check.FeatureUnknown) != nil {
		// What the feature changes is not known: any write could destroy something.
		r.out.KeptLeaks = "the image uses a feature that this program does not know"
		return r.out, nil
	}
	// Each stage works on the image that the ones before it made: pointers before the
	// refcounts that count them, refcounts before the flags that depend on them.
	stages := []func() error{r.header, r.bitmaps, r.snapshots, r.pointers, r.entries, r.missingTail, r.cutPointers, func() error { return r.unlessLeft(r.bitmapOverlaps) }, r.sharedTables, r.crossLinks,
		stageRefcounts: r.refcounts, stageFlags: r.flags, stageBits: r.featureBits}
	for i, stage := range stages {
		was := r.report
		r.stage = patch.New(r.over.Size())
		if err := stage(); err != nil {
			return nil, err
		}
		if err := r.commit(); err != nil {
			return nil, err
		}
		r.countFixed(i, was)
	}
	r.out.NotLeft = r.notLeft(before)
	return r.out, r.fits(r.plan)
}

// accepts tells whether the user consents to repairs of the code that choose between
// interpretations or give something up.
func (r *repairer) accepts(code check.Code) bool { return r.opt.Scope != Leaks && r.opt.Accept[code] }

// commit lays the stage over the image and checks the result.
func (r *repairer) commit() error {
	r.stage.Compact()
	if r.stage.Empty() {
		return nil
	}
	if err := r.over.Apply(r.stage); err != nil {
		return err
	}
	r.plan.Batches = append(r.plan.Batches, r.stage.Batches...)
	r.plan.SizeAfter = r.stage.SizeAfter
	img, err := image.Open(r.ctx, r.over)
	if err != nil {
		return fmt.Errorf("repair: the plan makes an image that does not open: %w", err)
	}
	rep, err := check.Run(r.ctx, img, r.opt.Check)
	if err != nil {
		return err
	}
	r.img, r.report, r.out.After = img, rep, rep
	return nil
}

// commitPart commits what the stage has so far: what follows in the same stage depends on
// the check of it.
func (r *repairer) commitPart() error {
	if err := r.commit(); err != nil {
		return err
	}
	r.stage = patch.New(r.over.Size())
	return nil
}

func (r *repairer) step(code check.Code, count uint64, what string) {
	if count > 0 {
		r.out.Steps = append(r.out.Steps, Step{code, what, count})
	}
}

// countFixed says what a stage fixed, in QEMU's terms: it mends entries before it counts
// refcounts, and flags after, so that what a mended entry did to the refcounts is never
// counted, and each is counted when its turn comes.
func (r *repairer) countFixed(stage int, before *check.Report) {
	after := r.report
	switch stage {
	case stageRefcounts:
		r.out.CorruptionsFixed += less(before.Corruptions-flagged(before), after.Corruptions-flagged(after))
		r.out.LeaksFixed += less(before.Leaks, after.Leaks)
	case stageFlags:
		r.out.CorruptionsFixed += less(flagged(before), flagged(after))
	default:
		r.out.CorruptionsFixed += less(structural(before), structural(after))
	}
}

func less(was, is uint64) uint64 {
	if was > is {
		return was - is
	}
	return 0
}

// flagged counts wrong COPIED flags.
func flagged(r *check.Report) uint64 { return timesOf(r, check.CopiedL1, check.CopiedL2) }

// structural counts corruptions other than those of refcounts and flags.
func structural(r *check.Report) uint64 {
	return r.Corruptions - timesOf(r, check.CopiedL1, check.CopiedL2, check.RefcountZero, check.RefcountTooLow)
}

func timesOf(r *check.Report, codes ...check.Code) (n uint64) {
	for _, c := range codes {
		if g := r.Group(c); g != nil {
			n += g.Times
		}
	}
	return n
}

// featureBits clears the dirty and corrupt bits of an image that has no corruption left.
func (r *repairer) featureBits() error {
	h := &r.img.Header
	bits := h.IncompatibleFeatures & (qcow2.IncompatDirty | qcow2.IncompatCorrupt)
	if r.opt.Leave.codes[check.DirtyBit] {
		bits &^= qcow2.IncompatDirty
	}
	if r.opt.Leave.codes[check.CorruptBit] {
		bits &^= qcow2.IncompatCorrupt
	}
	if bits == 0 || r.report.Corruptions > 0 || r.report.CheckErrors > 0 || r.report.Refused {
		return nil
	}
	var b [8]byte
	putBE64(b[:], h.IncompatibleFeatures&^bits)
	why := "incompatible_features: "
	switch {
	case bits&qcow2.IncompatDirty == 0:
		why += "clear the corrupt bit, nothing corrupt is left"
	case bits&qcow2.IncompatCorrupt == 0:
		why += "clear the dirty bit, the refcounts are right"
	default:
		why += "clear the dirty and corrupt bits, nothing corrupt is left"
	}
	r.stage.Add(0, qcow2.OffIncompatible, b[:], why)
	if bits&qcow2.IncompatDirty != 0 {
		r.step(check.DirtyBit, 1, "mark the image as closed cleanly")
	}
	if bits&qcow2.IncompatCorrupt != 0 {
		r.step(check.CorruptBit, 1, "clear the mark that keeps QEMU from writing to it")
	}
	return nil
}
