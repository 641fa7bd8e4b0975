package redirect

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// ErrCannot is wrapped by the errors that say why a plan cannot be redirected.
var ErrCannot = errors.New("redirect: the plan cannot be redirected")

func cannot(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCannot, fmt.Sprintf(format, args...))
}

// Options steer a redirection.
type Options struct {
	// After is the check of the image with the plan applied, if it was made already.
	After *check.Report
	// Fixed says that the file cannot become longer: it is a block device.
	Fixed bool
	// Check is for the checks of what the plan makes and of the result.
	Check check.Options
}

// Tx is a transaction: some nodes of the image go to new places, all at once. It works on
// the image that a plan makes, and overwrites nothing that the image before it needs.
type Tx struct {
	ctx           context.Context
	opt           Options
	plan          *patch.Plan
	old, img      *image.Image // before the plan, and with it
	before, after *check.Report
	g             qcow2.Geometry
	changed       changes
	live          *liveness // in the image before the plan
	behind        *liveness // in the image with the plan: only what lies behind its end is asked for

	at      map[Cursor]*node
	nodes   map[nodeKey]*node
	order   []*node // parents before children, as far as the children were reached through them
	fields  map[fieldPlace]Cursor
	bytes   int64                      // to be copied, for the bound
	shared  map[qcow2.HostCluster]bool // touched by pointers to tables or plain data, and seen
	own     []field                    // that are left as the only ones to their target: COPIED is set
	unsafe  []string
	inPlace []extent // changed bytes that cannot go elsewhere
	bitmaps []int64  // where the entries of the bitmap directory are, by offset in it
}

// Bounds of what a hostile image can make large.
const (
	maxFields    = 4 << 20
	maxCopied    = 1 << 30
	danglingRoom = 64 << 20
)

// Begin starts a transaction for an image whose check is done, and a plan for it, which may
// be empty. The error wraps ErrCannot when the plan cannot be redirected at all; others are
// those of reading, the context's, or of a plan for another file.
func Begin(ctx context.Context, old *image.Image, before *check.Report, plan *patch.Plan, opt Options) (*Tx, error) {
	switch {
	case plan.File != patch.TargetImage:
		return nil, cannot("it changes the external data file, where each cluster has its fixed place")
	case before.Incomplete != nil:
		return nil, fmt.Errorf("redirect: the image could not be read wholly: %w", before.Incomplete)
	case before.Group(check.FeatureUnknown) != nil:
		return nil, cannot("the image uses a feature that this program does not know")
	}
	t := &Tx{ctx: ctx, opt: opt, plan: plan, old: old, before: before, after: opt.After,
		at: map[Cursor]*node{}, nodes: map[nodeKey]*node{}, fields: map[fieldPlace]Cursor{}, shared: map[qcow2.HostCluster]bool{}}
	if err := t.openAfter(); err != nil {
		return nil, err
	}
	var err error
	if t.changed, err = changedSectors(ctx, old.Src, t.img.Src, plan); err != nil {
		return nil, err
	}
	reach := max(0, plan.SizeAfter-plan.SizeBefore) + 4*plan.Bytes() + danglingRoom
	if t.live, err = liveIn(ctx, old, before, t.g.ClusterBits, reach); err != nil {
		return nil, err
	}
	t.behind, err = liveIn(ctx, t.img, t.after, t.g.ClusterBits, reach)
	return t, err
}

// openAfter looks at the image that the plan makes.
func (t *Tx) openAfter() error {
	over := patch.NewOverlay(t.old.Src)
	if err := over.Apply(t.plan); err != nil {
		return err
	}
	img, err := image.Open(t.ctx, over)
	if err != nil {
		return fmt.Errorf("redirect: the plan makes an image that does not open: %w", err)
	}
	t.img, t.g = img, img.Geo
	if t.after == nil {
		if t.after, err = check.Run(t.ctx, img, t.opt.Check); err != nil {
			return err
		}
	}
	if t.after.Incomplete != nil {
		return fmt.Errorf("redirect: the image could not be read wholly: %w", t.after.Incomplete)
	}
	off := int64(0)
	for i := range img.Bitmaps {
		t.bitmaps = append(t.bitmaps, off)
		off += img.Bitmaps[i].Bytes()
	}
	return nil
}

// Plan redirects everything that the plan overwrites and that is live, with all that leads
// to it.
func Plan(ctx context.Context, old *image.Image, before *check.Report, plan *patch.Plan, opt Options) (*Result, error) {
	t, err := Begin(ctx, old, before, plan, opt)
	if err != nil {
		return nil, err
	}
	if err := t.redirectChanges(); err != nil {
		return nil, err
	}
	return t.Commit()
}
