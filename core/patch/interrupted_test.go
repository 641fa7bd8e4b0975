package patch_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// cutShort is the file after some batches of the plan and some sectors of the next.
func cutShort(r *rand.Rand, file []byte, p *patch.Plan, batches int) []byte {
	b := slices.Clone(file)
	b = append(b, make([]byte, max(0, p.SizeAfter-p.SizeBefore))...)
	for i, batch := range p.Batches {
		for _, w := range batch {
			for from := 0; from < len(w.Data); {
				to := min(len(w.Data), from+512-int((w.Off+int64(from))%512))
				if i < batches || i == batches && r.IntN(2) == 0 {
					copy(b[w.Off+int64(from):], w.Data[from:to])
				}
				from = to
			}
		}
	}
	return b
}

// threeSteps is a file and a plan for it whose batches write to the same sector.
func threeSteps(r *rand.Rand) (file []byte, p *patch.Plan) {
	fill := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(1 + r.IntN(255))
		}
		return b
	}
	file = fill(16 << 10)
	p = patch.New(int64(len(file)))
	p.Add(0, 8<<10, fill(3000), "new table")
	p.Add(0, 20<<10, fill(2000), "another")
	p.Add(1, 0, fill(512), "first step")
	p.Add(2, 512, fill(512), "second step")
	p.Add(3, 0, fill(512), "third step")
	return file, p
}

// Undoing goes through the states that the change went through.
func TestUndoGoesTheSameWay(t *testing.T) {
	file, p := threeSteps(rand.New(rand.NewPCG(1, 1)))
	undo, err := p.Undo(source.Bytes(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(undo.Batches) != 4 || !bytes.Equal(undo.Batches[0][0].Data, p.Batches[1][0].Data) || !bytes.Equal(undo.Batches[2][0].Data, file[:512]) {
		t.Errorf("%v", undo)
	}
}

// An undo plan takes back a change that stopped anywhere, and refuses what is no state of it.
func TestInterruptedChangeIsUndone(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		file, p := threeSteps(r)
		saved, err := p.EncodeGuardedUndoJSON(source.Bytes(file), patch.Guards{Made: []patch.Range{{Off: 20 << 10, Len: 4096}}, Kept: []patch.Range{{Off: 4096, Len: 4096}}})
		if err != nil {
			t.Fatal(err)
		}
		batches := r.IntN(5)
		left := cutShort(r, file, p, batches)
		if batches == 0 && r.IntN(2) == 0 {
			left = left[:p.SizeBefore]
		}
		undo, err := patch.DecodeInterruptedJSON(saved, source.Bytes(left))
		if err != nil {
			t.Fatalf("after %d batches: %v", batches, err)
		}
		if !bytes.Equal(afterPlan(t, left, undo), file) {
			t.Fatalf("after %d batches: undone it is another file", batches)
		}
		places := []int{100, 600, 5000, 8<<10 + 2000}
		if batches > 1 {
			places = append(places, 21<<10) // made, and used since
		}
		for _, at := range places {
			other := slices.Clone(left)
			other[at]++
			if _, err := patch.DecodeInterruptedJSON(saved, source.Bytes(other)); !errors.Is(err, patch.ErrPlanMismatch) {
				t.Fatalf("after %d batches a change at %d is not seen: %v", batches, at, err)
			}
		}
		if _, err := patch.DecodeInterruptedJSON(saved, source.Bytes(left[:len(left)/2])); !errors.Is(err, patch.ErrPlanMismatch) {
			t.Fatal("a file of half the length is taken")
		}
	}
}

// A change that was made as a whole, and then used, is no interrupted one: also where the undo
// plan has one batch, because the change's first wrote only behind the end, or only one.
func TestUsedIsNotInterrupted(t *testing.T) {
	file := bytes.Repeat([]byte("old "), 4096)
	size := int64(len(file))
	twoSteps, oneStep := patch.New(size), patch.New(size)
	for i, p := range []*patch.Plan{twoSteps, oneStep} {
		p.Add(0, size, bytes.Repeat([]byte("new "), 256), "table")
		p.Add(1-i, 512, []byte("switch"), "pointer")
		saved, err := p.EncodeGuardedUndoJSON(source.Bytes(file), patch.Guards{Made: []patch.Range{{Off: size, Len: 1024}}})
		if err != nil {
			t.Fatal(err)
		}
		after := source.Bytes(afterPlan(t, file, p))
		if _, err := patch.DecodeJSON(saved, after); err != nil {
			t.Fatal(err)
		}
		used := slices.Clone(after)
		used[size]++
		for what, left := range map[string]source.Bytes{"used": used, "cut short": after[:size+1]} {
			if _, err := patch.DecodeInterruptedJSON(saved, left); !errors.Is(err, patch.ErrPlanMismatch) {
				t.Errorf("%d steps, %s: taken for a change that stopped: %v", 2-i, what, err)
			}
		}
		copy(used[512:], "old ol")
		if undo, err := patch.DecodeInterruptedJSON(saved, used); err != nil || undo.SizeAfter != size {
			t.Errorf("%d steps: stopped before the switch it is refused: %v", 2-i, err)
		}
	}
}

// No plan makes a file longer than any image is.
func TestGrowthIsBounded(t *testing.T) {
	for _, saved := range []string{
		`{"size-before":4,"size-after":4611686018427387904,"batches":[]}`,
		`{"size-before":4,"size-after":2305843009213693952,"batches":[[{"offset":1152921504606846976,"old":"","new":"AAAA","why":""}]]}`,
		`{"size-before":-4611686018427387904,"size-after":4,"batches":[]}`,
	} {
		for name, decode := range map[string]func([]byte, source.Source) (*patch.Plan, error){"whole": patch.DecodeJSON, "interrupted": patch.DecodeInterruptedJSON} {
			if p, err := decode([]byte(saved), source.Bytes("file")); err == nil {
				t.Errorf("%s: %v is taken", name, p)
			}
		}
	}
	p := patch.New(4)
	p.SizeAfter += patch.MaxGrowth
	if err := p.Check(4); err != nil {
		t.Error(err)
	}
}

// Guards refuse a file that was used since the change.
func TestGuards(t *testing.T) {
	file := bytes.Repeat([]byte("old "), 4096)
	p := patch.New(int64(len(file)))
	p.Add(0, int64(len(file)), bytes.Repeat([]byte("new "), 256), "table")
	p.Add(1, 0, []byte("switch"), "header")
	g := patch.Guards{Kept: []patch.Range{{Off: 4096, Len: 1024}, {Off: 0, Len: 512}}, Made: []patch.Range{{Off: int64(len(file)), Len: 4096}}}
	saved, err := p.EncodeGuardedUndoJSON(source.Bytes(file), g)
	if err != nil {
		t.Fatal(err)
	}
	after := source.Bytes(afterPlan(t, file, p))
	if _, err := patch.DecodeJSON(saved, after); err != nil {
		t.Fatal(err)
	}
	got, err := patch.GuardsOf(saved)
	if err != nil || len(got.Kept) != 1 || got.Kept[0] != g.Kept[0] || len(got.Made) != 1 || got.Made[0].Len != 1024 {
		t.Errorf("guards %+v, %v: what changes is not kept, what is past the end is not made", got, err)
	}
	for _, at := range []int{4096, 5119, len(file), len(file) + 1023} {
		other := slices.Clone(after)
		other[at]++
		if _, err := patch.DecodeJSON(saved, other); !errors.Is(err, patch.ErrPlanMismatch) {
			t.Errorf("a change at %d is not seen: %v", at, err)
		}
	}
}
