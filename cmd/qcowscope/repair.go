package main

import (
	"errors"
	"fmt"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/repair"
)

var repairVerb = verb{
	name: "repair", args: "IMAGE -o OUT|--in-place", short: "write a repaired copy of an image",
	help: `  -o OUT                   where the copy goes; it gets its name only when it is complete and was checked
  --scope=leaks|all|rebuild  what to repair (all); rebuild makes a new refcount structure in any case
  --accept=CODE,...        consent to repairs of these kinds, which choose or give something up
  --leave=CODE,...         do not repair these kinds of findings
  --trace                  how a new refcount structure comes about, pass by pass
  --fixed-size             write nothing past the end, as on a block device; what would fit is said when it cannot be done
  --refcount-bits=N        with --scope=rebuild: the width of the new refcounts, 1 to 64
  --reuse-tables           with --scope=rebuild: write over the old refcount structure, for when there is no other room
` + copyingHelp + "\n" + copyingExits("nothing was written"),
}

func init() { repairVerb.run = runRepair }

// repairOptions are the flags of repair.
type repairOptions struct {
	copying
	scope  string
	accept string
	leave  string
	place  placing
	trace  bool
}

// placing are the flags that say where and how a rebuild puts the new refcount structure.
type placing struct {
	fixedSize, reuseTables bool
	refcountBits           uint
}

// refuse says why the flags do not go together.
func (p placing) refuse(scope repair.Scope) error {
	if scope != repair.Rebuild && (p.reuseTables || p.refcountBits != 0) {
		return fmt.Errorf("--refcount-bits and --reuse-tables go with --scope=rebuild")
	}
	return nil
}

func runRepair(c *command) int {
	var o repairOptions
	c.copyingFlags(&o.copying)
	c.flags.StringVar(&o.scope, "scope", string(repair.All), "")
	c.flags.StringVar(&o.accept, "accept", "", "")
	c.flags.StringVar(&o.leave, "leave", "", "")
	c.flags.BoolVar(&o.trace, "trace", false, "")
	c.flags.BoolVar(&o.place.fixedSize, "fixed-size", false, "")
	c.flags.BoolVar(&o.place.reuseTables, "reuse-tables", false, "")
	c.flags.UintVar(&o.place.refcountBits, "refcount-bits", 0, "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	accept, err := acceptedCodes(o.accept)
	var leave []check.Code
	if err == nil {
		leave, err = codesIn("leave", o.leave)
	}
	if err == nil && !repair.Scope(o.scope).Valid() {
		err = fmt.Errorf("--scope is leaks, all or rebuild")
	}
	if err == nil {
		err = o.place.refuse(repair.Scope(o.scope))
	}
	if err == nil {
		err = o.copying.misused()
	}
	if err != nil {
		return c.misuse(err.Error())
	}
	o.fixed = o.place.fixedSize
	f, img, code := c.openCopying(c.words[0], &o.copying)
	if img == nil {
		return code
	}
	defer f.Close()
	if err := o.refuse(f); err != nil {
		return c.fail(err)
	}
	return c.repair(f, img, o, accept, leave)
}

// codesIn reads a list of codes of findings.
func codesIn(flag, list string) (codes []check.Code, err error) {
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		code := check.Code(word)
		if code.Title() == "" {
			return nil, fmt.Errorf("--%s: there is no code %s", flag, word)
		}
		codes = append(codes, code)
	}
	return codes, nil
}

// acceptedCodes reads a list of codes that a repair may be consented to for.
func acceptedCodes(list string) (map[check.Code]bool, error) {
	codes, err := codesIn("accept", list)
	if err != nil {
		return nil, err
	}
	accept := map[check.Code]bool{}
	for _, code := range codes {
		if code.Consent() == "" {
			return nil, fmt.Errorf("--accept: %s is not repaired by consent: %s", code, code.CureText())
		}
		accept[code] = true
	}
	return accept, nil
}

// repair makes the plan, and the copy with it.
func (c *command) repair(f *file, img *image.Image, o repairOptions, accept map[check.Code]bool, leave []check.Code) int {
	told := newTraceText(o.trace, false)
	opt, end := c.checkOptions(keptFindings)
	before, err := check.Run(c.ctx, img, opt)
	if err != nil {
		end()
		return c.fail(err)
	}
	out, err := repair.Plan(c.ctx, img, before, repair.Options{
		Scope: repair.Scope(o.scope), Accept: accept, Leave: repair.NewLeave(leave, nil), Check: opt, Trace: told.tracer(),
		FixedSize: o.place.fixedSize, ReuseTables: o.place.reuseTables, RefcountBits: o.place.refcountBits,
	})
	end()
	if err != nil {
		return c.fail(flagsThatFit(err))
	}
	if *o.form == "human" {
		told.write(c.out)
	}
	return c.repairWith(f, &change{was: img, before: before, plan: out.Plan, after: out.After}, o, out, told)
}

// repairWith makes the copy, or the change in place, with the plan of a repair.
func (c *command) repairWith(f *file, ch *change, o repairOptions, out *repair.Outcome, told *traceText) int {
	if o.rebase {
		if err := rebaseBacking(ch.plan, f, ch.was, o.path); err != nil {
			return c.fail(err)
		}
		ch.after = nil
	}
	if err := c.redirect(ch, &o.copying); err != nil {
		return c.fail(err)
	}
	if ch.after != nil {
		out.After = ch.after
	}
	if o.planOnly {
		return c.printPlan(f, ch.plan, out.After, *o.form)
	}
	after, err := patched(c.ctx, ch.was, ch.plan)
	if err != nil {
		return c.fail(err)
	}
	c.warnNames(f, ch.was, o.copying, "")
	if err := c.writeChanged(f, ch.plan, o.copying, out.After); err != nil {
		return c.fail(err)
	}
	c.reportRepair(f, after, o, ch.plan, out, told)
	return leftCode(out.After)
}

// flagsThatFit says with which flags a repair fits that has no room.
func flagsThatFit(err error) error {
	var full *repair.NoRoomError
	if !errors.As(err, &full) || len(full.Ways) == 0 {
		return err
	}
	var tries []string
	for _, w := range full.Ways {
		flags := fmt.Sprintf("--scope=rebuild --refcount-bits=%d", w.RefcountBits)
		if w.ReuseTables {
			flags += " --reuse-tables"
		}
		tries = append(tries, flags)
	}
	return fmt.Errorf("%w: %s", err, strings.Join(tries, ", or "))
}
