package qcow2_test

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"

	"qcowscope/core/qcow2"
)

// refblockModel is the specification's picture: for widths from 8 bits on big-endian
// numbers side by side; below, the block is one long little-endian number of which refcount
// i is the bits from i*width on.
func refblockModel(order uint, counts []uint64) []byte {
	width := uint(1) << order
	if width >= 8 {
		var b []byte
		for _, v := range counts {
			digits := new(big.Int).SetUint64(v).FillBytes(make([]byte, width/8))
			b = append(b, digits...)
		}
		return b
	}
	sum := new(big.Int)
	for i, v := range counts {
		sum.Or(sum, new(big.Int).Lsh(new(big.Int).SetUint64(v), uint(i)*width))
	}
	b := sum.FillBytes(make([]byte, uint(len(counts))*width/8))
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return b
}

func TestRefblockAgainstABitModel(t *testing.T) {
	for order := uint(0); order <= 6; order++ {
		g := qcow2.Geometry{ClusterBits: 9, RefcountOrder: order}
		noise := rand.New(rand.NewPCG(uint64(order), 1))
		block := make(qcow2.Refblock, 512)
		for i := range block {
			block[i] = 0xa5 // whatever stood there before
		}
		counts := make([]uint64, g.RefblockEntries())
		for _, i := range noise.Perm(len(counts)) {
			counts[i] = noise.Uint64() & g.RefcountMax()
			block.Set(order, int64(i), counts[i])
		}
		if !bytes.Equal(block, refblockModel(order, counts)) {
			t.Errorf("order %d: set all refcounts: not the bytes of the model", order)
		}
		for range 2000 {
			i := noise.IntN(len(counts))
			counts[i] = [...]uint64{0, 1, g.RefcountMax(), noise.Uint64() & g.RefcountMax()}[noise.IntN(4)]
			block.Set(order, int64(i), counts[i])
			j := noise.IntN(len(counts))
			if got := block.At(order, int64(j)); got != counts[j] {
				t.Fatalf("order %d: refcount %d is %d, want %d", order, j, got, counts[j])
			}
		}
		if !bytes.Equal(block, refblockModel(order, counts)) {
			t.Errorf("order %d: after random changes: not the bytes of the model", order)
		}
	}
}

func TestRefblockVectors(t *testing.T) {
	for _, c := range []struct {
		order uint
		i     int64
		v     uint64
		want  []byte // the first 16 bytes of a zero block afterwards
	}{
		{0, 0, 1, []byte{0x01}},
		{0, 7, 1, []byte{0x80}},
		{0, 8, 1, []byte{0x00, 0x01}},
		{1, 1, 3, []byte{0x0c}},
		{1, 3, 2, []byte{0x80}},
		{2, 0, 0xa, []byte{0x0a}},
		{2, 1, 0xa, []byte{0xa0}},
		{2, 5, 0xf, []byte{0x00, 0x00, 0xf0}},
		{3, 2, 0xfe, []byte{0x00, 0x00, 0xfe}},
		{4, 1, 0x0102, []byte{0x00, 0x00, 0x01, 0x02}},
		{5, 1, 0x01020304, []byte{0, 0, 0, 0, 1, 2, 3, 4}},
		{6, 1, 0x0102030405060708, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}},
	} {
		block := make(qcow2.Refblock, 512)
		block.Set(c.order, c.i, c.v)
		if want := append(bytes.Clone(c.want), make([]byte, 512-len(c.want))...); !bytes.Equal(block, want) {
			t.Errorf("order %d: refcount[%d] = 0x%x gives %x", c.order, c.i, c.v, block[:16])
		}
		if got := block.At(c.order, c.i); got != c.v {
			t.Errorf("order %d: refcount[%d] reads 0x%x, want 0x%x", c.order, c.i, got, c.v)
		}
	}
}
