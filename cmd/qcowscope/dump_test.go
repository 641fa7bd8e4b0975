package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dumped calls dump on a recipe's image.
func dumped(t *testing.T, recipe string, args ...string) result {
	t.Helper()
	_, img, _ := place(t, recipe)
	return cli(t, append([]string{"dump", filepath.Join(img.Dir, img.File)}, args...)...)
}

func TestDumpFollowsThePointers(t *testing.T) {
	type field = dumpedJSON
	get := func(offset string) field {
		all := decode[dumpJSON](t, dumped(t, "refcount_zero_data", "--output=json", "--length=1", "--offset="+offset).want(t, exitOK).out)
		if len(all.Fields) != 1 || all.Length != 1 || all.Schema != schema {
			t.Fatalf("%+v", all)
		}
		return all.Fields[0]
	}
	pointer := get("0x30")
	if pointer.Name != "refcount_table_offset" || pointer.Bytes != "0000000000010000"[:2] || pointer.To == nil || pointer.To.Offset != 0x10000 {
		t.Fatalf("%+v", pointer)
	}
	entry := get("64K")
	if entry.Name != "reftable[0]" || entry.To == nil || entry.To.Offset != 0x20000 || len(entry.From) != 1 || entry.From[0].Offset != 0x30 {
		t.Fatalf("%+v", entry)
	}
	if len(entry.Bits) != 2 || entry.Bits[0].Value != 0x20000 || entry.Bits[1].Wrong {
		t.Errorf("%+v", entry.Bits)
	}
	refcount := get("131084") // 0x2000c: cluster 6
	if refcount.Name != "refcount[6]" || len(refcount.Findings) != 1 || refcount.Findings[0] != "refcount-zero" {
		t.Errorf("%+v", refcount)
	}
	data := get("0x50000")
	if data.Kind != "data" || data.GuestOffset == nil || *data.GuestOffset != 0 || data.Structure != "cluster 5" {
		t.Errorf("%+v", data)
	}
}

// A range of several requests has every field once, and all of the bytes.
func TestDumpOfALongRange(t *testing.T) {
	all := decode[dumpJSON](t, dumped(t, "healthy_cluster_2m", "--output=json", "--offset=1900K", "--length=300K").want(t, exitOK).out)
	end, shown := exact(0), 0
	for _, f := range all.Fields {
		if f.Offset != end && end != 0 {
			t.Fatalf("%s is at %d, the field before ends at %d", f.Name, f.Offset, end)
		}
		end = f.Offset + f.Length
		shown += len(f.Bytes) / 2
	}
	if exact(shown) != all.Length || end != all.Offset+all.Length || all.Length != 300<<10 {
		t.Errorf("%d bytes are shown, the fields end at %d, the range has %d from %d on", shown, end, all.Length, all.Offset)
	}
}

func TestDumpToBeRead(t *testing.T) {
	r := dumped(t, "refcount_zero_data", "--offset=0x20000", "--length=16").want(t, exitOK)
	r.says(t, "# refcount block 0, 0x20000+0x10000, pointed to by reftable[0] at 0x10000\n")
	r.says(t, "00000002000c  00 00                    refcount[6] = 0\n")
	r.says(t, "! refcount-zero: ")
	r.says(t, "-> cluster 6, 0x60000+0x10000\n")
	r = dumped(t, "healthy_v3", "--offset=0x28", "--length=0x20000").want(t, exitOK)
	r.says(t, "Bits: 63-9 refcount block offset 0x20000\n")
	r.says(t, "\n*\n") // rows of zeros
	if n := strings.Count(r.out, "# header,"); n != 1 {
		t.Errorf("%d headings of the header", n)
	}
	dumped(t, "healthy_backing_raw", "--offset=0x0", "--length=64K").want(t, exitOK).says(t, `backing file name = "base.raw"`)
}

// What docs/hex.md shows is what is printed.
func TestDumpIsAsDocumented(t *testing.T) {
	_, img, path := place(t, "refcount_zero_data")
	if err := os.Rename(path, filepath.Join(img.Dir, "disk.qcow2")); err != nil {
		t.Fatal(err)
	}
	isAsDocumented(t, "hex.md", img.Dir, 2)
}

func TestDumpRefuses(t *testing.T) {
	dumped(t, "healthy_v3", "--offset=1T").want(t, exitFailed).says(t, "nothing lies at offset 1099511627776")
	for _, bad := range []string{"--offset=-1", "--offset=x", "--offset=9E", "--offset=8388608T", "--length=0", "--length=17M", "--offset="} {
		dumped(t, "healthy_v3", bad).want(t, exitFailed).says(t, "usage: qcowscope dump")
	}
	dumped(t, "version_unknown").want(t, exitFailed)
	dumped(t, "magic_overwritten").want(t, exitNotQcow2)
}
