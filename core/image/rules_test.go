package image_test

import (
	"context"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// Healthy images, of which each rule below changes as little as it takes.
const (
	plainImage   = "image version=3 size=1M cluster=64K\nwrite guest=0 len=64K fill=0x11\n"
	plainV2      = "image version=2 size=1M cluster=64K\nwrite guest=0 len=64K fill=0x11\n"
	smallCluster = "image version=3 size=1M cluster=8K\nwrite guest=0 len=64K fill=0x11\n"
	tinyCluster  = "image version=3 size=1M cluster=512\nwrite guest=0 len=64K fill=0x11\n"
	zstdImage    = "image version=3 size=1M cluster=64K compression=zstd\ncompress guest=0 len=64K fill=0x11\n"
	luksImage    = "image version=3 size=1M cluster=64K encrypted=luks\nwrite guest=0 len=64K fill=0x11\n"
	dataImage    = "image version=3 size=1M cluster=64K data_file=data.raw\nwrite guest=0 len=64K fill=0x11\n"
	rawDataImage = "image version=3 size=1M cluster=64K data_file=data.raw raw\nwrite guest=0 len=64K fill=0x11\n"
	backedImage  = "image version=3 size=1M cluster=64K backing=base.raw format=raw fill=0x5a\nwrite guest=0 len=64K fill=0x11\n"
	bitmapImage  = plainImage + "bitmap name=backup granularity=64K dirty=0 dirty_len=64K auto\n"
	inUseImage   = plainImage + "bitmap name=backup granularity=64K dirty=0 dirty_len=64K in_use auto\n"
	twoBitmaps   = bitmapImage + "bitmap name=second granularity=64K auto\n"
)

// rule is one change to a healthy image and the field that QEMU then stumbles over, ""
// when the value is still allowed.
type rule struct {
	name, base, damage, field string
}

var rules = []rule{
	{"healthy", plainImage, "", ""},
	{"healthy with LUKS", luksImage, "", ""},
	{"healthy with data file", dataImage, "", ""},
	{"healthy with bitmap", bitmapImage, "", ""},

	{"header_length 103", plainImage, "set header.header_length = 103", "header_length"},
	{"header_length 104", plainImage, "set header.header_length = 104", ""},
	{"header_length one cluster", plainImage, "set header.header_length = cluster", ""},
	{"header_length past a cluster", plainImage, "set header.header_length = cluster + 1", "header_length"},
	{"header_length of version 2 is not looked at", plainV2, "set bytes[100] = ffffffff", ""},
	{"backing_file_offset at the cluster's end", plainImage, "set header.backing_file_offset = cluster", ""},
	{"backing_file_offset past the cluster", plainImage, "set header.backing_file_offset = cluster + 1", "backing_file_offset"},
	{"backing_file_offset huge", plainImage, "set header.backing_file_offset = 1<<63", "backing_file_offset"},
	{"backing_file_size 1023", backedImage, "set header.backing_file_size = 8", ""},
	{"backing_file_size 1024", backedImage, "set header.backing_file_size = 1024", "backing_file_size"},
	{"backing_file_size past the cluster", backedImage, "set header.backing_file_offset = cluster - 7", "backing_file_size"},
	{"backing_file_size without offset", plainImage, "set header.backing_file_size = 5000", ""},

	{"compression_type 2", zstdImage, "set header.compression_type = 2", "compression_type"},
	{"compression bit without type", plainImage, "set header.incompatible_features = 8", "incompatible_features"},
	{"compression type without bit", zstdImage, "set header.incompatible_features = 0", "incompatible_features"},
	{"incompatible bit 5", plainImage, "set header.incompatible_features = 0x20", "incompatible_features"},
	{"incompatible bit 63", plainImage, "set header.incompatible_features = 1<<63", "incompatible_features"},
	{"corrupt bit", plainImage, "set header.incompatible_features = 2", ""},
	{"unknown compatible bit", plainImage, "set header.compatible_features = 1<<63", ""},
	{"unknown autoclear bit", plainImage, "set header.autoclear_features = 1<<63", ""},
	{"raw bit without data file", plainImage, "set header.autoclear_features = 2", "autoclear_features"},
	{"raw bit with data file", rawDataImage, "", ""},
	{"subclusters of 256 bytes", smallCluster, "set header.incompatible_features = 16", "cluster_bits"},
	{"subclusters of 2 KiB", plainImage, "set header.incompatible_features = 16", ""},

	{"size 2^63", plainImage, "set header.size = 1<<63", "size"},
	{"size that needs 2^31 L1 entries", tinyCluster, "set header.size = 1<<46", "size"},
	{"size that needs more L1 entries than there are", plainImage, "set header.size = 512M + 1", "l1_size"},
	{"size of one whole L2 table", plainImage, "set header.size = 512M", ""},
	{"size of a part of a sector", plainImage, "set header.size = 1M - 1", ""},
	{"size 0", plainImage, "set header.size = 0", ""},

	{"reftable of 8 MiB", plainImage, "set header.refcount_table_clusters = 128", ""},
	{"reftable past 8 MiB", plainImage, "set header.refcount_table_clusters = 129", "refcount_table_clusters"},
	{"reftable of 2^32 clusters", plainImage, "set header.refcount_table_clusters = 0xffffffff", "refcount_table_clusters"},
	{"no reftable", plainImage, "set header.refcount_table_clusters = 0", ""},
	{"reftable unaligned", plainImage, "set header.refcount_table_offset = value + 512", "refcount_table_offset"},
	{"reftable beyond 2^63", plainImage, "set header.refcount_table_offset = 1<<63", "refcount_table_offset"},
	{"reftable that ends at 2^63", plainImage, "set header.refcount_table_offset = 0x7fffffffffff0000", "refcount_table_offset"},

	{"L1 of 32 MiB", plainImage, "set header.l1_size = 4194304", ""},
	{"L1 past 32 MiB", plainImage, "set header.l1_size = 4194305", "l1_size"},
	{"L1 too short", plainImage, "set header.l1_size = 0", "l1_size"},
	{"L1 unaligned", plainImage, "set header.l1_table_offset = value + 512", "l1_table_offset"},
	{"L1 beyond 2^63", plainImage, "set header.l1_table_offset = 1<<63", "l1_table_offset"},
	{"empty L1 unaligned", plainImage, "set header.size = 0\nset header.l1_size = 0\nset header.l1_table_offset = 512", "l1_table_offset"},
	{"empty L1", plainImage, "set header.size = 0\nset header.l1_size = 0", ""},

	{"crypt_method 3", plainImage, "set header.crypt_method = 3", "crypt_method"},
	{"LUKS without its extension", luksImage, "set extension[0].type = 0x11111111", "crypt_method"},
	{"LUKS extension of 8 bytes", luksImage, "set extension[0].length = 8\nset bytes[128] = 0000000000000000", "LUKS extension"},
	{"LUKS header unaligned", luksImage, "set bytes[120] = 0000000000040200", "LUKS extension"},
	{"LUKS extension without LUKS", luksImage, "set header.crypt_method = 0", "LUKS extension"},
	{"LUKS: version 2", luksImage, "set bytes[4*cluster + 6] = 0002", "LUKS header"},
	{"LUKS: slot in a state of its own", luksImage, "set bytes[4*cluster + 544] = 12345678", "LUKS header"},
	{"LUKS: slot in use in no state", luksImage, "set bytes[4*cluster + 208] = 00000000", "LUKS header"},
	{"LUKS: no slot in use", luksImage, "set bytes[4*cluster + 208] = 0000dead", "LUKS header"},
	{"LUKS: another slot in use without iterations", luksImage, "set bytes[4*cluster + 256] = 00ac71f3", "LUKS header"},
	{"LUKS: another slot in use", luksImage, "set bytes[4*cluster + 256] = 00ac71f3\nset bytes[4*cluster + 260] = 00000001", ""},
	{"LUKS: iterations of a slot not in use", luksImage, "set bytes[4*cluster + 260] = 00000005", ""},
	{"LUKS: slot without iterations", luksImage, "set bytes[4*cluster + 212] = 00000000", "LUKS header"},
	{"LUKS: 3999 stripes", luksImage, "set bytes[4*cluster + 588] = 00000f9f", "LUKS header"},
	{"LUKS: a key in the header", luksImage, "set bytes[4*cluster + 108] = 00000000\nset bytes[4*cluster + 248] = 00000007", "LUKS header"},
	{"LUKS: keys that overlap by a sector", luksImage, "set bytes[4*cluster + 296] = 00000087", "LUKS header"},
	{"LUKS: keys that touch", luksImage, "set bytes[4*cluster + 296] = 00000088", ""},
	{"LUKS: a key that wraps at 2^32", luksImage, "set bytes[4*cluster + 584] = ffffffff", ""},
	{"LUKS: a key that ends in the payload", luksImage, "set bytes[4*cluster + 584] = 0000038b", "LUKS header"},
	{"LUKS: payload in the header", luksImage, "set bytes[4*cluster + 104] = 00000007", "LUKS header"},
	{"LUKS: payload in a key", luksImage, "set bytes[4*cluster + 104] = 00000407", "LUKS header"},
	{"LUKS: payload far away", luksImage, "set bytes[4*cluster + 104] = 7fffffff", ""},
	{"LUKS: no iterations of the master key", luksImage, "set bytes[4*cluster + 164] = 00000000", "LUKS header"},
	{"LUKS: key of no length", luksImage, "set bytes[4*cluster + 108] = 00000000", "LUKS header"},
	{"LUKS: key of 15 bytes", luksImage, "set bytes[4*cluster + 108] = 0000000f", "LUKS header"},
	{"LUKS: key that is long only in 64 bits", luksImage, "set bytes[4*cluster + 108] = 00106250", "LUKS header"},
	{"LUKS: cipher name without end", luksImage, "set bytes[4*cluster + 8] = 6161616161616161616161616161616161616161616161616161616161616161", "LUKS header"},
	{"LUKS: cipher mode without end", luksImage, "set bytes[4*cluster + 40] = 6161616161616161616161616161616161616161616161616161616161616161", "LUKS header"},
	{"LUKS: hash name without end", luksImage, "set bytes[4*cluster + 72] = 6161616161616161616161616161616161616161616161616161616161616161", "LUKS header"},
	{"LUKS: UUID without end", luksImage, "set bytes[4*cluster + 168] = 61616161616161616161616161616161616161616161616161616161616161616161616161616161", ""},
	{"LUKS: unknown cipher", luksImage, "set bytes[4*cluster + 8] = 78797a", "LUKS header"},
	{"LUKS: no IV generator", luksImage, "set bytes[4*cluster + 40] = 63626300", "LUKS header"},
	{"LUKS: unknown mode", luksImage, "set bytes[4*cluster + 40] = 78797a", "LUKS header"},
	{"LUKS: unknown IV generator", luksImage, "set bytes[4*cluster + 44] = 78", "LUKS header"},
	{"LUKS: unknown hash", luksImage, "set bytes[4*cluster + 72] = 78797a", "LUKS header"},
	{"LUKS: unknown IV hash", luksImage, "set bytes[4*cluster + 40] = 6362632d706c61696e36343a78787800", "LUKS header"},
	{"LUKS: IV hash that is not used", luksImage, "set bytes[4*cluster + 40] = 6362632d706c61696e36343a73686132353600", ""},
	{"LUKS: essiv without a hash", luksImage, "set bytes[4*cluster + 40] = 6362632d657373697600", "LUKS header"},
	{"LUKS: essiv with a hash of 20 bytes", luksImage, "set bytes[4*cluster + 40] = 6362632d65737369763a7368613100", "LUKS header"},
	{"LUKS: half a key for XTS", luksImage, "set bytes[4*cluster + 40] = 787473", "LUKS header"},
	{"LUKS: CAST5 with XTS", luksImage, "set bytes[4*cluster + 8] = 636173743500\nset bytes[4*cluster + 40] = 787473\nset bytes[4*cluster + 108] = 00000008", "LUKS header"},
	{"data file without a name", dataImage, "set extension[0].type = 0x11111111", "data file name extension"},

	{"extension as long as the room", plainImage + "extension type=0x12345678 data=00\n", "set extension[0].length = cluster - 112 - 8", ""},
	{"extension longer than the room", plainImage + "extension type=0x12345678 data=00\n", "set extension[0].length = cluster - 112 - 7", "header extension"},
	{"extension of 2^32-1 bytes", plainImage + "extension type=0x12345678 data=00\n", "set extension[0].length = 0xffffffff", "header extension"},
	{"end mark with a length", plainImage, "set bytes[116] = ffffffff", "header extension"},
	{"backing format of 16 bytes", backedImage, "set extension[0].length = 16", "backing format extension"},
	{"no room for an extension's head", plainImage, "set header.header_length = cluster - 4", "header extension"},

	{"bitmaps extension of 16 bytes", bitmapImage, "set extension[0].length = 16\nset bytes[136] = 0000000000000000", "bitmaps extension"},
	{"bitmaps extension, reserved", bitmapImage, "set bitmap_extension.reserved = 1", "bitmaps extension"},
	{"no bitmaps", bitmapImage, "set bitmap_extension.nb_bitmaps = 0", "bitmaps extension"},
	{"65536 bitmaps", bitmapImage, "set bitmap_extension.nb_bitmaps = 65536", "bitmaps extension"},
	{"bitmap directory too large", bitmapImage, "set bitmap_extension.bitmap_directory_size = 67107841", "bitmaps extension"},
	{"bitmap directory unaligned", bitmapImage, "set bitmap_extension.bitmap_directory_offset = value + 512", "bitmaps extension"},
	{"bitmap directory beyond 2^63", bitmapImage, "set bitmap_extension.bitmap_directory_offset = 1<<63", "bitmaps extension"},
	{"bitmap directory past the end", bitmapImage, "set bitmap_extension.bitmap_directory_offset = 1G", "bitmap directory"},
	{"two bitmaps, one entry", bitmapImage, "set bitmap_extension.nb_bitmaps = 2", "bitmap directory"},
	{"one bitmap, two entries", twoBitmaps, "set bitmap_extension.nb_bitmaps = 1", "bitmap directory"},
	{"bitmap directory one byte short", bitmapImage, "set bitmap_extension.bitmap_directory_size = value - 1", "bitmap directory"},
	{"bitmap directory one byte long", bitmapImage, "set bitmap_extension.bitmap_directory_size = value + 1", "bitmap directory"},
	{"bitmaps unbelieved", bitmapImage, "set bitmap_extension.reserved = 1\nset header.autoclear_features = 0", ""},
	{"bitmap table at 0", bitmapImage, "set bitmap_directory[0].bitmap_table_offset = 0", "bitmap directory"},
	{"bitmap table unaligned", bitmapImage, "set bitmap_directory[0].bitmap_table_offset = value + 512", "bitmap directory"},
	{"bitmap table of 0 entries", bitmapImage, "set bitmap_directory[0].bitmap_table_size = 0", "bitmap directory"},
	{"bitmap table too long for the disk", bitmapImage, "set bitmap_directory[0].bitmap_table_size = 2", "bitmap directory"},
	{"bitmap table too long for the disk, in use", inUseImage, "set bitmap_directory[0].bitmap_table_size = 2", ""},
	{"bitmap data of 512 MiB, in use", inUseImage, "set bitmap_directory[0].bitmap_table_size = 8192", ""},
	{"bitmap data past 512 MiB, in use", inUseImage, "set bitmap_directory[0].bitmap_table_size = 8193", "bitmap directory"},
	{"granularity 2^8", bitmapImage, "set bitmap_directory[0].granularity_bits = 8", "bitmap directory"},
	{"granularity 2^9", bitmapImage, "set bitmap_directory[0].granularity_bits = 9", ""},
	{"granularity 2^31", bitmapImage, "set bitmap_directory[0].granularity_bits = 31", ""},
	{"granularity 2^32", bitmapImage, "set bitmap_directory[0].granularity_bits = 32", "bitmap directory"},
	{"bitmap flag 2", bitmapImage, "set bitmap_directory[0].flags = 4", "bitmap directory"},
	{"bitmap extra data", bitmapImage, "set bitmap_directory[0].extra_data_size = 8\nset bitmap_extension.bitmap_directory_size = value + 8", "bitmap directory"},
	{"bitmap without a name", bitmapImage, "set bitmap_directory[0].name_size = 0\nset bitmap_extension.bitmap_directory_size = 24", ""},
	{"bitmap name of 1023", bitmapImage, "set bitmap_directory[0].name_size = 1023\nset bitmap_extension.bitmap_directory_size = 1048\nfill bytes[bitmap_extension.bitmap_directory_offset + 24] len=1023 with=0x61", ""},
	{"bitmap name of 1024", bitmapImage, "set bitmap_directory[0].name_size = 1024\nset bitmap_extension.bitmap_directory_size = 1048\nfill bytes[bitmap_extension.bitmap_directory_offset + 24] len=1024 with=0x61", "bitmap directory"},
	{"two bitmaps of one name", twoBitmaps, "set bytes[bitmap_extension.bitmap_directory_offset + 24 + 32] = 6261636b7570", "bitmap directory"},
	{"bitmap type 2", bitmapImage, "set bitmap_directory[0].type = 2", "bitmap directory"},
	{"bitmap table entry, reserved bit 1", bitmapImage, "set bitmap_table[0][0] = value | 2", "bitmap directory"},
	{"bitmap table entry, reserved bit 63", bitmapImage, "set bitmap_table[0][0] = value | 1<<63", "bitmap directory"},
	{"bitmap table entry unaligned", bitmapImage, "set bitmap_table[0][0] = value + 512", "bitmap directory"},
	{"bitmap table entry all ones with an offset", bitmapImage, "set bitmap_table[0][0] = value | 1", "bitmap directory"},
	{"bitmap table entry all ones", bitmapImage, "set bitmap_table[0][0] = 1", ""},
	{"second bitmap is bad", twoBitmaps, "set bitmap_directory[1].type = 2", "bitmap directory"},
}

func open(t testing.TB, src source.Source) *image.Image {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestRefusals(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			b := testimages.MakeLines(t, r.base+r.damage)
			img := open(t, source.Bytes(b.Image))
			if r.field == "" {
				if len(img.Refusals) != 0 {
					t.Errorf("refused for %v", img.Refusals)
				}
				return
			}
			if len(img.Refusals) == 0 {
				t.Fatalf("not refused, want %s", r.field)
			}
			if first := img.Refusals[0]; first.Field != r.field || first.Rule == "" || first.String() == "" {
				t.Errorf("refused for %v, want %s", img.Refusals, r.field)
			}
		})
	}
}

// Nothing that cannot be is believed: tables that the header cannot mean are empty.
func TestImpossibleTablesAreEmpty(t *testing.T) {
	for _, c := range []struct {
		damage       string
		reftable, l1 bool
	}{
		{"", true, true},
		{"set header.refcount_table_clusters = 129", false, true},
		{"set header.refcount_table_offset = 1<<63", false, true},
		{"set header.refcount_table_offset = value + 512", false, true},
		{"set header.l1_size = 4194305", true, false},
		{"set header.l1_table_offset = 1<<63", true, false},
		{"set header.l1_table_offset = value + 1", true, false},
	} {
		img := open(t, source.Bytes(testimages.MakeLines(t, plainImage+c.damage).Image))
		if (len(img.Reftable) > 0) != c.reftable || (img.L1.Entries > 0) != c.l1 {
			t.Errorf("%q: %d reftable entries, %d L1 entries", c.damage, len(img.Reftable), img.L1.Entries)
		}
	}
}

func TestNamesAreThoseOfTheImage(t *testing.T) {
	img := open(t, source.Bytes(testimages.MakeLines(t, backedImage).Image))
	if img.BackingFile != "base.raw" || img.BackingFormat != "raw" {
		t.Errorf("backing file %q of format %q", img.BackingFile, img.BackingFormat)
	}
	img = open(t, source.Bytes(testimages.MakeLines(t, dataImage).Image))
	if img.DataFile != "data.raw" || !img.Geo.DataFile {
		t.Errorf("data file %q", img.DataFile)
	}
	img = open(t, source.Bytes(testimages.MakeLines(t, twoBitmaps).Image))
	if len(img.Bitmaps) != 2 || string(img.Bitmaps[0].Name) != "backup" || string(img.Bitmaps[1].Name) != "second" {
		t.Errorf("bitmaps %+v", img.Bitmaps)
	}
	img = open(t, source.Bytes(testimages.MakeLines(t, luksImage).Image))
	if img.LUKS.Empty() || img.LUKS.Start != 4*64<<10 {
		t.Errorf("LUKS header %v", img.LUKS)
	}
	img = open(t, source.Bytes(testimages.MakeLines(t, plainImage+"set header.size = 1M - 1").Image))
	if img.VirtualSize() != 1<<20-512 || img.HostClusters() != 6 {
		t.Errorf("virtual size %d, %d host clusters", img.VirtualSize(), img.HostClusters())
	}
}
