package main

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
)

// copyingHelp are the lines of the help that the verbs share which amend or repair an image.
const copyingHelp = redirectHelp + inPlaceHelp + `  --plan                   print what would be written, and write nothing; with --output=json for apply
  --undo=FILE              also write the plan that makes the original of the copy again
  --rebase-backing         rewrite the name of the backing file so that it is found from OUT
  --force                  replace OUT and FILE if they exist
  --output=human|json      a summary for people or for programs
`

// copyingExits are the exit codes of those verbs; nothing says of code 1 that, and when,
// nothing was written.
func copyingExits(nothing string) string {
	return `exit codes:
  0   the copy was written (with --plan: would be); nothing above a warning is left in it
  1   ` + nothing + `
  2   the copy was written; corruption, danger or damage is left in it
  3   the copy was written; leaked clusters are left in it, and nothing worse
  4   with --in-place: it stopped on the way; what to do is said
  63  not a qcow2 image
`
}

// copying are the flags of the verbs that write a changed copy.
type copying struct {
	target
	redirecting
	inPlace  bool
	undo     string
	planOnly bool
	rebase   bool
	form     *output
}

func (c *command) copyingFlags(o *copying) {
	o.form = c.outputFlag()
	c.redirectFlags(&o.redirecting)
	c.flags.BoolVar(&o.inPlace, "in-place", false, "")
	c.flags.StringVar(&o.path, "o", "", "")
	c.flags.BoolVar(&o.force, "force", false, "")
	c.flags.StringVar(&o.undo, "undo", "", "")
	c.flags.BoolVar(&o.planOnly, "plan", false, "")
	c.flags.BoolVar(&o.rebase, "rebase-backing", false, "")
}

// misused says why the flags do not go together.
func (o *copying) misused() error {
	switch {
	case o.inPlace && o.path != "":
		return fmt.Errorf("--in-place changes the image itself: leave out -o OUT")
	case o.inPlace && o.force:
		return fmt.Errorf("--force is for copies: in place no other file is ever replaced")
	case o.rebase && o.path == "":
		return fmt.Errorf("--rebase-backing needs -o OUT: it depends on where the copy lies")
	}
	return o.redirecting.misused(o)
}

// open opens the image in the way that the flags need.
func (c *command) openCopying(path string, o *copying) (*file, *image.Image, int) {
	return opened(c, path, *o.form, func() (*file, error) {
		if o.inPlace && !o.planOnly {
			return openToChange(path)
		}
		return openFile(path)
	})
}

// refuse says why the files cannot be written where they are asked for.
func (o *copying) refuse(f *file) error {
	if o.planOnly {
		return nil
	}
	if f.lockedByWriter() {
		return errInUse(f.path)
	}
	if o.inPlace {
		return nil // it has the image for itself
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

// undoPath is where the undo file of a change in place goes.
func (o *copying) undoPath(f *file) string {
	if o.undo != "" {
		return o.undo
	}
	return undoName(f.path)
}

// sameCopy checks the finished copy.
func (c *command) sameCopy(copied *file, want *check.Report) error {
	if err := c.sameReport(copied, want); err != nil {
		return fmt.Errorf("the copy is not what it should be, so it was thrown away: %w", err)
	}
	return nil
}

// sameReport checks the finished file: it must be what the plan promised.
func (c *command) sameReport(copied *file, want *check.Report) error {
	img, err := image.Open(c.ctx, copied)
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	opt, end := c.checkOptions(1)
	defer end()
	got, err := check.Run(c.ctx, img, opt)
	if err != nil {
		return err
	}
	if got.Corruptions != want.Corruptions || got.Leaks != want.Leaks || got.CheckErrors != want.CheckErrors || got.ImageEnd != want.ImageEnd {
		return fmt.Errorf("it has %d corruptions and %d leaks where %d and %d were planned",
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
// names when the copy is complete and is what was promised, the undo plan first. Or it
// changes the image in place.
func (c *command) writeChanged(f *file, plan *patch.Plan, o copying, after *check.Report) error {
	if o.inPlace {
		return c.changeInPlace(f, plan, undoFile{o.undoPath(f), o.guards()}, after)
	}
	if o.undo == "" {
		return c.save(f, o.target, plan, func(copied *file) error { return c.sameCopy(copied, after) })
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
		if err := c.sameCopy(copied, after); err != nil {
			return err
		}
		return undo.keep()
	})
}
