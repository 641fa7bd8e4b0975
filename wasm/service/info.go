package service

import (
	"fmt"
	"strconv"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

var encryptions = map[uint32]string{qcow2.CryptNone: "none", qcow2.CryptAES: "aes", qcow2.CryptLUKS: "luks"}

func infoOf(name string, img *image.Image) Info {
	h, g := &img.Header, img.Geo
	info := Info{
		Name: name, FileSize: float64(img.Src.Size()), VirtualSize: strconv.FormatUint(h.Size, 10),
		Version: int(h.Version), ClusterBits: int(g.ClusterBits), ClusterSize: float64(g.ClusterSize()),
		RefcountBits: int(g.RefcountBits()), ExtendedL2: g.ExtendedL2, Compression: "zlib",
		Dirty: h.Has(qcow2.IncompatDirty), Corrupt: h.Has(qcow2.IncompatCorrupt),
		LazyRefcounts: h.CompatibleFeatures&qcow2.CompatLazyRefcounts != 0,
		BackingFile:   img.BackingFile, BackingFormat: img.BackingFormat, DataFile: img.DataFile,
		Snapshots: int(h.NbSnapshots), Bitmaps: len(img.Bitmaps), HostClusters: float64(img.HostClusters()),
		Header: headerFields(img),
	}
	if h.CompressionType() == qcow2.CompressionZstd {
		info.Compression = "zstd"
	}
	if info.Encryption = encryptions[h.CryptMethod]; info.Encryption == "" {
		info.Encryption = "unknown"
	}
	if g.DataFile && info.DataFile == "" {
		info.DataFile = "(not named)"
	}
	return info
}

// headerFields are the header's fields in file order.
func headerFields(img *image.Image) []HeaderField {
	h := &img.Header
	fs := []HeaderField{
		{"magic", 0, 4, hex(uint64(qcow2.Magic)), "QFI\u2423: a qcow2 image"},
		{"version", qcow2.OffVersion, 4, hex(uint64(h.Version)), fmt.Sprintf("version %d", h.Version)},
		{"backing_file_offset", qcow2.OffBackingOffset, 8, hex(h.BackingFileOffset), either(h.BackingFileOffset == 0, "no backing file", "where the backing file's name lies")},
		{"backing_file_size", qcow2.OffBackingSize, 4, hex(uint64(h.BackingFileSize)), "length of that name"},
		{"cluster_bits", qcow2.OffClusterBits, 4, hex(uint64(h.ClusterBits)), fmt.Sprintf("clusters of %d bytes", img.Geo.ClusterSize())},
		{"size", qcow2.OffSize, 8, hex(h.Size), "bytes of the virtual disk"},
		{"crypt_method", qcow2.OffCryptMethod, 4, hex(uint64(h.CryptMethod)), "encryption: " + infoEncryption(h.CryptMethod)},
		{"l1_size", qcow2.OffL1Size, 4, hex(uint64(h.L1Size)), "entries of the active L1 table"},
		{"l1_table_offset", qcow2.OffL1Table, 8, hex(h.L1TableOffset), "where the active L1 table lies"},
		{"refcount_table_offset", qcow2.OffReftable, 8, hex(h.RefcountTableOffset), "where the refcount table lies"},
		{"refcount_table_clusters", qcow2.OffReftableLen, 4, hex(uint64(h.RefcountTableClusters)), "its length in clusters"},
		{"nb_snapshots", qcow2.OffNbSnapshots, 4, hex(uint64(h.NbSnapshots)), "internal snapshots"},
		{"snapshots_offset", qcow2.OffSnapshots, 8, hex(h.SnapshotsOffset), "where the snapshot table lies"},
	}
	if h.Version < 3 {
		return fs
	}
	return append(fs,
		HeaderField{"incompatible_features", qcow2.OffIncompatible, 8, hex(h.IncompatibleFeatures), features(h.IncompatibleFeatures, incompatNames)},
		HeaderField{"compatible_features", qcow2.OffCompatible, 8, hex(h.CompatibleFeatures), features(h.CompatibleFeatures, compatNames)},
		HeaderField{"autoclear_features", qcow2.OffAutoclear, 8, hex(h.AutoclearFeatures), features(h.AutoclearFeatures, autoclearNames)},
		HeaderField{"refcount_order", qcow2.OffRefcountOrder, 4, hex(uint64(h.RefcountOrder)), fmt.Sprintf("refcounts of %d bits", img.Geo.RefcountBits())},
		HeaderField{"header_length", qcow2.OffHeaderLength, 4, hex(uint64(h.HeaderLength)), "bytes; extensions follow"},
		HeaderField{"compression_type", qcow2.OffCompressionType, 1, hex(uint64(h.CompressionType())), either(h.CompressionType() == qcow2.CompressionZlib, "zlib", "zstd")},
	)
}

var (
	incompatNames  = []string{"dirty", "corrupt", "external data file", "compression type", "extended L2 entries"}
	compatNames    = []string{"lazy refcounts"}
	autoclearNames = []string{"bitmaps", "raw external data"}
)

func infoEncryption(method uint32) string {
	if s := encryptions[method]; s != "" {
		return s
	}
	return "unknown"
}

// features names the bits that are set.
func features(bits uint64, names []string) string {
	s := ""
	for i := range 64 {
		if bits>>i&1 == 0 {
			continue
		}
		name := fmt.Sprintf("unknown bit %d", i)
		if i < len(names) {
			name = names[i]
		}
		if s != "" {
			s += ", "
		}
		s += name
	}
	return either(s == "", "none", s)
}

func either(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// readAround is source.ReadFull with the bytes as the result.
func readAround(src source.Source, off, n int64) ([]byte, error) {
	b := make([]byte, max(0, min(n, src.Size()-off)))
	return b, source.ReadFull(src, b, off)
}
