package cow_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/testimages"
)

const diskSize = 8 << 20

// setupRecipe is an image as the setup says, to write to.
func setupRecipe(s cow.Setup) string {
	head := fmt.Sprintf("image version=3 size=%d cluster=%d", diskSize, 1<<s.ClusterBits)
	if s.ExtendedL2 {
		head += " extended_l2"
	}
	full := fmt.Sprintf("write guest=0 len=%d fill=0x11\n", diskSize)
	switch s.Initial {
	case cow.Backed:
		return head + " backing=base.raw format=raw fill=0x22\n"
	case cow.Allocated:
		return head + "\n" + full
	case cow.Shared:
		return head + "\n" + full + snapshot
	}
	return head + "\n"
}

// TestAmplifyAsPlanned: what a trace is said to cost is what the plans of its writes do, one
// after the other, on an image in that state.
func TestAmplifyAsPlanned(t *testing.T) {
	for _, initial := range cow.Initials() {
		for _, s := range []cow.Setup{{12, false, initial}, {16, false, initial}, {14, true, initial}, {16, true, initial}, {18, true, initial}} {
			t.Run(fmt.Sprint(initial, " ", s.ClusterBits, " ", s.ExtendedL2), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(uint64(s.ClusterBits), uint64(initial)))
				trace := randomTrace(rng, 60/testimages.Each(1, 4))
				cost, err := cow.Amplify(context.Background(), trace, s)
				if err != nil {
					t.Fatal(err)
				}
				if got := plannedCost(t, trace, s); got != totalsOf(cost) {
					t.Errorf("it is said to cost\n%+v, the plans cost\n%+v", totalsOf(cost), got)
				}
			})
		}
	}
}

func randomTrace(rng *rand.Rand, n int) *cow.Trace {
	trace := &cow.Trace{}
	for range n {
		length := 1 + rng.Int64N(1<<(9+rng.IntN(11)))
		if rng.IntN(2) == 0 {
			length = (length + 4095) &^ 4095
		}
		off := rng.Int64N(diskSize-length) &^ (1<<rng.IntN(14) - 1)
		trace.Writes = append(trace.Writes, cow.Access{Off: off, Len: length})
		trace.End = max(trace.End, off+length)
	}
	return trace
}

func totalsOf(c cow.Cost) cow.Totals {
	return cow.Totals{Written: c.Written, Copied: c.Copied, Zeroed: c.Zeroed, Entries: c.Entries, Tables: c.Tables, Allocated: c.Allocated}
}

// plannedCost writes the trace, a plan at a time.
func plannedCost(t *testing.T, trace *cow.Trace, s cow.Setup) (sum cow.Totals) {
	t.Helper()
	b := build(t, setupRecipe(s))
	w := b.writer(t)
	for _, a := range trace.Writes {
		o, err := w.Plan(context.Background(), cow.Request{Offset: qcow2.GuestOff(a.Off), Length: a.Len, Fill: 1})
		if err != nil {
			t.Fatal(err)
		}
		p, err := o.Plans(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		img, err := image.Open(context.Background(), apply(t, w.Image().Src, p.Image))
		if err != nil {
			t.Fatal(err)
		}
		if w, err = w.After(context.Background(), o, img, b.opt); err != nil {
			t.Fatal(err)
		}
		one := o.Totals()
		sum.Written += one.Written
		sum.Copied += one.Copied
		sum.Zeroed += one.Zeroed
		sum.Entries += one.Entries
		sum.Tables += one.Tables
		sum.Allocated += one.Allocated
	}
	return sum
}

// TestAdvice: subclusters are advised where they save bytes, and only there.
func TestAdvice(t *testing.T) {
	small, large := &cow.Trace{}, &cow.Trace{}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		small.Writes = append(small.Writes, cow.Access{Off: rng.Int64N(1<<22) << 12, Len: 4096})
	}
	for i := range int64(200) {
		large.Writes = append(large.Writes, cow.Access{Off: i << 22, Len: 4 << 20})
	}
	small.End, large.End = 1<<34, 200<<22
	for _, c := range []struct {
		name     string
		trace    *cow.Trace
		initial  cow.Initial
		extended bool
		says     string
	}{
		{"small writes over a backing file", small, cow.Backed, true, "Turn extended L2 on"},
		{"small writes to an empty image", small, cow.Empty, true, "Turn extended L2 on"},
		{"large writes to an empty image", large, cow.Empty, false, "Leave extended L2 off"},
		{"small writes in place", small, cow.Allocated, false, "nothing is copied"},
		{"small writes after a snapshot", small, cow.Shared, false, "smaller clusters copy less"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := cow.Compare(context.Background(), c.trace, c.initial, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(got.Advice)
			if got.Extended != c.extended || !strings.Contains(got.Advice, c.says) {
				t.Errorf("extended %v: %s", got.Extended, got.Advice)
			}
			if len(got.Costs) != 18 || got.Costs[got.Best].ExtendedL2 || !got.Costs[got.BestExtended].ExtendedL2 {
				t.Errorf("%d setups, best %d and %d", len(got.Costs), got.Best, got.BestExtended)
			}
		})
	}
}

// TestAmplifyIsBounded: writes scattered over more than can be remembered are refused.
func TestAmplifyIsBounded(t *testing.T) {
	trace := &cow.Trace{End: 1 << 60}
	for i := range int64(1 << 16) {
		trace.Writes = append(trace.Writes, cow.Access{Off: i << 40, Len: 1 << 30})
	}
	if _, err := cow.Amplify(context.Background(), trace, cow.Setup{ClusterBits: 12}); err != cow.ErrSpread {
		t.Errorf("the error is %v", err)
	}
}
