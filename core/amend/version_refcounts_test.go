package amend

import (
	"context"
	"errors"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// small is a sound image of 512-byte clusters, with nothing changed yet.
func small(t *testing.T) *refcountEdits {
	t.Helper()
	b := testimages.Make(t, "healthy_cluster_512")
	ctx := context.Background()
	img, err := image.Open(ctx, source.Bytes(b.Image))
	if err != nil {
		t.Fatal(err)
	}
	report, err := check.Run(ctx, img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return newRefcountEdits(img, report.Refcounts.Table)
}

func blockedBy(err error, what string) bool {
	var blocked *BlockedError
	return errors.As(err, &blocked) && len(blocked.Blockers) == 1 && blocked.Blockers[0].What == what
}

// A reftable of more than 8 MiB could not be opened: it is refused before it is made.
func TestReftableSizeBlocks(t *testing.T) {
	const last = 8<<20/8 - 1
	e := small(t)
	if _, err := e.addRefblock(last); err != nil || len(e.table) != last+1 {
		t.Errorf("the last refblock that fits: %v", err)
	}
	if _, err := e.addRefblock(last + 1); !blockedBy(err, BlockedByReftable) {
		t.Errorf("one more: %v", err)
	}
}

func TestFileSizeBlocks(t *testing.T) {
	e := small(t)
	e.end = 1<<31 - 1
	if _, err := e.takePastEnd(1); !blockedBy(err, BlockedByFileSize) {
		t.Errorf("it says %v", err)
	}
}

// Near the end of what a cluster of the reftable reaches, the longer reftable makes itself
// longer once more. Every cluster then has the refcount of its use, and none is left over.
func TestReftableGrowsByItself(t *testing.T) {
	const reach = 64 * 256 // clusters, of one cluster of the reftable
	again := 0
	for short := range qcow2.HostCluster(8) {
		e := small(t)
		used := map[qcow2.HostCluster]bool{}
		for e.end < 3*reach-short {
			c, err := e.takePastEnd(1)
			if err != nil {
				t.Fatal(err)
			}
			used[c] = true
		}
		was := len(e.table)
		h := e.img.Header
		if err := e.placeReftable(&h); err != nil {
			t.Fatal(err)
		}
		if len(e.table) > was {
			again++
		}
		if int(h.RefcountTableClusters)*64 != len(e.table) {
			t.Errorf("the reftable has %d entries in %d clusters", len(e.table), h.RefcountTableClusters)
		}
		for c := range qcow2.HostCluster(h.RefcountTableClusters) {
			used[e.img.Geo.Cluster(qcow2.HostOff(h.RefcountTableOffset))+c] = true
		}
		for _, entry := range e.table {
			used[e.img.Geo.Cluster(entry.Refblock())] = true
		}
		for c := qcow2.HostCluster(e.img.HostClusters()); c < e.end+10; c++ {
			if n, err := e.stored(c); err != nil || (n == 1) != used[c] || n > 1 {
				t.Errorf("%d clusters short: cluster %d has refcount %d, used %v, %v", short, c, n, used[c], err)
			}
		}
	}
	if again == 0 || again == 8 {
		t.Errorf("%d of 8 grew twice", again)
	}
}
