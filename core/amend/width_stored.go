package amend

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// storedRefcounts are the refcounts of an image as its refblocks hold them, in memory, to be
// changed there. What a reftable reaches but has no refblock for takes no room, and neither
// do refblocks of zeros.
type storedRefcounts struct {
	g       qcow2.Geometry
	tableAt qcow2.HostCluster
	table   []qcow2.HostCluster // of refblock k, 0 if there is none
	blocks  []qcow2.Refblock    // nil where all refcounts are 0
	ones    []byte              // chunk refcounts of 1
}

const (
	// chunk is how many refcounts are looked at together. At every width they are whole
	// bytes, and every refblock holds whole chunks.
	chunk = 64
	// storedWindow is how many bytes of refblocks are read at a time.
	storedWindow = 4 << 20
	// maxRefcountBytes bounds what is held of one structure.
	maxRefcountBytes = 2 << 30
)

var errTooManyRefcounts = errors.New("amend: the refcounts take more than 2 GiB, which is more than this program changes at once")

// readStoredRefcounts reads all refblocks of an image whose reftable has no damage.
func readStoredRefcounts(ctx context.Context, img *image.Image) (*storedRefcounts, error) {
	g := img.Geo
	s := &storedRefcounts{g: g, tableAt: g.Cluster(qcow2.HostOff(img.Header.RefcountTableOffset)),
		table: make([]qcow2.HostCluster, len(img.Reftable)), blocks: make([]qcow2.Refblock, len(img.Reftable)), ones: chunkOfOnes(g.RefcountOrder)}
	var window []int64
	held := int64(0)
	flush := func() error {
		n, err := s.read(ctx, img, window)
		if held += n; err == nil && held > maxRefcountBytes {
			err = errTooManyRefcounts
		}
		window = window[:0]
		return err
	}
	for k, e := range img.Reftable {
		if e.Refblock() == 0 {
			continue
		}
		s.table[k] = g.Cluster(e.Refblock())
		if window = append(window, int64(k)); int64(len(window))<<g.ClusterBits >= storedWindow {
			if err := flush(); err != nil {
				return nil, err
			}
		}
	}
	return s, flush()
}

// read reads the refblocks of the indices, and says how many bytes are held of them.
func (s *storedRefcounts) read(ctx context.Context, img *image.Image, ks []int64) (held int64, err error) {
	reqs := make([]source.Request, len(ks))
	for i, k := range ks {
		reqs[i] = source.Request{Off: int64(s.g.Offset(s.table[k])), Buf: make([]byte, s.g.ClusterSize())}
	}
	if err := img.ReadBatch(ctx, reqs); err != nil {
		return 0, err
	}
	for i, k := range ks {
		if !allZero(reqs[i].Buf) {
			s.blocks[k] = reqs[i].Buf
			held += s.g.ClusterSize()
		}
	}
	return held, nil
}

// chunkOfOnes is a chunk in which every refcount is 1.
func chunkOfOnes(order uint) []byte {
	b := make(qcow2.Refblock, chunk<<order/8)
	for i := range int64(chunk) {
		b.Set(order, i, 1)
	}
	return b
}

// allZero tells of whole words.
func allZero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b) != 0 {
			return false
		}
	}
	return true
}

// tableLen is how many clusters the reftable has.
func (s *storedRefcounts) tableLen() int64 {
	return s.g.Clusters(int64(len(s.table)) * qcow2.ReftableEntrySize)
}

// structure is how many clusters the reftable and the refblocks have.
func (s *storedRefcounts) structure() int64 {
	n := s.tableLen()
	for _, c := range s.table {
		if c != 0 {
			n++
		}
	}
	return n
}

// reach is how many clusters the reftable can hold refcounts of.
func (s *storedRefcounts) reach() int64 { return int64(len(s.table)) * s.g.RefblockEntries() }

// at is the refcount of cluster c, 0 where there is no refblock.
func (s *storedRefcounts) at(c qcow2.HostCluster) uint64 {
	per := s.g.RefblockEntries()
	k := int64(c) / per
	if k >= int64(len(s.blocks)) || s.blocks[k] == nil {
		return 0
	}
	return s.blocks[k].At(s.g.RefcountOrder, int64(c)%per)
}

// set changes the refcount of a cluster that has a refblock.
func (s *storedRefcounts) set(c qcow2.HostCluster, n uint64) {
	per := s.g.RefblockEntries()
	k := int64(c) / per
	if s.blocks[k] == nil {
		s.blocks[k] = make(qcow2.Refblock, s.g.ClusterSize())
	}
	s.blocks[k].Set(s.g.RefcountOrder, int64(c)%per, n)
}

// dropStructure takes one reference from each cluster of the structure itself.
func (s *storedRefcounts) dropStructure() {
	drop := func(c qcow2.HostCluster) {
		if n := s.at(c); n > 0 {
			s.set(c, n-1)
		}
	}
	for i := range s.tableLen() {
		drop(s.tableAt + qcow2.HostCluster(i))
	}
	for _, c := range s.table {
		if c != 0 {
			drop(c)
		}
	}
}

// Len is the number of clusters up to the last with a refcount.
func (s *storedRefcounts) Len() int64 {
	per := s.g.RefblockEntries()
	for k := int64(len(s.blocks)) - 1; k >= 0; k-- {
		for i := per - 1; i >= 0 && s.blocks[k] != nil; i-- {
			if s.blocks[k].At(s.g.RefcountOrder, i) != 0 {
				return k*per + i + 1
			}
		}
	}
	return 0
}

// eachChunk visits, until visit is false, the chunks of [from, to) in which not all is zero:
// the first cluster, and the refcounts. from and to are multiples of chunk.
func (s *storedRefcounts) eachChunk(from, to int64, visit func(first int64, refcounts qcow2.Refblock) bool) {
	per, order := s.g.RefblockEntries(), s.g.RefcountOrder
	to = min(to, s.reach())
	for from < to {
		k := from / per
		end := min((k+1)*per, to)
		if b := s.blocks[k]; b != nil {
			for ; from < end; from += chunk {
				c := b[from%per<<order/8:][:chunk<<order/8]
				if !allZero(c) && !visit(from, c) {
					return
				}
			}
		}
		from = end
	}
}

// Each visits the clusters of [from, to), multiples of chunk, whose refcount is not zero,
// until visit is false.
func (s *storedRefcounts) Each(from, to int64, visit func(c int64, n uint64) bool) {
	s.eachChunk(from, to, func(first int64, refcounts qcow2.Refblock) bool {
		for i := range int64(chunk) {
			if n := refcounts.At(s.g.RefcountOrder, i); n != 0 && !visit(first+i, n) {
				return false
			}
		}
		return true
	})
}

// any tells whether some refcount of [from, to), multiples of chunk, is not zero.
func (s *storedRefcounts) any(from, to int64) (found bool) {
	s.eachChunk(from, to, func(int64, qcow2.Refblock) bool {
		found = true
		return false
	})
	return found
}

// inUse is how many refcounts of [from, to), multiples of chunk, are not zero.
func (s *storedRefcounts) inUse(from, to int64) (n int64) {
	s.eachChunk(from, to, func(_ int64, refcounts qcow2.Refblock) bool {
		if bytes.Equal(refcounts, s.ones) {
			n += chunk
			return true
		}
		for i := range int64(chunk) {
			if refcounts.At(s.g.RefcountOrder, i) != 0 {
				n++
			}
		}
		return true
	})
	return n
}

// masks visits the chunks below cluster end with a bit for each refcount that is not zero.
func (s *storedRefcounts) masks(end int64, visit func(first qcow2.HostCluster, mask uint64)) {
	s.eachChunk(0, (end+chunk-1)/chunk*chunk, func(first int64, refcounts qcow2.Refblock) bool {
		mask := ^uint64(0)
		if !bytes.Equal(refcounts, s.ones) {
			for i := range int64(chunk) {
				if refcounts.At(s.g.RefcountOrder, i) == 0 {
					mask &^= 1 << i
				}
			}
		}
		visit(qcow2.HostCluster(first), mask)
		return true
	})
}

// filler writes the refcounts into refblocks of another width, which must be wide enough.
// Most clusters have one reference, so that a chunk of such is written as a whole.
func (s *storedRefcounts) filler(order uint) func(from int64, block qcow2.Refblock) {
	ones := chunkOfOnes(order)
	return func(from int64, block qcow2.Refblock) {
		s.eachChunk(from, from+int64(len(block))*8>>order, func(first int64, refcounts qcow2.Refblock) bool {
			into := block[(first-from)<<order/8:]
			if bytes.Equal(refcounts, s.ones) {
				copy(into, ones)
				return true
			}
			for i := range int64(chunk) {
				if n := refcounts.At(s.g.RefcountOrder, i); n != 0 {
					into.Set(order, i, n)
				}
			}
			return true
		})
	}
}
