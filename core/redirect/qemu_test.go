//go:build !js

package redirect_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/redirect"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// qemuCounts is what `qemu-img check` says of a file; ok is false when it cannot check it.
func (f qemuFile) qemuCounts(t *testing.T) (c testimages.Counts, ok bool) {
	t.Helper()
	alone := `json:{"driver":"qcow2","backing":null,"file":{"driver":"file","filename":"` + f.name + `"}}`
	out, exit := f.run(t, "qemu-img", "check", "--output=json", alone)
	if exit == 1 {
		return c, false
	}
	if i := strings.IndexByte(out, '{'); i < 0 || json.Unmarshal([]byte(out[i:]), &c) != nil {
		t.Fatalf("no report: %s", out)
	}
	return c, true
}

func init() { askQEMU = qemuAsked }

// qemuAsked lets QEMU judge a sample: the result, and some crash states.
func qemuAsked(t *testing.T, r *rand.Rand, p planned, res *redirect.Result) {
	t.Helper()
	if p.built != nil && p.built.Encryption != "" || r.IntN(8) > 0 {
		return
	}
	p.qemuAgrees(t, res)
	if len(res.Unsafe) > 0 || p.built != nil && len(p.built.Side) > 0 {
		return
	}
	e := explorer(t, res.Plan, p.src, redirect.CrashOptions{States: 200, Seed: 3})
	for range 3 {
		state, err := e.State(r.IntN(e.Len()))
		if err != nil {
			t.Fatal(err)
		}
		p.qemuAgreesOnState(t, state)
	}
}

// qemuAgrees holds that QEMU finds in the redirected image what our check finds, and reads
// the same guest bytes from it as from the one that the plan makes.
func (p planned) qemuAgrees(t *testing.T, res *redirect.Result) {
	t.Helper()
	dir := t.TempDir()
	if p.built != nil {
		for name, data := range p.built.Side {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := content(t, p.src, p.plan)
	redirected := place(t, dir, content(t, p.src, res.Plan))
	counts, ok := redirected.qemuCounts(t)
	if !ok {
		if !res.After.Refused && !res.After.Aborted && res.After.CheckErrors == 0 {
			t.Errorf("%s: QEMU cannot check the result", p.name)
		}
		return
	}
	if uint64(counts.Corruptions) != res.After.Corruptions || uint64(counts.Leaks) != res.After.Leaks {
		t.Errorf("%s: QEMU counts %d corruptions and %d leaks, we %d and %d", p.name, counts.Corruptions, counts.Leaks, res.After.Corruptions, res.After.Leaks)
	}
	if err := os.WriteFile(filepath.Join(dir, "made.qcow2"), made, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, exit := redirected.run(t, "qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", "made.qcow2", redirected.name); exit == 1 && !p.readsHeader(open(t, made), 0, 0) {
		t.Errorf("%s: %s", p.name, out)
	}
}

// qemuAgreesOnState holds that QEMU's check says what ours says of what a crash leaves.
func (p planned) qemuAgreesOnState(t *testing.T, state redirect.State) {
	t.Helper()
	all := make(source.Bytes, state.Image.Size())
	if err := source.ReadFull(state.Image, all, 0); err != nil {
		t.Fatal(err)
	}
	f := place(t, t.TempDir(), all)
	counts, ok := f.qemuCounts(t)
	rep := examine(t, open(t, all))
	if ok == (rep.Refused || rep.Aborted || rep.CheckErrors > 0) {
		t.Errorf("%s: %v: QEMU checks it: %v, we: %v, %v, %d errors", p.name, state, ok, rep.Refused, rep.Aborted, rep.CheckErrors)
	}
	if ok && (uint64(counts.Corruptions) != rep.Corruptions || uint64(counts.Leaks) != rep.Leaks) {
		t.Errorf("%s: %v: QEMU counts %d corruptions and %d leaks, we %d and %d", p.name, state, counts.Corruptions, counts.Leaks, rep.Corruptions, rep.Leaks)
	}
}

// QEMU's own repairs overwrite in place: a crash in the middle often leaves damage that was
// not there. The same effect redirected does not.
func TestQEMUsRepairInPlaceBreaks(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	var inPlace, redirected tally
	qemuRepairs(t, func(p planned, l logged) {
		res := p.redirected(t)
		if res == nil || len(res.Unsafe) > 0 {
			return
		}
		judge, err := redirect.NewJudge(ctx, p.src, redirect.JudgeOptions{}, p.plan, res.Plan)
		if err != nil {
			return // QEMU left no image
		}
		opt := redirect.CrashOptions{States: max(8, 60/share())}
		inPlace.crash(t, judge, l.plan, p.src, opt, func(redirect.State, redirect.Verdict) {})
		redirected.crash(t, judge, res.Plan, p.src, opt, func(s redirect.State, v redirect.Verdict) { t.Errorf("%s: %v: %v", p.name, s, v) })
	})
	t.Logf("in place as QEMU does it: %+v; redirected: %+v", inPlace, redirected)
	if inPlace.unsafe == 0 || redirected.plans < 30 {
		t.Errorf("in place %+v, redirected %+v", inPlace, redirected)
	}
}
