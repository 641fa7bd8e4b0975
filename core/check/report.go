package check

import (
	"sort"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Report is the outcome of a check.
type Report struct {
	// What `qemu-img check` counts.
	Corruptions, Leaks, CheckErrors uint64
	Total                           uint64 // clusters of the virtual disk
	Stats                           refcount.Stats
	ImageEnd                        int64 // bytes: end of the last cluster in use

	// Refused is set when QEMU would not open the image, Aborted when it would give up in
	// the middle. It prints no counts then; ours are still what can be counted.
	Refused, Aborted bool
	// Incomplete is the first read error; the findings are those of what could be read.
	Incomplete error

	// NeedsRebuild tells that single refcounts cannot be corrected in place.
	NeedsRebuild bool

	// Streams is set when every compressed cluster was decoded, or should have been.
	Streams *StreamReport

	Groups    []Group // worst first
	Refcounts *refcount.Result
	Snapshots *image.SnapshotTable
}

// ExitCode is that of `qemu-img check`.
func (r *Report) ExitCode() int {
	switch {
	case r.Refused || r.Aborted || r.CheckErrors > 0:
		return 1
	case r.Corruptions > 0:
		return 2
	case r.Leaks > 0:
		return 3
	}
	return 0
}

// CountsStored tells that the stored refcount of a cluster of the file is 0 exactly where
// no reference to it was counted.
func (r *Report) CountsStored() bool {
	return r.Refcounts != nil && r.Incomplete == nil && !r.Refused && !r.Aborted &&
		r.Group(RefcountZero) == nil && r.Group(LeakedCluster) == nil && r.Group(RefcountUnreadable) == nil
}

// Group is the group of the code, nil if there are no findings of it.
func (r *Report) Group(c Code) *Group {
	for i := range r.Groups {
		if r.Groups[i].Code == c {
			return &r.Groups[i]
		}
	}
	return nil
}

// Worst is the severity of the worst finding.
func (r *Report) Worst() Severity {
	worst := Note
	for _, g := range r.Groups {
		worst = max(worst, g.Code.Severity())
	}
	return worst
}

// collector gathers findings into groups and counts them as QEMU does.
type collector struct {
	report    *Report
	limit     int
	room      int64 // for packed findings, bytes
	groups    map[Code]*Group
	onFinding func(Finding)
	places    int
}

// add counts the finding as QEMU does and tells it.
func (c *collector) add(f Finding) {
	f.Class = f.Code.Class()
	c.count(f)
	c.tell(f)
}

func (c *collector) count(f Finding) {
	switch f.Code.Class() {
	case Corruption:
		c.report.Corruptions += f.Times
	case Leak:
		c.report.Leaks += f.Times
	case CheckError:
		c.report.CheckErrors += f.Times
	}
}

// tell shows the finding without counting it.
func (c *collector) tell(f Finding) {
	if c.onFinding != nil {
		c.onFinding(f)
	}
	c.keep(f)
}

// keep puts the finding into its group; it extends the group's last one when it is its
// neighbour.
func (c *collector) keep(f Finding) {
	g := c.groups[f.Code]
	if g == nil {
		g = &Group{Code: f.Code, Class: f.Code.Class()}
		c.groups[f.Code] = g
	}
	g.Times += f.Times
	last := &g.last
	if n := len(g.Findings); n > 0 && n == g.Places {
		last = &g.Findings[n-1]
	}
	if g.Places > 0 && last.extend(f) {
		return
	}
	if len(g.Findings) < c.limit {
		g.Findings = append(g.Findings, f)
	} else {
		c.pack(g)
		g.last = f
	}
	g.Places++
	c.places++
}

// pack puts the group's last finding, which no other will extend, to those that are packed,
// as long as there is room.
func (c *collector) pack(g *Group) {
	if g.Places > len(g.Findings) && g.Kept() == g.Places-1 && c.room > 0 {
		c.room -= int64(g.more.add(g.last))
	}
}

// extend joins b, which lies right behind f and is wrong in the same way.
func (f *Finding) extend(b Finding) bool {
	if f.Host.Len == 0 || f.Host.End() != b.Host.Start || f.At.Root != b.At.Root || (f.At.L1Index != b.At.L1Index && f.At.Kind != FieldRefcount) ||
		f.At.Role != b.At.Role || f.Err != nil || b.Err != nil || !f.sameWrong(b) {
		return false
	}
	switch {
	case f.Guest.Len == 0 && b.Guest.Len == 0:
	case f.Guest.Len > 0 && f.Guest.End() == b.Guest.Start:
		f.Guest.Len += b.Guest.Len
	default:
		return false
	}
	f.Host.Len += b.Host.Len
	f.Times += b.Times
	return true
}

// sameWrong compares what the fields hold: refcounts by value, entries by their flags.
func (f *Finding) sameWrong(b Finding) bool {
	switch f.Code {
	case CopiedL2, RegionBeyondEOF:
		return f.Got&^qcow2.OffsetMask == b.Got&^qcow2.OffsetMask && f.Count == b.Count
	}
	return f.Got == b.Got && f.Want == b.Want
}

func (c *collector) finish() {
	for _, g := range c.groups {
		c.pack(g)
		c.report.Groups = append(c.report.Groups, *g)
	}
	gs := c.report.Groups
	sort.Slice(gs, func(i, j int) bool {
		if a, b := gs[i].Code.Severity(), gs[j].Code.Severity(); a != b {
			return a > b
		}
		return gs[i].Code < gs[j].Code
	})
}
