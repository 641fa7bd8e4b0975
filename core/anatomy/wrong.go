package anatomy

import (
	"cmp"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// maxWrong bounds the findings that are named with one field.
const maxWrong = 8

// wrongs finds the findings of a field. A finding stands for a run of neighbours, of which
// it names the first.
type wrongs struct {
	fields    []wrong // by the place of the field
	refcounts []wrong // by the clusters that they are about
	entries   []wrong // runs of L2 entries, by the host clusters that they lead to
	data      []wrong // by the guest data that they are about
}

// wrong is a finding at a run of offsets.
type wrong struct {
	host  qcow2.Range[qcow2.HostOff]
	guest qcow2.Range[qcow2.GuestOff]
	root  int
	code  check.Code
}

func newWrongs(g qcow2.Geometry, r *check.Report) wrongs {
	var w wrongs
	for _, group := range r.Groups {
		for _, f := range group.Findings {
			w.add(g, f)
		}
	}
	for _, list := range [][]wrong{w.fields, w.refcounts, w.entries, w.data} {
		slices.SortStableFunc(list, func(x, y wrong) int { return cmp.Compare(x.host.Start, y.host.Start) })
	}
	return w
}

func (w *wrongs) add(g qcow2.Geometry, f check.Finding) {
	e := wrong{f.Host, f.Guest, f.At.Root, f.Code}
	switch {
	case f.At.Kind == check.FieldRefcount && f.Host.Len > 0:
		w.refcounts = append(w.refcounts, e)
	case f.At.Off >= 0:
		if f.At.Kind == check.FieldL2 && int64(f.Guest.Len) > g.ClusterSize() {
			w.entries = append(w.entries, e)
		}
		e.host = at(f.At.Off, 1)
		w.fields = append(w.fields, e)
	}
	switch f.Code {
	case check.CrossLink, check.MetadataOverlap, check.CompressedBroken, check.CompressedOverlap, check.LeakedCluster, check.LostMapping:
		if f.Host.Len > 0 {
			w.data = append(w.data, wrong{f.Host, f.Guest, f.At.Root, f.Code})
		}
	}
}

// judge notes what is wrong with the field.
func (a *Anatomy) judge(f *Field) {
	w := &a.wrongs
	found := func(list []wrong, host qcow2.Range[qcow2.HostOff], also func(wrong) bool) {
		for _, e := range overlapping(list, host) {
			if len(f.Wrong) < maxWrong && also(e) && !slices.Contains(f.Wrong, e.code) {
				f.Wrong = append(f.Wrong, e.code)
			}
		}
	}
	always := func(wrong) bool { return true }
	switch {
	case f.shape == refcounts:
		found(w.refcounts, f.To.Host, always)
	case f.shape == l2Standard || f.shape == l2Extended:
		found(w.entries, f.To.Host, func(e wrong) bool {
			return (f.Kind == L2) == (e.root == 0) && !clip(f.Guest, e.guest).Empty()
		})
		found(w.fields, f.Host, always)
	case f.Kind >= Data && f.Kind <= Leaked:
		found(w.data, f.Host, always)
		found(w.fields, f.Host, always)
	default:
		found(w.fields, f.Host, always)
	}
}

// overlapping are the findings whose run meets the range: those that begin in it, and of
// those before it the nearest ones that reach into it.
func overlapping(list []wrong, r qcow2.Range[qcow2.HostOff]) []wrong {
	if r.Empty() {
		return nil
	}
	i, _ := slices.BinarySearchFunc(list, r.Start, func(e wrong, off qcow2.HostOff) int { return cmp.Compare(e.host.Start, off) })
	end := i
	for end < len(list) && list[end].host.Start < r.End() && end < i+maxWrong {
		end++
	}
	for n := 0; i > 0 && n < maxWrong && list[i-1].host.End() > r.Start; n++ {
		i--
	}
	return list[i:end]
}
