package main

import (
	"fmt"
	"io"
	"strings"
)

func (l *layersInfo) write(w io.Writer) {
	fmt.Fprintf(w, "\nfrom the disk to the file\n")
	most := int64(1)
	for _, s := range l.Waterfall {
		most = max(most, s.Bytes, -s.Bytes)
	}
	for i, s := range l.Waterfall {
		sign, mark := "+", "#"
		switch {
		case i == 0 || i == len(l.Waterfall)-1:
			sign, mark = " ", "="
		case s.Bytes < 0:
			sign, mark = "-", "-"
		}
		n := max(s.Bytes, -s.Bytes)
		bar := strings.Repeat(mark, int(max(1, float64(n)/float64(most)*barWidth)))
		fmt.Fprintf(w, "  %-30s %s %10s  %s\n", s.label, sign, size(uint64(n)), bar)
	}
	fmt.Fprintln(w, l.Reason)
	l.writeSnapshots(w)
	for i, m := range l.Bitmaps {
		if i == 0 {
			fmt.Fprint(w, "\nwhat the bitmaps mark as dirty\n")
		}
		if m.Unknown != "" {
			fmt.Fprintf(w, "  %-20s not known: %s\n", printable(m.Name), printable(m.Unknown))
		} else {
			fmt.Fprintf(w, "  %-20s %s in %s; the bitmap takes %s\n", printable(m.Name), size(uint64(m.Dirty)), count(m.Bits, "bit"), size(uint64(m.Takes)))
		}
	}
	l.writeOutside(w)
}

func (l *layersInfo) writeSnapshots(w io.Writer) {
	if len(l.Layers) < 2 {
		return
	}
	fmt.Fprintf(w, "\nwhat the layers hold\n  %-4s %-20s %12s %12s %14s\n", "", "", "refers to", "only here", "deleting frees")
	for i, j := range l.Layers {
		name := "the disk as it is now"
		if i > 0 {
			name = printable(j.Name)
		}
		fmt.Fprintf(w, "  %-4s %-20s %12s %12s", printable(j.ID), name, size(uint64(j.Data+j.State+j.Tables)), size(uint64(j.Own)))
		if j.Frees != nil {
			fmt.Fprintf(w, " %14s", j.Frees)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "Deleting all snapshots would free %s.\n", l.FreesAll)
	if !l.Sound {
		fmt.Fprintln(w, "The refcounts of this file are not what they should be: repair it before anything is deleted.")
	}
}

// String is the size; the list of snapshots is written anew and may take more than before.
func (f freesJSON) String() string {
	text := size(uint64(max(0, f.Bytes)))
	if !f.Exact {
		text = "at least " + text
	}
	return text
}

func (l *layersInfo) writeOutside(w io.Writer) {
	for i, o := range l.Outside {
		if i == 0 {
			fmt.Fprint(w, "\nother files that the image names\n")
		}
		fmt.Fprintf(w, "  %-13s %s\n    %s\n", strings.ReplaceAll(o.Role, "-", " "), printable(o.Name), o.Warning)
		for _, opens := range o.Opens {
			if opens != o.Name {
				fmt.Fprintf(w, "    opens %s\n", printable(opens))
			}
		}
	}
	if l.Below > 0 {
		fmt.Fprintf(w, "  %s of the disk come from the backing file.\n", size(uint64(l.Below)))
	}
}
