package amend

import (
	"bytes"
	"fmt"
	"strings"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Overflow is a cluster whose refcount does not fit the new width.
type Overflow struct {
	Cluster  qcow2.HostCluster
	Refcount uint64 // as stored
	Role     refcount.Role
	// Owners are the pointers to the cluster, at most 16. They may be fewer than the refcount
	// says: an L2 table that several snapshots share is read once, and refcounts may be too high.
	Owners []refcount.Claim
}

// OverflowError says that refcounts do not fit the new width, and whose they are.
type OverflowError struct {
	Bits     uint       // the width asked for
	Enough   uint       // the least width that all refcounts fit
	Count    uint64     // of clusters
	Clusters []Overflow // the first 100 of them
}

const (
	maxOverflows = 100
	maxOwners    = 16
)

func (e *OverflowError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "amend: refcounts of %d bits cannot hold those of %d clusters, it takes %d bits; ", e.Bits, e.Count, e.Enough)
	for i, o := range e.Clusters {
		if i == 3 {
			s.WriteString(", ...")
			break
		}
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "cluster %d (%s) has refcount %d", o.Cluster, o.Role, o.Refcount)
	}
	return s.String()
}

// refuseOverflow looks for refcounts that do not fit: all of them, before anything is
// placed.
func (w *widener) refuseOverflow() error {
	e := &OverflowError{Bits: w.g.RefcountBits(), Enough: w.g.RefcountBits()}
	limit := w.g.RefcountMax()
	w.old.eachChunk(0, w.old.reach(), func(first int64, refcounts qcow2.Refblock) bool {
		if bytes.Equal(refcounts, w.old.ones) {
			w.cost.Greatest = max(w.cost.Greatest, 1)
			return true
		}
		for i := range int64(chunk) {
			n := refcounts.At(w.old.g.RefcountOrder, i)
			if w.cost.Greatest = max(w.cost.Greatest, n); n <= limit {
				continue
			}
			if e.Count++; e.Count <= maxOverflows {
				c := qcow2.HostCluster(first + i)
				e.Clusters = append(e.Clusters, Overflow{Cluster: c, Refcount: n, Role: w.report.Refcounts.Role(c)})
			}
		}
		return true
	})
	if e.Count == 0 {
		return nil
	}
	for e.Enough < 64 && w.cost.Greatest>>e.Enough != 0 {
		e.Enough *= 2
	}
	if err := w.findOwners(e.Clusters); err != nil {
		return err
	}
	return e
}

// findOwners finds who points to the clusters, which are in order.
func (w *widener) findOwners(clusters []Overflow) error {
	at := make(map[qcow2.HostCluster]*Overflow, len(clusters))
	for i := range clusters {
		at[clusters[i].Cluster] = &clusters[i]
	}
	want := refcount.Want{Lo: clusters[0].Cluster, Hi: clusters[len(clusters)-1].Cluster,
		Has: func(c qcow2.HostCluster) bool { return at[c] != nil }}
	_, err := refcount.Claimants(w.ctx, w.img, w.report.Snapshots, w.report.Refcounts, want, func(k refcount.Claim) bool {
		if o := at[k.Cluster]; len(o.Owners) < maxOwners {
			o.Owners = append(o.Owners, k)
		}
		return true
	})
	return err
}
