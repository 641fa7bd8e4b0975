package cow

import (
	"context"
	"encoding/binary"
	"math/bits"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// freeBits says which clusters of one refblock are free: bit i for its entry i.
type freeBits struct {
	words []uint64 // nil: none is free
	// Of the runs of free clusters: the one at the start, the one at the end, the longest.
	// They are right while exact is set, which any change ends.
	head, tail, longest int64
	exact               bool
}

// noneFree stands for every refblock whose clusters are all in use.
var noneFree = &freeBits{exact: true}

// anyZero tells whether one of the lanes of a word is 0: low has the lowest bit of each
// lane, high the highest.
func anyZero(word, low, high uint64) bool { return (word-low)&^word&high != 0 }

// unusedBits takes a cluster as free where its count is 0.
func unusedBits(counts []uint8) *freeBits {
	n := int64(len(counts))
	var words []uint64
	for i := int64(0); i < n; i++ {
		if i+8 <= n && !anyZero(binary.LittleEndian.Uint64(counts[i:]), 0x0101010101010101, 0x8080808080808080) {
			i += 7
			continue
		}
		if counts[i] != 0 {
			continue
		}
		if words == nil {
			words = make([]uint64, (n+63)/64)
		}
		words[i/64] |= 1 << (i % 64)
	}
	return bitsOf(words, n)
}

// bitsOf has the measures of words for n clusters; nil stands for none free.
func bitsOf(words []uint64, n int64) *freeBits {
	if words == nil {
		return noneFree
	}
	b := &freeBits{words: words}
	b.measure(n)
	return b
}

// newFreeBits takes a cluster as free where its stored refcount is 0.
func newFreeBits(g qcow2.Geometry, block qcow2.Refblock) *freeBits {
	n := g.RefblockEntries()
	var words []uint64
	for i := int64(0); i < n; i++ {
		if g.RefcountOrder == 4 && i%4 == 0 && !anyZero(be64(block[2*i:]), 0x0001000100010001, 0x8000800080008000) {
			i += 3 // of the ordinary width four at a time: most of a large image is in use
			continue
		}
		if block.At(g.RefcountOrder, i) != 0 {
			continue
		}
		if words == nil {
			words = make([]uint64, (n+63)/64)
		}
		words[i/64] |= 1 << (i % 64)
	}
	return bitsOf(words, n)
}

// measured is a copy with exact measures.
func (b *freeBits) measured(n int64) *freeBits {
	c := b.clone(n)
	c.measure(n)
	return c
}

func (b *freeBits) measure(n int64) {
	b.exact, b.longest = true, 0
	b.head = b.usedFrom(0, n)
	for at := int64(0); at < n; {
		at = b.freeFrom(at, n)
		end := b.usedFrom(at, n)
		b.longest = max(b.longest, end-at)
		b.tail = end - at // of the last run; 0 if it does not reach the end
		if end < n {
			b.tail = 0
		}
		at = end
	}
}

// freeFrom is the first free entry from at on, n if there is none.
func (b *freeBits) freeFrom(at, n int64) int64 {
	return b.search(at, n, 0)
}

// usedFrom is the first entry from at on that is in use, n if there is none.
func (b *freeBits) usedFrom(at, n int64) int64 {
	return b.search(at, n, ^uint64(0))
}

// search is the first entry from at on whose bit is set after flip, n if there is none.
func (b *freeBits) search(at, n int64, flip uint64) int64 {
	if b.words == nil {
		if flip != 0 {
			return at
		}
		return n
	}
	for at < n {
		if w := (b.words[at/64] ^ flip) >> (at % 64); w != 0 {
			return min(n, at+int64(bits.TrailingZeros64(w)))
		}
		at = (at/64 + 1) * 64
	}
	return n
}

// allFree has n entries, none of which is in use.
func allFree(n int64) *freeBits {
	b := &freeBits{words: make([]uint64, (n+63)/64), exact: true, head: n, tail: n, longest: n}
	for i := range b.words {
		b.words[i] = ^uint64(0)
	}
	return b
}

// clone is a copy that may be changed.
func (b *freeBits) clone(n int64) *freeBits {
	words := make([]uint64, (n+63)/64)
	copy(words, b.words)
	return &freeBits{words: words}
}

func (b *freeBits) set(i int64, free bool) {
	b.exact = false
	if free {
		b.words[i/64] |= 1 << (i % 64)
	} else {
		b.words[i/64] &^= 1 << (i % 64)
	}
}

// freeMap is what the stored refcounts of an image say is free, a refblock at a time, as
// far as it was read. It never changes once read: what plans change is their own.
type freeMap struct {
	g      qcow2.Geometry
	blocks []*freeBits             // by reftable index; nil: not read yet
	owner  map[qcow2.HostOff]int64 // of refblocks that were read: their index
	// inUse are clusters with stored refcount 0 that are in use after all.
	inUse []qcow2.HostCluster
}

func newFreeMap(g qcow2.Geometry, reftable int) *freeMap {
	return &freeMap{g: g, blocks: make([]*freeBits, reftable), owner: map[qcow2.HostOff]int64{}}
}

// blocksAhead is how many bytes of refblocks are read at a time.
const blocksAhead = 2 << 20

// keptInUse bounds the list of clusters that are not free against their refcount.
const keptInUse = 64

// load reads the refblock of index k, which the reftable names, and those after it.
func (w *Writer) load(ctx context.Context, k int64) error {
	var reqs []source.Request
	var at []int64
	for i := k; i < int64(len(w.free.blocks)) && int64(len(reqs)) < max(1, int64(blocksAhead)>>w.g.ClusterBits); i++ {
		off := w.img.Reftable[i].Refblock()
		if w.free.blocks[i] != nil || off == 0 || i > k && w.badBlock(off) != nil {
			continue
		}
		if other, there := w.free.owner[off]; there && other != i {
			return w.stopBlock(i, ErrBlockShared)
		}
		w.free.owner[off] = i
		if known := w.counted(i); known != nil {
			w.free.blocks[i] = known
			if i == k {
				return nil
			}
			continue
		}
		reqs = append(reqs, source.Request{Off: int64(off), Buf: make([]byte, w.g.ClusterSize())})
		at = append(at, i)
	}
	if err := w.img.ReadBatch(ctx, reqs); err != nil {
		return err
	}
	for j, i := range at {
		w.free.blocks[i] = w.withoutUsed(i, newFreeBits(w.g, reqs[j].Buf))
	}
	return nil
}

// counted is what is free of refblock k as far as the check knows it already, else nil.
func (w *Writer) counted(k int64) *freeBits {
	n, t := w.g.RefblockEntries(), w.opt.Counts
	if t == nil || !w.opt.CountsStored || (k+1)*n > t.Len() {
		return nil // some of its clusters are past the end of the file: nobody looked at them
	}
	return unusedBits(t.Counts(k*n, (k+1)*n))
}

// stopBlock is the error of reftable entry k.
func (w *Writer) stopBlock(k int64, err error) error {
	at := qcow2.HostOff(w.img.Header.RefcountTableOffset) + qcow2.HostOff(k*qcow2.ReftableEntrySize)
	return &StopError{At: at, Entry: qcow2.L2Entry{Entry: uint64(w.img.Reftable[k])}, Err: err}
}

// badBlock is why a refblock cannot be where the reftable says, nil if it can.
func (w *Writer) badBlock(off qcow2.HostOff) error {
	if off < 0 || !w.g.Aligned(off) || int64(off) >= w.img.Src.Size() {
		return ErrBlockOutside
	}
	return nil
}

// withoutUsed takes those clusters out that are counted as in use.
func (w *Writer) withoutUsed(k int64, b *freeBits) *freeBits {
	n := w.g.RefblockEntries()
	if w.opt.Counts == nil || b.words == nil {
		return b
	}
	first := k * n
	for i := b.freeFrom(0, n); i < n && first+i < w.opt.Counts.Len(); i = b.freeFrom(i+1, n) {
		c := qcow2.HostCluster(first + i)
		if w.opt.Counts.Count(c) == 0 {
			continue
		}
		b.set(i, false)
		if len(w.free.inUse) < keptInUse {
			w.free.inUse = append(w.free.inUse, c)
		}
	}
	b.measure(n)
	return b
}
