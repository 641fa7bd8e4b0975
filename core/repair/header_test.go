//go:build !js

package repair_test

import (
	"testing"

	"qcowscope/core/check"
	"qcowscope/testimages"
)

// Header fields that the rest of the file leaves one reading of are corrected unasked, and
// the image is clean.
func TestHeaderByEvidence(t *testing.T) {
	for _, name := range []string{
		"snapshots_offset_stray", "raw_bit_without_data_file",
		"header_length_long", "header_length_short", "header_length_odd",
		"extension_end_length", "extension_length_impossible", "extension_format_long", "bitmap_extension_length",
		"l1_size_too_small", "l1_size_too_large", "l1_size_zero", "l1_size_runs_over", "l1_size_beyond_eof",
		"compression_bit_missing", "compression_type_unknown",
		"backing_name_too_long", "backing_offset_beyond_cluster", "backing_offset_stray",
		"luks_extension_lost", "luks_length_short", "luks_length_zero", "luks_length_beyond_eof",
		"l1_offset_into_data", "l1_offset_into_l2", "bitmap_shares_with_l1_garbage",
		"reftable_unaligned", "reftable_too_large", "reftable_beyond_eof", "reftable_clusters_zero",
	} {
		t.Run(name, mending{recipe: name}.judge)
	}
	// The table has room for the size that the header says; what is there reads as before.
	t.Run("size_within_room", mending{recipe: "size_within_room", size: 64 << 20}.judge)
}

// Where there is a choice, or something is given up, the user decides.
func TestHeaderByConsent(t *testing.T) {
	judgeAll(t, []mending{
		{recipe: "extension_unknown_length", accept: []check.Code{check.HeaderExtension}},
		{recipe: "extension_unknown_length_bitmaps", accept: []check.Code{check.HeaderExtension}},
		{recipe: "header_length_unclear", accept: []check.Code{check.HeaderLength}},
		{recipe: "compression_unused", accept: []check.Code{check.CompressionWrong}},
		{recipe: "size_bit_flip", accept: []check.Code{check.L1SizeWrong}},
		{recipe: "size_top_bit", accept: []check.Code{check.DiskSizeImpossible}},
	})
}

// What nobody can know is left alone and named, whatever is consented to.
func TestHeaderLeftAlone(t *testing.T) {
	for recipe, code := range map[string]check.Code{
		"incompatible_feature_unknown": check.FeatureUnknown,
		"crypt_method_unknown":         check.EncryptionWrong,
		"luks_header_damaged":          check.EncryptionWrong,
		"luks_keyslot_state":           check.EncryptionWrong,
		"luks_keyslots_overlap":        check.EncryptionWrong,
		"data_file_missing":            check.HeaderField,
	} {
		t.Run(recipe, func(t *testing.T) {
			out := mending{}.plan(t, testimages.Make(t, recipe), check.Codes())
			if !out.Plan.Empty() || out.After.Group(code) == nil {
				t.Errorf("%d writes, %s left: %v", out.Plan.Writes(), code, out.After.Group(code) != nil)
			}
		})
	}
}
