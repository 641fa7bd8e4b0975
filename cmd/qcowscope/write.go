package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

var writeVerb = verb{
	name: "write", args: "IMAGE -o OUT|--in-place", short: "write a copy after a guest write, and tell all that it does",
	help: `  -o OUT               where the copy goes; it gets its name only when it is complete and was checked
  --offset=N           where the guest writes, in bytes; K, M, G, T and 0x are understood
  --length=N           how many bytes
  --pattern=B          write bytes of this value, 0 to 255
  --zero               write zeros, by flags where they can say so
  --unmap              with --zero: clusters may be given back
  --discard            discard the range: whole clusters of it are given back
  --in-flight=N+L      another write that comes while the first one, which is held up, is in flight; may be repeated.
                       Tells which must wait, which is cut short, and at which byte
  --states             explain the states that the subclusters of IMAGE can have, and write nothing
  --data-file-out=F    where a copy of the external data file goes, if the image has one
` + redirectHelp + inPlaceHelp + `  --plan               tell what would be written, and write nothing; with --output=json for apply
  --undo=FILE          also write the plan that makes the original of the copy again
  --rebase-backing     rewrite the name of the backing file so that it is found from OUT
  --force              replace OUT, F and FILE if they exist
  --output=human|json  a summary for people or for programs

The write is done as QEMU does it: clusters in place or newly allocated where QEMU would, the
bytes around it copied, subclusters, refcounts and tables as QEMU leaves them.

` + "Subclusters are shown as\n" + cow.Legend + `

exit codes:
  0   the copy was written (with --plan: would be); nothing above a warning is left in it
  1   nothing was written: the image is damaged, or the write is not possible
  2   the copy was written; danger or damage is left in it
  3   the copy was written; leaked clusters are left in it, and nothing worse
  4   with --in-place: it stopped on the way; what to do is said
  63  not a qcow2 image
`,
}

func init() { writeVerb.run = runWrite }

// writeOptions are the flags of write.
type writeOptions struct {
	copying
	offset, length       byteCount
	pattern              string
	zero, unmap, discard bool
	dataOut              string
	others               flightRanges
	states               bool
}

func runWrite(c *command) int {
	o := writeOptions{offset: -1, length: -1}
	c.copyingFlags(&o.copying)
	c.flags.Var(&o.offset, "offset", "")
	c.flags.Var(&o.length, "length", "")
	c.flags.StringVar(&o.pattern, "pattern", "", "")
	c.flags.BoolVar(&o.zero, "zero", false, "")
	c.flags.BoolVar(&o.unmap, "unmap", false, "")
	c.flags.BoolVar(&o.discard, "discard", false, "")
	c.flags.StringVar(&o.dataOut, "data-file-out", "", "")
	c.flags.Var(&o.others, "in-flight", "")
	c.flags.BoolVar(&o.states, "states", false, "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	req, err := o.request()
	if err == nil {
		err = o.misused()
	}
	if err != nil && !o.states {
		return c.misuse(err.Error())
	}
	f, img, code := c.openCopying(c.words[0], &o.copying)
	if img == nil {
		return code
	}
	defer f.Close()
	if o.states {
		return c.explainStates(img.Geo, *o.form)
	}
	if err := o.refuse(f); err != nil {
		return c.fail(err)
	}
	return c.write(f, img, o, req)
}

// misused says why the flags do not go together.
func (o *writeOptions) misused() error {
	if o.inPlace && o.dataOut != "" {
		return errors.New("--in-place changes the image itself, and never the data file: leave out --data-file-out")
	}
	return o.copying.misused()
}

// request is what the flags ask for.
func (o *writeOptions) request() (r cow.Request, err error) {
	r = cow.Request{Offset: qcow2.GuestOff(o.offset), Length: int64(o.length), Unmap: o.unmap}
	kinds := 0
	for _, k := range []struct {
		given bool
		kind  cow.Kind
	}{{o.pattern != "", cow.Data}, {o.zero, cow.Zero}, {o.discard, cow.Discard}} {
		if k.given {
			r.Kind = k.kind
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return r, errors.New("say what to write: --pattern=B, --zero or --discard")
	case len(o.others) > 0 && r.Kind != cow.Data:
		return r, errors.New("--in-flight goes with --pattern: zero writes and discards take effect at once")
	case o.offset < 0 || o.length < 0:
		return r, errors.New("say where: --offset=N and --length=N")
	case o.unmap && !o.zero:
		return r, errors.New("--unmap goes with --zero")
	case o.pattern != "":
		fill, err := strconv.ParseUint(o.pattern, 0, 8)
		if err != nil {
			return r, errors.New("--pattern is the value of a byte, 0 to 255")
		}
		r.Fill = byte(fill)
	}
	return r, nil
}

// written are the requests, planned, and what they make of the image.
type written struct {
	before   *check.Report
	outcomes []*cow.Outcome // one, but for writes that are in flight at once
	events   []string       // of those
	plans    *cow.Plans
	image    *image.Image
	report   *check.Report
}

// dataFileBytes is how many bytes go to the external data file.
func (w *written) dataFileBytes() (n int64) {
	for _, o := range w.outcomes {
		n += o.DataFileBytes()
	}
	return n
}

// write plans the request, and makes the copy with it.
func (c *command) write(f *file, img *image.Image, o writeOptions, req cow.Request) int {
	beside := c.openBeside(f, img)
	defer beside.close()
	done, err := c.planWrite(img, o, req, beside)
	if err != nil {
		return c.fail(err)
	}
	if o.rebase {
		if err := rebaseBacking(done.plans.Image, f, img, o.path); err != nil {
			return c.fail(err)
		}
	}
	if err := c.judgeWritten(img, &o.copying, done); err != nil {
		return c.fail(err)
	}
	if o.planOnly {
		return c.printWrite(f, beside, o, done)
	}
	if err := c.writeFiles(f, beside, o, done); err != nil {
		return c.fail(err)
	}
	c.warnNames(f, img, o.copying, o.dataOut)
	c.reportWrite(f, o, done)
	return leftCode(done.report)
}

// planWrite refuses damaged images: what a write does to them is not known.
func (c *command) planWrite(img *image.Image, o writeOptions, req cow.Request, beside *besides) (*written, error) {
	opt, end := c.checkOptions(1)
	before, err := check.Run(c.ctx, img, opt)
	end()
	if err != nil {
		return nil, err
	}
	if before.Corruptions > 0 || before.CheckErrors > 0 {
		if !o.planOnly {
			return nil, errors.New("the image is damaged (qcowscope check tells how): repair it first, or see with --plan what the write would do")
		}
		fmt.Fprintf(c.err, "qcowscope write: the image is damaged, and QEMU knows less of it than this plan does: repair it first\n")
	}
	w, err := cow.Open(c.ctx, img, cow.Options{Backing: beside.backing, BackingZero: beside.zero, Data: beside.dataSource(), Counts: before.Refcounts.Table,
		CountsStored: before.CountsStored()})
	if err != nil {
		return nil, err
	}
	done, err := c.planRequests(w, req, o.others)
	if err != nil {
		return nil, plainCow(err)
	}
	done.before = before
	if done.dataFileBytes() > 0 && o.inPlace {
		return nil, fmt.Errorf("guest data is in the external file %s, where each cluster has its fixed place, so that no write to it is safe from a crash: leave out --in-place", img.DataFile)
	}
	if done.dataFileBytes() > 0 && o.dataOut == "" && !o.planOnly {
		return nil, fmt.Errorf("guest data is in the external file %s: --data-file-out=F says where a copy of it goes", img.DataFile)
	}
	return done, nil
}

// planRequests plans one write, or several that are in flight at once.
func (c *command) planRequests(w *cow.Writer, req cow.Request, others []cow.Request) (*written, error) {
	if len(others) > 0 {
		return c.planFlight(w, req, others)
	}
	outcome, err := w.Plan(c.ctx, req)
	if err != nil {
		return nil, err
	}
	plans, err := outcome.Plans(c.ctx)
	if err != nil {
		return nil, err
	}
	return &written{outcomes: []*cow.Outcome{outcome}, plans: plans}, nil
}

// plainCow is an error without the name of the package.
func plainCow(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), "cow: "))
}

// judgeWritten redirects the plan if the flags ask for it, and checks what it makes of the
// image.
func (c *command) judgeWritten(img *image.Image, o *copying, done *written) (err error) {
	ch := &change{was: img, before: done.before, plan: done.plans.Image}
	if err := c.redirect(ch, o); err != nil {
		return err
	}
	done.plans.Image, done.report = ch.plan, ch.after
	if done.image, err = patched(c.ctx, img, done.plans.Image); err != nil {
		return err
	}
	if done.report != nil {
		return nil
	}
	opt, end := c.checkOptions(1)
	defer end()
	done.report, err = check.Run(c.ctx, done.image, opt)
	return err
}

// writeFiles writes the copy of the image and, if asked for, that of the data file. They get
// their names when both are complete.
func (c *command) writeFiles(f *file, beside *besides, o writeOptions, done *written) error {
	if o.dataOut == "" {
		return c.writeChanged(f, done.plans.Image, o.copying, done.report)
	}
	if beside.data == nil {
		return errors.New("--data-file-out: the image has no external data file, or it is not there")
	}
	out := target{o.dataOut, o.force}
	for _, in := range []*file{f, beside.data} {
		if err := out.refuse(in); err != nil {
			return err
		}
	}
	plan := done.plans.DataFile
	if plan == nil {
		plan = patch.New(beside.data.Size())
	}
	return c.save(beside.data, out, plan, func(copied *file) error {
		if err := samePlan(copied, plan); err != nil {
			return err
		}
		return c.writeChanged(f, done.plans.Image, o.copying, done.report)
	})
}
