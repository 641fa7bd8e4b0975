package skeleton_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/skeleton"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// mark is what is planted where the user's bytes may be. No four bytes of it may be in a copy.
var mark = []byte("SeCrEt-GuEsT-bYtEs!?")

// plant fills [from, to) with the mark.
func plant(file []byte, from, to int64) {
	for i := max(0, from); i < min(to, int64(len(file))); i++ {
		file[i] = mark[i%int64(len(mark))]
	}
}

// survivor is where four bytes of the mark are in the copy, -1 if nowhere.
func survivor(file []byte) int {
	for i := range mark {
		four := append(append([]byte(nil), mark...), mark...)[i : i+4]
		if at := bytes.Index(file, four); at >= 0 {
			return at
		}
	}
	return -1
}

// guestBytes plants the mark in the clusters of the user and in those that nothing uses.
func guestBytes(file []byte, img *image.Image, report *check.Report) {
	g, t := img.Geo, report.Refcounts
	for c := range qcow2.HostCluster(img.HostClusters()) {
		switch t.Role(c) {
		case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData, refcount.Leaked, refcount.Free:
			if !t.Conflict(c) { // else a table lies there as well
				plant(file, int64(g.Offset(c)), int64(g.Offset(c+1)))
			}
		}
	}
}

// slack plants the mark behind the tables that do not fill their last cluster.
func slack(file []byte, img *image.Image, report *check.Report) {
	g := img.Geo
	behind := func(off, n int64) {
		end := off + n
		last := g.Cluster(qcow2.HostOff(end - 1))
		if n > 0 && off > 0 && end < int64(len(file)) && report.Refcounts.Count(last) == 1 {
			plant(file, end, int64(g.Offset(last+1)))
		}
	}
	behind(int64(img.L1.Off), img.L1.Bytes())
	t := report.Snapshots
	behind(int64(t.Off), t.Bytes)
	for _, s := range t.Snapshots {
		if s.L1Size <= qcow2.MaxL1Entries && s.L1TableOffset < 1<<40 {
			behind(int64(s.L1TableOffset), 8*int64(s.L1Size))
		}
	}
	if e := img.BitmapsExt; e != nil && e.DirectoryOffset < 1<<40 && e.DirectorySize < 1<<40 {
		behind(int64(e.DirectoryOffset), int64(e.DirectorySize))
	}
	for _, m := range img.Bitmaps {
		if m.TableOffset < 1<<40 {
			behind(int64(m.TableOffset), 8*int64(m.TableSize))
		}
	}
}

// names plants the mark in all names, and the mark's bytes differ with their place.
func names(file []byte, img *image.Image, report *check.Report) {
	if img.BackingFile != "" && img.Header.BackingFileOffset > uint64(img.Header.HeaderLength) {
		plant(file, int64(img.Header.BackingFileOffset), int64(img.Header.BackingFileOffset)+int64(len(img.BackingFile)))
	}
	for _, e := range img.Extensions {
		if e.Type == qcow2.ExtDataFile || e.Type == 0x12345678 {
			plant(file, e.Off+8, e.Off+8+int64(len(e.Data)))
		}
	}
	t := report.Snapshots
	for i, s := range t.Snapshots {
		if check.PlausibleSnapshot(&s) {
			name := t.Offsets[i] + 40 + int64(len(s.Extra)+len(s.ID))
			plant(file, name, name+int64(len(s.Name)))
		}
	}
	if e := img.BitmapsExt; e != nil {
		at := int64(e.DirectoryOffset)
		for _, m := range img.Bitmaps {
			plant(file, at+24+int64(len(m.Extra)), at+24+int64(len(m.Extra)+len(m.Name)))
			at += m.Bytes()
		}
	}
}

// Whatever is wrong with an image: of the bytes of its user none is in the copy, and the
// findings are the same.
func TestNothingOfTheUserIsInTheCopy(t *testing.T) {
	planted := 0
	eachRecipe(t, func(t *testing.T, name string) {
		file := testimages.Make(t, name).Image
		img, report := checked(t, source.Bytes(file))
		if img == nil {
			return
		}
		file = bytes.Clone(file)
		guestBytes(file, img, report)
		slack(file, img, report)
		names(file, img, report)
		img, report = checked(t, source.Bytes(file))
		if img == nil {
			t.Fatal("with the mark in it the image does not open")
		}
		c, private := copied(t, img, report, skeleton.Keep{})
		if at := survivor(private); at >= 0 {
			t.Errorf("the mark is at 0x%x: %q", at, private[at:min(at+40, len(private))])
		}
		_, again := checked(t, source.Bytes(private))
		if again == nil || outcome(again) != outcome(report) {
			t.Errorf("got\n%swant\n%s", outcome(again), outcome(report))
		}
		if survivor(file) >= 0 {
			planted++
		}
		if c.Summary.Tables > c.Size() {
			t.Errorf("%+v", c.Summary)
		}
	})
	if planted < 200/testimages.Each(1, jsEach) {
		t.Errorf("the mark was planted in only %d images", planted)
	}
}

// overwrite plants the guest's sectors in a table of the image, wholly or in part.
func overwrite(r *rand.Rand, file []byte, off, n int64) {
	const sector = 512
	from := off + r.Int64N(max(1, n/sector))*sector
	to := min(off+n, from+sector*(1+r.Int64N(max(1, n/sector))))
	plant(file, from, to)
}

// joinedRuns is a seed with which the guest's bytes lie over the refcounts around a lost table:
// in the copy these are all alike.
const joinedRuns = 43

// Where the guest's bytes were written over tables they are read as entries. They are not in
// the copy all the same, and its findings are those of the image.
func TestGuestBytesInTablesAreNotInTheCopy(t *testing.T) {
	seeds := uint64(8)
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		seeds = 100
	}
	for _, name := range []string{"healthy_snapshots", "healthy_extended_l2_snapshot", "healthy_bitmaps", "healthy_cluster_4k", "healthy_compressed_zlib",
		"healthy_refcount_bits_32", "healthy_refcount_bits_64", "healthy_data_file", "healthy_v2_cluster_512", "healthy_cluster_2m"} {
		t.Run(name, func(t *testing.T) {
			clean := testimages.Make(t, name).Image
			img, report := checked(t, source.Bytes(clean))
			replaced := int64(0)
			for i := range seeds + 1 {
				seed := i
				if i == seeds {
					seed = joinedRuns
				}
				file := bytes.Clone(clean)
				r := rand.New(rand.NewPCG(seed, 3))
				overwriteTables(r, file, img, report)
				img, report := checked(t, source.Bytes(file))
				if img == nil {
					continue // the header's own extensions were kept: this does not happen
				}
				c, private := copied(t, img, report, skeleton.Keep{})
				if at := survivor(private); at >= 0 {
					t.Errorf("seed %d: the mark is at 0x%x: %q", seed, at, private[at:min(at+40, len(private))])
				}
				replaced += c.Replaced
				_, again := checked(t, source.Bytes(private))
				if g, w := outcome(again), outcome(report); g != w {
					t.Errorf("seed %d: got\n%swant\n%s", seed, g, w)
				}
			}
			if replaced == 0 {
				t.Error("no word was replaced")
			}
		})
	}
}

// overwriteTables plants the mark in some table of every kind that the seed chooses.
func overwriteTables(r *rand.Rand, file []byte, img *image.Image, report *check.Report) {
	cs := img.Geo.ClusterSize()
	if r.IntN(3) == 0 {
		overwrite(r, file, int64(img.L1.Off), img.L1.Bytes())
	}
	tables := report.Refcounts.Tree.Tables
	for range 1 + r.IntN(2) {
		overwrite(r, file, int64(tables[r.IntN(len(tables))].Off), cs)
	}
	if r.IntN(4) == 0 {
		overwrite(r, file, int64(img.Header.RefcountTableOffset), img.ReftableBytes())
	}
	if r.IntN(3) == 0 {
		overwrite(r, file, int64(img.Reftable[0].Refblock()), cs)
	}
	if t := report.Snapshots; t.Bytes > 0 && r.IntN(3) == 0 {
		at := t.Offsets[r.IntN(len(t.Offsets))]
		plant(file, at, at+36) // without the length of the extra data, so that more entries are read
	}
	if len(img.Bitmaps) > 0 && r.IntN(2) == 0 {
		m := img.Bitmaps[r.IntN(len(img.Bitmaps))]
		overwrite(r, file, int64(m.TableOffset), 8*int64(m.TableSize))
	}
}
