package fleet

import (
	"context"
	"strings"
	"testing"
	"time"
)

// Somebody else puts the parts together and removes them while they are read here: that says
// nothing about the image, and the clock has it done.
func TestPartsThatAreGoneSayNothing(t *testing.T) {
	images := map[string][]byte{}
	for key, file := range recipes(t) {
		if len(images) < 20 && strings.HasSuffix(key, imageSuffix) {
			images[key] = file
		}
	}
	w := newWorld(t, 5)
	w.Limits.Inline, w.Limits.PartMost = 1, 1
	for key, file := range images {
		w.store.upload(key, file)
	}
	met := map[string]bool{}
	w.store.before = func(op, key string) error {
		if dir, _, isPart := strings.Cut(key, "/part/"); op == "read" && isPart && !met[dir] {
			met[dir] = true
			gone := w.store.under(dir + "/")
			w.store.mu.Lock()
			defer w.store.mu.Unlock()
			for _, name := range gone {
				delete(w.store.objects, dir+"/"+name)
			}
		}
		return nil
	}
	w.Limits.AtOnce = 1 // the hook is not for more
	run := w.begin("")
	w.work()
	if len(met) < 10 {
		t.Fatalf("only %d images were put together", len(met))
	}
	w.pass(w.Limits.Lease + time.Second)
	if err := w.Resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.work()
	w.holds(run, images)
	if len(w.logs) > 0 {
		t.Errorf("logged: %q", w.logs)
	}
}
