package amend

import (
	"qcowscope/core/alloc"
	"qcowscope/core/qcow2"
)

// walks goes through the refcounts as QEMU does when it changes their width:
//
//	alloc walk:  give each new refblock that is needed a cluster, as the old refcounts allow;
//	             what is allocated changes refcounts, so if there was any, place the new
//	             reftable (the place from the walk before is given back) and walk again
//	write walk:  write the new refblocks and the reftable, switch the header, free the old
//
// Refcounts are read live: what a walk allocates it meets later itself, unless it lies in a
// range that was read already; then the next walk meets it. The walks end because each that
// is followed by another gave a refblock to a range that had none, and the ranges are as
// many as the reftable may have entries.
type walks struct {
	*widener
	live  *liveRefcounts
	table []qcow2.HostCluster // of new refblock k, 0 if it has no place; whole clusters long

	at, placed int64 // where the new reftable is, and how many clusters it has there; none yet if 0
	walk       int
	found      int64       // refblocks that got a place in this walk
	skipped    alloc.Event // a run of refblocks that are not needed, not told yet
}

// likeQEMU places everything where QEMU would.
func (w *widener) likeQEMU() error {
	w.cost.StructureBefore = w.old.structure()
	ws := &walks{widener: w, live: newLiveRefcounts(w.old, w.img.Src.Size())}
	ws.live.tell = func(e alloc.Event) {
		e.Walk = ws.walk
		w.tell(e)
	}
	for again := true; again; {
		var err error
		if again, err = ws.allocWalk(); err != nil {
			return err
		}
	}
	return ws.write()
}

// allocWalk is one walk that gives places, and whether another has to follow.
func (ws *walks) allocWalk() (again bool, err error) {
	ws.walk++
	ws.found = 0
	ws.live.tell(alloc.Event{Act: alloc.BeginWalk, Block: -1, To: qcow2.HostCluster(ws.old.reach())})
	if err := ws.through(); err != nil {
		return false, err
	}
	ws.tellSkipped()
	if ws.found > 0 {
		if err := ws.placeTable(); err != nil {
			return false, err
		}
	}
	ws.live.tell(alloc.Event{Act: alloc.EndWalk, Block: -1, N: ws.found})
	return ws.found > 0, ws.ctx.Err()
}

// through reads all refcounts in order. A new refblock is finished when the refcounts for it
// were read and there is another to read: only then may it be given a cluster. Whether an
// old refblock is there is looked up when its first refcount is about to be read, before the
// new refblock that this finishes gets its place, which may be what creates the old one.
func (ws *walks) through() error {
	per, newPer := ws.old.g.RefblockEntries(), ws.g.RefblockEntries()
	block, read, used := int64(0), int64(0), false
	finish := func() error {
		err := ws.finish(block, used)
		block, read, used = block+1, 0, false
		return err
	}
	for k := int64(0); k < int64(len(ws.old.table)); k++ { // the table may grow meanwhile
		there := ws.old.table[k] != 0
		for i := int64(0); i < per; {
			if read == newPer {
				if err := finish(); err != nil {
					return err
				}
			}
			if whole := (per - i) / newPer; !there && read == 0 && whole > 1 {
				ws.skip(block, whole-1)
				block, i = block+whole-1, i+(whole-1)*newPer
			}
			n := min(newPer-read, per-i)
			used = used || there && ws.old.any(k*per+i, k*per+i+n)
			read, i = read+n, i+n
		}
	}
	return finish()
}

// finish ends the reading of what new refblock k shall hold.
func (ws *walks) finish(k int64, used bool) error {
	per := ws.g.RefblockEntries()
	from, to := qcow2.HostCluster(k*per), qcow2.HostCluster((k+1)*per)
	if !used {
		ws.skip(k, 1)
		return nil
	}
	ws.tellSkipped()
	if ws.opt.Trace != nil {
		ws.live.tell(alloc.Event{Act: alloc.ReadEntries, Block: k, From: from, To: to, N: ws.old.inUse(int64(from), int64(to))})
	}
	if err := ws.lengthenTable(k); err != nil {
		return err
	}
	if c := ws.table[k]; c != 0 {
		ws.live.tell(alloc.Event{Act: alloc.KeepBlock, Block: k, From: from, To: to, At: c})
		return nil
	}
	c, err := ws.live.take(1)
	if err != nil {
		return err
	}
	ws.table[k] = c
	ws.found++
	ws.live.tell(alloc.Event{Act: alloc.PlaceBlock, Block: k, From: from, To: to, At: c})
	return nil
}

// lengthenTable makes the new reftable long enough for refblock k.
func (ws *walks) lengthenTable(k int64) error {
	if k < int64(len(ws.table)) {
		return nil
	}
	if k >= qcow2.MaxReftableBytes/qcow2.ReftableEntrySize {
		return alloc.ErrReftableTooLarge
	}
	per := ws.g.ReftableEntries()
	ws.table = append(ws.table, make([]qcow2.HostCluster, (k/per+1)*per-int64(len(ws.table)))...)
	return nil
}

// placeTable gives the new reftable a place, first fit behind where the last search ended.
// What is given back is in front of that, and where the next search begins.
func (ws *walks) placeTable() error {
	if ws.placed > 0 {
		ws.live.free(qcow2.HostCluster(ws.at), ws.placed)
		ws.live.tell(alloc.Event{Act: alloc.FreeTable, Block: -1, At: qcow2.HostCluster(ws.at), N: ws.placed})
	}
	n := ws.g.Clusters(int64(len(ws.table)) * qcow2.ReftableEntrySize)
	c, err := ws.live.take(n)
	ws.at, ws.placed = int64(c), n
	ws.live.tell(alloc.Event{Act: alloc.PlaceTable, Block: -1, At: c, N: n})
	return err
}

// skip notes refblocks that are not needed.
func (ws *walks) skip(k, n int64) {
	per := ws.g.RefblockEntries()
	if ws.skipped.N == 0 {
		ws.skipped = alloc.Event{Act: alloc.SkipEmpty, Block: k, From: qcow2.HostCluster(k * per)}
	}
	ws.skipped.N += n
	ws.skipped.To = qcow2.HostCluster((k + n) * per)
}

func (ws *walks) tellSkipped() {
	if ws.skipped.N > 0 {
		ws.live.tell(ws.skipped)
	}
	ws.skipped = alloc.Event{}
}

// write is the walk that writes. Refblocks that got a place are written even if nothing is
// left in their range.
func (ws *walks) write() error {
	ws.walk++
	ws.cost.Walks = ws.walk
	s := alloc.Structure{Table: qcow2.HostCluster(ws.at), TableLen: ws.placed, Blocks: map[int64]qcow2.HostCluster{}}
	for k, c := range ws.table {
		if c != 0 {
			s.Blocks[int64(k)] = c
		}
	}
	if s.Clusters() > maxRefcountBytes>>ws.g.ClusterBits {
		return errTooManyRefcounts
	}
	batch := batchStructure
	if ws.live.grown {
		batch += ws.growth()
	}
	ws.live.tell(alloc.Event{Act: alloc.BeginWriteWalk, Block: -1, To: qcow2.HostCluster(ws.old.reach())})
	ws.old.dropStructure()
	if err := s.AddFilled(ws.ctx, ws.plan, batch, ws.g, ws.old.filler(ws.g.RefcountOrder), ws.live.tell); err != nil {
		return err
	}
	ws.switchTo(batch+1, s)
	ws.tellFreed()
	ws.plan.SizeAfter = max(ws.plan.SizeAfter, ws.live.end)
	return nil
}
