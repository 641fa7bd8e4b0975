//go:build !js

package repair_test

import (
	"context"
	"errors"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/repair"
)

// From 8 GB on, with the smallest clusters and the widest refcounts, a table that grows by
// one cluster and never uses its old places again is outrun by its own needs; QEMU's
// rebuild does not end there.
func TestRebuildWhereQEMUsDoesNotEnd(t *testing.T) {
	const n = 4033 * 4096
	img := rebuilt(t, filled(9, 6, n))
	table, _ := tableOf(img)
	if least := leastTable(img.Geo, n); table != least {
		t.Errorf("reftable of %d clusters, %d is enough", table, least)
	}
}

// An image whose reftable would be too large to be opened gets no plan.
func TestRebuildTooLarge(t *testing.T) {
	const perTable = 4096 // clusters that one cluster of the reftable covers
	s := scattered(9, 6, run{16384 * perTable, 1})
	s.tables = 1
	img, before := examined(t, s.source(t))
	if _, err := repair.Plan(context.Background(), img, before, repair.Options{Scope: repair.All}); !errors.Is(err, alloc.ErrReftableTooLarge) {
		t.Errorf("%v", err)
	}
	fits := scattered(9, 6, run{16384*perTable - 1, 1})
	if table, _ := tableOf(rebuilt(t, fits)); table != 16384 {
		t.Errorf("reftable of %d clusters, want the largest possible", table)
	}
}
