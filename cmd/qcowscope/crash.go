package main

import (
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/redirect"
	"qcowscope/core/repair"
)

var crashVerb = verb{
	name: "crash", args: "IMAGE", short: "tell in which states a crash could leave an image while it is repaired",
	help: `  --scope=leaks|all|rebuild  what is repaired (all)
  --accept=CODE,...        consent to repairs of these kinds, as repair takes it
  --plan=FILE              look at this plan instead of a repair: one that repair, amend or write --plan --output=json printed
  --states=N               how many states of each way are looked at, at most (1000)
  --seed=S                 of the sample, when there are more
  --list                   also list the states that are broken
  --output=human|json      a table for people, or the same for programs

The repair is made in two ways: redirected, as --redirect and --in-place make it, and in place as
QEMU makes it, which waits for the disk only before and after it writes to the header; a plan of
your own as it stands, with a wait between its batches. After each
flush any of the sectors that were written since may be on the disk, and any may be missing. A
state is broken when the image does not open, when there is corruption that was there neither
before nor after, or when the guest reads neither the old bytes nor the new ones. Nothing is
written.

exit codes:
  0   no state of the redirected repair is broken
  1   the states could not be looked at
  2   some state of the redirected repair is broken, or it cannot be redirected
  63  not a qcow2 image
`,
}

func init() { crashVerb.run = runCrash }

// crashOptions are the flags of crash.
type crashOptions struct {
	scope, accept, plan string
	states              int
	seed                uint64
	list                bool
	form                *output
}

func runCrash(c *command) int {
	o := crashOptions{form: c.outputFlag()}
	c.flags.StringVar(&o.scope, "scope", string(repair.All), "")
	c.flags.StringVar(&o.accept, "accept", "", "")
	c.flags.StringVar(&o.plan, "plan", "", "")
	c.flags.IntVar(&o.states, "states", 1000, "")
	c.flags.Uint64Var(&o.seed, "seed", 0, "")
	c.flags.BoolVar(&o.list, "list", false, "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	accept, err := acceptedCodes(o.accept)
	switch {
	case err != nil:
	case !repair.Scope(o.scope).Valid():
		err = errors.New("--scope is leaks, all or rebuild")
	case o.states < 1:
		err = errors.New("--states is how many states are looked at")
	}
	if err != nil {
		return c.misuse(err.Error())
	}
	f, img, code := c.openImage(c.words[0], *o.form)
	if img == nil {
		return code
	}
	defer f.Close()
	table, err := c.crash(f, img, o, accept)
	if err != nil {
		return c.fail(err)
	}
	c.reportCrash(table, o)
	return table.exitCode()
}

// crash looks at the crash states of both ways to make the change.
func (c *command) crash(f *file, img *image.Image, o crashOptions, accept map[check.Code]bool) (*crashTable, error) {
	opt, end := c.checkOptions(1)
	defer end()
	before, err := check.Run(c.ctx, img, opt)
	if err != nil {
		return nil, err
	}
	plan, err := c.plannedChange(f, img, before, o, accept)
	if err != nil {
		return nil, err
	}
	t := &crashTable{Filename: f.path, Seed: exact(o.seed), Writes: plan.Writes(), Bytes: plan.Bytes(), Ways: []crashWay{}, Schema: schema}
	if plan.Empty() {
		return t, nil
	}
	plans := []*patch.Plan{plan}
	r, err := redirect.Plan(c.ctx, img, before, plan, redirect.Options{Check: opt})
	switch {
	case errors.Is(err, redirect.ErrCannot):
		t.Cannot = err.Error()
	case err != nil:
		return nil, err
	default:
		plans, t.Unsafe = append(plans, r.Plan), r.Unsafe
	}
	judge, err := redirect.NewJudge(c.ctx, f, redirect.JudgeOptions{Check: check.Options{Limit: 1}, Guest: comparedBytes(f)}, plans...)
	if err != nil {
		return nil, err
	}
	if r != nil {
		if err := c.judgeWay(t, "redirected", judge, f, r.Plan, redirect.CrashOptions{}, o); err != nil {
			return nil, err
		}
	}
	return t, c.judgeOtherWay(t, judge, f, plan, o)
}

// judgeOtherWay judges the change as it is made where the tables are.
func (c *command) judgeOtherWay(t *crashTable, judge *redirect.Judge, f *file, plan *patch.Plan, o crashOptions) error {
	if o.plan != "" { // it says itself when to wait for the disk
		return c.judgeWay(t, "as-planned", judge, f, plan, redirect.CrashOptions{}, o)
	}
	plan, flushed := redirect.AsQEMU(plan)
	return c.judgeWay(t, "in-place", judge, f, plan, redirect.CrashOptions{Flushed: flushed}, o)
}

// plannedChange is the plan that is looked at.
func (c *command) plannedChange(f *file, img *image.Image, before *check.Report, o crashOptions, accept map[check.Code]bool) (*patch.Plan, error) {
	if o.plan != "" {
		plan, err := readPlan(o.plan, f)
		if err == nil && plan.File != patch.TargetImage {
			err = errDataFilePlan
		}
		return plan, err
	}
	out, err := repair.Plan(c.ctx, img, before, repair.Options{Scope: repair.Scope(o.scope), Accept: accept, Check: check.Options{Limit: keptFindings}})
	if err != nil {
		return nil, err
	}
	return out.Plan, nil
}

// comparedBytes is how much of the disk is compared in each state, about; 0 for all of it.
func comparedBytes(f *file) int64 {
	const whole, sample = 64 << 20, 16 << 20
	if f.size <= whole {
		return 0
	}
	return sample
}

// judgeWay judges the states of one way to make the change.
func (c *command) judgeWay(t *crashTable, name string, judge *redirect.Judge, f *file, plan *patch.Plan, opt redirect.CrashOptions, o crashOptions) error {
	opt.States, opt.Seed = o.states, o.seed
	e, err := redirect.Explore(plan, f, opt)
	if err != nil {
		return err
	}
	p := c.progress()
	defer p.end()
	w := crashWay{Name: name, Complete: true, Worse: map[check.Code]int{}}
	for _, flight := range e.Flights() {
		w.Flights++
		w.Complete = w.Complete && flight.All
	}
	for i := range e.Len() {
		p.show(fmt.Sprintf("crashing, %s", name), int64(i), int64(e.Len()))
		state, err := e.State(i)
		if err != nil {
			return err
		}
		v, err := judge.Look(state)
		if err != nil {
			return err
		}
		w.add(state, v, o.list)
	}
	t.Ways = append(t.Ways, w)
	return nil
}
