package main

import (
	"fmt"
	"io"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/core/report"
)

// stepJSON is one kind of change.
type stepJSON struct {
	Code  string `json:"code"`
	What  string `json:"what"`
	Count uint64 `json:"count"`
}

// lostJSON is a range of the disk.
type lostJSON struct {
	Start  int64 `json:"start"`
	Length int64 `json:"length"`
}

// repairJSON is what a repair did.
type repairJSON struct {
	Filename         string       `json:"filename"`
	Output           string       `json:"output"`
	Scope            string       `json:"scope"`
	Steps            []stepJSON   `json:"steps"`
	Writes           int          `json:"writes"`
	Bytes            int64        `json:"bytes"`
	SizeBefore       int64        `json:"size-before"`
	SizeAfter        int64        `json:"size-after"`
	CorruptionsFixed uint64       `json:"corruptions-fixed"`
	LeaksFixed       uint64       `json:"leaks-fixed"`
	Lost             []lostJSON   `json:"lost"` // guest ranges whose bytes are not in the file: the first of them
	LostBytes        int64        `json:"lost-bytes"`
	NotLeft          []check.Code `json:"not-left,omitempty"` // were to be left, and are gone with what is mended
	Trace            *traceJSON   `json:"trace,omitempty"`
	placedJSON
	After  report.Check `json:"after"` // the check of the copy
	Schema int          `json:"schema"`
}

func (c *command) reportRepair(f *file, img *image.Image, o repairOptions, plan *patch.Plan, out *repair.Outcome, told *traceText) {
	if *o.form == "json" {
		j := repairJSON{Filename: f.path, Output: o.written(f), placedJSON: o.placed(f, plan), Scope: o.scope, Steps: []stepJSON{}, Writes: plan.Writes(), Bytes: plan.Bytes(),
			SizeBefore: plan.SizeBefore, SizeAfter: plan.SizeAfter, CorruptionsFixed: out.CorruptionsFixed, LeaksFixed: out.LeaksFixed,
			Lost: []lostJSON{}, LostBytes: out.LostBytes, NotLeft: out.NotLeft, Trace: told.json(),
			After: (&outcome{report: out.After, image: img, keptLeaks: out.KeptLeaks}).json(c.ctx, o.written(f)), Schema: schema}
		for _, s := range out.Steps {
			j.Steps = append(j.Steps, stepJSON{string(s.Code), s.What, s.Count})
		}
		for _, r := range out.Lost {
			j.Lost = append(j.Lost, lostJSON{int64(r.Start), int64(r.Len)})
		}
		writeJSON(c.out, j)
		return
	}
	if o.writePlaced(c.out, f, plan) {
		writeRepair(c.out, plan, out)
	}
	for _, code := range out.NotLeft {
		fmt.Fprintf(c.out, "%s was to be left and is gone all the same: it came from what is mended.\n", code)
	}
	writeLeft(c.out, img, out)
}

func writeRepair(w io.Writer, plan *patch.Plan, out *repair.Outcome) {
	for _, s := range out.Steps {
		fmt.Fprintf(w, "  - %s: %d\n", s.What, s.Count)
	}
	fmt.Fprintf(w, "%s, %s in all", count(plan.Writes(), "write"), size(uint64(plan.Bytes())))
	if plan.SizeAfter != plan.SizeBefore {
		fmt.Fprintf(w, "; the file was %s long and is %s", qcow2.Size(plan.SizeBefore).Exact(), qcow2.Size(plan.SizeAfter).Exact())
	}
	fmt.Fprintln(w, ".")
	if out.LostBytes > 0 {
		fmt.Fprintf(w, "%s of the disk are not in the file any more; the guest reads zeros there:\n", size(uint64(out.LostBytes)))
	}
	for _, r := range out.Lost[:min(shownFindings, len(out.Lost))] {
		fmt.Fprintf(w, "  - guest %v\n", r)
	}
	if more := len(out.Lost) - shownFindings; more > 0 {
		fmt.Fprintf(w, "  ... and %s (--output=json lists them)\n", count(more, "more range"))
	}
}

// writeLeft says what is still wrong with the copy.
func writeLeft(w io.Writer, img *image.Image, out *repair.Outcome) {
	if out.After.Worst() == check.Note {
		fmt.Fprintln(w, "Nothing wrong is left in it.")
	} else {
		fmt.Fprintln(w, "What is left in it:")
	}
	writeGroups(w, out.After, img.Geo, shownFindings)
	if out.KeptLeaks != "" {
		fmt.Fprintf(w, "\nLeaked clusters were not given back: %s.\n", printable(out.KeptLeaks))
	}
}
