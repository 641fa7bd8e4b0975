package redirect

import (
	"errors"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// redirectChanges redirects every node that has a changed byte where something lives, and
// lets all pointers to it follow: whoever read the node's new bytes where it lay reads them
// where it goes.
func (t *Tx) redirectChanges() error {
	var want []qcow2.HostCluster
	t.changed.eachCluster(t.g, func(c qcow2.HostCluster) {
		if c > 0 && t.live.has(c) {
			want = append(want, c)
		}
	})
	err := t.claims(want, func(c Cursor, k refcount.Claim) error {
		if !t.changedLive(c, k) {
			return nil
		}
		err := t.Redirect(c)
		if errors.Is(err, errPlaceBound) {
			t.keepInPlace(c, k, err)
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return t.follow()
}

// keepInPlace notes a data cluster that cannot go elsewhere.
func (t *Tx) keepInPlace(c Cursor, k refcount.Claim, why error) {
	if len(t.unsafe) == 0 {
		t.unsafe = append(t.unsafe, c.String()+": "+why.Error())
	}
	t.inPlace = append(t.inPlace, extent{int64(k.Host.Start), int64(k.Host.End())})
}

// changedLive tells whether what the pointer leads to has changed bytes in a live cluster.
func (t *Tx) changedLive(c Cursor, k refcount.Claim) bool {
	from, to := int64(k.Host.Start), int64(k.Host.End())
	if t.g.Aligned(k.Host.Start) && k.Role != refcount.CompressedData {
		to = (to + t.g.ClusterSize() - 1) &^ (t.g.ClusterSize() - 1)
	}
	for _, e := range t.changed.within(from, to) {
		for hc := t.g.Cluster(qcow2.HostOff(e.from)); hc <= t.g.Cluster(qcow2.HostOff(e.to-1)); hc++ {
			if hc > 0 && t.live.has(hc) {
				return true
			}
		}
	}
	return false
}

// follow finds all other pointers to the nodes that were redirected, and sets them too. It
// goes up level by level: a pointer's own table is then a node as well.
func (t *Tx) follow() error {
	for {
		var want []qcow2.HostCluster
		for _, n := range t.order {
			if !n.followed && !n.fresh {
				want = slices.AppendSeq(want, n.clusters(t.g))
			}
			n.followed = true
		}
		if len(want) == 0 {
			return nil
		}
		slices.Sort(want)
		err := t.claims(slices.Compact(want), func(c Cursor, k refcount.Claim) error {
			if t.meant(c, k) == nil {
				return nil
			}
			return t.Redirect(c)
		})
		if err != nil {
			return err
		}
	}
}

// meant is the node that the pointer leads to, nil if it leads to another that lies across it.
func (t *Tx) meant(c Cursor, k refcount.Claim) *node {
	kind := c.Kind()
	if k.Role == refcount.CompressedData {
		kind = KindStream
	} else {
		t.shared[k.Cluster] = true
	}
	return t.nodes[nodeKey{kind, k.Host.Start, int64(k.Host.Len)}]
}

// claims visits the pointers to the clusters, which are ascending. It reads L2 tables only
// for clusters that hold what an L2 table points to.
func (t *Tx) claims(want []qcow2.HostCluster, visit func(Cursor, refcount.Claim) error) error {
	if len(want) == 0 {
		return nil
	}
	res := t.after.Refcounts
	tree := &refcount.Tree{Complete: true}
	if data := slices.DeleteFunc(slices.Clone(want), t.belowNoL2); len(data) > 0 {
		tree.Complete = res.Tree.Complete
		for _, l2 := range res.Tree.Tables {
			if i, _ := slices.BinarySearch(data, qcow2.HostCluster(l2.Lo)); i < len(data) && data[i] <= qcow2.HostCluster(l2.Hi) {
				tree.Tables = append(tree.Tables, l2)
			}
		}
	}
	var failed error
	complete, err := refcount.Claimants(t.ctx, t.img, t.after.Snapshots, &refcount.Result{Table: res.Table, Tree: tree},
		refcount.Want{Lo: want[0], Hi: want[len(want)-1], Has: func(c qcow2.HostCluster) bool {
			_, ok := slices.BinarySearch(want, c)
			return ok
		}}, func(k refcount.Claim) bool {
			if c, ok := cursorOf(k); ok {
				failed = visit(c, k)
			}
			return failed == nil
		})
	switch {
	case err != nil:
		return err
	case failed == nil && !complete:
		return cannot("the image has so many tables that not all pointers to what changes are known")
	}
	return failed
}

// belowNoL2 tells that no L2 table points to the cluster. In a damaged image there may be
// pointers that were not counted, because they lead past the end of the file as well.
func (t *Tx) belowNoL2(c qcow2.HostCluster) bool {
	if t.after.Refcounts.Conflict(c) || t.behind.all && t.after.Refcounts.Count(c) == 0 {
		return false
	}
	switch t.after.Refcounts.Role(c) {
	case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData:
		return false
	}
	return true
}
