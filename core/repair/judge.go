package repair

import (
	"context"
	"fmt"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// Judgement is what the rest of the file says about a pointer that is damaged: which places
// it can mean, and what speaks for and against each of them.
type Judgement struct {
	Verdict string  // in a sentence
	Tries   []Tried // places in the file that were looked at
	// RuledOut is how many places more were thought of: they lie past the end of the file or
	// across clusters.
	RuledOut int
}

// Tried is a place that a damaged pointer could mean.
type Tried struct {
	Host  qcow2.HostOff
	How   string // one comes to think of it
	Fits  bool
	Facts []string // phrases
}

// Judge looks at a damaged pointer as a repair does. It is nil where no pointer has to be
// judged: what the finding is about is decided by counting, or not at all.
func Judge(ctx context.Context, img *image.Image, report *check.Report, f check.Finding) *Judgement {
	entry := f.At.Kind == check.FieldL1 || f.At.Kind == check.FieldL2
	if !entry || f.At.Off < 0 || f.At.Kind == check.FieldL2 && f.Got&qcow2.FlagCompressed != 0 {
		return nil
	}
	r := &repairer{ctx: ctx, base: img, img: img, report: report, over: patch.NewOverlay(img.Src)}
	e := r.evidence()
	switch f.Code {
	case check.L1ReservedBits, check.L2ReservedBits:
		return e.judgeReserved(f)
	case check.L2TableUnaligned, check.DataUnaligned, check.RegionBeyondEOF, check.L2TableGarbage:
		if !r.inTable(f) {
			return &Judgement{Verdict: "The entry lies where another pointer leads as well: what is written there could destroy something else, so it is left alone."}
		}
		return e.judgePointer(f)
	}
	return nil
}

func (e *evidence) judgeReserved(f check.Finding) *Judgement {
	host := qcow2.HostOff(f.Got & qcow2.OffsetMask)
	t := Tried{Host: host, How: "only the impossible bits are wrong", Fits: e.alone(f), Facts: e.facts(host, f)}
	j := &Judgement{Tries: []Tried{t}, Verdict: "What it leads to does not fit beyond doubt, so the other bits may be wrong as well."}
	if t.Fits {
		j.Verdict = "What it leads to fits: only the impossible bits are wrong."
	}
	return j
}

func (e *evidence) judgePointer(f check.Finding) *Judgement {
	if e.cutOff(f) {
		return &Judgement{Verdict: "The refcounts know the cluster that it leads to: the pointer is whole, and the end of the file is missing."}
	}
	g, table := e.r.img.Geo, f.At.Kind == check.FieldL1
	j := &Judgement{}
	for _, try := range e.tries(f, table) {
		c := g.Cluster(try.host)
		seen := slices.ContainsFunc(j.Tries, func(t Tried) bool { return t.Host == try.host })
		switch {
		case seen || try.host == f.Host.Start:
		case !g.Aligned(try.host) || c <= 0 || int64(c) >= e.r.img.HostClusters():
			j.RuledOut++
		default:
			j.Tries = append(j.Tries, Tried{try.host, try.how, e.fits(c, f, table), e.facts(try.host, f)})
		}
	}
	fits := slices.DeleteFunc(slices.Clone(j.Tries), func(t Tried) bool { return !t.Fits })
	host, one := e.candidate(f, table)
	switch {
	case one:
		j.Verdict = fmt.Sprintf("Only host 0x%x fits.", int64(host))
	case len(fits) == 0:
		j.Verdict = "No place in the file fits: where it led is not known."
	case len(fits) == 1:
		j.Verdict = fmt.Sprintf("Only host 0x%x fits, but another structure of the image is lost that it may belong to.", int64(fits[0].Host))
	default:
		j.Verdict = fmt.Sprintf("%d places fit: which of them it led to is not known.", len(fits))
	}
	slices.SortStableFunc(j.Tries, func(a, b Tried) int { return order(b.Fits) - order(a.Fits) })
	return j
}

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

// facts are what is known of the cluster at a host offset.
func (e *evidence) facts(host qcow2.HostOff, f check.Finding) []string {
	img, t := e.r.img, e.r.report.Refcounts
	if int64(host) >= img.Src.Size() {
		return []string{"it lies past the end of the file"}
	}
	if !img.Geo.Aligned(host) {
		return []string{"it is no start of a cluster"}
	}
	c := img.Geo.Cluster(host)
	facts := []string{fmt.Sprintf("the file has it as %s", t.Role(c)), fmt.Sprintf("%d pointers lead to it", t.Count(c))}
	if t.Count(c) == 1 {
		facts[1] = "1 pointer leads to it"
	}
	if stored, ok := e.stored(c); ok {
		facts = append(facts, fmt.Sprintf("its refcount is %d", stored))
	} else {
		facts = append(facts, "its refcount cannot be read")
	}
	if f.At.Kind == check.FieldL1 {
		if e.isTable(host) {
			return append(facts, "it reads as an L2 table that maps clusters nobody else has")
		}
		return append(facts, "it does not read as a lost L2 table")
	}
	return facts
}
