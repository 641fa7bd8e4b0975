package testimages

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// The extent list must read like a plain array of bytes to which the same was done.
func TestGuestReadsLikeAnArray(t *testing.T) {
	const size = 64 * sectorSize
	noise := rand.New(rand.NewPCG(1, 2))
	g := &Guest{Size: size, base: &Guest{Size: size / 2, extents: []Extent{{0, size / 2, 0x5a}}}}
	plain := make([]byte, size)
	Pattern(plain[:size/2], 0x5a, 0)
	backing := bytes.Clone(plain)
	for range 500 {
		off := noise.Int64N(64) * sectorSize
		n := min(size-off, (1+noise.Int64N(8))*sectorSize)
		if noise.IntN(4) == 0 {
			g.remove(off, n)
			copy(plain[off:off+n], backing[off:off+n])
		} else {
			fill := byte(noise.IntN(4))
			g.put(off, n, fill)
			Pattern(plain[off:off+n], fill, off)
		}
		at := noise.Int64N(size)
		got := make([]byte, 1+noise.Int64N(size))
		n2, err := g.ReadAt(got, at)
		if int64(n2) != min(int64(len(got)), size-at) || (n2 < len(got)) != errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt(%d bytes, %d) = %d, %v", len(got), at, n2, err)
		}
		if !bytes.Equal(got[:n2], plain[at:at+int64(n2)]) {
			t.Fatalf("other bytes at %d+%d; extents %v", at, n2, g.Extents())
		}
	}
}

func TestPatternTellsWhereItBelongs(t *testing.T) {
	p := make([]byte, 2*sectorSize)
	Pattern(p, 0x42, 3*sectorSize)
	if want := "guest 0x000000000600, fill 0x42\nBB"; string(p[:len(want)]) != want {
		t.Errorf("first sector begins with %q", p[:len(want)])
	}
	tail := make([]byte, 100)
	Pattern(tail, 0x42, 3*sectorSize+1000)
	if !bytes.Equal(tail[:24], p[1000:1024]) {
		t.Error("a pattern that starts inside a sector does not continue it")
	}
}
