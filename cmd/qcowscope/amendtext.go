package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"qcowscope/core/amend"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/report"
)

// propertyJSON is a property of the image that the copy has otherwise.
type propertyJSON struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// costJSON is what a change of the refcount width costs and gains.
type costJSON struct {
	BitsBefore      uint   `json:"bits-before"`
	BitsAfter       uint   `json:"bits-after"`
	StructureBefore int64  `json:"structure-before"` // clusters
	StructureAfter  int64  `json:"structure-after"`
	Greatest        exact  `json:"greatest-refcount"`
	Limit           exact  `json:"refcount-limit"`
	Written         int64  `json:"written"`
	Walks           int    `json:"walks"`
	Placement       string `json:"placement"` // direct, like-qemu
}

// amendJSON is what amend did.
type amendJSON struct {
	Filename   string         `json:"filename"`
	Output     string         `json:"output"`
	Changes    []propertyJSON `json:"changes"`
	Notes      []string       `json:"notes"`
	Width      *costJSON      `json:"width,omitempty"`
	Writes     int            `json:"writes"`
	Bytes      int64          `json:"bytes"`
	SizeBefore int64          `json:"size-before"`
	SizeAfter  int64          `json:"size-after"`
	Trace      *traceJSON     `json:"trace,omitempty"`
	placedJSON
	After  report.Check `json:"after"` // the check of the copy
	Schema int          `json:"schema"`
}

func (c *command) reportAmend(f *file, o amendOptions, a *amendment) {
	if *o.form != "json" {
		writeAmend(c.out, f, o, a)
		return
	}
	j := amendJSON{Filename: f.path, Output: o.written(f), placedJSON: o.placed(f, a.plan), Changes: []propertyJSON{}, Notes: []string{}, Writes: a.plan.Writes(), Bytes: a.plan.Bytes(),
		SizeBefore: a.plan.SizeBefore, SizeAfter: a.plan.SizeAfter, Trace: a.trace.json(),
		After: (&outcome{report: a.report, image: a.img}).json(c.ctx, o.written(f)), Schema: schema}
	j.Changes = append(j.Changes, changes(a.was, a.img)...)
	j.Notes = append(j.Notes, a.notes...)
	if k := a.cost; k != nil {
		j.Width = &costJSON{k.BitsBefore, k.BitsAfter, k.StructureBefore, k.StructureAfter, exact(k.Greatest), exact(k.LimitAfter), k.Written, k.Walks, "direct"}
		if o.likeQEMU {
			j.Width.Placement = "like-qemu"
		}
	}
	writeJSON(c.out, j)
}

func writeAmend(w io.Writer, f *file, o amendOptions, a *amendment) {
	a.trace.write(w)
	if !o.writePlaced(w, f, a.plan) {
		return
	}
	for _, p := range changes(a.was, a.img) {
		fmt.Fprintf(w, "  - %s: %s -> %s\n", p.Name, p.Before, p.After)
	}
	if k := a.cost; k != nil {
		g := a.was.Geo
		fmt.Fprintf(w, "  - refcount structure: %s (%s) -> %d (%s); the greatest refcount is %d, up to %d fit\n", count(k.StructureBefore, "cluster"),
			size(uint64(k.StructureBefore<<g.ClusterBits)), k.StructureAfter, size(uint64(k.StructureAfter<<g.ClusterBits)), k.Greatest, k.LimitAfter)
	}
	for _, note := range a.notes {
		fmt.Fprintf(w, "  - %s\n", printable(note))
	}
	fmt.Fprintf(w, "%s, %s in all", count(a.plan.Writes(), "write"), size(uint64(a.plan.Bytes())))
	if a.plan.SizeAfter != a.plan.SizeBefore {
		fmt.Fprintf(w, "; the file was %s long and is %s", qcow2.Size(a.plan.SizeBefore).Exact(), qcow2.Size(a.plan.SizeAfter).Exact())
	}
	fmt.Fprintln(w, ".")
	writeGroups(w, a.report, a.img.Geo, shownFindings)
}

// blockerJSON is one thing that forbids the change.
type blockerJSON struct {
	What   string      `json:"what"`
	Why    string      `json:"why"`
	Advice string      `json:"advice"`
	Count  uint64      `json:"count"` // of places, of which the first are listed
	Places []placeJSON `json:"places"`
}

// placeJSON is a field, or a cluster whose refcount does not fit and who points to it.
type placeJSON struct {
	Field    string   `json:"field"`
	Offset   *exact   `json:"offset,omitempty"`
	Refcount *exact   `json:"refcount,omitempty"`
	Owners   []string `json:"owners,omitempty"`
}

// refusedJSON stands in place of the result when the change is forbidden.
type refusedJSON struct {
	Filename string        `json:"filename"`
	Blockers []blockerJSON `json:"blockers"`
	Schema   int           `json:"schema"`
}

// amendRefused says why nothing was written.
func (c *command) amendRefused(f *file, img *image.Image, o amendOptions, err error) int {
	all := blockersOf(err, img)
	if all == nil {
		return c.fail(err)
	}
	if *o.form == "json" {
		writeJSON(c.out, refusedJSON{f.path, all, schema})
	}
	for _, b := range all {
		fmt.Fprintf(c.err, "qcowscope amend: %s: %s\n", b.What, printable(b.Why))
		for _, p := range b.Places[:min(len(b.Places), shownFindings)] {
			fmt.Fprintf(c.err, "  - %s\n", printable(p.text()))
		}
		if more := b.Count - uint64(min(len(b.Places), shownFindings)); more > 0 {
			fmt.Fprintf(c.err, "  ... and %s\n", count(more, "more place"))
		}
		fmt.Fprintf(c.err, "  %s.\n", strings.ToUpper(b.Advice[:1])+b.Advice[1:])
	}
	return exitFailed
}

func (p placeJSON) text() string {
	s := p.Field
	if p.Refcount != nil {
		s += fmt.Sprintf(" has refcount %d", uint64(*p.Refcount))
	}
	if p.Offset != nil {
		s += fmt.Sprintf(" at file offset 0x%x", uint64(*p.Offset))
	}
	if len(p.Owners) > 0 {
		s += "; it belongs to " + strings.Join(p.Owners, ", ")
	}
	return s
}

// blockersOf is what the error says forbids the change, nil for errors of another kind.
func blockersOf(err error, img *image.Image) (all []blockerJSON) {
	var blocked *amend.BlockedError
	var overflow *amend.OverflowError
	switch {
	case errors.As(err, &blocked):
		for _, b := range blocked.Blockers {
			j := blockerJSON{What: b.What, Why: b.Why, Advice: b.Advice, Count: b.Count, Places: []placeJSON{}}
			for _, p := range b.Places {
				place := placeJSON{Field: p.Field}
				if p.At >= 0 {
					place.Offset = exactOf(uint64(p.At))
				}
				j.Places = append(j.Places, place)
			}
			all = append(all, j)
		}
	case errors.As(err, &overflow):
		all = append(all, overflowBlocker(overflow, img))
	}
	return all
}

// overflowBlocker names the clusters whose refcounts do not fit.
func overflowBlocker(e *amend.OverflowError, img *image.Image) blockerJSON {
	j := blockerJSON{What: "refcount width", Count: e.Count, Places: []placeJSON{},
		Why:    fmt.Sprintf("refcounts of %s do not fit %d bits", count(e.Count, "cluster"), e.Bits),
		Advice: fmt.Sprintf("choose %d bits or more, or delete the snapshots that share these clusters", e.Enough)}
	for _, o := range e.Clusters {
		p := placeJSON{Field: fmt.Sprintf("cluster %d (%s)", o.Cluster, o.Role), Offset: exactOf(uint64(img.Geo.Offset(o.Cluster))), Refcount: exactOf(o.Refcount)}
		for _, k := range o.Owners {
			p.Owners = append(p.Owners, ownerName(k))
		}
		j.Places = append(j.Places, p)
	}
	return j
}

func exactOf(n uint64) *exact { e := exact(n); return &e }

// ownerName is who points to a cluster.
func ownerName(k refcount.Claim) string {
	switch {
	case k.Root == 0:
		return "the active layer's " + k.Field()
	case k.Root > 0:
		return fmt.Sprintf("snapshot %d's %s", k.Root, k.Field())
	}
	return k.Field()
}
