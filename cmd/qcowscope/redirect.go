package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/redirect"
)

// redirectHelp are the lines of the help that the verbs with a redirected plan share.
const redirectHelp = `  --redirect               redirect the plan: what changes goes to free clusters, and one write of the header switches over
  --log                    with --redirect: print what the redirection does, record by record
`

// redirecting are the flags of the verbs whose plans can be redirected.
type redirecting struct {
	redirect bool
	log      bool
	fixed    bool             // the file is not to become longer
	done     *redirect.Result // nil until the plan was redirected
}

func (c *command) redirectFlags(o *redirecting) {
	c.flags.BoolVar(&o.redirect, "redirect", false, "")
	c.flags.BoolVar(&o.log, "log", false, "")
}

// misused says why the flags do not go together.
func (r *redirecting) misused(o *copying) error {
	switch {
	case r.log && !r.redirect && !o.inPlace:
		return errors.New("--log prints what --redirect does")
	case r.log && o.planOnly && *o.form == "json":
		return errors.New("--plan --output=json prints the plan and nothing else: leave out --log")
	}
	return nil
}

// change is a plan for an image, and what is known of the image before and with it.
type change struct {
	was    *image.Image
	before *check.Report
	plan   *patch.Plan
	after  *check.Report // nil if it was not checked
}

// redirect redirects the change if the flags ask for it, or if it goes in place.
func (c *command) redirect(ch *change, o *copying) error {
	if !o.redirect && !o.inPlace || ch.plan.Empty() {
		return nil
	}
	opt, end := c.checkOptions(keptFindings)
	defer end()
	r, err := redirect.Plan(c.ctx, ch.was, ch.before, ch.plan, redirect.Options{After: ch.after, Fixed: o.fixed, Check: opt})
	switch {
	case errors.Is(err, redirect.ErrCannot) && !o.inPlace:
		return fmt.Errorf("%w: leave out --redirect, since a copy is complete before it gets its name", err)
	case err != nil && !errors.Is(err, redirect.ErrCannot):
		return err
	case o.inPlace:
		if err := c.safeInPlace(ch, r, err, opt); err != nil || r == nil || len(r.Unsafe) > 0 {
			return err // or the plan is safe as it is
		}
	}
	o.done, ch.plan, ch.after = r, r.Plan, r.After
	if o.log && *o.form == "human" {
		writeLog(c.out, r.Log)
	}
	return nil
}

// safeInPlace says why the change cannot be made in place: neither redirected, as r unless
// that was refused, nor as it is.
func (c *command) safeInPlace(ch *change, r *redirect.Result, refused error, opt check.Options) error {
	plan, why := ch.plan, ""
	switch {
	case refused != nil:
		why = refused.Error()
	case len(r.Unsafe) > 0:
		why = strings.Join(r.Unsafe, "; ")
	default:
		plan = r.Plan
	}
	safe, err := redirect.Safe(c.ctx, ch.was.Src, plan, opt)
	if err == nil && !safe {
		if why == "" {
			why = "the redirected plan would overwrite something that is in use"
		}
		err = &inPlaceError{why}
	}
	return err
}

// inPlaceError is why a change is not made in place.
type inPlaceError struct{ why string }

func (e *inPlaceError) Error() string {
	return "in place a crash could harm the image: " + e.why + ". Nothing was written. Write a changed copy instead: leave out --in-place and give -o OUT"
}

// writeLog prints a line a record.
func writeLog(w io.Writer, log redirect.Log) {
	for _, r := range log {
		fmt.Fprintln(w, printable(r.String()))
	}
}

// redirectJSON is what a redirection did.
type redirectJSON struct {
	Moves  []moveJSON `json:"moves"`
	Tables int64      `json:"table-bytes"` // with a new place
	Data   int64      `json:"data-bytes"`  // of the guest, with a new place
	Unsafe []string   `json:"unsafe"`      // what is overwritten where it is, and why
	Log    []string   `json:"log,omitempty"`
}

// moveJSON is a node that has a new place.
type moveJSON struct {
	Node   string `json:"node"` // the field that leads to it
	Kind   string `json:"kind"`
	From   *exact `json:"from,omitempty"` // missing: it is new
	To     exact  `json:"to"`
	Length int64  `json:"length"`
}

// guards are what undoing the redirection depends on: the nodes that it goes back to, and
// those that it gives up. A VM that ran meanwhile has changed some of them.
func (o *redirecting) guards() (g patch.Guards) {
	if o.done == nil {
		return g
	}
	for _, m := range o.done.Moves {
		if m.From >= 0 {
			g.Kept = append(g.Kept, patch.Range{Off: int64(m.From), Len: m.Len})
		}
		g.Made = append(g.Made, patch.Range{Off: int64(m.To), Len: m.Len})
	}
	return g
}

// json is the redirection in the form for programs, nil if there was none.
func (o *redirecting) json() *redirectJSON {
	if o.done == nil {
		return nil
	}
	j := &redirectJSON{Moves: []moveJSON{}, Unsafe: append([]string{}, o.done.Unsafe...)}
	j.Tables, j.Data = o.done.Bytes()
	for _, m := range o.done.Moves {
		k := moveJSON{Node: m.Node.String(), Kind: m.Kind.String(), To: exact(m.To), Length: m.Len}
		if m.From >= 0 {
			k.From = exactOf(uint64(m.From))
		}
		j.Moves = append(j.Moves, k)
	}
	if o.log {
		j.Log = strings.Split(strings.TrimSuffix(o.done.Log.String(), "\n"), "\n")
	}
	return j
}

// write says what the redirection did.
func (o *redirecting) write(w io.Writer) {
	if o.done == nil {
		return
	}
	tables, data := o.done.Bytes()
	fmt.Fprintf(w, "Redirected: %s, %s of tables and %s of data went to free clusters; one write of the header switches over.\n",
		count(len(o.done.Moves), "node"), size(uint64(tables)), size(uint64(data)))
	for _, why := range o.done.Unsafe {
		fmt.Fprintf(w, "Not wholly: %s.\n", printable(why))
	}
}
