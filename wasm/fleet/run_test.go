package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/report"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// recipes are the test images by key.
func recipes(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for i, name := range testimages.Names() {
		img := testimages.Make(t, name)
		key := fmt.Sprintf("vm/%d/%s.qcow2", i%7, name)
		switch i % 20 {
		case 3:
			key = "vm/größe 100%+/" + name // found by its first bytes
		case 5:
			key = "Ω/" + name + ".qcow2"
		}
		all[key] = img.Image
	}
	if len(all) < 100 {
		t.Fatalf("only %d images", len(all))
	}
	return all
}

// want is the result for an image in a file.
func want(t *testing.T, key string, file []byte) report.Image {
	t.Helper()
	r := report.Image{Filename: key, Size: int64(len(file)), Exit: report.ExitFailed, Verdict: report.Unreadable}
	ctx := context.Background()
	img, err := image.Open(ctx, source.Bytes(file))
	if err != nil {
		p, exit := report.Explain(key, err)
		if exit == report.ExitNotQcow2 {
			p.Where = "" // no bytes of a file
		}
		r.Problem, r.Exit = &p, exit
		return r
	}
	rep, err := check.Run(ctx, img, check.Options{Limit: kept})
	if err != nil {
		t.Fatal(err)
	}
	r.Set(report.New(ctx, key, report.Result{Report: rep, Image: img}), rep.ExitCode())
	return r
}

func plainJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// got is the stored result of an image.
func (w *world) got(key string) string {
	w.t.Helper()
	w.store.mu.Lock()
	o, ok := w.store.objects[latestPrefix+key]
	w.store.mu.Unlock()
	if !ok {
		w.t.Fatalf("%s has no result", key)
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(o.body, &parts); err != nil {
		w.t.Fatal(err)
	}
	for _, own := range []string{"etag", "uploaded", "checked", "build", "schema", "ended"} {
		delete(parts, own)
	}
	// Field by field, because the numbers of a check are not meant to be read back.
	return plainJSON(w.t, parts)
}

// holds compares the results of a run with those of checks of the files.
func (w *world) holds(run Run, images map[string][]byte) {
	t := w.t
	t.Helper()
	counts := Counts{Images: len(images)}
	for key, file := range images {
		expected := want(t, key, file)
		counts.add(expected.Exit)
		var parts map[string]json.RawMessage
		if err := json.Unmarshal([]byte(plainJSON(t, expected)), &parts); err != nil {
			t.Fatal(err)
		}
		if raw := w.got(key); raw != plainJSON(t, parts) {
			t.Errorf("%s:\ngot  %s\nwant %s", key, raw, plainJSON(t, parts))
		}
	}
	p, err := w.progressOf(context.Background(), run.ID)
	if err != nil || !p.finished() || p.counts != counts {
		t.Errorf("the run is %+v, %v; want counts %+v", p, err, counts)
	}
	hashes := map[string]int{}
	for _, name := range w.store.under(fleetPrefix + run.ID + "/done/") {
		hashes[name[strings.LastIndex(name, "/")+1:]]++
	}
	for _, name := range w.store.under(fleetPrefix + run.ID + "/worst/") {
		hashes[name[strings.LastIndex(name, "-")+1:]] += 10
	}
	for hash, n := range hashes {
		if n != 11 {
			t.Errorf("%s is noted %d times (11: once in each list)", hash, n)
		}
	}
	if len(hashes) != len(images) {
		t.Errorf("%d images are noted, want %d", len(hashes), len(images))
	}
}

// A run over all images, with a queue that delivers twice and in any order.
func TestRunGivesTheVerdictsOfChecks(t *testing.T) {
	images := recipes(t)
	w := newWorld(t, 1)
	w.queue.twice = 0.2
	for key, file := range images {
		w.store.upload(key, file)
	}
	w.store.upload("vm/notes.txt", []byte("no image"))
	w.store.upload("vm/x", nil)
	w.store.upload(".qcow", []byte("QFI"))
	run := w.begin("")
	w.work()
	w.holds(run, images)
	if leftover := w.store.under(partsPrefix); len(leftover) > 0 {
		t.Errorf("left over: %v", leftover)
	}
	if len(w.logs) > 0 {
		t.Errorf("logged: %q", w.logs)
	}
}

// The same when every image is shared out: parts that do not add up are checked wholly.
func TestSharedOutGivesTheSame(t *testing.T) {
	images := recipes(t)
	for key, file := range images {
		if strings.Contains(key, "größe") && len(file) < 1<<16 {
			delete(images, key)
		}
	}
	w := newWorld(t, 2)
	w.queue.twice = 0.1
	w.Limits.Inline, w.Limits.PartMost = 1, 1
	for key, file := range images {
		w.store.upload(key, file)
	}
	run := w.begin("")
	w.work()
	w.holds(run, images)
	if leftover := w.store.under(partsPrefix); len(leftover) > 0 {
		t.Errorf("left over: %v", leftover)
	}
}

var errKilled = errors.New("the host is gone")

// killAfter lets the store fail for good after so many calls.
func (w *world) killAfter(calls int64) {
	left := atomic.Int64{}
	left.Store(calls)
	w.store.before = func(op, key string) error {
		if left.Add(-1) < 0 {
			return errKilled
		}
		return nil
	}
}

// A host that is ended at any point, and with it all that was queued: what is done stays
// done, what is not is done after the lease.
func TestKilledAndRestarted(t *testing.T) {
	images := map[string][]byte{}
	for key, file := range recipes(t) {
		if len(images) < 45 {
			images[key] = file
		}
	}
	seeds := uint64(12)
	if runtime.GOOS == "js" {
		seeds = 4 // the same program, a few times slower
	}
	for seed := range seeds {
		w := newWorld(t, seed)
		if seed%3 == 0 {
			w.Limits.Inline, w.Limits.PartMost = 1, 2
		}
		for key, file := range images {
			w.store.upload(key, file)
		}
		run := w.begin("")
		kills := w.workKilled(rand.New(rand.NewPCG(seed, 5)), run, images)
		if kills < 3 {
			t.Errorf("seed %d: the host was ended %d times only", seed, kills)
		}
		w.holds(run, images)
	}
}

// workKilled works, and ends the host again and again. No image is read that is done.
func (w *world) workKilled(r *rand.Rand, run Run, images map[string][]byte) (kills int) {
	for round := 0; ; round++ {
		w.killAfter(int64(30 + r.IntN(300)))
		killing := w.store.before
		w.store.before = func(op, key string) error {
			if _, isImage := images[key]; isImage && op == "read" && w.noted(run, key) {
				w.t.Errorf("%s is read although it is done", key)
			}
			return killing(op, key)
		}
		for len(w.queue.pending) > 0 && w.store.before("head", "") == nil {
			w.deliver()
		}
		w.store.before = nil
		if len(w.queue.pending) == 0 {
			if p, err := w.progressOf(context.Background(), run.ID); err != nil || p.finished() || round > 200 {
				return kills
			}
		}
		kills++
		w.queue.pending, w.queue.dead = nil, nil
		w.pass(w.Limits.Lease + time.Second)
		if err := w.Resume(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) noted(run Run, key string) bool {
	return slices.ContainsFunc(w.store.under(fleetPrefix+run.ID+"/done/"), func(name string) bool { return strings.HasSuffix(name, "/"+hashOf(key)) })
}

// Before the lease is over nothing is sent again.
func TestResumeIsPatient(t *testing.T) {
	w := newWorld(t, 3)
	for i := range 30 {
		w.store.upload(fmt.Sprintf("%02d.qcow2", i), []byte("x"))
	}
	w.begin("")
	for len(w.queue.pending) > 0 {
		w.deliver()
		before := w.queue.sent
		if err := w.Resume(context.Background()); err != nil {
			t.Fatal(err)
		}
		if w.queue.sent != before {
			t.Fatal("a message was sent again before the lease was over")
		}
	}
	if err := w.Resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	if active := w.store.under(activePrefix); len(active) > 0 {
		t.Error("the run is not noted as finished")
	}
}

// Two runs over the same prefix at the same time are one.
func TestOneRunOverAPrefix(t *testing.T) {
	w := newWorld(t, 4)
	w.Limits.Active = 2
	a, b := w.begin("x"), w.begin("x")
	if a.ID != b.ID {
		t.Error("a second run was begun")
	}
	w.begin("y")
	if _, _, err := w.beginRun(context.Background(), "z"); !errors.Is(err, errBusy) {
		t.Errorf("a third run: %v", err)
	}
	w.work()
	for _, id := range w.store.under(activePrefix) {
		if _, err := w.progressOf(context.Background(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	if c := w.begin("x"); c.ID == a.ID || c.ID > a.ID {
		t.Errorf("a run after %s is %s: the newest is not listed first", a.ID, c.ID)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		used     []uint32
		per, end int64
		want     []int64
	}{
		{nil, 4, 10, []int64{10}},
		{[]uint32{1, 1, 1, 1, 1}, 2, 8, []int64{2, 4, 8}},
		{[]uint32{0, 0, 3, 0, 3}, 2, 5, []int64{4, 5}},
		{[]uint32{1, 0, 0, 0, 1, 1}, 2, 6, []int64{5, 6}},
	} {
		if got := cut(c.used, c.per, c.end); !reflect.DeepEqual(got, c.want) {
			t.Errorf("cut %v by %d: %v, want %v", c.used, c.per, got, c.want)
		}
	}
}
