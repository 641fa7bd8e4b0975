package main

import (
	"fmt"

	"qcowscope/core/amend"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
)

// amendment is what one call of amend does: several changes, each planned on the image that
// the ones before it make, and their plans joined in order.
type amendment struct {
	c      *command
	opt    check.Options
	was    *image.Image
	before *check.Report // of was
	img    *image.Image  // as it is after the changes so far
	report *check.Report // of img
	plan   *patch.Plan
	notes  []string
	cost   *amend.Cost // of the change of width, if there was one
	trace  *traceText
}

// amendment plans everything that the flags ask for, in QEMU's order: version 3 first, since
// the other changes need it, and version 2 last.
func (c *command) amendment(img *image.Image, o amendOptions) (*amendment, error) {
	opt, end := c.checkOptions(keptFindings)
	defer end()
	report, err := check.Run(c.ctx, img, opt)
	if err != nil {
		return nil, err
	}
	a := &amendment{c: c, opt: opt, was: img, before: report, img: img, report: report, plan: patch.New(img.Src.Size()), trace: newTraceText(o.trace, o.all)}
	if err := a.repairFirst(); err != nil {
		return nil, err
	}
	steps := []func(amendOptions) error{a.upgrade, a.width, a.lazy, a.downgrade}
	for _, step := range steps {
		if err := step(o); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// join adds a change to the plan, and goes on with the image that it makes.
func (a *amendment) join(ch *amend.Change) error {
	a.notes = append(a.notes, ch.Notes...)
	if ch.Plan.Empty() {
		return nil
	}
	a.plan.Batches = append(a.plan.Batches, ch.Plan.Batches...)
	a.plan.SizeAfter = ch.Plan.SizeAfter
	img, err := patched(a.c.ctx, a.was, a.plan)
	if err != nil {
		return err
	}
	a.img = img
	a.report, err = check.Run(a.c.ctx, img, a.opt)
	return err
}

// repairFirst repairs an image that was not closed: its refcounts may be out of date.
func (a *amendment) repairFirst() error {
	if !a.img.Header.Has(qcow2.IncompatDirty) || a.img.Header.Has(qcow2.IncompatCorrupt) || len(a.img.Refusals) > 0 {
		return nil
	}
	out, err := repair.Plan(a.c.ctx, a.img, a.report, repair.Options{Scope: repair.All, Check: a.opt})
	if err != nil {
		return err
	}
	notes := []string{"the image was not closed, so that its refcounts may have been out of date: it was repaired first, as QEMU does when it opens it"}
	for _, s := range out.Steps {
		notes = append(notes, fmt.Sprintf("repair: %s: %d", s.What, s.Count))
	}
	return a.join(&amend.Change{Plan: out.Plan, Notes: notes})
}

func (a *amendment) upgrade(o amendOptions) error {
	if o.version() != 3 {
		return nil
	}
	return a.toVersion(3)
}

func (a *amendment) downgrade(o amendOptions) error {
	if o.version() != 2 {
		return nil
	}
	return a.toVersion(2)
}

func (a *amendment) toVersion(v uint32) error {
	ch, err := amend.Version(a.c.ctx, a.img, a.report, v)
	if err != nil {
		return err
	}
	return a.join(ch)
}

func (a *amendment) width(o amendOptions) error {
	if o.bits == 0 {
		return nil
	}
	r, err := amend.Width(a.c.ctx, a.img, a.report, amend.WidthOptions{Bits: o.bits, LikeQEMU: o.likeQEMU, Trace: a.trace.tracer()})
	if err != nil {
		return err
	}
	if !r.Plan.Empty() {
		a.cost = &r.Cost
	}
	return a.join(&r.Change)
}

func (a *amendment) lazy(o amendOptions) error {
	if o.lazy == "" {
		return nil
	}
	ch, err := amend.LazyRefcounts(a.c.ctx, a.img, o.lazy == "on")
	if err != nil {
		return err
	}
	return a.join(ch)
}
