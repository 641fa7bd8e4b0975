package main

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/report"
)

var checkVerb = verb{
	name: "check", args: "IMAGE, or a folder with --recursive", short: "what is wrong with an image, counted as qemu-img check counts",
	help: `  -r leaks|all        repair in memory and report what would be left; nothing is written
  --output=human|json|html|junit|sarif
                      json: the counts under the names of qemu-img check, then every finding with its place;
                      html: a page to read, print or hand on; junit, sarif: for build servers and code hosts
  --recursive         check every qcow2 image under a folder; prints those that are not clean, the worst first
  --jobs=N            with --recursive: how many at once (as many as there are processors)
  --deep              decode every compressed cluster, too; takes as long as reading them
  --strict            dangers and damages that QEMU does not see also make the exit code 2
  --all               every finding: human output shows 5 of each kind, JSON at most 10000
  -q                  no human output, only the exit code

IMAGE may be an address, https://...: then only the metadata is read, by range requests.

exit codes, those of qemu-img check; of a folder the worst image's, corruption first:
  0   nothing wrong was found
  1   the image could not be checked wholly, or QEMU would not open it
  2   corruption
  3   leaked clusters, and nothing worse
  63  not a qcow2 image
`,
}

func init() { checkVerb.run = runCheck }

// Findings kept of each code: normally, and when all are asked for.
const (
	keptFindings = 10000
	allFindings  = 1 << 20
)

// checkOptions are the flags of check.
type checkOptions struct {
	scope       string
	form        *output
	strict, all bool
	quiet, deep bool
	recursive   bool
	jobs        int
}

// outcome is a report and what was repaired before it.
type outcome struct {
	report           *check.Report
	image            *image.Image // that the report is of
	corruptionsFixed uint64
	leaksFixed       uint64
	keptLeaks        string
	plan             *report.PlanPart // of the repair
}

func runCheck(c *command) int {
	var o checkOptions
	c.flags.StringVar(&o.scope, "r", "", "")
	c.flags.BoolVar(&o.strict, "strict", false, "")
	c.flags.BoolVar(&o.all, "all", false, "")
	c.flags.BoolVar(&o.quiet, "q", false, "")
	c.flags.BoolVar(&o.deep, "deep", false, "")
	c.flags.BoolVar(&o.recursive, "recursive", false, "")
	c.flags.IntVar(&o.jobs, "jobs", 0, "")
	o.form = c.outputFlag("html", "junit", "sarif")
	if code, ok := c.parse(1); !ok {
		return code
	}
	if o.scope != "" && o.scope != string(repair.Leaks) && o.scope != string(repair.All) {
		return c.misuse("-r is leaks or all")
	}
	if o.jobs < 0 {
		return c.misuse("--jobs is a number from 1 on")
	}
	switch {
	case o.recursive && *o.form == "html":
		return c.misuse("--output=html is of one image")
	case o.recursive:
		return c.checkFolder(c.words[0], o)
	case *o.form == "junit" || *o.form == "sarif":
		return c.checkForHost(c.words[0], o)
	}
	return c.checkImage(c.words[0], o)
}

// checkImage checks one image and prints what was found.
func (c *command) checkImage(path string, o checkOptions) int {
	f, img, code := c.openToLook(path, *o.form)
	if img == nil {
		return code
	}
	defer f.Close()
	opt, end := c.checkOptions(o.kept())
	result, err := c.judge(img, o, opt)
	end()
	if err == nil {
		err = f.changed()
	}
	if err != nil {
		return c.checkFailed(f.name(), *o.form, err)
	}
	c.warnInUse(f)
	switch {
	case *o.form == "json":
		writeJSON(c.out, result.json(c.ctx, f.name()))
	case *o.form == "html":
		err = report.WriteHTML(c.out, result.page(f.name()))
	case !o.quiet:
		writeCheck(c.out, f.name(), result, o)
	}
	if err != nil {
		return c.fail(err)
	}
	return result.exitCode(o.strict)
}

// kept is how many findings of each code are kept.
func (o *checkOptions) kept() int {
	if o.all {
		return allFindings
	}
	return keptFindings
}

func (c *command) checkFailed(path string, form output, err error) int {
	if c.ctx.Err() != nil {
		return c.fail(err)
	}
	return c.giveUp(path, form, problem{What: err.Error(), Advice: "Nothing was changed.", exit: exitFailed})
}

// judge checks the image, and with -r what a repair would make of it.
func (c *command) judge(img *image.Image, o checkOptions, opt check.Options) (outcome, error) {
	deep := opt
	deep.Deep = o.deep
	if o.scope == "" {
		rep, err := check.Run(c.ctx, img, deep)
		return outcome{report: rep, image: img}, err
	}
	rep, err := check.Run(c.ctx, img, opt)
	if err != nil {
		return outcome{}, err
	}
	out, err := repair.Plan(c.ctx, img, rep, repair.Options{Scope: repair.Scope(o.scope), Check: opt})
	if err != nil {
		return outcome{}, err
	}
	if img, err = patched(c.ctx, img, out.Plan); err != nil {
		return outcome{}, err
	}
	if o.deep { // once, of what the repair would leave
		if out.After, err = check.Run(c.ctx, img, deep); err != nil {
			return outcome{}, err
		}
	}
	return outcome{out.After, img, out.CorruptionsFixed, out.LeaksFixed, out.KeptLeaks, planPart(out)}, nil
}

// patched is the image with the plan applied, in memory.
func patched(ctx context.Context, img *image.Image, plan *patch.Plan) (*image.Image, error) {
	over := patch.NewOverlay(img.Src)
	if err := over.Apply(plan); err != nil {
		return nil, err
	}
	return image.Open(ctx, over)
}

// phaseNames are the phases of a check in the words of its progress line.
var phaseNames = map[check.Phase]string{check.PhaseSnapshots: "reading snapshots", check.PhaseTables: "walking tables",
	check.PhaseCompare: "comparing refcounts", check.PhaseFlags: "looking at flags", check.PhaseStreams: "decoding"}

// checkOptions are the options of a check with progress; end takes the progress line away.
func (c *command) checkOptions(limit int) (opt check.Options, end func()) {
	p := c.progress()
	opt.Limit = limit
	if p.w != nil {
		opt.Progress = func(phase check.Phase, done, total int64, _ int) { p.show(phaseNames[phase], done, total) }
	}
	return opt, p.end
}

// exitCode is that of qemu-img check; strict also counts what QEMU does not see.
func (r *outcome) exitCode(strict bool) int {
	code := r.report.ExitCode()
	if strict && (code == exitOK || code == exitLeaks) && r.report.Worst() >= check.Damage {
		return exitCorrupt
	}
	return code
}

// warnInUse says when a running VM has the image: what was read may have moved meanwhile.
func (c *command) warnInUse(f input) {
	if f.lockedByWriter() {
		fmt.Fprintf(c.err, "qcowscope %s: %s\n", c.verb.name, printable(errInUse(f.name()).Error()))
	}
}

func errInUse(path string) error {
	return errors.New(path + " is open for writing in another program, perhaps a running VM: stop it first, or what is found here may not be true")
}

// json is the result in the form for programs.
func (r *outcome) json(ctx context.Context, path string) report.Check {
	return report.New(ctx, path, report.Result{Report: r.report, Image: r.image,
		CorruptionsFixed: r.corruptionsFixed, LeaksFixed: r.leaksFixed, KeptLeaks: r.keptLeaks})
}
