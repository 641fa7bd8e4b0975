package refcount_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"reflect"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// shared counts an image in parts of step L1 indices, each packed and unpacked on the way.
func shared(img *image.Image, snaps *image.SnapshotTable, step int64) (*refcount.Result, error) {
	ctx := context.Background()
	n, err := refcount.Indices(ctx, img, snaps)
	if err != nil {
		return nil, err
	}
	parts := iter.Seq2[*refcount.Part, error](func(yield func(*refcount.Part, error) bool) {
		for first := int64(0); first < n; first += step {
			p, err := sent(ctx, img, snaps, first, first+step)
			if !yield(p, err) || err != nil {
				return
			}
		}
	})
	return refcount.Calculate(ctx, img, snaps, refcount.Options{Parts: parts})
}

func sent(ctx context.Context, img *image.Image, snaps *image.SnapshotTable, first, end int64) (*refcount.Part, error) {
	p, err := refcount.CountPart(ctx, img, snaps, refcount.Options{}, first, end)
	if err != nil {
		return nil, err
	}
	packed, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	got := &refcount.Part{}
	return got, got.UnmarshalBinary(packed)
}

// inParts compares a count in parts with the whole one, and tells whether there was one.
func inParts(t *testing.T, what string, file []byte) (plain bool) {
	t.Helper()
	img, snaps := opened(t, source.Bytes(file))
	if img == nil {
		return false
	}
	troubles := 0
	whole, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{Visit: func(tr refcount.Trouble) { troubles++ }})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int64{1, 2, 5} {
		got, err := shared(img, snaps, step)
		if errors.Is(err, refcount.ErrNotPlain) || errors.Is(err, refcount.ErrPartsClash) {
			return false
		}
		if err != nil {
			t.Fatal(err)
		}
		sameResult(t, what, got, whole)
	}
	return true
}

func sameResult(t *testing.T, what string, got, want *refcount.Result) {
	t.Helper()
	if got.Len() != want.Len() || got.Stats != want.Stats || got.Aborted != want.Aborted || got.CopiedUnknown != want.CopiedUnknown {
		t.Fatalf("%s: %d clusters, %+v in parts; %d, %+v in one", what, got.Len(), got.Stats, want.Len(), want.Stats)
	}
	if !reflect.DeepEqual(got.Counts(0, got.Len()), want.Counts(0, want.Len())) || !reflect.DeepEqual(got.Roles(0, got.Len()), want.Roles(0, want.Len())) {
		t.Fatalf("%s: counts or roles differ", what)
	}
	if !reflect.DeepEqual(got.Tree, want.Tree) {
		t.Fatalf("%s: the trees differ:\n%+v\n%+v", what, got.Tree, want.Tree)
	}
}

// A count in parts is the whole one, or is refused.
func TestParts(t *testing.T) {
	plain := 0
	for _, name := range testimages.Names() {
		if inParts(t, name, testimages.Make(t, name).Image) {
			plain++
		}
	}
	if plain < 100 {
		t.Errorf("only %d recipes are counted in parts", plain)
	}
	healthy := 0
	for _, name := range []string{"healthy_cluster_512", "healthy_snapshots_many", "healthy_compressed_straddling", "healthy_extended_l2_snapshot",
		"healthy_bitmaps_cluster_512", "healthy_v2_cluster_512", "healthy_refcount_bits_1"} {
		whole := testimages.Make(t, name).Image
		if inParts(t, name, whole) {
			healthy++
		}
		for seed := range uint64(15) {
			r := rand.New(rand.NewPCG(seed, 9))
			file := append([]byte(nil), whole...)
			words := nonzeroWords(file)
			for range 1 + r.IntN(3) {
				copy(file[words[r.IntN(len(words))]:][:8], file[words[r.IntN(len(words))]:])
			}
			inParts(t, name, file)
		}
	}
	if healthy < 7 {
		t.Errorf("only %d of 7 healthy images are counted in parts", healthy)
	}
}

// Two tables that map one cluster are fine by themselves: that they meet is seen when the
// parts are added up.
func TestPartsThatClash(t *testing.T) {
	m := threeTables()
	m.data[4096*3] = table(4, func(i int64) uint64 { return qcow2.FlagCopied | uint64(4096*(10+i)) })
	img, snaps := opened(t, m.source(t))
	for first := range int64(3) {
		if _, err := refcount.CountPart(context.Background(), img, snaps, refcount.Options{}, first, first+1); err != nil {
			t.Fatalf("part %d: %v", first, err)
		}
	}
	if _, err := shared(img, snaps, 1); !errors.Is(err, refcount.ErrPartsClash) {
		t.Errorf("%v", err)
	}
	if _, err := shared(img, snaps, 3); !errors.Is(err, refcount.ErrNotPlain) {
		t.Errorf("%v", err)
	}
}

// Parts that are missing, come twice, or are not parts at all are refused.
func TestPartsThatAreNone(t *testing.T) {
	ctx := context.Background()
	img, snaps := opened(t, threeTables().source(t))
	var parts []*refcount.Part
	for first := range int64(3) {
		p, err := sent(ctx, img, snaps, first, first+1)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, p)
	}
	far := *parts[2]
	far.Runs = []refcount.PartRun{{First: 1 << 50, Len: 1, Count: 1}}
	for what, list := range map[string][]*refcount.Part{
		"the last is missing":  parts[:2],
		"the first is missing": parts[1:],
		"one comes twice":      {parts[0], parts[0], parts[1], parts[2]},
		"one leaves the file":  {parts[0], parts[1], &far},
	} {
		seq := func(yield func(*refcount.Part, error) bool) {
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
			}
		}
		if _, err := refcount.Calculate(ctx, img, snaps, refcount.Options{Parts: seq}); !errors.Is(err, refcount.ErrPartsClash) {
			t.Errorf("%s: %v", what, err)
		}
	}
	packed, _ := parts[0].MarshalBinary()
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		b := append([]byte(nil), packed[:r.IntN(len(packed)+1)]...)
		for range r.IntN(4) {
			if len(b) > 0 {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
		}
		var p refcount.Part
		if p.UnmarshalBinary(b) == nil {
			seq := func(yield func(*refcount.Part, error) bool) { yield(&p, nil) }
			refcount.Calculate(ctx, img, snaps, refcount.Options{Parts: seq}) // whatever it says, it ends
		}
	}
}
