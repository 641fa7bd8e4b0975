package main

import (
	"errors"
	"slices"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

var amendVerb = verb{
	name: "amend", args: "IMAGE -o OUT|--in-place", short: "write a copy with another refcount width or version",
	help: `  -o OUT                   where the copy goes; it gets its name only when it is complete and was checked
  --refcount-bits=N        the width of refcounts: 1, 2, 4, 8, 16, 32 or 64 bits
  --compat=0.10|1.1        the version of the format: 2 or 3
  --lazy-refcounts=on|off  whether refcounts may be written late
  --like-qemu              place the new refcounts where qemu-img amend does, instead of in the smallest structure
  --trace                  tell how the new refcount structure comes about, walk by walk
  --all                    with --trace: every step, also of long runs of like ones
` + copyingHelp + `
What the guest reads stays as it is. An image that was not closed is repaired first, as QEMU does
when it opens it.

` + copyingExits("nothing was written: something forbids the change, and all of it is said"),
}

func init() { amendVerb.run = runAmend }

// amendOptions are the flags of amend.
type amendOptions struct {
	copying
	bits            uint
	compat, lazy    string
	likeQEMU, trace bool
	all             bool
}

func runAmend(c *command) int {
	var o amendOptions
	c.copyingFlags(&o.copying)
	c.flags.UintVar(&o.bits, "refcount-bits", 0, "")
	c.flags.StringVar(&o.compat, "compat", "", "")
	c.flags.StringVar(&o.lazy, "lazy-refcounts", "", "")
	c.flags.BoolVar(&o.likeQEMU, "like-qemu", false, "")
	c.flags.BoolVar(&o.trace, "trace", false, "")
	c.flags.BoolVar(&o.all, "all", false, "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	if err := o.misused(); err != nil {
		return c.misuse(err.Error())
	}
	f, img, code := c.openCopying(c.words[0], &o.copying)
	if img == nil {
		return code
	}
	defer f.Close()
	if err := o.refuse(f); err != nil {
		return c.fail(err)
	}
	return c.amend(f, img, o)
}

// misused says why the flags do not go together.
func (o *amendOptions) misused() error {
	switch {
	case o.bits == 0 && o.compat == "" && o.lazy == "":
		return errors.New("say what to change: --refcount-bits, --compat or --lazy-refcounts")
	case o.bits != 0 && !slices.Contains([]uint{1, 2, 4, 8, 16, 32, 64}, o.bits):
		return errors.New("--refcount-bits is 1, 2, 4, 8, 16, 32 or 64")
	case o.compat != "" && o.version() == 0:
		return errors.New("--compat is 0.10 or 1.1")
	case o.lazy != "" && o.lazy != "on" && o.lazy != "off":
		return errors.New("--lazy-refcounts is on or off")
	case o.version() == 2 && o.bits != 0 && o.bits != 16:
		return errors.New("with --compat=0.10 refcounts have 16 bits")
	case o.version() == 2 && o.lazy == "on":
		return errors.New("--lazy-refcounts=on needs --compat=1.1")
	case (o.likeQEMU || o.trace) && o.bits == 0:
		return errors.New("--like-qemu and --trace go with --refcount-bits")
	case o.all && !o.trace:
		return errors.New("--all goes with --trace")
	case o.trace && o.planOnly && *o.form == "json":
		return errors.New("--plan --output=json prints the plan and nothing else: leave out --trace")
	}
	return o.copying.misused()
}

// version is the one asked for, 0 for none.
func (o *amendOptions) version() uint32 {
	switch o.compat {
	case "0.10", "v2":
		return 2
	case "1.1", "v3":
		return 3
	}
	return 0
}

// amend makes the plan, and the copy with it.
func (c *command) amend(f *file, img *image.Image, o amendOptions) int {
	a, err := c.amendment(img, o)
	if err != nil {
		return c.amendRefused(f, img, o, err)
	}
	if o.rebase {
		if err := rebaseBacking(a.plan, f, a.img, o.path); err != nil {
			return c.fail(err)
		}
	}
	if err := c.redirectAmendment(a, &o.copying); err != nil {
		return c.fail(err)
	}
	if o.planOnly {
		a.trace.write(c.out)
		return c.printPlan(f, a.plan, a.report, *o.form)
	}
	c.warnNames(f, img, o.copying, "")
	if err := c.writeChanged(f, a.plan, o.copying, a.report); err != nil {
		return c.fail(err)
	}
	c.reportAmend(f, o, a)
	return leftCode(a.report)
}

// redirectAmendment redirects the plan if the flags ask for it.
func (c *command) redirectAmendment(a *amendment, o *copying) error {
	ch := &change{was: a.was, before: a.before, plan: a.plan, after: a.report}
	if o.rebase {
		ch.after = nil
	}
	if err := c.redirect(ch, o); err != nil {
		return err
	}
	if a.plan = ch.plan; ch.after != nil {
		a.report = ch.after
	}
	img, err := patched(c.ctx, a.was, a.plan)
	a.img = img
	return err
}

// compatOf is what qemu-img calls the version of an image.
func compatOf(h *qcow2.Header) string {
	if h.Version == 2 {
		return "0.10"
	}
	return "1.1"
}

// onOff is how a flag of the image is said.
func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func lazyOf(h *qcow2.Header) string {
	return onOff(h.CompatibleFeatures&qcow2.CompatLazyRefcounts != 0)
}

// changes are the properties that differ between the image and its copy, in words.
func changes(was, is *image.Image) (all []propertyJSON) {
	for _, p := range []propertyJSON{
		{"version", compatOf(&was.Header), compatOf(&is.Header)},
		{"refcount width", count(uint64(was.Geo.RefcountBits()), "bit"), count(uint64(is.Geo.RefcountBits()), "bit")},
		{"lazy refcounts", lazyOf(&was.Header), lazyOf(&is.Header)},
	} {
		if p.Before != p.After {
			all = append(all, p)
		}
	}
	return all
}
