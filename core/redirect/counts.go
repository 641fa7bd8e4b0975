package redirect

import (
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// reached is how many paths lead to the node in the result: as many references as a
// refcount counts. The pointers that were set are all that lead to a new place, and all
// tables that hold them are nodes as well.
func (n *node) reached() int64 {
	if n.paths < 0 {
		n.paths = 0
		for _, f := range n.fields {
			switch {
			case f.uncounted:
			case f.parent == nil:
				n.paths++
			default:
				n.paths += f.parent.reached()
			}
		}
	}
	return n.paths
}

// account takes the node's references from its old clusters to its new ones.
func (l *layout) account(n *node) {
	if !n.moved {
		return
	}
	n.paths = -1
	by, to := uint64(n.reached()), l.t.g.Cluster(n.to)
	if n.fresh {
		l.plus[to] += by
		return
	}
	i := qcow2.HostCluster(0)
	for c := range n.clusters(l.t.g) {
		l.minus[c] += by
		l.plus[to+i] += by
		i++
	}
	for ; n.kind == KindReftable && int64(i) < l.tableLen; i++ {
		l.plus[to+i] += by
	}
}

// refcount says what is stored for the node's old and new clusters when all references are
// accounted for.
func (l *layout) refcount(n *node) error {
	if !n.moved {
		return nil
	}
	to := l.t.g.Cluster(n.to)
	if n.fresh {
		l.store(to, l.plus[to])
		return nil
	}
	i := qcow2.HostCluster(0)
	for c := range n.clusters(l.t.g) {
		now, err := l.storedNow(c)
		if err != nil {
			return err
		}
		if l.plus[to+i] == l.minus[c] && l.left(c) == 0 && n.kind != KindStream {
			l.store(to+i, now) // right or wrong, it goes along
		} else {
			l.store(to+i, l.plus[to+i])
		}
		l.leave(n, c, now)
		i++
	}
	for ; n.kind == KindReftable && int64(i) < l.tableLen; i++ {
		l.store(to+i, l.plus[to+i])
	}
	return nil
}

// left are the references to the cluster that stay.
func (l *layout) left(c qcow2.HostCluster) uint64 {
	if n := l.t.after.Refcounts.Count(c); n > l.minus[c] {
		return n - l.minus[c]
	}
	return 0
}

// leave sets the refcount of a cluster that the node leaves.
func (l *layout) leave(n *node, c qcow2.HostCluster, now uint64) {
	left := l.left(c)
	switch counted := l.t.after.Refcounts.Count(c); {
	case left == 0:
		l.store(c, 0)
	case n.followed && l.t.shared[c]:
		// Something else lies across the node, and its COPIED flag goes with this refcount. At
		// worst it stays too high, which wastes a cluster.
	case now >= counted:
		l.store(c, now-l.minus[c])
	default:
		l.store(c, min(now, left))
	}
}

func (l *layout) store(c qcow2.HostCluster, v uint64) {
	l.stored[c] = min(v, l.t.g.RefcountMax())
	if k := int64(c) / l.t.g.RefblockEntries(); !l.seen[k] {
		l.seen[k] = true
		l.dirty = append(l.dirty, k)
	}
}

// storedNow is the cluster's refcount in the image with the plan.
func (l *layout) storedNow(c qcow2.HostCluster) (uint64, error) {
	per := l.t.g.RefblockEntries()
	b, err := l.block(int64(c) / per)
	if err != nil || b == nil {
		return 0, err
	}
	return b.At(l.t.g.RefcountOrder, int64(c)%per), nil
}

// block is refblock k of the image with the plan, nil if it has none.
func (l *layout) block(k int64) (qcow2.Refblock, error) {
	if b, ok := l.blocks[k]; ok {
		return b, nil
	}
	t := l.t
	if k >= int64(len(t.img.Reftable)) || t.img.Reftable[k] == 0 {
		l.blocks[k] = nil
		return nil, nil
	}
	e := t.img.Reftable[k]
	if off := e.Refblock(); e.Reserved() != 0 || off <= 0 || !t.g.Aligned(off) || int64(off) >= t.img.Src.Size() {
		return nil, cannot("refblock %d is damaged: repair the refcounts first", k)
	}
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	b := make(qcow2.Refblock, t.g.ClusterSize())
	if err := source.ReadFull(t.img.Src, b, int64(e.Refblock())); err != nil {
		return nil, err
	}
	l.blocks[k] = b
	return b, nil
}

// refblocks redirects the refblocks that have to change, and adds those that are missing.
// It returns how many clusters the reftable must have.
func (l *layout) refblocks() (need int64, err error) {
	for behind := l.t.img.HostClusters(); ; {
		for len(l.dirty) > 0 {
			k := l.dirty[0]
			l.dirty = l.dirty[1:]
			need = max(need, k/l.t.g.ReftableEntries()+1)
			if err := l.refblock(k); err != nil {
				return 0, err
			}
		}
		if behind, err = l.clearBehind(behind); err != nil || len(l.dirty) == 0 {
			break
		}
	}
	if table := l.t.at[At(Reftable)]; table != nil && need > l.t.g.Clusters(table.len) && !table.moved {
		table.moved = true // it is new, but too short
	}
	if need<<l.t.g.ClusterBits > qcow2.MaxReftableBytes {
		return 0, cannot("the refcount table would have to be larger than 8 MiB")
	}
	return need, err
}

// clearBehind clears refcounts that are stored for clusters behind the file's end: where the
// file becomes longer they would be leaks.
func (l *layout) clearBehind(from int64) (to int64, err error) {
	end := l.end()
	for c := qcow2.HostCluster(from); int64(c) < end; c++ {
		if _, set := l.stored[c]; set || l.t.after.Refcounts.Count(c) > 0 {
			continue
		}
		now, err := l.storedNow(c)
		if err != nil {
			return 0, err
		}
		if now != 0 {
			l.store(c, 0)
		}
	}
	return max(from, end), nil
}

// refblock sees to it that refblock k lies where it may be changed.
func (l *layout) refblock(k int64) error {
	t, c := l.t, At(Reftable, k)
	if t.at[c] != nil {
		return nil
	}
	b, err := l.block(k)
	if err != nil {
		return err
	}
	known := len(t.order)
	if b == nil {
		err = t.addRefblock(c)
	} else {
		_, err = t.redirect(c)
	}
	if err != nil {
		return err
	}
	added := t.order[known:]
	for _, n := range added {
		n.followed = true
		if !n.fresh {
			for c := range n.clusters(t.g) {
				t.shared[c] = true
			}
		}
		l.place(n)
		l.account(n)
	}
	for _, n := range added {
		if err := l.refcount(n); err != nil {
			return err
		}
	}
	return nil
}

// addRefblock is a refblock for clusters that had none.
func (t *Tx) addRefblock(c Cursor) error {
	table, err := t.redirect(At(Reftable))
	if err != nil {
		return err
	}
	n := &node{nodeKey: nodeKey{KindRefblock, 0, t.g.ClusterSize()}, cursor: c, moved: true, fresh: true, paths: -1}
	t.at[c] = n
	t.order = append(t.order, n)
	return t.point(n, field{parent: table, at: 8 * c.last(), mask: qcow2.ReftableOffset, cursor: c})
}
