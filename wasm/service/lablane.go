package service

import (
	"context"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

const (
	// maxLaneCells bounds the lane: no screen has more columns.
	maxLaneCells = 1 << 13
	// laneWindow is how many bytes of refblocks are read together.
	laneWindow = 4 << 20
)

// laneCell gathers some clusters in a row.
type laneCell struct {
	clusters, stored, counted, structure int64
	differ, problem                      bool
}

// LabLane is all clusters in a line: what the old refcounts say, and what was counted.
func (s *Session) LabLane(ctx context.Context, req LabLaneRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lab == nil {
		return nil, errNoSteps
	}
	if !(req.PerCell >= 1 && req.PerCell <= 1<<40) || req.Cells < 0 || req.Cells > maxLaneCells {
		return nil, &ProblemError{Problem{Kind: "internal", Title: "The lane was asked for impossible cells."}}
	}
	cells, per := make([]laneCell, req.Cells), int64(req.PerCell)
	if err := storedLane(ctx, s.now.img, s.now.report.Refcounts.Table, cells, per); err != nil {
		return nil, problemError(err)
	}
	packed := make([]byte, len(cells))
	for i, c := range cells {
		packed[i] = c.pack()
	}
	return packed, nil
}

// storedLane holds the stored refcounts against the counted ones, refblock by refblock.
func storedLane(ctx context.Context, img *image.Image, t *refcount.Table, cells []laneCell, perCell int64) error {
	per := img.Geo.RefblockEntries()
	end := min(max(img.HostClusters(), t.Len()), perCell*int64(len(cells)))
	window := max(1, int64(laneWindow)>>img.Geo.ClusterBits)
	for first := int64(0); first*per < end; first += window {
		if err := ctx.Err(); err != nil {
			return err
		}
		blocks := refblocksFrom(ctx, img, first, min(window, (end-first*per+per-1)/per))
		for i, block := range blocks {
			k := first + int64(i)
			unreadable := block == nil && k < int64(len(img.Reftable)) && img.Reftable[k].Refblock() != 0
			for c := k * per; c < min(end, (k+1)*per); c++ {
				stored := uint64(0)
				if block != nil {
					stored = block.At(img.Geo.RefcountOrder, c-k*per)
				}
				cells[c/perCell].add(stored, t.Capped(qcow2.HostCluster(c)), t.Role(qcow2.HostCluster(c)), unreadable)
			}
		}
	}
	return nil
}

// refblocksFrom reads n refblocks together. One that is not there or cannot be read is nil.
func refblocksFrom(ctx context.Context, img *image.Image, first, n int64) []qcow2.Refblock {
	blocks := make([]qcow2.Refblock, n)
	var reqs []source.Request
	for i := range n {
		if first+i >= int64(len(img.Reftable)) {
			break
		}
		if off := img.Reftable[first+i].Refblock(); off > 0 && img.Geo.Aligned(off) && int64(off) < img.Src.Size() {
			blocks[i] = make(qcow2.Refblock, img.Geo.ClusterSize())
			reqs = append(reqs, source.Request{Off: int64(off), Buf: blocks[i]})
		}
	}
	if img.ReadBatch(ctx, reqs) == nil {
		return blocks
	}
	for i := range blocks {
		if blocks[i] != nil {
			blocks[i] = readRefblock(img, img.Reftable[first+int64(i)].Refblock())
		}
	}
	return blocks
}

func (l *laneCell) add(stored, counted uint64, role refcount.Role, unreadable bool) {
	l.clusters++
	if stored > 0 {
		l.stored++
	}
	if counted > 0 {
		l.counted++
	}
	l.differ = l.differ || stored != counted && !unreadable
	l.problem = l.problem || unreadable
	if role == refcount.Reftable || role == refcount.Refblock {
		l.structure++
	}
}

// visible is the least share of a cell that the old structure must have to be seen in it:
// one in so many clusters.
const visible = 16

// pack is the cell as the protocol has it.
func (l laneCell) pack() byte {
	b := share(l.stored, l.clusters) | share(l.counted, l.clusters)<<2
	for i, set := range []bool{l.differ, l.structure > 0 && l.structure*visible >= l.clusters, l.problem} {
		if set {
			b |= 1 << (4 + i)
		}
	}
	return b
}

// share is how much of the whole a part is, in thirds, rounded up.
func share(part, whole int64) byte {
	if whole == 0 {
		return 0
	}
	return byte((3*part + whole - 1) / whole)
}
