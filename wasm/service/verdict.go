package service

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
	"qcowscope/core/refcount"
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
	v.State, v.Headline, v.Advice = words(r)
	if v.State == "healthy" && v.Applied {
		v.Headline, v.Advice = s.wordsAfter()
	}
	if lost := s.lostBytes(); lost > 0 && v.State == "healthy" {
		v.State = "data-missing"
		v.Headline = fmt.Sprintf("The tables are whole again, but %s of the disk are not in this file.", bytesText(lost))
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

// words are the verdict: a state, a headline and what to do.
func words(r *check.Report) (state, headline, advice string) {
	dirty := r.Group(check.DirtyBit) != nil
	lost := r.Group(check.LostMapping)
	worst := r.Worst()
	switch {
	case r.Incomplete != nil:
		return "unreadable", "The file could not be read to its end.", "What was found so far is shown. Choose the file again; if it fails at the same place, copy it with a tool that skips bad sectors."
	case lost != nil:
		return "data-missing", fmt.Sprintf("The map to some of your data is gone, but the data may still be in the file (%s).", clustersText(lost.Findings[0].Got)),
			"Do not start this VM and do not run another repair tool: qemu-img would call this data leaked and erase it. Keep a copy of the file as it is. A repair here keeps every byte."
	case r.Refused && worst >= check.Damage:
		return "damaged", "QEMU cannot open this image: its header or a table that is read first is damaged.", "Do not write to the file; keep a copy. The findings say which field is wrong."
	case dirty && r.Corruptions > 0 && onlyRefcounts(r):
		return "unclean", "This image was not closed cleanly, so some of its bookkeeping is out of date. Your data is intact.", "Repair brings the bookkeeping up to date. Do that before starting the VM with anything but QEMU."
	case r.Group(check.RegionBeyondEOF) != nil:
		return "data-missing", "Part of this image is missing: it points past the end of the file.", "The file is probably an incomplete copy. Copy it again from where it came from, if you can. Do not start the VM from it."
	case r.Corruptions > 0 && allMendable(r):
		return "damaged", "Do not start this VM. The image is damaged, and it can be repaired.", "Look at the repair plan, save the repaired copy, and start the VM from that. Your file is not changed."
	case r.Corruptions > 0 || r.CheckErrors > 0 || worst >= check.Damage:
		return "damaged", "Do not start this VM. The image is damaged, and not all of it can be repaired here.", "Keep a copy of the file as it is. The findings say what is damaged, where, and what can be done."
	case r.Leaks > 0:
		return "wasteful", fmt.Sprintf("Your data is fine. The file wastes some space: %s that nothing uses.", clustersText(r.Leaks)), "You can use the image as it is. Repair marks the space as free, so that it is used again."
	case dirty:
		return "unclean", "This image was not closed cleanly, but its tables agree with each other.", "QEMU opens it and checks it by itself. Repair marks it as closed."
	case r.Group(check.CorruptBit) != nil:
		return "damaged", "QEMU has locked this image after it saw damage, but no damage is left.", "Repair removes the lock. Save the repaired copy and start the VM from that."
	}
	return "healthy", "No inconsistency found.", "The tables agree with each other. qcow2 has no checksums for the data itself, so damage inside the data cannot be seen here."
}

// wordsAfter are the verdict where the changes left nothing to find.
func (s *Session) wordsAfter() (headline, advice string) {
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

// bytesText is a size as people write it.
func bytesText(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + " " + units[i]
}

// onlyRefcounts tells whether all corruption is what an unclean close leaves with lazy
// refcounts: refcounts and flags.
func onlyRefcounts(r *check.Report) bool {
	for _, g := range r.Groups {
		if g.Class == check.CheckError {
			return false
		}
		if g.Class != check.Corruption {
			continue
		}
		switch g.Code {
		case check.RefcountZero, check.RefcountTooLow, check.CopiedL1, check.CopiedL2:
		default:
			return false
		}
	}
	return true
}

// allMendable tells whether a repair leaves no corruption.
func allMendable(r *check.Report) bool {
	for _, g := range r.Groups {
		if (g.Class == check.Corruption || g.Class == check.CheckError) && !g.Code.Mendable() {
			return false
		}
	}
	return true
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
	for _, g := range groups {
		out = append(out, FindingGroup{
			Code: string(g.Code), Severity: g.Code.Severity().String(), Class: g.Class.String(), Count: float64(g.Times), Kept: len(g.Findings),
			Title: g.Code.Title(), Meaning: g.Code.Meaning(), Cure: g.Code.CureText(), Mendable: g.Code.Mendable(), Consent: g.Code.Consent(),
		})
	}
	return out
}

// ownerName is the protocol's name of a role.
func ownerName(r refcount.Role) string { return Owners[r] }
