package main

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
)

// copying are the flags of the verbs that write a changed copy.
type copying struct {
	target
	undo     string
	planOnly bool
	rebase   bool
	form     *output
}

func (c *command) copyingFlags(o *copying) {
	o.form = c.outputFlag()
	c.flags.StringVar(&o.path, "o", "", "")
	c.flags.BoolVar(&o.force, "force", false, "")
	c.flags.StringVar(&o.undo, "undo", "", "")
	c.flags.BoolVar(&o.planOnly, "plan", false, "")
	c.flags.BoolVar(&o.rebase, "rebase-backing", false, "")
}

// misused says why the flags do not go together.
func (o *copying) misused() error {
	if o.rebase && o.path == "" {
		return fmt.Errorf("--rebase-backing needs -o OUT: it depends on where the copy lies")
	}
	return nil
}

// refuse says why the files cannot be written where they are asked for.
func (o *copying) refuse(f *file) error {
	if o.planOnly {
		return nil
	}
	if f.lockedByWriter() {
		return errInUse(f.path)
	}
	if err := o.target.refuse(f); err != nil {
		return err
	}
	if o.undo == "" {
		return nil
	}
	return o.undoTarget().refuse(f)
}

func (o *copying) undoTarget() target { return target{o.undo, o.force} }

// leftCode is the exit code for what is left in the copy.
func leftCode(after *check.Report) int {
	switch {
	case after.Worst() >= check.Damage, after.Refused, after.Aborted, after.Corruptions > 0, after.CheckErrors > 0:
		return exitCorrupt
	case after.Leaks > 0:
		return exitLeaks
	}
	return exitOK
}

// sameReport checks the finished copy: it must be what the plan promised.
func (c *command) sameReport(copied *file, want *check.Report) error {
	img, err := image.Open(c.ctx, copied)
	if err != nil {
		return fmt.Errorf("the copy does not open, so it was thrown away: %w", err)
	}
	opt, end := c.checkOptions(1)
	defer end()
	got, err := check.Run(c.ctx, img, opt)
	if err != nil {
		return err
	}
	if got.Corruptions != want.Corruptions || got.Leaks != want.Leaks || got.CheckErrors != want.CheckErrors || got.ImageEnd != want.ImageEnd {
		return fmt.Errorf("the copy has %d corruptions and %d leaks where %d and %d were planned, so it was thrown away",
			got.Corruptions, got.Leaks, want.Corruptions, want.Leaks)
	}
	return nil
}

// printPlan prints what would be written.
func (c *command) printPlan(f *file, plan *patch.Plan, after *check.Report, form output) int {
	if form == "json" {
		text, err := plan.EncodeJSON(f)
		if err != nil {
			return c.fail(err)
		}
		c.out.Write(append(text, '\n'))
	} else {
		fmt.Fprint(c.out, plan)
	}
	return leftCode(after)
}

// writeChanged writes the copy and, if asked for, the plan that undoes it. Both get their
// names when the copy is complete and is what was promised, the undo plan first.
func (c *command) writeChanged(f *file, plan *patch.Plan, o copying, after *check.Report) error {
	if o.undo == "" {
		return c.save(f, o.target, plan, func(copied *file) error { return c.sameReport(copied, after) })
	}
	text, err := plan.EncodeUndoJSON(f)
	if err != nil {
		return err
	}
	undo, err := o.undoTarget().begin(0o666)
	if err != nil {
		return err
	}
	defer undo.discard()
	if _, err := undo.Write(append(text, '\n')); err != nil {
		return plainError(err)
	}
	return c.save(f, o.target, plan, func(copied *file) error {
		if err := c.sameReport(copied, after); err != nil {
			return err
		}
		return undo.keep()
	})
}
