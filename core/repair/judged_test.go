//go:build !js

package repair_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// mending is a damaged image, and what is left of the damage after the repair.
type mending struct {
	recipe string
	// accept is what the user must consent to; without it the repair must not touch what it
	// is about.
	accept []check.Code
	// exit is qemu-img check's exit code afterwards, left the codes of findings above a note.
	exit int
	left []check.Code
	// names are those of the snapshots afterwards where they are not as before; "" is one that
	// is lost. lost tells that QEMU reads no such snapshot.
	names []string
	size  int64 // of the disk afterwards if it is not as before
}

// judge holds the repair of an image against QEMU: with consent the image is as promised and
// reads as before the damage; without, nothing that was there is gone; undone, the bytes are
// the old ones.
func (m mending) judge(t *testing.T) {
	t.Helper()
	b := testimages.Make(t, m.recipe)
	before := examine(t, source.Bytes(b.Image))
	out := m.plan(t, b, m.accept)
	for _, w := range m.left {
		if out.After.Group(w) == nil {
			t.Errorf("%s should be left", w)
		}
	}
	for _, g := range out.After.Groups {
		if g.Code.Severity() > check.Note && !slices.Contains(m.left, g.Code) {
			t.Errorf("%s is left: %v", g.Code, g.Findings[0])
		}
	}
	m.guest(t, b, out)
	if len(m.accept) > 0 {
		m.withoutConsent(t, b, before)
	}
}

// guest asks QEMU whether the repaired image is what was promised.
func (m mending) guest(t *testing.T, b *testimages.Built, out *repair.Outcome) {
	t.Helper()
	after := *b
	after.Image = apply(t, source.Bytes(b.Image), out.Plan)
	after.Snapshots = slices.Clone(b.Snapshots)
	for i, name := range m.names {
		after.Snapshots[i].Name = name
	}
	after.Snapshots = slices.DeleteFunc(after.Snapshots, func(s testimages.SnapshotGuest) bool { return s.Name == "" })
	if m.size != 0 {
		larger := *b.Guest
		larger.Size = m.size
		after.Guest = &larger
	}
	run, err := qemu.JudgeMode(context.Background(), &after, t.TempDir(), qemu.Plain)
	if err != nil {
		t.Fatal(err)
	}
	if run.Exit != m.exit || out.After.ExitCode() != m.exit {
		t.Errorf("exit %d, QEMU %d, want %d: %v", out.After.ExitCode(), run.Exit, m.exit, run.Stderr)
	}
	if run.Guest != testimages.Intact {
		t.Errorf("the guest bytes are %s", run.Guest)
	}
	for i, s := range run.Snapshots {
		if s != testimages.Intact {
			t.Errorf("snapshot %q is %s", after.Snapshots[i].Name, s)
		}
	}
}

// withoutConsent holds that a repair that nobody consented to leaves the finding, frees
// nothing, and takes nothing from what could be read.
func (m mending) withoutConsent(t *testing.T, b *testimages.Built, before *check.Report) {
	t.Helper()
	out := m.plan(t, b, nil)
	for _, c := range m.accept {
		if before.Group(c) == nil || out.After.Group(c) == nil {
			t.Errorf("%s was mended without consent, or was never there", c)
		}
	}
	for _, s := range out.Steps {
		if s.Code == check.LeakedCluster || s.Code == check.RefcountTooHigh {
			t.Errorf("without consent: %d times %q", s.Count, s.What)
		}
	}
	golden, err := testimages.GoldenFor(m.recipe)
	if err != nil {
		t.Fatal(err)
	}
	after := *b
	after.Image = apply(t, source.Bytes(b.Image), out.Plan)
	run, err := qemu.JudgeMode(context.Background(), &after, t.TempDir(), qemu.Plain)
	if err != nil {
		t.Fatal(err)
	}
	if golden.Check.Guest == testimages.Intact && run.Guest != testimages.Intact {
		t.Errorf("without consent the guest bytes are %s", run.Guest)
	}
	for i, s := range run.Snapshots {
		if golden.Check.Snapshots[i] == testimages.Intact && s != testimages.Intact {
			t.Errorf("without consent snapshot %d is %s", i, s)
		}
	}
}

// plan makes the plan and holds it to what all plans must keep.
func (m mending) plan(t *testing.T, b *testimages.Built, accept []check.Code) *repair.Outcome {
	t.Helper()
	src := source.Bytes(b.Image)
	opt := repair.Options{Scope: repair.All, Accept: map[check.Code]bool{}}
	for _, c := range accept {
		opt.Accept[c] = true
	}
	rep := examine(t, src)
	out := planned(t, src, opt)
	undo, err := out.Plan.Undo(src)
	if err != nil {
		t.Fatal(err)
	}
	if back := apply(t, source.Bytes(apply(t, src, out.Plan)), undo); !bytes.Equal(back, src) {
		t.Error("undo does not give the old bytes back")
	}
	cuts(t, src, rep, out.Plan)
	return out
}

// cuts stops the plan after each batch: no new trouble may be there but leaks, and refcounts
// and flags that are behind.
func cuts(t *testing.T, src source.Source, before *check.Report, p *patch.Plan) {
	t.Helper()
	behind := []check.Code{check.RefcountZero, check.RefcountTooLow, check.RefcountTooHigh, check.LeakedCluster, check.LostMapping,
		check.CopiedL1, check.CopiedL2, check.BitmapsUnvouched}
	for n := 1; n < len(p.Batches); n++ {
		part := *p
		part.Batches = p.Batches[:n]
		for _, g := range examine(t, source.Bytes(apply(t, src, &part))).Groups {
			if was := before.Group(g.Code); g.Code.Severity() > check.Note && was == nil && !slices.Contains(behind, g.Code) && !before.Refused && !before.Aborted {
				t.Errorf("cut after batch %d of %d: %v\n%v", n, len(p.Batches), g.Findings[0], p)
			}
		}
	}
}

// judgeAll judges each in a test of its own name.
func judgeAll(t *testing.T, all []mending) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		t.Run(m.recipe, m.judge)
	}
}
