package main

import (
	"fmt"
	"io"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/report"
)

// shownFindings is how many findings of a code are shown on a terminal.
const shownFindings = 5

// writeCheck prints what qemu-img check prints, then what it means.
func writeCheck(w io.Writer, path string, o outcome, opt checkOptions) {
	if o.report.Refused {
		fmt.Fprintf(w, "QEMU cannot open %s. What can be said of it all the same:\n", printable(path))
	} else {
		report.WriteSummary(w, o.report, report.Fixed{Corruptions: o.corruptionsFixed, Leaks: o.leaksFixed})
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

// writeGroups prints the findings by code, the worst first.
func writeGroups(w io.Writer, r *check.Report, g qcow2.Geometry, shown int) {
	report.WriteGroups(w, r, g, shown, " (--all shows them)")
}
