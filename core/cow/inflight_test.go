package cow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"qcowscope/core/cow"
	"qcowscope/core/qcow2"
)

// flight is several writes in flight at once on an image. The first one is held up until all
// others were added, and done with as far as they get.
type flight struct {
	name   string
	recipe string
	writes []cow.Request
}

func bytesAt(off qcow2.GuestOff, n int64, fill byte) cow.Request {
	return cow.Request{Offset: off, Length: n, Fill: fill}
}

const kib = 1 << 10

var flights = []flight{
	{"two subclusters of a cluster that is not there", extendedImage,
		[]cow.Request{bytesAt(0, 4*kib, 1), bytesAt(8*kib, 4*kib, 2)}},
	{"two subclusters of a cluster that is there", extendedImage + "prealloc guest=0 len=64K\n",
		[]cow.Request{bytesAt(0, 4*kib, 1), bytesAt(8*kib, 4*kib, 2)}},
	{"into the bytes that the other fills up in place", extendedImage + "prealloc guest=0 len=64K\n",
		[]cow.Request{bytesAt(7*kib, 1*kib, 1), bytesAt(6*kib, kib/2, 2)}},
	{"beside the bytes that the other fills up in place", extendedImage + "prealloc guest=0 len=64K\n",
		[]cow.Request{bytesAt(7*kib, 1*kib, 1), bytesAt(8*kib, kib/2, 2)}},
	{"from a free cluster into one that is being allocated", extendedImage,
		[]cow.Request{bytesAt(64*kib, 4*kib, 1), bytesAt(60*kib, 80*kib, 2)}},
	{"the same without subclusters", plainImage,
		[]cow.Request{bytesAt(64*kib, 4*kib, 1), bytesAt(60*kib, 80*kib, 2)}},
	{"from a plain overwrite into a cluster that is being allocated", extendedImage + all,
		[]cow.Request{bytesAt(64*kib, 4*kib, 1), bytesAt(60*kib, 80*kib, 2)}},
	{"overwrites of the same bytes", extendedImage + all,
		[]cow.Request{bytesAt(0, 4*kib, 1), bytesAt(2*kib, 4*kib, 1)}},
	{"into a shared cluster that is being copied", plainImage + "write guest=0 len=192K fill=0x11\n" + snapshot,
		[]cow.Request{bytesAt(64*kib, 4*kib, 1), bytesAt(0, 192*kib, 2)}},
	{"two wait for the same one", extendedImage,
		[]cow.Request{bytesAt(0, 4*kib, 1), bytesAt(8*kib, 4*kib, 2), bytesAt(16*kib, 4*kib, 3)}},
	{"one waits for a part of another that waits", extendedImage,
		[]cow.Request{bytesAt(64*kib, 4*kib, 1), bytesAt(60*kib, 80*kib, 2), bytesAt(56*kib, 2*kib, 3)}},
	{"far from each other", extendedImage,
		[]cow.Request{bytesAt(0, 4*kib, 1), bytesAt(128*kib, 4*kib, 2)}},
}

// fly runs a flight as qemu-io does with the first write held up, and tells the tale.
func fly(t *testing.T, f flight) (*cow.Queue, string) {
	t.Helper()
	ctx := context.Background()
	q := build(t, f.recipe).writer(t).Queue()
	var tale strings.Builder
	settle := func(from int) { // all that can be done, but for the first write
		for again := true; again; {
			again = false
			for _, x := range q.Writes()[from:] {
				err := q.Finish(ctx, x.ID)
				if err == nil {
					again = true
					fmt.Fprintf(&tale, "write %d is written: %s\n", x.ID, x)
				} else if !errors.Is(err, cow.ErrNotInFlight) {
					t.Fatal(err)
				}
			}
		}
	}
	for i, r := range f.writes {
		x, err := q.Add(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&tale, "%d. %v: %s\n", x.ID, r, x)
		if i > 0 {
			settle(1)
		}
	}
	settle(0)
	return q, tale.String()
}

// TestInFlight holds which writes wait, which are cut short, and at which byte.
func TestInFlight(t *testing.T) {
	var cases []testCase
	byName := map[string]flight{}
	for _, f := range flights {
		cases = append(cases, testCase{name: f.name})
		byName[f.name] = f
	}
	golden(t, "inflight", cases, func(t *testing.T, c testCase) string {
		q, tale := fly(t, byName[c.name])
		if _, err := q.Plans(context.Background()); err != nil {
			t.Fatal(err)
		}
		for _, x := range q.Writes() {
			if !x.Done || len(x.Outcome.Steps) == 0 {
				t.Errorf("write %d did not end", x.ID)
			}
		}
		return tale
	})
}

// TestQueueRefuses: only data writes are queued, and plans are for writes that are done.
func TestQueueRefuses(t *testing.T) {
	ctx := context.Background()
	q := build(t, extendedImage).writer(t).Queue()
	if _, err := q.Add(ctx, cow.Request{Length: 4096, Kind: cow.Zero}); !errors.Is(err, cow.ErrOnlyWrites) {
		t.Errorf("a zero write: %v", err)
	}
	if _, err := q.Add(ctx, bytesAt(1<<40, 1, 1)); !errors.Is(err, cow.ErrOffDisk) {
		t.Errorf("off the disk: %v", err)
	}
	if _, err := q.Add(ctx, bytesAt(0, 1, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Plans(ctx); !errors.Is(err, cow.ErrUnfinished) {
		t.Errorf("plans of an unfinished write: %v", err)
	}
	if err := q.Finish(ctx, 2); !errors.Is(err, cow.ErrNotInFlight) {
		t.Errorf("finishing what is not there: %v", err)
	}
}
