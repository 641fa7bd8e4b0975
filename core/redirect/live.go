package redirect

import (
	"context"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// liveness tells which clusters of an image must not be overwritten.
type liveness struct {
	n     int64 // clusters of the file
	all   bool  // none of them is sure to be free
	table *refcount.Table
	past  map[qcow2.HostCluster]bool // clusters behind the end to which pointers lead
	reach qcow2.HostCluster          // from here on it is not known
}

// maxPast bounds the pointers behind the end of the file that are remembered.
const maxPast = 4 << 20

// liveIn looks at an image that was checked, as far as reach bytes behind its end. bits are
// those of the clusters that are asked about: when the image has others nothing in the file
// is taken to be free.
func liveIn(ctx context.Context, img *image.Image, rep *check.Report, bits uint, reach int64) (*liveness, error) {
	g := img.Geo
	l := &liveness{n: img.HostClusters(), all: doubtful(rep), table: rep.Refcounts.Table, past: map[qcow2.HostCluster]bool{}}
	l.reach = qcow2.HostCluster(l.n + g.Clusters(reach))
	if l.all {
		if err := l.dangling(ctx, img, rep); err != nil {
			return nil, err
		}
	}
	if g.ClusterBits != bits {
		g.ClusterBits = bits
		*l = liveness{n: g.Clusters(img.Src.Size()), all: true, reach: qcow2.HostCluster(g.Clusters(img.Src.Size() + reach))}
	}
	return l, nil
}

// doubtful tells whether a cluster that looks free may be what a broken pointer meant.
// Wrong refcounts and flags say nothing about where pointers lead: what has a refcount and
// no pointer is kept in any case.
func doubtful(r *check.Report) bool {
	if r.Refused || r.Aborted {
		return true
	}
	for _, g := range r.Groups {
		switch g.Code {
		case check.CopiedL1, check.CopiedL2, check.RefcountZero, check.RefcountTooLow:
			continue
		}
		if g.Class == check.Corruption || g.Class == check.CheckError || g.Class == check.Beyond && g.Code.Severity() >= check.Damage {
			return true
		}
	}
	return false
}

// dangling finds the clusters behind the end of the file to which pointers lead: zeros are
// read there now.
func (l *liveness) dangling(ctx context.Context, img *image.Image, rep *check.Report) error {
	want := refcount.Want{Lo: qcow2.HostCluster(l.n), Hi: l.reach}
	res := &refcount.Result{Table: rep.Refcounts.Table, Tree: &refcount.Tree{Complete: rep.Refcounts.Tree.Complete}}
	for _, t := range rep.Refcounts.Tree.Tables {
		t.Lo, t.Hi = 0, ^uint32(0) // where entries led outside it was not noted
		res.Tree.Tables = append(res.Tree.Tables, t)
	}
	complete, err := refcount.Claimants(ctx, img, rep.Snapshots, res, want, func(k refcount.Claim) bool {
		l.past[k.Cluster] = true
		return len(l.past) <= maxPast
	})
	if err == nil && (!complete || len(l.past) > maxPast) {
		err = cannot("the image has so many broken pointers that no place is sure to be free")
	}
	return err
}

// has tells whether the cluster may hold something.
func (l *liveness) has(c qcow2.HostCluster) bool {
	switch {
	case int64(c) < l.n:
		return l.all || l.table.Count(c) > 0 || l.table.Role(c) == refcount.Leaked
	case l.all && c >= l.reach:
		return true
	}
	return l.past[c] || !l.all && l.table.Count(c) > 0
}

// keepClear makes the allocator avoid what may hold something. What done has references to
// it avoids already.
func (l *liveness) keepClear(a *alloc.Allocator, done *refcount.Table) {
	if l.all {
		a.AvoidBelow(qcow2.HostCluster(l.n))
	}
	for c := range l.past {
		a.Avoid(c)
	}
	if l.table == nil {
		return
	}
	// The table may be one cluster longer than the file.
	counts, roles := l.table.Counts(0, l.table.Len()), l.table.Roles(0, l.table.Len())
	for i := range counts {
		if (counts[i] != 0 || refcount.RoleOf(roles[i]) == refcount.Leaked) && done.Count(qcow2.HostCluster(i)) == 0 {
			a.Avoid(qcow2.HostCluster(i))
		}
	}
}
