package patch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// joined is the file that the segments make.
func joined(t *testing.T, o *patch.Overlay, base []byte) []byte {
	t.Helper()
	var out []byte
	for s := range o.Segments() {
		switch {
		case s.Len <= 0:
			t.Errorf("segment %+v is empty", s)
		case s.Start >= 0 && s.Data != nil, s.Data != nil && int64(len(s.Data)) != s.Len:
			t.Errorf("segment %+v contradicts itself", s)
		case s.Start >= 0:
			out = append(out, base[s.Start:s.Start+s.Len]...)
		case s.Data != nil:
			out = append(out, s.Data...)
		default:
			out = append(out, make([]byte, s.Len)...)
		}
	}
	return out
}

// samePieces reads random pieces one by one and as a batch, also past the end.
func samePieces(t *testing.T, r *rand.Rand, o *patch.Overlay, want []byte) {
	t.Helper()
	padded := append(bytes.Clone(want), make([]byte, 100)...)
	var reqs []source.Request
	for range 20 {
		off := r.IntN(len(want) + 20)
		n := r.IntN(40)
		buf := bytes.Repeat([]byte{0xee}, n)
		got, err := o.ReadAt(buf, int64(off))
		model := bytes.NewReader(want)
		expect := make([]byte, n)
		wn, werr := model.ReadAt(expect, int64(off))
		if got != wn || !bytes.Equal(buf[:got], expect[:wn]) || n > 0 && err != werr {
			t.Errorf("%d bytes at %d: %d, %v, want %d, %v", n, off, got, err, wn, werr)
		}
		reqs = append(reqs, source.Request{Off: int64(off), Buf: bytes.Repeat([]byte{0xee}, n)})
	}
	if err := source.ReadBatch(context.Background(), o, reqs); err != nil {
		t.Fatal(err)
	}
	for _, q := range reqs {
		if !bytes.Equal(q.Buf, padded[q.Off:q.Off+int64(len(q.Buf))]) {
			t.Errorf("batch: %d bytes at %d: %x, want %x", len(q.Buf), q.Off, q.Buf, padded[q.Off:q.Off+int64(len(q.Buf))])
		}
	}
}

// An overlay with plans stacked on it, some taken back again, is always what plain bytes
// would be.
func TestOverlayEqualsPlainBytes(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 9))
		base := noise(r, r.IntN(200))
		o := patch.NewOverlay(source.Bytes(base))
		states := [][]byte{base}
		for range 6 {
			now := states[len(states)-1]
			if r.IntN(4) == 0 {
				if o.Undo() != (len(states) > 1) {
					t.Fatalf("seed %d: undo with %d plans applied", seed, len(states)-1)
				}
				states = states[:max(1, len(states)-1)]
			} else {
				p := randomPlan(r, len(now))
				if err := o.Apply(p); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				states = append(states, model(now, p))
			}
			want := states[len(states)-1]
			if o.Size() != int64(len(want)) || o.Depth() != len(states)-1 {
				t.Fatalf("seed %d: size %d, depth %d, want %d, %d", seed, o.Size(), o.Depth(), len(want), len(states)-1)
			}
			if !bytes.Equal(content(t, o), want) || !bytes.Equal(joined(t, o, base), want) {
				t.Fatalf("seed %d: other bytes than the model's", seed)
			}
			samePieces(t, r, o, want)
		}
	}
}

func TestGrowthAfterTruncationReadsZeros(t *testing.T) {
	base := bytes.Repeat([]byte{0x55}, 100)
	o := patch.NewOverlay(source.Bytes(base))
	shrink := patch.New(100)
	shrink.Add(0, 60, []byte{1, 2, 3}, "cut off at once")
	shrink.SizeAfter = 20
	grow := patch.New(20)
	grow.Add(0, 90, []byte{9}, "far behind")
	for _, p := range []*patch.Plan{shrink, grow} {
		if err := o.Apply(p); err != nil {
			t.Fatal(err)
		}
	}
	want := append(bytes.Clone(base[:20]), make([]byte, 71)...)
	want[90] = 9
	if !bytes.Equal(content(t, o), want) || !bytes.Equal(joined(t, o, base), want) {
		t.Errorf("%x", content(t, o))
	}
	first, second, third := o.Undo(), o.Undo(), o.Undo()
	if !first || !second || third || !bytes.Equal(content(t, o), base) {
		t.Error("undone twice it is not the base")
	}
}

// What is patched over wholly need not be readable below.
func TestPatchedBytesAreNotReadFromTheBase(t *testing.T) {
	base := source.Faulty{Source: make(source.Bytes, 100), BadOff: 40, BadLen: 10}
	o := patch.NewOverlay(base)
	p := patch.New(100)
	p.Add(0, 38, make([]byte, 6), "")
	p.Add(0, 44, make([]byte, 8), "")
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		off  int64
		n    int
		fail bool
	}{{40, 10, false}, {38, 14, false}, {39, 3, false}, {37, 14, true}, {38, 15, true}, {0, 37, false}, {52, 10, false}} {
		_, err := o.ReadAt(make([]byte, c.n), c.off)
		batch := source.ReadBatch(context.Background(), o, []source.Request{{Off: c.off, Buf: make([]byte, c.n)}})
		if c.fail != (err != nil) || c.fail != (batch != nil) {
			t.Errorf("%d bytes at %d: %v, %v, fail should be %v", c.n, c.off, err, batch, c.fail)
		}
	}
}

func TestOverlayRefusesNegativeOffsets(t *testing.T) {
	o := patch.NewOverlay(make(source.Bytes, 100))
	if n, err := o.ReadAt(make([]byte, 4), -2); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	err := source.ReadBatch(context.Background(), o, []source.Request{{Off: -2, Buf: make([]byte, 4)}})
	var re *source.ReadError
	if !errors.As(err, &re) || re.Off != -2 {
		t.Errorf("batch: %v", err)
	}
}

func TestSegmentsStopWhenAsked(t *testing.T) {
	o := patch.NewOverlay(make(source.Bytes, 100))
	p := patch.New(100)
	p.Add(0, 10, []byte{1}, "")
	p.Add(0, 110, []byte{1}, "")
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	for stop := range 6 {
		n := 0
		for range o.Segments() {
			if n++; n > stop {
				break
			}
		}
		if n != min(stop+1, 5) {
			t.Errorf("%d segments, asked to stop after %d", n, stop+1)
		}
	}
}

// Plans with very many writes stay fast: the cost is that of sorting, not of comparing all
// with all. The test would not end in time otherwise.
func TestManyWrites(t *testing.T) {
	const n = 30_000
	p := patch.New(16 * n)
	for i := range int64(n) {
		p.Add(0, 16*((i*7919)%n), []byte{byte(i), 1}, "scattered")
		p.Add(1, 16*((i*104729)%n)+1, []byte{2, 3}, "scattered, across the first")
	}
	o := patch.NewOverlay(make(source.Bytes, 16*n))
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	segments := 0
	for range o.Segments() {
		segments++
	}
	if segments < 2*n {
		t.Errorf("%d segments", segments)
	}
}
