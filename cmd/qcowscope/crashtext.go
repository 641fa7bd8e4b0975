package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"qcowscope/core/check"
	"qcowscope/core/redirect"
)

// crashTable is in which states a crash could leave an image.
type crashTable struct {
	Filename string     `json:"filename"`
	Seed     exact      `json:"seed"`
	Writes   int        `json:"writes"` // of the change, before it is redirected
	Bytes    int64      `json:"bytes"`
	Cannot   string     `json:"cannot-redirect,omitempty"`
	Unsafe   []string   `json:"redirected-in-place,omitempty"` // what the redirected plan overwrites all the same
	Ways     []crashWay `json:"ways"`                          // none when there is nothing to change
	Schema   int        `json:"schema"`
}

// crashWay is one way to make the change.
type crashWay struct {
	Name     string             `json:"name"`     // redirected; in-place, as QEMU does it; as-planned
	Flights  int                `json:"flights"`  // runs of writes between two flushes
	Complete bool               `json:"complete"` // these are all states that there can be, not a sample
	States   int                `json:"states"`
	Safe     int                `json:"safe"`
	Broken   int                `json:"broken"`
	NotOpen  int                `json:"does-not-open"`
	Corrupt  int                `json:"new-corruption"`
	Other    int                `json:"other-guest-bytes"` // and no new corruption
	Worse    map[check.Code]int `json:"worse"`             // states with more findings of a kind than before and after
	Listed   []string           `json:"listed,omitempty"`
}

// add counts a state.
func (w *crashWay) add(state redirect.State, v redirect.Verdict, list bool) {
	w.States++
	if v.Safe() {
		w.Safe++
		return
	}
	w.Broken++
	switch {
	case !v.Opens:
		w.NotOpen++
	case len(v.Worse) > 0:
		w.Corrupt++
	default:
		w.Other++
	}
	for _, code := range v.Worse {
		w.Worse[code]++
	}
	if list {
		w.Listed = append(w.Listed, fmt.Sprintf("%v: %v", state, v))
	}
}

// exitCode tells whether the redirected change is safe.
func (t *crashTable) exitCode() int {
	if t.Cannot != "" {
		return exitCorrupt
	}
	for _, w := range t.Ways {
		if w.Name == "redirected" && w.Broken > 0 {
			return exitCorrupt
		}
	}
	return exitOK
}

// wayNames are the ways in words.
var wayNames = map[string]string{"redirected": "redirected", "in-place": "in place, as QEMU does it", "as-planned": "in place, as the plan stands"}

func (c *command) reportCrash(t *crashTable, o crashOptions) {
	if *o.form == "json" {
		writeJSON(c.out, t)
		return
	}
	if len(t.Ways) == 0 {
		fmt.Fprintf(c.out, "There is nothing to change in %s, and so nothing that a crash could break.\n", printable(t.Filename))
		return
	}
	fmt.Fprintf(c.out, "The change of %s: %s, %s.\n\n", printable(t.Filename), count(t.Writes, "write"), size(uint64(t.Bytes)))
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "crash states\tsafe\tbroken\tdoes not open\tnew corruption\tother guest bytes\t")
	for _, w := range t.Ways {
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%d\t %s\n", w.States, w.Safe, w.Broken, w.NotOpen, w.Corrupt, w.Other, wayNames[w.Name])
	}
	table.Flush()
	fmt.Fprintln(c.out)
	for _, w := range t.Ways {
		writeWay(c.out, t, w)
	}
	if t.Cannot != "" {
		fmt.Fprintf(c.out, "%s.\n", printable(t.Cannot))
	}
	for _, why := range t.Unsafe {
		fmt.Fprintf(c.out, "Not wholly redirected: %s.\n", printable(why))
	}
}

// waits is how often the program waits for the disk.
func waits(n int) string {
	if n == 1 {
		return "one wait for the disk"
	}
	return fmt.Sprintf("%d waits for the disk", n)
}

// writeWay says what the numbers mean.
func writeWay(w io.Writer, t *crashTable, way crashWay) {
	sample := fmt.Sprintf("a sample, seed %d", uint64(t.Seed))
	if way.Complete {
		sample = "all that there can be"
	}
	fmt.Fprintf(w, "%s: %s; the states are %s.\n", wayNames[way.Name], waits(way.Flights), sample)
	for _, code := range slices.Sorted(maps.Keys(way.Worse)) {
		fmt.Fprintf(w, "  %s: in %s more than before the change and after it\n", code, count(way.Worse[code], "state"))
	}
	for _, line := range way.Listed {
		fmt.Fprintf(w, "  %s\n", printable(line))
	}
}
