package testimages

import (
	"fmt"
	"slices"
	"testing"
)

// rows of the catalogue of findings. Missing on purpose, for no recipe of at most
// 64 MiB can show them: snap-table-too-big (a snapshot table of more than 64 MiB),
// image-too-many-clusters (a file of 1 TiB), table-read-error (a failing disk).
var catalogue = []string{
	"snap-count-too-large", "snap-table-offset-invalid", "snap-extra-too-big", "snap-entry-incomplete",
	"snap-l1-unaligned", "snap-l1-too-large", "snapshots-with-data-file", "region-beyond-eof",
	"refcount-overflow", "l1-reserved-bits", "l2-table-unaligned", "l1-offset-zero", "l2-reserved-bits",
	"compressed-copied", "compressed-with-data-file", "compressed-subcluster-bitmap",
	"subcluster-zero-and-alloc", "subcluster-alloc-no-host", "data-unaligned", "data-prealloc-unaligned",
	"reftable-reserved-bits", "refblock-unaligned", "refblock-outside", "refblock-shared",
	"bitmap-directory-bad", "bitmap-table-bad", "refcount-unreadable", "refcount-zero", "refcount-too-low",
	"refcount-too-high", "copied-l1", "copied-l2",
}

// traps are the cases in which QEMU's own repair does harm or fails.
var traps = []string{
	"trap-leaks-with-corruption", "trap-reftable-reserved-bits", "trap-refblock-unaligned",
	"trap-l2-table-unaligned", "trap-snapshot-table-beyond-eof", "trap-cross-links", "trap-refblock-outside",
	"trap-bitmap-destroys-snapshots",
}

// invisible are defects that QEMU's check does not find or cannot look for.
var invisible = []string{
	"cross-linked-data", "two-l1-one-l2", "data-aliases-metadata", "orphaned-l2", "l1-size-too-small",
	"size-damaged", "truncated-file", "last-cluster-short", "header-field-damage", "unaligned-snapshots-offset",
	"compressed-stream", "ext-l2-bit-0", "zero-in-v2", "bitmap-tail-bits", "bitmaps-autoclear",
	"nonzero-padding", "luks-header", "data-file-host-not-guest", "data-file-copied-at-0",
	"missing-backing-file", "dirty-image", "snapshot-disk-size", "file-longer", "refblock-hole",
}

// Every damage class, catalogue row, trap and invisible defect has a recipe, and
// no recipe claims to show something that is not on these lists.
func TestEveryDefectHasARecipe(t *testing.T) {
	wanted := slices.Concat(catalogue, traps, invisible)
	for class := 1; class <= 37; class++ {
		wanted = append(wanted, fmt.Sprintf("class-%d", class))
	}
	shown := map[string]string{}
	for _, r := range everything(t) {
		for _, c := range r.Covers {
			shown[c] = r.Name
			if !slices.Contains(wanted, c) {
				t.Errorf("%s covers %q, which no list names", r.Name, c)
			}
		}
	}
	for _, w := range wanted {
		if shown[w] == "" {
			t.Errorf("no recipe covers %s", w)
		}
	}
}
