//go:build !js

package differential

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/repair"
)

// The ways in which a repair of ours can be worse than QEMU's.
const (
	lostData    = "we lost guest data"
	keptLess    = "QEMU kept more guest data"
	leftTrouble = "QEMU mended"
	leftLeaks   = "QEMU freed leaks"
	leftClosed  = "QEMU made it open"
	brokeWord   = "our repair broke its word"
)

// bitmapsAnew is what QEMU does with loadable bitmaps whenever it opens an image for
// writing, a repair of leaks included: it writes them to other clusters.
const bitmapsAnew = "it stored the bitmaps anew"

// headerAnew is what QEMU does when it opens an image for writing whose autoclear bits it
// does not all know: it writes the header again, from what it took in.
const headerAnew = "it wrote the header anew"

// writtenAnew is what QEMU wrote before it even began to free leaks, "" if nothing.
func (m *mending) writtenAnew(b *Base, ms []mutation) string {
	autoclear := func(x mutation) bool { return x.class == "header.autoclear_features" }
	switch {
	case m.scope != repair.Leaks:
		return ""
	case slices.ContainsFunc(ms, autoclear):
		return headerAnew
	case len(b.fields["bitmap"]) > 0:
		return bitmapsAnew
	}
	return ""
}

// deviation is one way, and in words what it is about, "" where the damage says it best.
type deviation struct{ way, about string }

// number is what differs between deviations of one kind.
var number = regexp.MustCompile(`0x-?[0-9a-f]+|\b[0-9]+\b`)

// compare lists the ways in which our repair is worse than QEMU's. What QEMU mended counts
// only when its repair lost nothing that the guest could read.
func (m *mending) compare() (worse []deviation) {
	add := func(way, about string) { worse = append(worse, deviation{way, about}) }
	if m.broken != "" {
		add(brokeWord, kindOf(m.broken))
		return worse
	}
	if m.ours.kept.lessThan(m.damaged.kept) {
		add(lostData, "")
	}
	if m.ours.kept.lessThan(m.qemu.kept) {
		add(keptLess, "")
	}
	if m.qemu.kept.lessThan(m.damaged.kept) || m.qemu.kept.lessThan(m.ours.kept) || m.qemuRun.Killed != "" {
		return worse
	}
	switch ours, qemu := m.ours.check.Exit, m.qemu.check.Exit; {
	case (qemu == 0 || qemu == 3) && (ours == 1 || ours == 2):
		add(leftTrouble, m.left())
	case qemu == 0 && ours == 3:
		add(leftLeaks, m.keptLeaks())
	case qemu == 2 && ours == 1:
		add(leftClosed, m.left())
	}
	return worse
}

// kindOf is the first line of what went wrong, without its numbers.
func kindOf(broken string) string {
	first, _, _ := strings.Cut(broken, "\n")
	return number.ReplaceAllString(first, "N")
}

// lessThan tells whether something is lost in s that is there in t.
func (s survival) lessThan(t survival) bool { return s.layers < t.layers || s.clusters < t.clusters }

// left names the corruptions that are left after our repair.
func (m *mending) left() string {
	return codes(m.plan.After.Groups, func(g check.Group) bool { return g.Class == check.Corruption || g.Class == check.CheckError })
}

func (m *mending) keptLeaks() string {
	if m.plan.KeptLeaks == "" {
		return "no reason given"
	}
	return m.plan.KeptLeaks
}

// codes names those of the groups that are wanted, in alphabetical order.
func codes(groups []check.Group, want func(check.Group) bool) string {
	var names []string
	for _, g := range groups {
		if want(g) {
			names = append(names, string(g.Code))
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func (m *mending) String() string {
	text := fmt.Sprintf("scope %s\n  damaged %s\n  ours    %s\n  qemu    %s", m.scope, m.damaged, m.ours, m.qemu)
	if m.plan != nil {
		for _, s := range m.plan.Steps {
			text += fmt.Sprintf("\n  we %s (%d)", s.What, s.Count)
		}
		if m.plan.KeptLeaks != "" {
			text += "\n  leaks are kept: " + m.plan.KeptLeaks
		}
	}
	return text
}
