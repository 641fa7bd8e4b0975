package main

import (
	"encoding/json"
	"fmt"

	"qcowscope/core/cow"
	"qcowscope/core/qcow2"
)

// maxPictures bounds the clusters whose subclusters are shown.
const maxPictures = 100

// pictureJSON is a guest cluster: a character a subcluster, or one for the whole.
type pictureJSON struct {
	Guest       exact  `json:"guest-offset"`
	Before      string `json:"before"`
	Now         string `json:"now"`
	After       string `json:"after"`
	EntryBefore string `json:"l2-entry-before"`
	EntryAfter  string `json:"l2-entry-after"`
}

// refcountJSON is a stored refcount that changes.
type refcountJSON struct {
	Cluster int64 `json:"host-cluster"`
	Before  exact `json:"before"`
	After   exact `json:"after"`
}

// totalsJSON are bytes and counts.
type totalsJSON struct {
	Written   int64 `json:"written"`
	Copied    int64 `json:"copied"`
	Zeroed    int64 `json:"zeroed"`
	Entries   int64 `json:"l2-entries"`
	Refcounts int64 `json:"refcounts"`
	Tables    int64 `json:"l2-tables"`
}

// explainedJSON is what a write does.
type explainedJSON struct {
	Request   string         `json:"request"`
	Clusters  []pictureJSON  `json:"clusters"` // the first of them
	Steps     []string       `json:"steps"`
	Refcounts []refcountJSON `json:"refcounts"`
	Totals    totalsJSON     `json:"totals"`
	Dangers   []string       `json:"dangers"`
}

// writeJSONReport is what a write did.
type writeJSONReport struct {
	Filename   string        `json:"filename"`
	Output     string        `json:"output"`
	DataOutput string        `json:"data-file-output,omitempty"`
	Explained  explainedJSON `json:"explained"`
	inFlightJSON
	Writes      int    `json:"writes"`
	Bytes       int64  `json:"bytes"`
	SizeBefore  int64  `json:"size-before"`
	SizeAfter   int64  `json:"size-after"`
	Corruptions uint64 `json:"corruptions"`
	Leaks       uint64 `json:"leaks"`
	placedJSON
	Schema int `json:"schema"`
}

// plannedJSON is a plan as apply takes it, and what it does.
type plannedJSON struct {
	File       json.RawMessage `json:"file"`
	SizeBefore json.RawMessage `json:"size-before"`
	SizeAfter  json.RawMessage `json:"size-after"`
	Batches    json.RawMessage `json:"batches"`
	DataFile   json.RawMessage `json:"data-file,omitempty"` // the plan of the data file
	Explained  *explainedJSON  `json:"explained,omitempty"`
	inFlightJSON
}

// inFlightJSON tells of writes that were in flight with the first.
type inFlightJSON struct {
	Others []explainedJSON `json:"in-flight,omitempty"`
	Events []string        `json:"events,omitempty"`
}

func inFlight(done *written) (j inFlightJSON) {
	j.Events = done.events
	for _, o := range done.outcomes[1:] {
		j.Others = append(j.Others, explained(o, done.image.Geo))
	}
	return j
}

func explained(o *cow.Outcome, g qcow2.Geometry) explainedJSON {
	e := explainedJSON{Request: o.Request.String(), Clusters: []pictureJSON{}, Steps: []string{}, Refcounts: []refcountJSON{}, Dangers: []string{}}
	for i, k := range o.Clusters[:min(maxPictures, len(o.Clusters))] {
		p := o.Picture(i)
		lines := p.Lines(g)
		e.Clusters = append(e.Clusters, pictureJSON{exact(p.Guest), lines[0], lines[1], lines[2],
			entryText(k.Before.Entry, uint64(k.Before.Bitmap), g.ExtendedL2), entryText(k.After.Entry, uint64(k.After.Bitmap), g.ExtendedL2)})
	}
	for _, s := range o.Steps {
		e.Steps = append(e.Steps, o.Text(s))
	}
	for _, r := range o.Refcounts {
		e.Refcounts = append(e.Refcounts, refcountJSON{int64(r.Cluster), exact(r.Before), exact(r.After)})
	}
	t := o.Totals()
	e.Totals = totalsJSON{t.Written, t.Copied, t.Zeroed, t.Entries, t.Refcounts, t.Tables}
	for _, d := range o.Dangers {
		e.Dangers = append(e.Dangers, d.Text())
	}
	return e
}

func entryText(entry, bitmap uint64, extended bool) string {
	if extended {
		return fmt.Sprintf("0x%016x 0x%016x", entry, bitmap)
	}
	return fmt.Sprintf("0x%016x", entry)
}

// printWrite tells what would be written.
func (c *command) printWrite(f *file, beside *besides, o writeOptions, done *written) int {
	if *o.form != "json" {
		c.printOutcomes(done)
		fmt.Fprint(c.out, "\n", done.plans.Image)
		if done.plans.DataFile != nil {
			fmt.Fprint(c.out, "data file\n", done.plans.DataFile)
		}
		return leftCode(done.report)
	}
	plan, err := done.plans.Image.EncodeJSON(f)
	if err != nil {
		return c.fail(err)
	}
	var out plannedJSON
	if err := json.Unmarshal(plan, &out); err != nil {
		return c.fail(err)
	}
	if done.plans.DataFile != nil {
		if out.DataFile, err = done.plans.DataFile.EncodeJSON(beside.data); err != nil {
			return c.fail(err)
		}
	}
	e := explained(done.outcomes[0], done.image.Geo)
	out.Explained, out.inFlightJSON = &e, inFlight(done)
	writeJSON(c.out, out)
	return leftCode(done.report)
}

func (c *command) reportWrite(f *file, o writeOptions, done *written) {
	plan := done.plans.Image
	if *o.form == "json" {
		writeJSON(c.out, writeJSONReport{Filename: f.path, Output: o.written(f), placedJSON: o.placed(f, plan), DataOutput: o.dataOut, Explained: explained(done.outcomes[0], done.image.Geo), inFlightJSON: inFlight(done),
			Writes: plan.Writes(), Bytes: plan.Bytes(), SizeBefore: plan.SizeBefore, SizeAfter: plan.SizeAfter,
			Corruptions: done.report.Corruptions, Leaks: done.report.Leaks, Schema: schema})
		return
	}
	c.printOutcomes(done)
	o.writePlaced(c.out, f, plan)
	if o.dataOut != "" {
		fmt.Fprintf(c.out, "%s is the data file that belongs to it: %s still names %s, so put it in that place.\n", printable(o.dataOut), printable(o.path), printable(done.image.DataFile))
	}
}

// printOutcomes prints what the requests do, and for several how they met.
func (c *command) printOutcomes(done *written) {
	for _, e := range done.events {
		fmt.Fprintln(c.out, e)
	}
	for _, o := range done.outcomes {
		if len(done.events) > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprint(c.out, o)
		writeTotals(c, o.Totals())
	}
}

// writeTotals sums up in one line.
func writeTotals(c *command, t cow.Totals) {
	fmt.Fprintf(c.out, "%s written, %s copied, %s filled with zeros; %s, %s and %s changed.\n",
		size(uint64(t.Written)), size(uint64(t.Copied)), size(uint64(t.Zeroed)),
		count(t.Tables, "new L2 table"), countEntries(t.Entries), count(t.Refcounts, "refcount"))
}

func countEntries(n int64) string {
	if n == 1 {
		return "1 L2 entry"
	}
	return fmt.Sprintf("%d L2 entries", n)
}
