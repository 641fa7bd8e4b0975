package main

import (
	"bufio"
	"fmt"
	"io"

	"qcowscope/core/patch"
)

var diffVerb = verb{
	name: "diff", args: "IMAGE PLAN -o PATCH", short: "write a saved plan as a VCDIFF patch",
	help: `  IMAGE       the image that the plan is for; it is only read
  PLAN        a plan as JSON: of repair --plan --output=json, or one that the page saved; - reads it from standard input
  -o PATCH    where the patch goes
  --undo      the patch that makes the original of the repaired image again
  --strict    RFC 3284 and nothing else: without the sums by which xdelta3 notices a file that the patch is not for
  --force     replace PATCH if it exists

A VCDIFF patch is small, and other programs apply it:
  xdelta3 -d -s IMAGE PATCH OUT

exit codes:
  0   the patch was written
  1   nothing was written: the plan is for another file, its old bytes are not those of the image, or a file is in the way
`,
}

func init() { diffVerb.run = runDiff }

func runDiff(c *command) int {
	var t target
	var undo, strict bool
	c.flags.StringVar(&t.path, "o", "", "")
	c.flags.BoolVar(&t.force, "force", false, "")
	c.flags.BoolVar(&undo, "undo", false, "")
	c.flags.BoolVar(&strict, "strict", false, "")
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
	if err != nil {
		return c.fail(err)
	}
	p := c.progress()
	opt := patch.VCDIFFOptions{NoSums: strict, Progress: func(done, total int64) error {
		p.show("writing the patch", done, total)
		return c.ctx.Err()
	}}
	write := plan.WriteVCDIFF
	if undo {
		write = plan.WriteUndoVCDIFF
	}
	n, err := t.write(f, func(w io.Writer) error { return write(w, f, opt) })
	p.end()
	if err != nil {
		return c.fail(err)
	}
	makes := "it makes the changed image of this one"
	if undo {
		makes = "it makes this image of the changed one again"
	}
	fmt.Fprintf(c.out, "%s is written, %s: %s.\nApply it with: xdelta3 -d -s IMAGE PATCH OUT\n", printable(t.path), size(uint64(n)), makes)
	return exitOK
}

// write makes a file that gets its name when it is complete and the image did not change
// meanwhile. It returns the file's length.
func (t target) write(in *file, write func(io.Writer) error) (int64, error) {
	out, err := t.begin(0o666)
	if err != nil {
		return 0, err
	}
	defer out.discard()
	w := bufio.NewWriterSize(out, copyBytes)
	if err := write(w); err != nil {
		return 0, plainError(err)
	}
	if err := w.Flush(); err != nil {
		return 0, plainError(err)
	}
	if err := in.changed(); err != nil {
		return 0, err
	}
	info, err := out.Stat()
	if err != nil {
		return 0, plainError(err)
	}
	return info.Size(), out.keep()
}
