package anatomy_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"qcowscope/core/anatomy"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// mutated are small images with all kinds of structures, to be damaged at random.
var mutated = []string{"healthy_cluster_512", "healthy_bitmaps_cluster_512", "healthy_refcount_bits_1", "healthy_v2_cluster_512",
	"healthy_compressed_straddling", "healthy_refcount_bits_2", "healthy_luks", "healthy_extended_l2_16k", "healthy_vm_state"}

// look asks for the anatomy of an image in every way; whatever it is, it must be answered.
func look(t *testing.T, b []byte, seed uint64) {
	ctx := context.Background()
	img, err := image.Open(ctx, source.Bytes(b))
	if err != nil {
		return
	}
	report, err := check.Run(ctx, img, check.Options{MaxClusters: 1 << 20, Limit: 100})
	if err != nil {
		return
	}
	random := rand.New(rand.NewPCG(seed, 3))
	for _, r := range []*check.Report{nil, report} {
		a, err := anatomy.New(img, r)
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			at := at(random.Int64N(int64(len(b))), 1+random.Int64N(1500))
			fs, err := a.Fields(ctx, at)
			if err != nil {
				t.Fatal(err)
			}
			if why := tiled(fs, at, int64(len(b))); why != "" {
				t.Errorf("%v: %s", at, why)
			}
			for i := range fs {
				bounded(t, &fs[i])
				a.Parts(&fs[i])
			}
		}
		if fs, err := a.Fields(ctx, at(0, anatomy.MaxRange)); err != nil || len(fs) > anatomy.MaxRange {
			t.Errorf("%d fields, %v", len(fs), err)
		}
	}
}

// bounded holds what an image can make of a field.
func bounded(t *testing.T, f *anatomy.Field) {
	t.Helper()
	const words = 1024
	if len(f.Value) > 4*anatomy.MaxText || len(f.Name) > words || len(f.Meaning) > words || len(f.From) > anatomy.MaxFrom {
		t.Errorf("%s: a value of %d bytes, a meaning of %d, %d pointers", f.Name, len(f.Value), len(f.Meaning), len(f.From))
	}
}

// Damage anywhere in the tables, of which images consist nearly wholly here, is no trouble.
func TestDamagedAnywhere(t *testing.T) {
	for i, name := range mutated {
		built := testimages.Make(t, name)
		random := rand.New(rand.NewPCG(uint64(i), 11))
		for round := range 40 / testimages.Each(1, jsEach) {
			b := append([]byte(nil), built.Image...)
			for range 1 + random.IntN(6) {
				mutate(random, b)
			}
			look(t, b, uint64(round))
		}
	}
}

// mutate changes a few bytes: of the header often, since all else hangs on it.
func mutate(random *rand.Rand, b []byte) {
	reach := len(b)
	if random.IntN(2) == 0 {
		reach = min(reach, 512)
	}
	off := 20 + random.IntN(reach-28)
	switch random.IntN(4) {
	case 0:
		b[off] ^= 1 << random.IntN(8)
	case 1:
		b[off] = 0xff
	case 2:
		copy(b[off&^7:], b[random.IntN(len(b)-8)&^7:][:8])
	default:
		for i := range 8 {
			b[off&^7+i] = byte(random.Uint32())
		}
	}
}

func FuzzFields(f *testing.F) {
	for _, name := range []string{"healthy_bitmaps_cluster_512", "healthy_compressed_straddling"} {
		b := testimages.Make(f, name)
		f.Add([]byte(b.Image), uint64(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		if len(b) < 1<<20 {
			look(t, b, seed)
		}
	})
}
