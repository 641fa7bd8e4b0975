package service

import (
	"fmt"
	"sort"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/report"
)

// verdict sums up the check of the image as it is now.
func (s *Session) verdict() Verdict {
	r := s.now.report
	v := Verdict{
		Corruptions: float64(r.Corruptions), Leaks: float64(r.Leaks), CheckErrors: float64(r.CheckErrors), ExitCode: r.ExitCode(),
		TotalClusters: float64(r.Total), Allocated: float64(r.Stats.Allocated), Fragmented: float64(r.Stats.Fragmented),
		Compressed: float64(r.Stats.Compressed), ImageEnd: float64(r.ImageEnd), Applied: s.overlay.Depth() > 0,
		Groups: groupViews(r.Groups), Usage: s.usage(), Info: infoOf(s.name, s.now.img),
	}
	if v.Streams = -1; r.Streams != nil {
		v.Streams = float64(r.Streams.Decoded)
	}
	if r.Incomplete != nil {
		v.Incomplete, v.Problem = true, problemOf(r.Incomplete)
	}
	v.Repairable = repairable(r)
	v.State, v.Headline, v.Advice = report.Verdict(r)
	if v.State == "healthy" && v.Applied {
		v.Headline, v.Advice = s.wordsAfter()
	}
	if lost := s.lostBytes(); lost > 0 && v.State == "healthy" {
		v.State = "data-missing"
		v.Headline = fmt.Sprintf("The tables are whole again, but %s of the disk are not in this file.", qcow2.Size(lost))
		v.Advice = "They read as zeros; the rest is as it was. Save the repaired image and take from it what you need. Do not trust programs or databases that lay in the missing part."
	}
	return v
}

// repairable tells whether a plan would mend something, if need be by consent.
func repairable(r *check.Report) bool {
	if r.Incomplete != nil {
		return false
	}
	for _, g := range r.Groups {
		if g.Code.MayMend() || g.Code.Consent() != "" {
			return true
		}
	}
	return false
}

// wordsAfter are the verdict where the changes left nothing to find.
func (s *Session) wordsAfter() (headline, advice string) {
	if s.changes[len(s.changes)-1].crash {
		return "A crash here leaves no inconsistency.", "This is what the disk would hold after the crash. Undo goes back to the image before it."
	}
	if s.repaired() {
		return "With the repair, no inconsistency is left.", "Save the repaired image and start the VM from that copy. Keep the original until you know that all is well."
	}
	return "With the change, no inconsistency is found.", "Save the changed image and start the VM from that copy. Keep the original until you know that all is well."
}

func clustersText(n uint64) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}

// usage is where the file's clusters go.
func (s *Session) usage() []Usage {
	n := clustermap.Usage(s.now.report.Refcounts.Table, s.now.img.HostClusters())
	var us []Usage
	for role, clusters := range n {
		if clusters > 0 {
			us = append(us, Usage{Owners[role], float64(clusters), float64(clusters << s.now.img.Geo.ClusterBits)})
		}
	}
	sort.Slice(us, func(i, j int) bool { return us[i].Clusters > us[j].Clusters })
	return us
}

func groupViews(groups []check.Group) []FindingGroup {
	var out []FindingGroup
	for i := range groups {
		g := &groups[i]
		out = append(out, FindingGroup{
			Code: string(g.Code), Severity: g.Code.Severity().String(), Class: g.Class.String(), Count: float64(g.Times), Places: float64(g.Places), Kept: g.Kept(),
			Title: g.Code.Title(), Meaning: g.Code.Meaning(), Cure: g.Code.CureText(), Mendable: g.Code.Mendable(), MayMend: g.Code.MayMend(), Consent: g.Code.Consent(),
		})
	}
	return out
}

// ownerName is the protocol's name of a role.
func ownerName(r refcount.Role) string { return Owners[r] }
