package redirect

import (
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// split looks at the nodes whose copy only some of the pointers follow, because they were
// asked for by a cursor: what is left to the active layer alone is its own now.
func (t *Tx) split() error {
	for _, n := range t.order {
		n.paths = -1
	}
	for _, n := range t.order { // it grows by tables that nobody shares
		if n.followed || !n.moved || n.kind != KindL2 && n.kind != KindData {
			continue
		}
		c := t.g.Cluster(n.off)
		if uint64(n.reached())+1 == t.after.Refcounts.Count(c) {
			if err := t.leaveToActive(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// leaveToActive sets COPIED in the last pointer to the cluster if that is the active layer's.
// The table with the pointer changes, and goes to a new place as well.
func (t *Tx) leaveToActive(c qcow2.HostCluster) error {
	return t.claims([]qcow2.HostCluster{c}, func(other Cursor, k refcount.Claim) error {
		if k.Root != 0 || k.Entry&qcow2.FlagCopied != 0 || t.at[other] != nil || k.Role == refcount.CompressedData {
			return nil
		}
		parent, err := t.redirect(other.parent())
		if err != nil {
			return err
		}
		f, _, err := t.resolve(other, parent)
		if err != nil {
			return err
		}
		t.own = append(t.own, f)
		return nil
	})
}

// flagged is the word of a pointer to a node that has a new place, with COPIED as it must
// be. It says that the refcount is 1: it changes where a node that was shared has a place
// of its own now.
func (l *layout) flagged(n *node, word uint64) (uint64, error) {
	if !n.moved || n.kind != KindL2 && n.kind != KindData {
		return word, nil
	}
	was, err := l.storedNow(l.t.g.Cluster(n.off))
	if is := l.stored[l.t.g.Cluster(n.to)]; (was == 1) != (is == 1) {
		word &^= qcow2.FlagCopied
		if is == 1 {
			word |= qcow2.FlagCopied
		}
	}
	return word, err
}
