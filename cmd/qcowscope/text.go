package main

import (
	"fmt"

	"qcowscope/core/qcow2"
	"qcowscope/core/report"
)

// printable escapes what would not show as text on a terminal. Names in an image are
// anybody's bytes: none of them may move the cursor or change a colour.
func printable(s string) string { return report.Printable(s) }

// size is a number of bytes as people say it.
func size(n uint64) string { return qcow2.Size(n).String() }

// count is n of something: "1 cluster", "2 clusters".
func count[T int | int64 | uint64](n T, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
