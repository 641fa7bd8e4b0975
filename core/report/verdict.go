package report

import (
	"fmt"

	"qcowscope/core/check"
)

// Verdict is what a check means, in the words of a person: a state (healthy, wasteful,
// unclean, newer, damaged, data-missing or unreadable), a headline and what to do.
func Verdict(r *check.Report) (state, headline, advice string) {
	dirty := r.Group(check.DirtyBit) != nil
	lost := r.Group(check.LostMapping)
	worst := r.Worst()
	switch {
	case r.Incomplete != nil:
		return "unreadable", "The file could not be read to its end.", "What was found so far is shown. Choose the file again; if it fails at the same place, copy it with a tool that skips bad sectors."
	case lost != nil:
		return "data-missing", fmt.Sprintf("The map to some of your data is gone, but the data may still be in the file (%s).", count(lost.Findings[0].Got, "cluster")),
			"Do not start this VM and do not run another repair tool: qemu-img would call this data leaked and erase it. Keep a copy of the file as it is. A repair here keeps every byte."
	case r.Refused && onlyUnknownFeatures(r):
		return "newer", "This image uses a feature that is not known here: a newer program may have written it.", "Keep the file as it is, and try a copy of it with the newest QEMU. If that refuses it too, its header is probably damaged. Nothing is planned for it here."
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
		return "wasteful", fmt.Sprintf("Your data is fine. The file wastes some space: %s that nothing uses.", count(r.Leaks, "cluster")), "You can use the image as it is. Repair marks the space as free, so that it is used again."
	case dirty:
		return "unclean", "This image was not closed cleanly, but its tables agree with each other.", "QEMU opens it and checks it by itself. Repair marks it as closed."
	case r.Group(check.CorruptBit) != nil:
		return "damaged", "QEMU has locked this image after it saw damage, but no damage is left.", "Repair removes the lock. Save the repaired copy and start the VM from that."
	}
	return "healthy", "No inconsistency found.", "The tables agree with each other. qcow2 has no checksums for the data itself, so damage inside the data cannot be seen here."
}

// onlyUnknownFeatures tells whether nothing else keeps QEMU from opening the image.
func onlyUnknownFeatures(r *check.Report) bool {
	for _, g := range r.Groups {
		if g.Code.Severity() >= check.Damage {
			return false
		}
	}
	return r.Group(check.FeatureUnknown) != nil
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
