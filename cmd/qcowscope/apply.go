package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"qcowscope/core/patch"
)

var applyVerb = verb{
	name: "apply", args: "IMAGE PLAN -o OUT", short: "write a copy of an image with a saved plan applied",
	help: `  PLAN        a plan as JSON: of repair --plan --output=json, or an undo plan of repair --undo;
              - reads it from standard input
  -o OUT      where the copy goes; it gets its name only when it is complete
  --force     replace OUT if it exists

exit codes:
  0   the copy was written
  1   nothing was written: the plan is for another file, its old bytes are not those of the image, or a file is in the way
`,
}

func init() { applyVerb.run = runApply }

func runApply(c *command) int {
	var t target
	c.flags.StringVar(&t.path, "o", "", "")
	c.flags.BoolVar(&t.force, "force", false, "")
	if code, ok := c.parse(2); !ok {
		return code
	}
	f, err := openFile(c.words[0])
	if err != nil {
		return c.fail(err)
	}
	defer f.Close()
	if f.lockedByWriter() {
		return c.fail(errInUse(f.path))
	}
	if err := t.refuse(f); err != nil {
		return c.fail(err)
	}
	plan, err := readPlan(c.words[1], f)
	if err == nil && plan.File != patch.TargetImage {
		err = errors.New("the plan is for an external data file, which this does not write")
	}
	if err != nil {
		return c.fail(err)
	}
	if err := c.save(f, t, plan, func(copied *file) error { return samePlan(copied, plan) }); err != nil {
		return c.fail(err)
	}
	fmt.Fprintf(c.out, "%s is written: %s, %s in all. The image was not touched.\n", printable(t.path),
		count(plan.Writes(), "write"), size(uint64(plan.Bytes())))
	return exitOK
}

// readPlan reads a saved plan, from standard input if the path is "-". It refuses one that
// is not for this file.
func readPlan(path string, f *file) (*patch.Plan, error) {
	read := func() ([]byte, error) { return os.ReadFile(path) }
	if path == "-" {
		read = func() ([]byte, error) { return io.ReadAll(os.Stdin) }
	}
	text, err := read()
	if err != nil {
		return nil, plainError(err)
	}
	return patch.DecodeJSON(text, f)
}

// samePlan reads back from the finished copy that it has the plan's length.
func samePlan(copied *file, plan *patch.Plan) error {
	if copied.size != plan.SizeAfter {
		return fmt.Errorf("the copy is %d bytes long where %d were planned, so it was thrown away", copied.size, plan.SizeAfter)
	}
	return nil
}
