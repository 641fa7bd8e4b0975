package check_test

import (
	"context"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// TestClaimantsNamesBothSides: for a cluster that two places of the disk share, both
// pointers are named, with different guest offsets.
func TestClaimantsNamesBothSides(t *testing.T) {
	src := build(t, "data_cross_linked")
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	rep := run(t, src)
	claims, err := rep.Claimants(context.Background(), img, 100)
	if err != nil {
		t.Fatal(err)
	}
	f := rep.Group(check.CrossLink).Findings[0]
	both := claims[img.Geo.Cluster(f.Host.Start)]
	if len(both) != 2 {
		t.Fatalf("%d claims: %+v", len(both), both)
	}
	guest := func(i int) qcow2.GuestOff { return img.Geo.GuestOffset(both[i].L1Index, both[i].L2Index) }
	if guest(0) == guest(1) || guest(1) != f.Guest.Start {
		t.Errorf("guests %x and %x, the finding says %v", guest(0), guest(1), f.Guest)
	}
}

func TestClaimantsIsBounded(t *testing.T) {
	src := build(t, "refblock_zeroed")
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := run(t, src).Claimants(context.Background(), img, 3)
	if err != nil || len(claims) == 0 || len(claims) > 3 {
		t.Errorf("%d clusters, %v", len(claims), err)
	}
}
