package main

import (
	"strconv"
	"strings"
	"testing"

	"qcowscope/testimages"
)

// TestInfoOfEveryRecipe: whatever is wrong, what the bytes are for adds up to the file.
func TestInfoOfEveryRecipe(t *testing.T) {
	eachRecipe(t, 3, func(t *testing.T, name string) {
		built, _, path := place(t, name)
		r := cli(t, "info", "--output=json", path)
		if cli(t, "check", "-q", path).code == exitNotQcow2 {
			r.want(t, exitNotQcow2)
			return
		}
		if r.code != exitOK {
			if golden(t, name).Check.Counts != nil {
				t.Errorf("QEMU can open it, info says %s", r.err)
			}
			return
		}
		i := decode[struct {
			FileSize int64 `json:"file-size"`
			Usage    []usageJSON
			Refusals []string
		}](t, r.out)
		total := int64(0)
		for _, u := range i.Usage {
			total += u.Bytes
		}
		if total != i.FileSize || total != int64(len(built.Image)) {
			t.Errorf("the file has %d bytes, the usage adds up to %d", i.FileSize, total)
		}
		if len(i.Refusals) == 0 && golden(t, name).Check.Exit == exitFailed && golden(t, name).Check.Counts == nil && strings.HasPrefix(name, "healthy") {
			t.Error("nothing explains why QEMU refuses it")
		}
		cli(t, "info", path).want(t, exitOK).says(t, "where the bytes of the file go")
	})
}

// TestInfoAgreesWithQEMU compares what both tools tell.
func TestInfoAgreesWithQEMU(t *testing.T) {
	compared := 0
	for _, name := range testimages.Names() {
		if !strings.HasPrefix(name, "healthy_") || strings.Contains(name, "luks") || strings.Contains(name, "aes") {
			continue
		}
		_, img, path := place(t, name)
		want := decode[struct {
			VirtualSize int64  `json:"virtual-size"`
			ClusterSize int64  `json:"cluster-size"`
			Backing     string `json:"backing-filename"`
			Snapshots   []struct {
				ID, Name    string
				VMStateSize int64 `json:"vm-state-size"`
			}
			Specific struct {
				Data struct {
					Compat       string
					RefcountBits int  `json:"refcount-bits"`
					Corrupt      bool `json:"corrupt"`
					Lazy         bool `json:"lazy-refcounts"`
					ExtendedL2   bool `json:"extended-l2"`
					Bitmaps      []struct {
						Name        string
						Granularity int64
						Flags       []string
					}
				}
			} `json:"format-specific"`
		}](t, qemuImg(t, img.Dir, "info", "-f", "qcow2", "--output=json", img.File))
		got := decode[imageInfoForTest](t, cli(t, "info", "--output=json", path).want(t, exitOK).out)
		if got.VirtualSize != want.VirtualSize || got.ClusterSize != want.ClusterSize || got.BackingFile != want.Backing ||
			got.RefcountBits != want.Specific.Data.RefcountBits || got.ExtendedL2 != want.Specific.Data.ExtendedL2 ||
			(got.Version == 3) != (want.Specific.Data.Compat == "1.1") || got.has("lazy refcounts") != want.Specific.Data.Lazy {
			t.Errorf("%s: got %+v, QEMU says %+v", name, got, want)
		}
		if len(got.Snapshots) != len(want.Snapshots) || len(got.Bitmaps) != len(want.Specific.Data.Bitmaps) {
			t.Fatalf("%s: %d snapshots and %d bitmaps, QEMU %d and %d", name, len(got.Snapshots), len(got.Bitmaps), len(want.Snapshots), len(want.Specific.Data.Bitmaps))
		}
		for i, s := range want.Snapshots {
			if g := got.Snapshots[i]; g.ID != s.ID || g.Name != s.Name || g.VMStateSize != s.VMStateSize {
				t.Errorf("%s: snapshot %d is %+v, QEMU says %+v", name, i, g, s)
			}
		}
		for i, m := range want.Specific.Data.Bitmaps {
			if g := got.Bitmaps[i]; g.Name != m.Name || g.Granularity != m.Granularity || strings.Join(g.Flags, " ") != strings.Join(m.Flags, " ") {
				t.Errorf("%s: bitmap %d is %+v, QEMU says %+v", name, i, g, m)
			}
		}
		compared++
	}
	if compared < 20 {
		t.Errorf("only %d images were compared", compared)
	}
}

// imageInfoForTest is imageInfo as a reader of the JSON sees it.
type imageInfoForTest struct {
	VirtualSize  int64  `json:"virtual-size"`
	ClusterSize  int64  `json:"cluster-size"`
	RefcountBits int    `json:"refcount-bits"`
	ExtendedL2   bool   `json:"extended-l2"`
	BackingFile  string `json:"backing-file"`
	Version      int
	Features     []struct{ Name string }
	Snapshots    []struct {
		ID, Name    string
		VMStateSize int64 `json:"vm-state-size"`
	}
	Bitmaps []struct {
		Name        string
		Granularity int64
		Flags       []string
	}
}

func (i imageInfoForTest) has(feature string) bool {
	for _, f := range i.Features {
		if f.Name == feature {
			return true
		}
	}
	return false
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"disk.img": "disk.img", "größe": "größe", "a\x1b[2Jb": `a\x1b[2Jb`, "\xff\n": `\xff\n`, "\u202e": `\u202e`, "a b": "a b"} {
		if got := printable(in); got != want {
			t.Errorf("printable(%s) is %s, want %s", strconv.Quote(in), got, want)
		}
	}
}
