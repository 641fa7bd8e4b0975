package anatomy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qcowscope/core/anatomy"
	"qcowscope/core/image"
)

var update = flag.Bool("update", false, "write the golden files")

// dumped are the recipes whose anatomy is written down. Together they have every kind.
var dumped = []string{
	"healthy_snapshot_and_bitmap", "healthy_extended_l2_snapshot", "healthy_luks", "healthy_compressed_straddling", "healthy_refcount_bits_2",
	"healthy_bitmaps_cluster_512", "healthy_backing_raw", "healthy_unknown_extension", "healthy_data_file", "healthy_v2", "healthy_vm_state",
	"leaked_cluster", "refcount_zero_data", "copied_missing_data", "data_cross_linked", "reftable_reserved_bits", "refblock_is_l2",
	"compressed_streams_overlap", "subclusters_zero_and_alloc", "l2_table_unaligned", "header_padding", "extension_length_impossible",
	"bitmap_flags_unknown", "data_prealloc_unaligned", "compressed_copied", "incompatible_feature_unknown", "snapshot_extra_long",
}

const (
	headBytes = 640 // of the first cluster
	tableHead = 4   // fields of every other cluster that are written down in any case
	telling   = 8   // and fields of it that point somewhere or are wrong
)

// dump is what an image consists of: all of its header, and of each cluster the fields that
// tell something.
func dump(t *testing.T, a *anatomy.Anatomy, img *image.Image) string {
	t.Helper()
	var s strings.Builder
	cs := img.Geo.ClusterSize()
	for off := int64(0); off < img.Src.Size(); off += cs {
		n := min(cs, anatomy.MaxRange)
		if off == 0 {
			n = min(cs, headBytes)
		}
		left := telling
		fs := fields(t, a, at(off, n))
		skipped := 0
		for i, f := range fs {
			tells := f.To.Name != "" || len(f.Wrong) > 0 || f.Kind == anatomy.Padding
			if off > 0 && i >= tableHead && !(tells && left > 0) && i < len(fs)-1 {
				skipped++
				continue
			}
			if i >= tableHead && off > 0 {
				left--
			}
			if skipped > 0 {
				fmt.Fprintf(&s, "  ... %d fields\n", skipped)
				skipped = 0
			}
			s.WriteString(f.String() + "\n")
			if parts := a.Parts(&f); tells && len(parts) > 0 && i < tableHead+4 {
				fmt.Fprintf(&s, "    %v\n", parts)
			}
		}
	}
	return s.String()
}

func TestGoldenDumps(t *testing.T) {
	seen := map[anatomy.Kind]bool{anatomy.Unknown: true}
	for _, name := range dumped {
		t.Run(name, func(t *testing.T) {
			img := open(t, name)
			a := checked(t, img)
			compare(t, name, dump(t, a, img))
			for off := int64(0); off < img.Src.Size(); off += img.Geo.ClusterSize() {
				for _, f := range fields(t, a, at(off, min(1024, img.Geo.ClusterSize()))) {
					seen[f.Kind] = true
				}
			}
		})
	}
	for i, name := range anatomy.Kinds() {
		if !seen[anatomy.Kind(i)] {
			t.Errorf("no dump has a field of kind %s", name)
		}
	}
}

// Before the check the structures that the header leads to are known, and nothing else is.
func TestGoldenBeforeTheCheck(t *testing.T) {
	img := open(t, "healthy_snapshot_and_bitmap")
	a, err := anatomy.New(img, nil)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "before_the_check", dump(t, a, img))
}

func compare(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; look at it with -update and git diff. First line that differs:\n%s", file, firstDifference(got, string(want)))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			other := "(nothing)"
			if i < len(w) {
				other = w[i]
			}
			return fmt.Sprintf("got  %s\nwant %s", g[i], other)
		}
	}
	return "got ends early"
}
