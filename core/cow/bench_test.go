package cow_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"qcowscope/core/cow"
)

// BenchmarkTrace parses a million lines and compares all setups.
func BenchmarkTrace(b *testing.B) {
	var text bytes.Buffer
	rng := rand.New(rand.NewPCG(1, 1))
	for range 1_000_000 {
		fmt.Fprintf(&text, "%d %d\n", rng.Int64N(1<<26)<<12, 4096<<rng.IntN(6))
	}
	for b.Loop() {
		t, err := cow.ParseTrace(context.Background(), bytes.NewReader(text.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := cow.Compare(context.Background(), t, cow.Empty, nil); err != nil {
			b.Fatal(err)
		}
	}
}
