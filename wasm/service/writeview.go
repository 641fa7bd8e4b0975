package service

import (
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/cow"
	"qcowscope/core/qcow2"
)

// planReply shows an outcome, and the clusters in shown one by one.
func planReply(o *cow.Outcome, g qcow2.Geometry, shown qcow2.Range[qcow2.GuestOff]) WritePlanReply {
	t := o.Totals()
	r := WritePlanReply{Words: o.Request.String(), Touched: float64(len(o.Clusters))}
	r.Totals = WriteTotals{Written: float64(t.Written), Copied: float64(t.Copied), Zeroed: float64(t.Zeroed), Allocated: float64(t.Allocated),
		Entries: float64(t.Entries), Refcounts: float64(t.Refcounts), Tables: float64(t.Tables), Steps: float64(len(o.Steps))}
	for i, c := range o.Clusters {
		if c.Guest >= shown.Start && c.Guest < shown.End() {
			r.Clusters = append(r.Clusters, clusterView(o, g, i))
		}
	}
	r.addPieces(o, shown)
	r.addExtents(o)
	for _, n := range o.Refcounts[:min(len(o.Refcounts), maxWriteList)] {
		r.Counts = append(r.Counts, WriteRefcount{float64(n.Cluster), strconv.FormatUint(n.Before, 10), strconv.FormatUint(n.After, 10)})
	}
	for _, s := range o.Steps[:min(len(o.Steps), maxWriteList)] {
		r.Steps = append(r.Steps, stepView(o, s))
	}
	for _, f := range o.Fallback {
		r.Remarks = append(r.Remarks, fmt.Sprintf("%v cannot be expressed by flags: zeros are written.", f))
	}
	for _, f := range o.Ignored {
		r.Remarks = append(r.Remarks, fmt.Sprintf("%v is left as it is: only whole clusters are discarded.", f))
	}
	r.Remarks = r.Remarks[:min(len(r.Remarks), maxWriteList)]
	for _, d := range o.Dangers {
		r.Dangers = append(r.Dangers, sentence(d.Text()))
	}
	return r
}

// clusterView is Clusters[i] of an outcome.
func clusterView(o *cow.Outcome, g qcow2.Geometry, i int) WriteCluster {
	c, p := o.Clusters[i], o.Picture(i)
	v := WriteCluster{Cluster: float64(c.Guest >> g.ClusterBits), EntryBefore: entryView(g, c.Before), EntryAfter: entryView(g, c.After)}
	var before, deeds, after strings.Builder
	for k := range g.ClusterSize() / g.SubclusterSize() {
		before.WriteByte('0' + byte(p.Before[k]))
		after.WriteByte('0' + byte(p.After[k]))
		fmt.Fprintf(&deeds, "%02x", byte(p.Deeds[k]))
	}
	v.Before, v.Deeds, v.After = before.String(), deeds.String(), after.String()
	return v
}

func entryView(g qcow2.Geometry, e qcow2.L2Entry) WriteEntry {
	kind := e.Kind(g)
	v := WriteEntry{Word: fmt.Sprintf("%016x", e.Entry), Kind: kind.String(), Copied: e.Copied()}
	switch kind {
	case qcow2.Compressed:
		v.Host = hex(e.CompressedRange(g).Start)
	case qcow2.Normal, qcow2.ZeroAlloc:
		v.Host = hex(e.Host())
	}
	if g.ExtendedL2 {
		v.Alloc, v.Zero = fmt.Sprintf("%08x", e.Bitmap.Alloc()), fmt.Sprintf("%08x", e.Bitmap.Zero())
	}
	return v
}

// pieceDeeds are the names of the sources of copied bytes.
var pieceDeeds = [...]string{cow.FromCluster: "copied", cow.FromStream: "decompressed", cow.FromBacking: "backing", cow.FromNothing: "filled"}

// addPieces lists what is copied and what is left alone.
func (r *WritePlanReply) addPieces(o *cow.Outcome, shown qcow2.Range[qcow2.GuestOff]) {
	total := 0
	add := func(p WritePiece, at qcow2.Range[qcow2.GuestOff]) {
		inView := at.Start < shown.End() && at.End() > shown.Start
		if total++; total <= maxWriteList || inView {
			p.Guest, p.Length = float64(at.Start), float64(at.Len)
			r.Pieces = append(r.Pieces, p)
		}
	}
	copies := func(pieces []cow.Piece) {
		for _, p := range pieces {
			v := WritePiece{Deed: pieceDeeds[p.Source]}
			if p.Source == cow.FromCluster || p.Source == cow.FromStream {
				v.Host = hex(p.Host)
			}
			add(v, p.Guest)
		}
	}
	for _, run := range o.Runs {
		head, tail := o.Copies(run)
		copies(head)
		copies(tail)
		for _, s := range o.Skips(run) {
			add(WritePiece{Deed: "skipped", Why: skipText(s.State)}, s.Guest)
		}
	}
	r.Totals.Pieces = float64(total)
}

// skipText is why a part of a cluster need not be copied.
func skipText(k qcow2.SubclusterKind) string {
	switch k {
	case qcow2.SubNormal:
		return "its data is where it stays"
	case qcow2.SubZero, qcow2.SubZeroAlloc:
		return "it stays zero in the bitmap"
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
		return "it stays unallocated in the bitmap"
	}
	return k.String()
}

// addExtents lists where the file is written and what is allocated.
func (r *WritePlanReply) addExtents(o *cow.Outcome) {
	total := 0
	for _, s := range o.Steps {
		v := WriteExtent{Host: hex(s.Host.Start), Size: float64(s.Host.Len)}
		switch s.Kind {
		case cow.StepInPlace, cow.StepAllocate:
			if v.What = "data"; s.Kind == cow.StepInPlace {
				v.What = "in-place"
			}
			v.Guest, v.Length, v.Linked = float64(s.Guest.Start), float64(s.Guest.Len), o.Runs[s.Run].Record
		case cow.StepTable:
			v.What = "l2-table"
		case cow.StepRefblock:
			v.What = "refblock"
		case cow.StepReftable:
			v.What = "reftable"
		default:
			continue
		}
		if total++; total <= maxWriteList {
			r.Extents = append(r.Extents, v)
		}
	}
	r.Totals.Extents = float64(total)
}

func stepView(o *cow.Outcome, s cow.Step) WriteStep {
	v := WriteStep{Text: o.Text(s)}
	switch s.Kind {
	case cow.StepBarrier:
		if v.Barrier = "plan"; s.QEMU {
			v.Barrier = "qemu"
		}
	case cow.StepInPlace, cow.StepAllocate, cow.StepCopy, cow.StepWrite, cow.StepZeroData, cow.StepSkip:
		v.Data = true
	}
	return v
}

// reasonText is an error of the core as a sentence, without the name of its package.
func reasonText(err error) string {
	text := strings.TrimPrefix(err.Error(), "cow: ")
	return sentence(strings.TrimPrefix(text, "image: "))
}

// sentence is a phrase with a capital and a full stop.
func sentence(phrase string) string {
	if phrase == "" {
		return ""
	}
	return strings.ToUpper(phrase[:1]) + strings.TrimSuffix(phrase[1:], ".") + "."
}
