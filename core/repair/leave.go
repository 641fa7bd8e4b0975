package repair

import (
	"cmp"
	"maps"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// Leave says what a repair shall leave as it is: all findings of some codes, and single
// ones. What is left stays in the report, so that whatever depends on it stays as well:
// leaked clusters are not given back while damage is left.
type Leave struct {
	codes  map[check.Code]bool
	ids    map[string]bool
	starts map[leftAt]bool                             // of the single ones: an ID is made only where one of them may be
	ranges map[check.Code][]qcow2.Range[qcow2.HostOff] // of findings that stand for neighbours, ascending
}

// leftAt is where a finding is that is left.
type leftAt struct {
	code check.Code
	off  qcow2.HostOff
}

// NewLeave leaves the findings of the codes, and those findings.
func NewLeave(codes []check.Code, findings []check.Finding) Leave {
	l := Leave{codes: map[check.Code]bool{}, ids: map[string]bool{}, starts: map[leftAt]bool{}, ranges: map[check.Code][]qcow2.Range[qcow2.HostOff]{}}
	for _, c := range codes {
		l.codes[c] = true
	}
	for _, f := range findings {
		l.ids[f.ID()] = true
		l.starts[leftAt{f.Code, f.Host.Start}] = true
		if f.Host.Len > 0 && (f.Times > 1 || f.At.Kind == check.FieldRefcount) {
			l.ranges[f.Code] = append(l.ranges[f.Code], f.Host)
		}
	}
	for _, rs := range l.ranges {
		slices.SortFunc(rs, func(a, b qcow2.Range[qcow2.HostOff]) int { return cmp.Compare(a.Start, b.Start) })
	}
	return l
}

// Empty tells whether nothing is left out.
func (l Leave) Empty() bool { return len(l.codes) == 0 && len(l.ids) == 0 }

// has tells whether the finding, or the one that it was joined to, is left as it is.
func (l Leave) has(f check.Finding) bool {
	return l.codes[f.Code] || l.starts[leftAt{f.Code, f.Host.Start}] && l.ids[f.ID()] || l.covers(f.Code, f.Host.Start)
}

// covers tells whether a finding of the code that stands for neighbours includes off.
func (l Leave) covers(code check.Code, off qcow2.HostOff) bool {
	rs := l.ranges[code]
	i, _ := slices.BinarySearchFunc(rs, off, func(r qcow2.Range[qcow2.HostOff], off qcow2.HostOff) int {
		if r.End() <= off {
			return -1
		}
		return 1
	})
	return i < len(rs) && rs[i].Start <= off
}

// unlessLeft runs a part of a stage, and takes it back when it mends what is to be left. A part
// mends one thing and commits nothing.
func (r *repairer) unlessLeft(part func() error) error {
	if r.opt.Leave.Empty() {
		return part()
	}
	stage, out := *r.stage, *r.out
	batches, cut, lost, separated := len(r.stage.Batches), r.cut, r.lostTable, r.separated
	writes := make([]int, batches)
	for i, b := range r.stage.Batches {
		writes[i] = len(b)
	}
	if err := part(); err != nil {
		return err
	}
	if !slices.ContainsFunc(r.out.Steps[len(out.Steps):], r.mendsLeft) {
		return nil
	}
	stage.Batches = stage.Batches[:batches]
	for i := range stage.Batches {
		stage.Batches[i] = stage.Batches[i][:writes[i]]
	}
	*r.stage, *r.out = stage, out
	r.cut, r.lostTable, r.separated = cut, lost, separated
	return nil
}

// leavesLengths tells whether the lengths of header and extensions are to be left: what
// follows is then mended as far as it can be read.
func (r *repairer) leavesLengths() bool {
	return r.opt.Leave.codes[check.HeaderLength] || r.opt.Leave.codes[check.HeaderExtension]
}

// leavesRefcount tells whether the refcount of cluster c, which is not what it should be, is
// left so.
func (r *repairer) leavesRefcount(c int64, want, stored uint64) bool {
	l, code := r.opt.Leave, check.RefcountTooLow
	switch {
	case l.Empty():
		return false
	case stored > want && want == 0:
		code = check.LeakedCluster
	case stored > want:
		code = check.RefcountTooHigh
	case stored == 0:
		code = check.RefcountZero
	}
	return l.codes[code] || l.covers(code, r.img.Geo.Offset(qcow2.HostCluster(c)))
}

// whole also leaves the codes of which every finding is left.
func (l Leave) whole(before *check.Report) Leave {
	if l.Empty() {
		return l
	}
	codes := maps.Clone(l.codes)
	for _, g := range before.Groups {
		if len(g.Findings) == g.Places && !slices.ContainsFunc(g.Findings, func(f check.Finding) bool { return !l.has(f) }) {
			codes[g.Code] = true
		}
	}
	l.codes = codes
	return l
}

// mendsLeft tells whether a step mends what is to be left. Some steps mend what shows only
// as a finding of another code: they are left when everything is.
func (r *repairer) mendsLeft(s Step) bool {
	l := r.opt.Leave
	if l.codes[s.Code] || r.report.Group(s.Code) != nil {
		return l.codes[s.Code]
	}
	return r.leavesAll()
}

// leavesAll tells whether nothing is to be mended of what is worse than a note.
func (r *repairer) leavesAll() bool {
	l := r.opt.Leave
	return !l.Empty() && !slices.ContainsFunc(r.report.Groups, func(g check.Group) bool {
		return g.Code.Severity() >= check.Waste && !l.codes[g.Code]
	})
}

// notLeft are the codes of findings that were to be left and are gone: what they were
// symptoms of is mended, or a new refcount structure has counted everything.
func (r *repairer) notLeft(before *check.Report) (codes []check.Code) {
	for _, g := range before.Groups {
		stays := placesOf(r.report.Group(g.Code))
		gone := func(f check.Finding) bool { return r.opt.Leave.has(f) && !stays[placeOf(f)] }
		if slices.ContainsFunc(g.Findings, gone) {
			codes = append(codes, g.Code)
		}
	}
	return codes
}

// findingPlace is what makes a finding of a code the same one in another report.
type findingPlace struct {
	host qcow2.HostOff
	at   check.Place
}

func placeOf(f check.Finding) findingPlace {
	f.At.Off, f.At.Role = 0, 0 // which do not name the field
	return findingPlace{f.Host.Start, f.At}
}

func placesOf(g *check.Group) map[findingPlace]bool {
	places := map[findingPlace]bool{}
	if g != nil {
		for _, f := range g.Findings {
			places[placeOf(f)] = true
		}
	}
	return places
}
