package report

import (
	"fmt"
	"io"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// Fixed is what a repair before the check has mended.
type Fixed struct{ Corruptions, Leaks uint64 }

// WriteSummary prints the counts just as `qemu-img check` does.
func WriteSummary(w io.Writer, r *check.Report, fixed Fixed) {
	if fixed.Corruptions+fixed.Leaks > 0 {
		fmt.Fprintf(w, "The following inconsistencies were found and repaired:\n\n    %d leaked clusters\n    %d corruptions\n\n"+
			"Double checking the fixed image now...\n", fixed.Leaks, fixed.Corruptions)
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

// WriteGroups prints the findings by code, the worst first, of each at most shown places.
// hint stands where there are more that were kept.
func WriteGroups(w io.Writer, r *check.Report, g qcow2.Geometry, shown int, hint string) {
	for _, group := range r.Groups {
		fmt.Fprintf(w, "\n%s: %s (%s) [%s]\n", severityWords[group.Code.Severity()], group.Code.Title(), times(group), group.Code)
		fmt.Fprintf(w, "  %s\n  Repair: %s\n", group.Code.Meaning(), group.Code.CureText())
		if consent := group.Code.Consent(); consent != "" {
			fmt.Fprintf(w, "  With --accept=%s: %s\n", group.Code, consent)
		}
		for _, f := range group.Findings[:min(shown, len(group.Findings))] {
			fmt.Fprintf(w, "    - %s\n      %s\n", Printable(f.What(g)), Printable(f.Where(g)))
		}
		if more := group.Places - min(shown, len(group.Findings)); more > 0 {
			if len(group.Findings) > shown {
				fmt.Fprintf(w, "    ... and %s%s\n", count(more, "more place"), hint)
			} else {
				fmt.Fprintf(w, "    ... and %s\n", count(more, "more place"))
			}
		}
	}
}

// times is how often QEMU counts what the group found, else the number of places.
func times(g check.Group) string {
	if g.Class == check.Beyond || g.Times == 0 {
		return count(g.Places, "place")
	}
	return fmt.Sprint(g.Times)
}
