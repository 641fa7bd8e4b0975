package amend

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"qcowscope/core/alloc"
	"qcowscope/core/qcow2"
)

// liveRefcounts are the old refcounts while clusters are taken through them, the way QEMU
// does it.
//
// A search begins where the last one ended (next), or at the lowest cluster that became free
// since; a longer run leaves smaller holes behind. When a cluster is taken whose refcount
// has no refblock yet, the refblock is made first, in the next free cluster, and the search
// begins anew. When the reftable is too short for it, the reftable moves behind everything.
type liveRefcounts struct {
	*storedRefcounts
	next    qcow2.HostCluster
	end     int64                // of the file in bytes, with what was written
	changed map[int64]bool       // old refblocks made or changed
	grown   bool                 // the old reftable moved
	first   [2]qcow2.HostCluster // the reftable's first place, from and to
	tell    alloc.Tracer
}

func newLiveRefcounts(s *storedRefcounts, fileSize int64) *liveRefcounts {
	return &liveRefcounts{storedRefcounts: s, end: fileSize, changed: map[int64]bool{},
		first: [2]qcow2.HostCluster{s.tableAt, s.tableAt + qcow2.HostCluster(s.tableLen())}}
}

// take is the start of n free clusters in a row, whose refcounts are then 1.
func (l *liveRefcounts) take(n int64) (qcow2.HostCluster, error) {
	for {
		start := l.search(n)
		done, err := l.raise(start, n)
		if done || err != nil {
			return start, err
		}
	}
}

// search is the start of the next n free clusters in a row.
func (l *liveRefcounts) search(n int64) qcow2.HostCluster {
	for run := int64(0); run < n; l.next++ {
		if run++; l.at(l.next) != 0 {
			run = 0
		}
	}
	return l.next - qcow2.HostCluster(n)
}

// raise gives the clusters a reference. It is false when a refblock had to be made: nothing
// is taken then, and the search has to begin anew.
func (l *liveRefcounts) raise(start qcow2.HostCluster, n int64) (done bool, err error) {
	per := l.g.RefblockEntries()
	for c := start; c < start+qcow2.HostCluster(n); c++ {
		if k := int64(c) / per; k >= int64(len(l.table)) || l.table[k] == 0 {
			err := l.makeRefblock(k, c)
			l.next = min(l.next, start)
			l.free(start, int64(c-start))
			return false, err
		}
		l.change(c, l.at(c)+1)
	}
	return true, nil
}

// free takes a reference from each of the clusters.
func (l *liveRefcounts) free(start qcow2.HostCluster, n int64) {
	for c := start; c < start+qcow2.HostCluster(n); c++ {
		v := l.at(c)
		if v == 0 {
			continue
		}
		if l.change(c, v-1); v == 1 {
			l.next = min(l.next, c)
		}
	}
}

func (l *liveRefcounts) change(c qcow2.HostCluster, n uint64) {
	l.set(c, n)
	l.changed[int64(c)/l.g.RefblockEntries()] = true
}

// makeRefblock makes the missing old refblock k, for cluster c. It counts its own cluster
// itself, or another refblock does, which may have to be made before it: that one is found
// for the range in which the search ended, so this goes no deeper than twice.
func (l *liveRefcounts) makeRefblock(k int64, c qcow2.HostCluster) error {
	per := l.g.RefblockEntries()
	b := l.search(1)
	own := int64(b)/per == k
	if !own {
		if done, err := l.raise(b, 1); !done || err != nil {
			return err
		}
	}
	l.tell.Tell(alloc.Event{Act: alloc.CreateOldBlock, Block: k, From: qcow2.HostCluster(k * per), To: qcow2.HostCluster((k + 1) * per), At: b})
	l.written(b, 1)
	l.changed[k] = true
	if k >= int64(len(l.table)) {
		return l.growTable(k, b, c)
	}
	l.table[k] = b
	if own {
		l.change(b, 1)
	}
	return nil
}

func (l *liveRefcounts) written(c qcow2.HostCluster, n int64) {
	l.end = max(l.end, int64(l.g.Offset(c))+n<<l.g.ClusterBits)
}

// errOldTableTooLong says that QEMU cannot do it either.
var errOldTableTooLong = errors.New("amend: to take clusters QEMU would need a longer reftable at the old width than it can open")

// growTable moves the old reftable behind everything that has a refblock, with half as many
// entries again as are needed, and with refblocks for its own clusters. Refblock k, for
// cluster c, was made at b.
func (l *liveRefcounts) growTable(k int64, b, c qcow2.HostCluster) error {
	per, entries := l.g.RefblockEntries(), l.g.ReftableEntries()
	area := ceilDiv(max(int64(c)+1, int64(b)), per) // the first refblock that is for the new area
	start := qcow2.HostCluster(area * per)
	blocks := l.generousBlocks(int64(start))
	length := ceilDiv(blocks+ceilDiv(blocks, 2), entries) * entries
	if length > qcow2.MaxReftableBytes/qcow2.ReftableEntrySize {
		return errOldTableTooLong
	}
	old, oldLen := l.tableAt, l.tableLen()
	l.table = append(l.table, make([]qcow2.HostCluster, max(0, length-int64(len(l.table))))...)
	l.blocks = append(l.blocks, make([]qcow2.Refblock, max(0, length-int64(len(l.blocks))))...)
	l.table[k] = b
	if int64(b)/per == k {
		l.change(b, 1)
	}
	end := start
	for i := area; i < blocks; i++ {
		if l.table[i] == 0 {
			l.table[i], l.changed[i] = end, true
			end++
		}
	}
	l.tableAt = end
	end += qcow2.HostCluster(length / entries)
	for i := start; i < end; i++ {
		l.change(i, 1)
	}
	l.written(start, int64(end-start))
	l.grown = true
	l.tell.Tell(alloc.Event{Act: alloc.GrowOldTable, Block: -1, At: l.tableAt, N: length / entries})
	l.free(old, oldLen)
	return nil
}

// generousBlocks is how many refblocks QEMU reckons with for n clusters and the structure
// behind them: when that is settled, once more with half a table more of clusters.
func (l *liveRefcounts) generousBlocks(n int64) int64 {
	per, entries := l.g.RefblockEntries(), l.g.ReftableEntries()
	settle := func() (blocks, table int64) {
		for {
			b := ceilDiv(n+table+blocks, per)
			t := ceilDiv(b, entries)
			if b == blocks && t == table {
				return b, t
			}
			blocks, table = b, t
		}
	}
	_, table := settle()
	n += ceilDiv(table, 2)
	blocks, _ := settle()
	return blocks
}

func ceilDiv(a, b int64) int64 { return (a + b - 1) / b }

// growth plans, in two batches of their own, that the old reftable has moved: what it left
// may be where the new structure goes. First the old refblocks that changed and the longer
// table, then the header's pointer to it. The refcounts of the old place stay for now: after
// a crash they are leaks.
func (ws *walks) growth() (batches int) {
	l, g := ws.live, ws.old.g
	table := make([]byte, 0, len(l.table)*qcow2.ReftableEntrySize)
	for _, c := range l.table {
		table = binary.BigEndian.AppendUint64(table, uint64(g.Offset(c)))
	}
	ws.plan.Add(0, int64(g.Offset(l.tableAt)), table, "the old reftable, longer")
	for _, k := range slices.Sorted(maps.Keys(l.changed)) {
		block := make(qcow2.Refblock, g.ClusterSize())
		copy(block, l.blocks[k])
		per := g.RefblockEntries()
		for c := max(l.first[0], qcow2.HostCluster(k*per)); c < min(l.first[1], qcow2.HostCluster((k+1)*per)); c++ {
			block.Set(g.RefcountOrder, int64(c)-k*per, max(1, l.at(c)))
		}
		ws.plan.Add(0, int64(g.Offset(l.table[k])), block, fmt.Sprintf("old refblock %d", k))
	}
	pointer := binary.BigEndian.AppendUint64(nil, uint64(g.Offset(l.tableAt)))
	pointer = binary.BigEndian.AppendUint32(pointer, uint32(l.tableLen()))
	ws.plan.Add(1, qcow2.OffReftable, pointer, "refcount_table_offset and refcount_table_clusters: the old reftable's new place")
	return 2
}
