package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"qcowscope/core/source"
)

// ranged serves a source by ranges and keeps note of them.
type ranged struct {
	source.Ranges
	mu          sync.Mutex
	calls       int
	bytes       int64
	flying, top int
}

func byRanges(all source.Bytes, gap, most int64, flights int) *ranged {
	r := &ranged{Ranges: source.Ranges{Ctx: context.Background(), Length: all.Size(), Gap: gap, Most: most, Flights: flights}}
	r.Read = func(_ context.Context, p []byte, off int64) error {
		r.mu.Lock()
		r.calls++
		r.bytes += int64(len(p))
		r.flying++
		r.top = max(r.top, r.flying)
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			r.flying--
			r.mu.Unlock()
		}()
		if off < 0 || off+int64(len(p)) > all.Size() {
			return errors.New("a range outside")
		}
		copy(p, all[off:])
		return nil
	}
	return r
}

// Whatever is asked for, in whatever order, comes as ReadFull gives it.
func TestRangesGiveWhatIsAskedFor(t *testing.T) {
	all := counting(5000)
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		r := byRanges(all, int64(rnd.IntN(200)), int64(1+rnd.IntN(1000)), 1+rnd.IntN(4))
		var reqs []source.Request
		for range rnd.IntN(20) {
			reqs = append(reqs, source.Request{Off: int64(rnd.IntN(5500)), Buf: filled(rnd.IntN(700))})
		}
		if err := source.ReadBatch(context.Background(), r, reqs); err != nil {
			t.Fatal(err)
		}
		for _, q := range reqs {
			want := filled(len(q.Buf))
			if err := source.ReadFull(all, want, q.Off); err != nil || !bytes.Equal(q.Buf, want) {
				t.Fatalf("seed %d: %d bytes at %d differ (%v)", seed, len(q.Buf), q.Off, err)
			}
		}
		one := filled(100)
		n, err := r.ReadAt(one, 4950)
		if n != 50 || err != io.EOF || !bytes.Equal(one[:50], all[4950:]) {
			t.Fatalf("at the end: %d bytes, %v", n, err)
		}
		if r.top > r.Flights {
			t.Errorf("seed %d: %d under way, want at most %d", seed, r.top, r.Flights)
		}
	}
}

func TestRangesJoinNeighbours(t *testing.T) {
	for _, c := range []struct {
		name             string
		gap, most        int64
		offs             []int64
		calls, bytesRead int64
	}{
		{"neighbours in any order", 0, 1000, []int64{200, 100, 0}, 1, 300},
		{"a small gap is read over", 50, 1000, []int64{0, 150}, 1, 250},
		{"a larger one is not", 49, 1000, []int64{0, 150}, 2, 200},
		{"not more than the most", 0, 250, []int64{0, 100, 200}, 2, 300},
		{"the same twice", 0, 1000, []int64{0, 0}, 1, 100},
		{"past the end", 0, 1000, []int64{950, 2000}, 1, 50},
	} {
		r := byRanges(counting(1000), c.gap, c.most, 2)
		var reqs []source.Request
		for _, off := range c.offs {
			reqs = append(reqs, source.Request{Off: off, Buf: filled(100)})
		}
		if err := source.ReadBatch(context.Background(), r, reqs); err != nil {
			t.Fatal(err)
		}
		if int64(r.calls) != c.calls || r.bytes != c.bytesRead {
			t.Errorf("%s: %d reads of %d bytes, want %d of %d", c.name, r.calls, r.bytes, c.calls, c.bytesRead)
		}
	}
}

func TestRangesSayWhereAReadFailed(t *testing.T) {
	broken := errors.New("broken")
	r := byRanges(counting(1000), 0, 100, 1)
	r.Read = func(_ context.Context, _ []byte, off int64) error {
		if off == 300 {
			return broken
		}
		return nil
	}
	err := source.ReadBatch(context.Background(), r, []source.Request{{Off: 0, Buf: filled(10)}, {Off: 300, Buf: filled(20)}, {Off: 600, Buf: filled(10)}})
	var re *source.ReadError
	if !errors.As(err, &re) || re.Off != 300 || re.Len != 20 || !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.ReadBatch(ctx, []source.Request{{Off: 0, Buf: filled(10)}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
