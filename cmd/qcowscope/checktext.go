package main

import (
	"fmt"
	"io"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// shownFindings is how many findings of a code are shown on a terminal.
const shownFindings = 5

// writeCheck prints what qemu-img check prints, then what it means.
func writeCheck(w io.Writer, path string, o outcome, opt checkOptions) {
	if o.report.Refused {
		fmt.Fprintf(w, "QEMU cannot open %s. What can be said of it all the same:\n", printable(path))
	} else {
		writeSummary(w, o)
	}
	if o.report.Aborted && !o.report.Refused {
		fmt.Fprintln(w, "qemu-img check gives up on this image; the counts are of what could be counted.")
	}
	if o.report.Incomplete != nil {
		fmt.Fprintf(w, "A part of the image could not be read: %s. What follows is of the rest.\n", printable(o.report.Incomplete.Error()))
	}
	if s := o.report.Streams; s != nil {
		fmt.Fprintf(w, "%s decoded, %d of them broken.\n", count(s.Decoded, "compressed stream"), s.Broken)
		if !s.Complete {
			fmt.Fprintln(w, "The image has more mapping tables than are remembered: not all of its streams were decoded.")
		}
	}
	shown := shownFindings
	if opt.all {
		shown = allFindings
	}
	writeGroups(w, o.report, o.image.Geo, shown)
	if o.keptLeaks != "" {
		fmt.Fprintf(w, "\nLeaked clusters were not given back: %s.\n", printable(o.keptLeaks))
	}
	if o.corruptionsFixed+o.leaksFixed > 0 {
		fmt.Fprintf(w, "\nNothing was written: qcowscope repair %s -o OUT --scope=%s writes a repaired copy.\n", printable(path), opt.scope)
	}
}

// writeSummary prints the counts just as qemu-img check does.
func writeSummary(w io.Writer, o outcome) {
	r := o.report
	if o.corruptionsFixed+o.leaksFixed > 0 {
		fmt.Fprintf(w, "The following inconsistencies were found and repaired:\n\n    %d leaked clusters\n    %d corruptions\n\n"+
			"Double checking the fixed image now...\n", o.leaksFixed, o.corruptionsFixed)
	}
	if r.Corruptions == 0 && r.Leaks == 0 && r.CheckErrors == 0 {
		fmt.Fprintln(w, "No errors were found on the image.")
	}
	if r.Corruptions > 0 {
		fmt.Fprintf(w, "\n%d errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n", r.Corruptions)
	}
	if r.Leaks > 0 {
		fmt.Fprintf(w, "\n%d leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n", r.Leaks)
	}
	if r.CheckErrors > 0 {
		fmt.Fprintf(w, "\n%d internal errors have occurred during the check.\n", r.CheckErrors)
	}
	if a := r.Stats.Allocated; r.Total != 0 && a != 0 {
		percent := func(n, of uint64) float64 { return float64(n) * 100 / float64(of) }
		fmt.Fprintf(w, "%d/%d = %.2f%% allocated, %.2f%% fragmented, %.2f%% compressed clusters\n", a, r.Total,
			percent(a, r.Total), percent(r.Stats.Fragmented, a), percent(r.Stats.Compressed, a))
	}
	if r.ImageEnd != 0 {
		fmt.Fprintf(w, "Image end offset: %d\n", r.ImageEnd)
	}
}

// severityWords say how bad a group is, worst first.
var severityWords = map[check.Severity]string{check.Danger: "DANGER", check.Damage: "DAMAGE", check.Warning: "WARNING",
	check.Waste: "WASTE", check.Note: "NOTE"}

// writeGroups prints the findings by code, the worst first.
func writeGroups(w io.Writer, r *check.Report, g qcow2.Geometry, shown int) {
	for _, group := range r.Groups {
		fmt.Fprintf(w, "\n%s: %s (%s) [%s]\n", severityWords[group.Code.Severity()], group.Code.Title(), times(group), group.Code)
		fmt.Fprintf(w, "  %s\n  Repair: %s\n", group.Code.Meaning(), group.Code.CureText())
		if consent := group.Code.Consent(); consent != "" {
			fmt.Fprintf(w, "  With --accept=%s: %s\n", group.Code, consent)
		}
		for _, f := range group.Findings[:min(shown, len(group.Findings))] {
			fmt.Fprintf(w, "    - %s\n      %s\n", printable(f.What(g)), printable(f.Where(g)))
		}
		if more := group.Places - min(shown, len(group.Findings)); more > 0 {
			fmt.Fprintf(w, "    ... and %s%s\n", count(more, "more place"), hintAll(len(group.Findings) > shown))
		}
	}
}

func hintAll(more bool) string {
	if more {
		return " (--all shows them)"
	}
	return ""
}

// times is how often QEMU counts what the group found, else the number of places.
func times(g check.Group) string {
	if g.Class == check.Beyond || g.Times == 0 {
		return count(g.Places, "place")
	}
	return fmt.Sprint(g.Times)
}
