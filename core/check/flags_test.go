package check_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"qcowscope/core/source"
	"qcowscope/testimages"
)

// countedBytes counts what is read.
type countedBytes struct {
	source.Bytes
	read atomic.Int64
}

func (c *countedBytes) ReadAt(b []byte, off int64) (int, error) {
	c.read.Add(int64(len(b)))
	return c.Bytes.ReadAt(b, off)
}

// Entries of a garbage L2 table name clusters behind the file that are in turn in the one
// refblock, in another one, and in none: the refblocks are not read for each entry.
func TestFlagsOfGarbageReadRefblocksSeldom(t *testing.T) {
	const (
		cluster  = 64 << 10
		entries  = cluster / 8
		perBlock = cluster / 2 // refcounts of 16 bits
	)
	for _, blocks := range []int{1, 2} {
		b := testimages.MakeLines(t, `
image version=3 size=512M cluster=64K refcount_bits=16
write guest=0 len=64K fill=0x11
write guest=64K len=64K fill=0x22
grow clusters=8
`).Image
		at := func(off uint64) uint64 { return binary.BigEndian.Uint64(b[off:]) }
		reftable, l1 := at(48), at(40)
		l2 := at(l1) &^ (1 << 63)
		if blocks == 2 { // the second refblock is a cluster that was added
			binary.BigEndian.PutUint64(b[reftable+8:], uint64(len(b)-cluster))
		}
		for j := range uint64(entries) {
			host := (j%3*perBlock + 1000 + j) * cluster
			binary.BigEndian.PutUint64(b[l2+8*j:], host|1<<63)
		}
		src := &countedBytes{Bytes: b}
		rep := run(t, src)
		if rep.Corruptions < entries {
			t.Fatalf("%d refblocks: only %d corruptions", blocks, rep.Corruptions)
		}
		if most := int64(len(b) + 96<<20); src.read.Load() > most {
			t.Errorf("%d refblocks: %d bytes were read of a file of %d, at most %d are expected", blocks, src.read.Load(), len(b), most)
		}
	}
}
