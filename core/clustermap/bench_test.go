package clustermap

import (
	"context"
	"math/rand"
	"testing"
)

// BenchmarkPyramid builds both pyramids of 2^24 clusters: of a file in one piece, and of one
// in which no two neighbours look alike.
func BenchmarkPyramid(b *testing.B) {
	const n = 1 << 24
	random := rand.New(rand.NewSource(1))
	noise := make(painted, n)
	for i := range noise {
		noise[i] = look{kind: uint8(1 + random.Intn(8)), tone: uint8(random.Intn(4)), part: wholePart}
	}
	for name, l := range map[string]looks{"plain": sparse{n, look{kind: 6, part: 15}, nil}, "noise": noise} {
		for o, order := range []string{"along", "rows"} {
			b.Run(name+"/"+order, func(b *testing.B) {
				for b.Loop() {
					if err := newPyramid(Order(o), PlaneOf(n), judged(&rank{})).build(context.Background(), l); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
