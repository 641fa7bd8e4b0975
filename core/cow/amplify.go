package cow

import (
	"context"
	"errors"
	"math/bits"

	"qcowscope/core/qcow2"
)

// Initial is the state of the image before a trace.
type Initial uint8

// The states from which a trace can begin.
const (
	Empty     Initial = iota // nothing is allocated, there is no backing file
	Backed                   // nothing is allocated, a backing file shows through
	Allocated                // every cluster is allocated and holds data
	Shared                   // the same, just after a snapshot: nothing may be overwritten
)

func (i Initial) String() string {
	return [...]string{"empty", "backed", "allocated", "shared"}[i]
}

// Initials are the states by name.
func Initials() []Initial { return []Initial{Empty, Backed, Allocated, Shared} }

// Setup is an image as a trace is tried on it.
type Setup struct {
	ClusterBits uint
	ExtendedL2  bool
	Initial     Initial
}

// Geometry is that of a version 3 image with refcounts of 16 bits.
func (s Setup) Geometry() qcow2.Geometry {
	return qcow2.Geometry{Version: 3, ClusterBits: s.ClusterBits, RefcountOrder: 4, ExtendedL2: s.ExtendedL2}
}

// Cost is what a trace costs in a setup, in bytes and counts. What QEMU's caches merge is
// counted each time.
type Cost struct {
	Setup
	Written   int64 // by the guest
	Copied    int64 // read from the old cluster or the backing file and written again
	Zeroed    int64 // filled with zeros; QEMU leaves that to the file system where it can
	InPlace   int64 // writes that change no entry
	Entries   int64 // L2 entries changed
	Refcounts int64 // refcounts changed
	Tables    int64 // L2 tables allocated or copied
	Metadata  int64 // bytes of those entries and refcounts
	// Structures are the bytes of those tables, and of refblocks. They are written once; it
	// depends on how much of the disk a trace touches, not on how much it writes.
	Structures int64
	Allocated  int64 // bytes of clusters allocated for data
	// Mapping is how many bytes of L2 tables map the disk up to the trace's end: what QEMU
	// must cache not to read tables again and again.
	Mapping int64
}

// Total is how many bytes are written for all of the trace, but for the structures.
func (c Cost) Total() int64 { return c.Written + c.Copied + c.Zeroed + c.Metadata }

// Factor is how many bytes are written for each that the guest writes.
func (c Cost) Factor() float64 { return float64(c.Total()) / float64(max(1, c.Written)) }

// ErrSpread says that the writes of a trace lie too far apart to keep track of.
var ErrSpread = errors.New("cow: the writes are scattered over more of the disk than can be kept track of")

// Clusters are kept track of in blocks; their number bounds the memory.
const (
	blockWords    = 16
	blockClusters = blockWords * 64
	maxBlocks     = 1 << 21
)

// block is the state of clusters in a row: bit i%64 of word i/64.
type block struct {
	own  [blockWords]uint64 // allocated, and nobody else uses it
	full [blockWords]uint64 // and all of its subclusters hold data
}

// replay is a disk while a trace runs over it.
type replay struct {
	Cost
	g       qcow2.Geometry
	blocks  map[int64]*block
	last    *block
	lastAt  int64
	partial map[int64]uint32 // allocation bits of own clusters that are not full
	tables  map[int64]struct{}
	table   int64 // of the last write
}

// Amplify runs a trace over an image. The error is the context's or ErrSpread.
func Amplify(ctx context.Context, t *Trace, s Setup) (Cost, error) {
	r := &replay{Cost: Cost{Setup: s}, g: s.Geometry(), blocks: map[int64]*block{}, lastAt: -1, partial: map[int64]uint32{}, tables: map[int64]struct{}{}, table: -1}
	for i, a := range t.Writes {
		if i%4096 == 0 && ctx.Err() != nil {
			return r.Cost, ctx.Err()
		}
		if err := r.write(a); err != nil {
			return r.Cost, err
		}
	}
	refblocks := ceilDiv(r.Allocated>>s.ClusterBits+r.Tables, r.g.RefblockEntries())
	r.Metadata = r.Entries*r.g.L2EntrySize() + r.Refcounts*2
	r.Structures = (r.Tables + refblocks) << s.ClusterBits
	r.Mapping = r.g.Clusters(t.End) * r.g.L2EntrySize()
	return r.Cost, nil
}

func (r *replay) write(a Access) error {
	r.Written += a.Len
	if r.Initial == Allocated {
		r.InPlace++
		return nil
	}
	r.touchTables(a)
	before := r.Entries
	cb := r.ClusterBits
	first, last := a.Off>>cb, (a.Off+a.Len-1)>>cb
	start, end := a.Off-first<<cb, a.Off+a.Len-last<<cb
	if first == last {
		if err := r.edge(first, start, end); err != nil {
			return err
		}
	} else {
		if err := r.edge(first, start, 1<<cb); err != nil {
			return err
		}
		if err := r.whole(first+1, last); err != nil {
			return err
		}
		if err := r.edge(last, 0, end); err != nil {
			return err
		}
	}
	if r.Entries == before {
		r.InPlace++
	}
	return nil
}

// touchTables counts the L2 tables that a write has to allocate or copy.
func (r *replay) touchTables(a Access) {
	span := r.g.L2Span()
	for i := a.Off / span; i <= (a.Off+a.Len-1)/span; i++ {
		if i == r.table {
			continue
		}
		r.table = i
		if _, there := r.tables[i]; there {
			continue
		}
		r.tables[i] = struct{}{}
		r.Tables++
		r.Refcounts++
		if r.Initial == Shared {
			r.Refcounts++
		}
	}
}

// at is the block of a cluster, its word and its bit.
func (r *replay) at(cluster int64) (b *block, word int, bit uint64, err error) {
	i := cluster / blockClusters
	if i != r.lastAt {
		b := r.blocks[i]
		if b == nil {
			if len(r.blocks) >= maxBlocks {
				return nil, 0, 0, ErrSpread
			}
			b = &block{}
			r.blocks[i] = b
		}
		r.last, r.lastAt = b, i
	}
	k := cluster % blockClusters
	return r.last, int(k / 64), 1 << (k % 64), nil
}

// edge writes the bytes from start to end of one cluster.
func (r *replay) edge(cluster, start, end int64) error {
	b, w, bit, err := r.at(cluster)
	if err != nil || b.full[w]&bit != 0 {
		return err
	}
	cs, sub := r.g.ClusterSize(), r.g.SubclusterSize()
	s0, s1 := start/sub, (end-1)/sub
	mine := uint32(uint64(2)<<s1 - uint64(1)<<s0)
	mask := ^uint32(0)
	switch own := b.own[w]&bit != 0; {
	case !own && r.Initial == Shared:
		r.copy(start + cs - end)
	case !r.ExtendedL2: // nothing is there yet: own clusters are full
		r.fill(start + cs - end)
	default:
		mask = r.partial[cluster] // 0 if it is not our own
		if mask>>s0&1 == 0 {
			r.fill(start - s0*sub)
		}
		if mask>>s1&1 == 0 {
			r.fill((s1+1)*sub - end)
		}
		if own && mask&mine == mine {
			return nil
		}
		mask |= mine
	}
	r.Entries++
	if b.own[w]&bit == 0 {
		r.allocate(1)
		b.own[w] |= bit
	}
	if mask == ^uint32(0) {
		b.full[w] |= bit
		delete(r.partial, cluster)
	} else {
		r.partial[cluster] = mask
	}
	return nil
}

// whole writes the clusters from first up to last, without that.
func (r *replay) whole(first, last int64) error {
	for c := first; c < last; {
		b, w, _, err := r.at(c)
		if err != nil {
			return err
		}
		n := min(last-c, 64-c%64)
		mask := ^uint64(0) >> (64 - n) << (c % 64)
		r.Entries += int64(bits.OnesCount64(mask &^ b.full[w]))
		r.allocate(int64(bits.OnesCount64(mask &^ b.own[w])))
		b.own[w] |= mask
		b.full[w] |= mask
		c += n
	}
	return nil
}

func (r *replay) allocate(n int64) {
	r.Allocated += n << r.ClusterBits
	r.Refcounts += n
	if r.Initial == Shared {
		r.Refcounts += n
	}
}

func (r *replay) copy(n int64) { r.Copied += n }

// fill completes a subcluster, or a cluster, that was never written.
func (r *replay) fill(n int64) {
	if r.Initial == Empty {
		r.Zeroed += n
	} else {
		r.Copied += n
	}
}
