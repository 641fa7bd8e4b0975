package refcount_test

import (
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/source"
)

const mi = int64(1) << 20

// made is an image in memory of which only the bytes given are not zero.
type made struct {
	size      int64
	bits      uint32
	order     uint32
	l1        int64
	l1Entries uint32
	snapshots uint32
	snapTable int64
	data      map[int64][]byte
}

func (m made) source(t testing.TB) *source.Counted {
	t.Helper()
	h := make([]byte, 512)
	copy(h, "QFI\xfb")
	be.PutUint32(h[4:], 3)
	be.PutUint32(h[20:], m.bits)
	be.PutUint32(h[36:], m.l1Entries)
	be.PutUint64(h[40:], uint64(m.l1))
	be.PutUint32(h[60:], m.snapshots)
	be.PutUint64(h[64:], uint64(m.snapTable))
	be.PutUint32(h[96:], m.order)
	be.PutUint32(h[100:], 104)
	p := patch.New(m.size)
	p.Add(0, 0, h, "")
	for off, b := range m.data {
		p.Add(0, off, b, "")
	}
	o := patch.NewOverlay(source.Zeros(m.size))
	if err := o.Apply(p); err != nil {
		t.Fatal(err)
	}
	return &source.Counted{Source: o}
}

// table is n words.
func table(n int64, word func(i int64) uint64) []byte {
	b := make([]byte, 0, 8*n)
	for i := range n {
		b = be.AppendUint64(b, word(i))
	}
	return b
}

// snapshotTable is n entries with L1 tables of size entries.
func snapshotTable(n int64, size uint32, l1 func(i int64) int64) []byte {
	b := make([]byte, 0, 56*n)
	for i := range n {
		b = be.AppendUint64(b, uint64(l1(i)))
		b = be.AppendUint32(b, size)
		b = append(b, make([]byte, 24)...)
		b = be.AppendUint32(b, 16)
		b = append(b, make([]byte, 16)...)
	}
	return b
}
