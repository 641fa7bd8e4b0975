package service

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"qcowscope/core/source"
)

// asked counts the reads of a source.
type asked struct {
	source.Bytes
	reads int
}

func (a *asked) ReadAt(p []byte, off int64) (int, error) {
	a.reads++
	return a.Bytes.ReadAt(p, off)
}

// What is read through the kept blocks is what is there; read again it is not asked for.
func TestRecalled(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	file := &asked{Bytes: make(source.Bytes, 5*recalledBlock+777)}
	for i := range file.Bytes {
		file.Bytes[i] = byte(r.Uint32())
	}
	kept := newRecalled(file)
	for range 400 {
		off, n := r.Int64N(int64(len(file.Bytes))+recalledBlock), r.IntN(3*recalledBlock)
		want, got := make([]byte, n), make([]byte, n)
		if err := source.ReadFull(file.Bytes, want, off); err != nil {
			t.Fatal(err)
		}
		var err error
		if r.IntN(2) == 0 {
			err = source.ReadFull(kept, got, off)
		} else {
			err = source.ReadBatch(context.Background(), kept, []source.Request{{Off: off, Buf: got[:n/2]}, {Off: off + int64(n/2), Buf: got[n/2:]}})
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes at %d: %v", n, off, err)
		}
	}
	if file.reads != 6 {
		t.Errorf("%d reads of 6 blocks", file.reads)
	}
}

// What is kept is bounded, and reading goes on when the bound is reached.
func TestRecalledIsBounded(t *testing.T) {
	file := source.Bytes(make([]byte, recalledBytes+8*recalledBlock))
	file[len(file)-1] = 7
	kept := newRecalled(file)
	one := make([]byte, 1)
	for off := int64(recalledBlock - 1); off < int64(len(file)); off += recalledBlock {
		if err := source.ReadFull(kept, one, off); err != nil {
			t.Fatal(err)
		}
		if held := int64(len(kept.blocks)) * recalledBlock; held > recalledBytes {
			t.Fatalf("%d bytes are kept", held)
		}
	}
	if one[0] != 7 {
		t.Error("the last byte is another")
	}
}
