//go:build !js

package cow_test

import (
	"context"
	"strings"
	"testing"

	"qcowscope/testimages/qemu"
)

// TestInFlightAsQEMU holds the first write up in qemu-io just before its data is written,
// adds the others and lets it go on: the files are the same, so all waited alike.
func TestInFlightAsQEMU(t *testing.T) {
	for _, f := range flights {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			b := build(t, f.recipe)
			queue, tale := fly(t, f)
			p, err := queue.Plans(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			img, err := qemu.Place(t.TempDir(), b.Built)
			if err != nil {
				t.Fatal(err)
			}
			q := startQemuIO(t, img.Dir, "driver=qcow2,file.driver=blkdebug,file.image.driver=file,file.image.filename=image.qcow2")
			q.say("break write_aio A")
			for i, r := range f.writes {
				q.say("aio_" + command(r))
				if i == 0 {
					q.say("wait_break A")
				}
			}
			if said := q.say("resume A"); !strings.Contains(said, "Resuming") {
				t.Fatalf("the first write was not held up: %s", said)
			}
			q.say("aio_flush")
			q.do("flush")
			q.end()
			if d := firstDifference(apply(t, b.img.Src, p.Image), readFile(t, img.Dir, "image.qcow2")); d != "" {
				t.Errorf("%s\n%s", d, tale)
			}
		})
	}
}
