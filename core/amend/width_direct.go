package amend

import (
	"slices"

	"qcowscope/core/alloc"
	"qcowscope/core/qcow2"
)

// direct places the smallest structure at once.
func (w *widener) direct() error {
	w.cost.StructureBefore, w.cost.Walks = w.old.structure(), 1
	held := w.tellRead()
	a := w.allocator()
	w.old.dropStructure()
	w.tellDropped(held)
	s, err := w.place(a)
	if err != nil {
		return err
	}
	if s.Clusters() > maxRefcountBytes>>w.g.ClusterBits {
		return errTooManyRefcounts
	}
	if err := s.AddFilled(w.ctx, w.plan, batchStructure, w.g, w.old.filler(w.g.RefcountOrder), w.opt.Trace); err != nil {
		return err
	}
	w.switchTo(batchSwitch, s)
	w.tellFreed()
	return nil
}

// avoidedPastEnd is how many clusters past the end of the file are kept clear of by their
// stored refcounts: more than any structure has. To know of those far behind would take
// much room.
const avoidedPastEnd = 4 << 20

// allocator hands out clusters that nothing refers to and that have no stored refcount.
func (w *widener) allocator() *alloc.Allocator {
	a := alloc.New(w.report.Refcounts.Table)
	w.old.masks(w.img.HostClusters()+avoidedPastEnd, a.AvoidMask)
	return a
}

// place finds the place of the new structure.
func (w *widener) place(a *alloc.Allocator) (alloc.Structure, error) {
	if (w.old.Len()-1)/w.g.RefblockEntries() >= qcow2.MaxReftableBytes/qcow2.ReftableEntrySize {
		return alloc.Structure{}, alloc.ErrReftableTooLarge
	}
	p := alloc.Placement{Geometry: w.g, Clusters: w.img.HostClusters(), Trace: w.opt.Trace}
	s, err := p.Place(w.old, a)
	if err == nil && int64(slices.Max(a.Taken())) >= w.img.HostClusters()+avoidedPastEnd {
		err = errTooManyRefcounts
	}
	return s, err
}

// tellRead tells of the refcounts that are there, and returns the new refblocks whose range
// holds any.
func (w *widener) tellRead() (held []int64) {
	if w.opt.Trace == nil {
		return nil
	}
	per := w.g.RefblockEntries()
	for c := int64(0); ; {
		next, found := int64(0), false
		w.old.eachChunk(c, w.old.reach(), func(first int64, _ qcow2.Refblock) bool {
			next, found = first, true
			return false
		})
		if !found {
			return held
		}
		k := next / per
		from, to := k*per, (k+1)*per
		w.tell(alloc.Event{Act: alloc.ReadEntries, Block: k, From: qcow2.HostCluster(from), To: qcow2.HostCluster(to), N: w.old.inUse(from, to)})
		held, c = append(held, k), to
	}
}

// tellDropped tells which of the refblocks are not needed because nothing but the old
// structure was in their range.
func (w *widener) tellDropped(held []int64) {
	per := w.g.RefblockEntries()
	for _, k := range held {
		if !w.old.any(k*per, (k+1)*per) {
			w.tell(alloc.Event{Act: alloc.DropBlock, Block: k, From: qcow2.HostCluster(k * per), To: qcow2.HostCluster((k + 1) * per)})
		}
	}
}
