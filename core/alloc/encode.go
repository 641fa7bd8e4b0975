package alloc

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// own are the clusters of the structure itself, ascending.
func (s *Structure) own() []qcow2.HostCluster {
	cs := make([]qcow2.HostCluster, 0, s.Clusters())
	for i := range s.TableLen {
		cs = append(cs, s.Table+qcow2.HostCluster(i))
	}
	for _, c := range s.Blocks {
		cs = append(cs, c)
	}
	slices.Sort(cs)
	return cs
}

// AddTo adds the structure's refblocks and its table to a batch of the plan. The refblocks
// hold what is wanted, and one reference to each cluster of the structure. g has the
// structure's refcount order.
func (s *Structure) AddTo(ctx context.Context, plan *patch.Plan, batch int, g qcow2.Geometry, want Refcounts, trace Tracer) error {
	return s.AddFilled(ctx, plan, batch, g, func(from int64, block qcow2.Refblock) {
		want.Each(from, from+g.RefblockEntries(), func(c int64, n uint64) bool {
			block.Set(g.RefcountOrder, c-from, n)
			return true
		})
	}, trace)
}

// AddFilled is AddTo for whoever can fill whole refblocks: fill is given each of them, all
// zero, and the first cluster that it counts.
func (s *Structure) AddFilled(ctx context.Context, plan *patch.Plan, batch int, g qcow2.Geometry, fill func(from int64, block qcow2.Refblock), trace Tracer) error {
	per, own := g.RefblockEntries(), s.own()
	table := make([]byte, s.TableLen<<g.ClusterBits)
	for _, k := range s.Indices() {
		if err := ctx.Err(); err != nil {
			return err
		}
		at, from, to := s.Blocks[k], k*per, (k+1)*per
		binary.BigEndian.PutUint64(table[8*k:], uint64(g.Offset(at)))
		block := make(qcow2.Refblock, g.ClusterSize())
		fill(from, block)
		first, _ := slices.BinarySearch(own, qcow2.HostCluster(from))
		for _, c := range own[first:] {
			if int64(c) >= to {
				break
			}
			block.Set(g.RefcountOrder, int64(c)-from, 1)
		}
		plan.Add(batch, int64(g.Offset(at)), block, fmt.Sprintf("new refblock %d, for clusters %d to %d", k, from, to-1))
		trace.Tell(Event{Act: WriteBlock, Block: k, From: qcow2.HostCluster(from), To: qcow2.HostCluster(to), At: at})
	}
	plan.Add(batch, int64(g.Offset(s.Table)), table, "new refcount table")
	trace.Tell(Event{Act: WriteTable, Block: -1, At: s.Table, N: s.TableLen})
	return nil
}

// Pointer is what the header's refcount_table_offset and refcount_table_clusters, which lie
// side by side, say about the structure.
func (s *Structure) Pointer(g qcow2.Geometry) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(g.Offset(s.Table)))
	return binary.BigEndian.AppendUint32(b, uint32(s.TableLen))
}
