//go:build !js

package differential

import "strings"

// accepted are the kinds in which a repair of ours is worse than QEMU's on purpose. A kind is
// matched by how it begins.
var accepted = []struct{ kind, reason string }{
	{"all: " + leftLeaks + ": they look like data whose mapping was lost", "QEMU erased what the lost tables mapped"},
	{"leaks: " + leftLeaks + ": they look like data whose mapping was lost", "QEMU erased what the lost tables mapped"},
	{"all: " + leftLeaks + ": they may belong to a table in the part of the file that is missing", "the rest of the file may be found"},
	{"leaks: " + leftLeaks + ": they may belong to a table in the part of the file that is missing", "the rest of the file may be found"},
	{"all: " + leftLeaks + ": the image has other damage", "nothing is freed while something else is wrong"},
	{"leaks: " + leftLeaks + ": the image has other damage", "nothing is freed while something else is wrong"},
	{"all: " + keptLess + ": " + untilConsent, "QEMU drops what cannot be read without asking; ours offers the same, and more, by consent"},
	{"all: " + leftTrouble + ": " + untilConsent, "QEMU drops what cannot be read without asking; ours offers the same, and more, by consent"},
	{"all: " + leftClosed + ": " + untilConsent, "QEMU drops what cannot be read without asking; ours offers the same, and more, by consent"},
	{"leaks: " + leftTrouble + ": " + bitmapsAnew, "no part of freeing leaks, and it drops the snapshot table too"},
	{"leaks: " + leftClosed + ": " + bitmapsAnew, "no part of freeing leaks, and it drops the snapshot table too"},
	{"leaks: " + leftTrouble + ": " + headerAnew, "no part of freeing leaks"},
	{"leaks: " + leftClosed + ": " + headerAnew, "no part of freeing leaks"},
	{"leaks: " + keptLess + ": " + headerAnew, "no part of freeing leaks"},
	{"leaks: " + keptLess + ": " + bitmapsAnew, "no part of freeing leaks, and it drops the snapshot table too"},
}

// acceptedReason says why a kind is accepted, "" if it is not.
func acceptedReason(kind string) string {
	for _, a := range accepted {
		if strings.HasPrefix(kind, a.kind) {
			return a.reason
		}
	}
	return ""
}
