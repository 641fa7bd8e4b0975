package testimages

import (
	"encoding/json"
	"fmt"
	"path"
)

// Golden is what QEMU 7.2 made of an image. It was written by scripts/oracle.
type Golden struct {
	// SHA256 of the image file, in hex: a builder that drifts is noticed.
	SHA256 string `json:"sha256"`
	// Check, Leaks and All are `qemu-img check` without -r, with -r leaks and
	// with -r all, each on a copy of its own.
	Check Run `json:"check"`
	Leaks Run `json:"leaks"`
	All   Run `json:"all"`
}

// Run is one run of `qemu-img check`.
type Run struct {
	Exit int `json:"exit"`
	// Killed says why the run was ended from outside, or is "".
	Killed string `json:"killed,omitempty"`
	// Counts is nil when QEMU printed no report.
	Counts *Counts `json:"counts,omitempty"`
	// Stderr is the first lines that QEMU wrote there, StderrLines how many it wrote.
	Stderr      []string `json:"stderr,omitempty"`
	StderrLines int      `json:"stderr_lines,omitempty"`
	// ExitAfter is the exit code of a plain check of the file afterwards: 0 is clean.
	ExitAfter int `json:"exit_after"`
	// Guest compares what the guest reads afterwards with what it read before the
	// damage; Snapshots likewise, in the order of Built.Snapshots.
	Guest     Survival   `json:"guest"`
	Snapshots []Survival `json:"snapshots,omitempty"`
}

// Expect is the run in the words of a recipe's expect line.
func (r Run) Expect() Expect {
	x := Expect{Exit: int64(r.Exit)}
	if r.Counts != nil {
		x.Corruptions, x.Leaks, x.CheckErrors = r.Counts.Corruptions, r.Counts.Leaks, r.Counts.CheckErrors
	}
	return x
}

// Survival tells what became of the bytes that a guest reads.
type Survival string

// The guest bytes are as before the damage, differ, cannot be read to the end, or
// are too many to compare.
const (
	Intact     Survival = "intact"
	Changed    Survival = "changed"
	Unreadable Survival = "unreadable"
	Uncompared Survival = "uncompared"
)

// Counts are the numbers of a report, under QEMU's own JSON keys.
type Counts struct {
	ImageEndOffset     int64 `json:"image-end-offset"`
	TotalClusters      int64 `json:"total-clusters"`
	AllocatedClusters  int64 `json:"allocated-clusters"`
	FragmentedClusters int64 `json:"fragmented-clusters"`
	CompressedClusters int64 `json:"compressed-clusters"`
	Corruptions        int64 `json:"corruptions"`
	CorruptionsFixed   int64 `json:"corruptions-fixed"`
	Leaks              int64 `json:"leaks"`
	LeaksFixed         int64 `json:"leaks-fixed"`
	CheckErrors        int64 `json:"check-errors"`
}

// GoldenFor returns what QEMU made of the recipe or sample of that name.
func GoldenFor(name string) (Golden, error) {
	var g Golden
	text, err := files.ReadFile(path.Join("golden", name+".json"))
	if err != nil {
		return g, fmt.Errorf("testimages: no golden for %q: run scripts/oracle -write", name)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		return g, fmt.Errorf("testimages: golden/%s.json: %w", name, err)
	}
	return g, nil
}
