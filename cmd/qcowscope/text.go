package main

import (
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/report"
)

// printable escapes what would not show as text on a terminal. Names in an image are
// anybody's bytes: none of them may move the cursor or change a colour.
func printable(s string) string { return report.Printable(s) }

// size is a number of bytes as people say it.
func size(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	unit, units := 0, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	v := float64(n) / 1024
	for ; v >= 1023.95 && unit < len(units)-1; unit++ {
		v /= 1024
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + units[unit]
}

// count is n of something: "1 cluster", "2 clusters".
func count[T int | int64 | uint64](n T, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
