package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/redirect"
)

var applyVerb = verb{
	name: "apply", args: "IMAGE PLAN -o OUT|--in-place", short: "write a copy of an image with a saved plan applied",
	help: `  PLAN        a plan as JSON: of repair --plan --output=json, or an undo plan of repair --undo;
              - reads it from standard input
  -o OUT      where the copy goes; it gets its name only when it is complete
  --in-place  change the image itself: a plan that a crash could harm it with is redirected first, or refused. An undo
              plan also takes back a change in place that stopped half-way. First the old bytes go to
              IMAGE.undo.json, or IMAGE.redo.json if that is PLAN
  --undo=FILE with --in-place: the name for the old bytes; an existing file is never overwritten
  --force     replace OUT if it exists

exit codes:
  0   the copy was written, or with --in-place the image
  1   nothing was written: the plan is for another file, its old bytes are not those of the image, or a file is in the way
  4   with --in-place: it stopped on the way; what to do is said
`,
}

func init() { applyVerb.run = runApply }

// applyOptions are the flags of apply.
type applyOptions struct {
	target
	inPlace bool
	undo    string
}

func runApply(c *command) int {
	var o applyOptions
	c.flags.StringVar(&o.path, "o", "", "")
	c.flags.BoolVar(&o.force, "force", false, "")
	c.flags.BoolVar(&o.inPlace, "in-place", false, "")
	c.flags.StringVar(&o.undo, "undo", "", "")
	if code, ok := c.parse(2); !ok {
		return code
	}
	switch {
	case o.inPlace && (o.path != "" || o.force):
		return c.misuse("--in-place changes the image itself: leave out -o and --force")
	case !o.inPlace && o.undo != "":
		return c.misuse("--undo goes with --in-place")
	}
	open := openFile
	if o.inPlace {
		open = openToChange
	}
	f, err := open(c.words[0])
	if err != nil {
		return c.fail(err)
	}
	defer f.Close()
	if err := c.apply(f, o); err != nil {
		return c.fail(err)
	}
	return exitOK
}

// undoPath is where the old bytes go when the plan is applied in place.
func (o *applyOptions) undoPath(f *file, plan string) string {
	switch {
	case o.undo != "":
		return o.undo
	case sameFile(undoName(f.path), plan):
		return f.path + ".redo.json"
	}
	return undoName(f.path)
}

var errDataFilePlan = errors.New("the plan is for an external data file, which this does not write")

func (c *command) apply(f *file, o applyOptions) error {
	if f.lockedByWriter() {
		return errInUse(f.path)
	}
	if o.inPlace {
		return c.applyInPlace(f, o)
	}
	if err := o.target.refuse(f); err != nil {
		return err
	}
	plan, err := readPlan(c.words[1], f)
	if err != nil {
		return err
	}
	if plan.File != patch.TargetImage {
		return errDataFilePlan
	}
	if err := c.save(f, o.target, plan, func(copied *file) error { return samePlan(copied, plan) }); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "%s is written: %s, %s in all. The image was not touched.\n", printable(o.path),
		count(plan.Writes(), "write"), size(uint64(plan.Bytes())))
	return nil
}

// applyInPlace makes the change in the image itself: as the plan says if that is safe, so
// that an undo plan gives the old bytes to the last one, and else redirected.
func (c *command) applyInPlace(f *file, o applyOptions) error {
	plan, guards, err := readPlanInPlace(c.words[1], f)
	if err != nil {
		return err
	}
	if plan.File != patch.TargetImage {
		return errDataFilePlan
	}
	ch := &change{plan: plan}
	opt, end := c.checkOptions(1)
	safe, err := redirect.Safe(c.ctx, f, plan, opt)
	end()
	if err != nil {
		return err
	}
	redirected := copying{inPlace: true, form: new(output)}
	if !safe {
		if err := c.checked(f, ch, opt); err != nil {
			return err
		}
		if err := c.redirect(ch, &redirected); err != nil {
			return err
		}
		guards = redirected.guards()
	}
	undo := o.undoPath(f, c.words[1])
	if err := c.changeInPlace(f, ch.plan, undoFile{undo, guards}, ch.after); err != nil {
		return err
	}
	if ch.plan.Empty() {
		fmt.Fprintf(c.out, "%s was not written to: there was nothing to change.\n", printable(f.path))
		return nil
	}
	writeChangedInPlace(c.out, f.path, undo)
	redirected.redirecting.write(c.out)
	return nil
}

// checked looks at the image before a change.
func (c *command) checked(f *file, ch *change, opt check.Options) (err error) {
	if ch.was, err = image.Open(c.ctx, f); err == nil {
		ch.before, err = check.Run(c.ctx, ch.was, opt)
	}
	return err
}

// readPlan reads a saved plan, from standard input if the path is "-". It refuses one that
// is not for this file.
func readPlan(path string, f *file) (*patch.Plan, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	return patch.DecodeJSON(text, f)
}

func readText(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	text, err := os.ReadFile(path)
	return text, plainError(err)
}

// readPlanInPlace is readPlan for a change in place: a plan may be for a file in which a
// change stopped half-way. It also gives what undoing the plan again depends on.
func readPlanInPlace(path string, f *file) (*patch.Plan, patch.Guards, error) {
	text, err := readText(path)
	if err != nil {
		return nil, patch.Guards{}, err
	}
	plan, err := patch.DecodeJSON(text, f)
	if errors.Is(err, patch.ErrPlanMismatch) {
		if half, otherwise := patch.DecodeInterruptedJSON(text, f); otherwise == nil {
			plan, err = half, nil
		}
	}
	if err != nil {
		return nil, patch.Guards{}, err
	}
	g, err := patch.GuardsOf(text)
	return plan, patch.Guards{Kept: g.Made, Made: g.Kept}, err
}

// samePlan reads back from the finished copy that it has the plan's length.
func samePlan(copied *file, plan *patch.Plan) error {
	if copied.size != plan.SizeAfter {
		return fmt.Errorf("the copy is %d bytes long where %d were planned, so it was thrown away", copied.size, plan.SizeAfter)
	}
	return nil
}
