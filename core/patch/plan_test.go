package patch_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// model applies a plan to plain bytes: writes in order, then the new size, zeros where the
// file grew.
func model(file []byte, p *patch.Plan) []byte {
	next := make([]byte, max(p.SizeBefore, p.SizeAfter))
	copy(next, file)
	for _, b := range p.Batches {
		for _, w := range b {
			copy(next[w.Off:], w.Data)
		}
	}
	return next[:p.SizeAfter]
}

// noise is bytes of which none is zero, so that zeros show where they are due.
func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + r.IntN(255))
	}
	return b
}

// randomPlan writes, grows and truncates. Writes of one batch do not overlap, those of
// different batches often do.
func randomPlan(r *rand.Rand, size int) *patch.Plan {
	p := patch.New(int64(size))
	room := size
	switch r.IntN(3) {
	case 0:
		room += r.IntN(40)
	case 1:
		p.SizeAfter = int64(r.IntN(size + 1))
	}
	for n := range r.IntN(4) {
		for off := r.IntN(16); off < room; {
			length := min(r.IntN(12), room-off)
			p.Add(n, int64(off), noise(r, length), "because")
			off += length + r.IntN(30)
		}
	}
	if p.SizeAfter >= int64(size) && r.IntN(2) == 0 {
		p.SizeAfter += int64(r.IntN(20)) // zeros at the end
	}
	return p
}

// content is all bytes of a source.
func content(t *testing.T, src source.Source) []byte {
	t.Helper()
	b := bytes.Repeat([]byte{0xee}, int(src.Size()))
	if err := source.ReadFull(src, b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// afterPlan is the file after the plan.
func afterPlan(t *testing.T, file []byte, p *patch.Plan) []byte {
	t.Helper()
	o := patch.NewOverlay(source.Bytes(file))
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	return content(t, o)
}

func TestUndoGivesTheFileBack(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		before := noise(r, r.IntN(200))
		p := randomPlan(r, len(before))
		o := patch.NewOverlay(source.Bytes(before))
		if err := o.Apply(p); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		after := content(t, o)
		undo, err := p.Undo(source.Bytes(before))
		if err != nil {
			t.Fatal(err)
		}
		redo, err := undo.Undo(source.Bytes(after))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Apply(undo); err != nil {
			t.Fatalf("seed %d: the undo plan does not fit: %v", seed, err)
		}
		if !bytes.Equal(content(t, o), before) {
			t.Errorf("seed %d: undone, the file is another\n%v", seed, undo)
		}
		if !bytes.Equal(model(after, undo), before) || !bytes.Equal(model(before, redo), after) {
			t.Errorf("seed %d: undo and redo of plain bytes differ", seed)
		}
	}
}

// Where a plan cuts off more than one chunk of the file, undo brings all of it back.
func TestUndoOfALongTail(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	before := noise(r, 300<<10)
	clear(before[70<<10 : 200<<10])
	p := patch.New(int64(len(before)))
	p.SizeAfter = 1000
	undo, err := p.Undo(source.Bytes(before))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(model(before[:1000], undo), before) {
		t.Error("the tail is another")
	}
	if undo.Bytes() > 250<<10 {
		t.Errorf("%d bytes kept although 130 KiB of the tail are zero", undo.Bytes())
	}
}

func TestUndoNeedsTheOldBytes(t *testing.T) {
	p := patch.New(100)
	p.Add(0, 50, []byte{1, 2}, "")
	bad := source.Faulty{Source: make(source.Bytes, 100), BadOff: 51, BadLen: 1}
	var re *source.ReadError
	if _, err := p.Undo(bad); !errors.As(err, &re) {
		t.Errorf("%v", err)
	}
	p.SizeAfter = 10
	p.Batches = nil
	if _, err := p.Undo(bad); !errors.As(err, &re) {
		t.Errorf("truncation: %v", err)
	}
	p = patch.New(100)
	p.Add(0, 50, []byte{1, 2}, "")
	if _, err := p.EncodeJSON(bad); !errors.As(err, &re) {
		t.Errorf("JSON: %v", err)
	}
}

func TestCheckRejects(t *testing.T) {
	write := func(off int64, n int) patch.Write { return patch.Write{Off: off, Data: make([]byte, n)} }
	for _, c := range []struct {
		name          string
		before, after int64
		batch         []patch.Write
		want          string // part of the error, "" for none
	}{
		{"nothing", 100, 100, nil, ""},
		{"up to the end", 100, 100, []patch.Write{write(98, 2)}, ""},
		{"one byte past the end", 100, 100, []patch.Write{write(98, 3)}, "leaves the file"},
		{"into the growth", 100, 110, []patch.Write{write(98, 12)}, ""},
		{"past the growth", 100, 110, []patch.Write{write(98, 13)}, "leaves the file"},
		{"into the part that is cut off", 100, 50, []patch.Write{write(60, 40)}, ""},
		{"past the part that is cut off", 100, 50, []patch.Write{write(60, 41)}, "leaves the file"},
		{"before the file", 100, 100, []patch.Write{write(-1, 1)}, "leaves the file"},
		{"offset that overflows", 100, 100, []patch.Write{write(math.MaxInt64, 2)}, "leaves the file"},
		{"negative size", 100, -1, nil, "size after"},
		{"for another file", 101, 101, nil, "another file"},
		{"overlap in a batch", 100, 100, []patch.Write{write(20, 4), write(10, 11)}, "overlap"},
		{"same place twice in a batch", 100, 100, []patch.Write{write(20, 4), write(20, 4)}, "overlap"},
		{"side by side in a batch", 100, 100, []patch.Write{write(20, 4), write(10, 10), write(24, 1)}, ""},
	} {
		p := &patch.Plan{SizeBefore: c.before, SizeAfter: c.after, Batches: [][]patch.Write{c.batch}}
		err := p.Check(100)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		o := patch.NewOverlay(make(source.Bytes, 100))
		if got := o.Apply(p); (got == nil) != (err == nil) {
			t.Errorf("%s: Check says %v, Apply %v", c.name, err, got)
		}
		if o.Depth() == 0 && err == nil || o.Depth() == 1 && err != nil {
			t.Errorf("%s: %d plans applied", c.name, o.Depth())
		}
	}
	p := patch.New(101)
	if err := p.Check(100); !errors.Is(err, patch.ErrPlanMismatch) {
		t.Errorf("another size: %v", err)
	}
}

func TestPlanCounts(t *testing.T) {
	p := patch.New(100)
	if !p.Empty() || p.File != patch.TargetImage || p.SizeAfter != 100 {
		t.Errorf("a new plan: %+v", p)
	}
	p.Add(2, 95, []byte{1, 2, 3}, "inside")
	p.Add(0, 99, []byte{1, 2, 3}, "longer")
	if p.Writes() != 2 || p.Bytes() != 6 || p.SizeAfter != 102 || len(p.Batches) != 3 || p.Empty() {
		t.Errorf("%+v", p)
	}
	p.Compact()
	if len(p.Batches) != 2 || p.Batches[0][0].Why != "longer" || p.Batches[1][0].Why != "inside" {
		t.Errorf("compacted: %v", p)
	}
	longer := patch.New(100)
	longer.SizeAfter = 101
	if longer.Empty() {
		t.Error("a plan that only grows the file is not empty")
	}
}

func TestPlanString(t *testing.T) {
	p := patch.New(100)
	p.Add(0, 16, []byte{0xab, 0xcd}, "first")
	p.Add(1, 32, bytes.Repeat([]byte{7}, 20), "second")
	p.SizeAfter = 120
	want := "size 100 -> 120\nbatch 0\n  0x10+0x2 abcd first\nbatch 1\n  0x20+0x14 " + strings.Repeat("07", 16) + "... second\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func equalPlans(a, b *patch.Plan) bool {
	sameWrite := func(v, w patch.Write) bool { return v.Off == w.Off && v.Why == w.Why && bytes.Equal(v.Data, w.Data) }
	return a.File == b.File && a.SizeBefore == b.SizeBefore && a.SizeAfter == b.SizeAfter && slices.EqualFunc(a.Batches, b.Batches, func(v, w []patch.Write) bool {
		return slices.EqualFunc(v, w, sameWrite)
	})
}

func TestJSONRoundTrip(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 8))
		file := noise(r, 1+r.IntN(200))
		p := randomPlan(r, len(file))
		saved, err := p.EncodeJSON(source.Bytes(file))
		if err != nil {
			t.Fatal(err)
		}
		back, err := patch.DecodeJSON(saved, source.Bytes(file))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, saved)
		}
		if !equalPlans(p, back) {
			t.Errorf("seed %d: saved\n%vread back\n%v", seed, p, back)
		}
		refusesOtherFiles(t, p, saved, file)
	}
}

// refusesOtherFiles changes each byte that the plan writes over, and the length.
func refusesOtherFiles(t *testing.T, p *patch.Plan, saved, file []byte) {
	t.Helper()
	for _, b := range p.Batches {
		for _, w := range b {
			for off := w.Off; off < min(w.End(), p.SizeBefore); off++ {
				other := bytes.Clone(file)
				other[off] ^= 0x40
				if _, err := patch.DecodeJSON(saved, source.Bytes(other)); !errors.Is(err, patch.ErrPlanMismatch) {
					t.Fatalf("byte 0x%x differs: %v", off, err)
				}
			}
		}
	}
	for _, other := range [][]byte{file[1:], append(bytes.Clone(file), 0)} {
		if _, err := patch.DecodeJSON(saved, source.Bytes(other)); !errors.Is(err, patch.ErrPlanMismatch) {
			t.Fatalf("length %d instead of %d: %v", len(other), len(file), err)
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	const head = `{"file":"image","size-before":4,"size-after":4,"batches":`
	for _, c := range []struct{ name, json string }{
		{"no JSON", `{`},
		{"another kind of JSON", `[]`},
		{"write past the end", head + `[[{"offset":3,"old":"AA==","new":"AAA="}]]}`},
		{"write before the file", head + `[[{"offset":-1,"old":"","new":"AA=="}]]}`},
		{"no old bytes", head + `[[{"offset":0,"new":"AQI="}]]}`},
		{"too few old bytes", head + `[[{"offset":0,"old":"AA==","new":"AQI="}]]}`},
		{"too many old bytes", head + `[[{"offset":0,"old":"AAAA","new":"AQI="}]]}`},
		{"other old bytes", head + `[[{"offset":0,"old":"AAE=","new":"AQI="}]]}`},
		{"unknown file", `{"file":"passwords","size-before":4,"size-after":4,"batches":[]}`},
		{"negative size", `{"size-before":4,"size-after":-4,"batches":[]}`},
	} {
		if p, err := patch.DecodeJSON([]byte(c.json), make(source.Bytes, 4)); err == nil {
			t.Errorf("%s: read as %v", c.name, p)
		}
	}
	good := head + `[[{"offset":0,"old":"AAA=","new":"AQI="}]]}`
	p, err := patch.DecodeJSON([]byte(good), make(source.Bytes, 4))
	if err != nil || p.Bytes() != 2 || p.File != patch.TargetImage {
		t.Errorf("%v, %v", p, err)
	}
}
