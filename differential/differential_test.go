//go:build !js

package differential_test

import (
	"context"
	"os"
	"strconv"
	"testing"

	"qcowscope/core/check"
	"qcowscope/differential"
	"qcowscope/testimages/qemu"
)

// Numbers of damaged images. From manyImages on every field and every finding must have
// been met.
const (
	fewImages  = 200
	fewBases   = 40 // are made for few images
	manyImages = 6000
)

// options are what the environment asks for.
func options(t *testing.T) differential.Options {
	opt := differential.Options{N: fewImages, Seed: 1, Only: -1, Repairs: 2}
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		opt.N, opt.Repairs = manyImages, 1
	}
	for name, set := range map[string]func(uint64){
		"QCOWSCOPE_DIFF_N":    func(v uint64) { opt.N = int(v) },
		"QCOWSCOPE_DIFF_SEED": func(v uint64) { opt.Seed = v },
	} {
		if text := os.Getenv(name); text != "" {
			v, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			set(v)
		}
	}
	if opt.N <= fewImages {
		opt.Bases = fewBases
	}
	return opt
}

// TestDamagedImages holds our check and our repair of damaged images against QEMU's.
func TestDamagedImages(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	opt := options(t)
	res, err := differential.Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Differences {
		t.Error(d)
	}
	t.Log(res.Table.String())
	if res.Images != opt.N {
		t.Errorf("%d images of %d", res.Images, opt.N)
	}
	for _, r := range res.Redrawn {
		t.Log("drawn again:", r)
	}
	covered(t, &res.Table)
	repaired(t, &res.Repairs)
}

// repaired fails for every kind of repair that is worse than QEMU's and not accepted.
func repaired(t *testing.T, r *differential.Repairs) {
	for _, kind := range r.Unexplained() {
		t.Errorf("%d times %s\n%s", r.Worse[kind].Times, kind, r.Worse[kind].Example)
	}
	t.Log(r.String())
	if len(r.Outcomes) == 0 {
		t.Error("nothing was repaired")
	}
}

// unreachable are the codes that no small damaged file can have.
var unreachable = map[check.Code]string{
	check.TooManyClusters:   "needs a file of a terabyte",
	check.TableReadError:    "needs a disk with bad sectors",
	check.TablesOverlap:     "needs a gigabyte of tables that overlap",
	check.CompressedBroken:  "only a deep check reads the streams, and no stream is damaged here",
	check.CompressedOverlap: "only a deep check reads the streams, and no stream is damaged here",
}

// covered fails when the run was too narrow to mean something.
func covered(t *testing.T, table *differential.Table) {
	n := table.Images
	if checked := table.Outcomes["counts"]; checked < n/2 {
		t.Errorf("QEMU's counts were compared for %d images of %d", checked, n)
	}
	for kind, hits := range table.Kinds {
		if hits < n/200 {
			t.Errorf("the kind %q was tried %d times", kind, hits)
		}
	}
	if n < manyImages {
		return
	}
	for field, hits := range table.Fields {
		if hits == 0 {
			t.Errorf("the field %s was never damaged", field)
		}
	}
	for _, c := range check.Codes() {
		if _, no := unreachable[c]; !no && table.Codes[string(c)] == 0 {
			t.Errorf("no image had a finding %s", c)
		}
	}
}

// A stream that lies across tables: redirected the image would have faults of a new kind, and
// so the repair is not redirected. Only the full run makes all the bases for one image.
func TestRedirectedAcrossTables(t *testing.T) {
	if os.Getenv("QCOWSCOPE_FULL") == "" {
		return
	}
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	res, err := differential.Run(context.Background(), differential.Options{N: 1000, Seed: 4242, Only: 739, Repairs: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range res.Differences {
		t.Error(d)
	}
	repaired(t, &res.Repairs)
}
