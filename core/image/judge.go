package image

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"qcowscope/core/qcow2"
)

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// judgeHeader applies the rules of opening in check mode to the header's own fields.
func (img *Image) judgeHeader() {
	h, cs := &img.Header, uint64(img.Geo.ClusterSize())
	if h.Version >= 3 && h.HeaderLength < qcow2.HeaderLengthV3Min {
		img.refuse("header_length", qcow2.OffHeaderLength, uint64(h.HeaderLength), "must be at least 104")
	}
	if uint64(h.HeaderLength) > cs {
		img.refuse("header_length", qcow2.OffHeaderLength, uint64(h.HeaderLength), "must not exceed the cluster size")
	}
	if h.BackingFileOffset > cs {
		img.refuse("backing_file_offset", qcow2.OffBackingOffset, h.BackingFileOffset, "must lie in the first cluster")
	}
	img.judgeFeatures()
	if h.Size >= 1<<63 || img.Geo.L1EntriesFor(h.Size) > math.MaxInt32 {
		img.refuse("size", qcow2.OffSize, h.Size, "is too big for the cluster size")
	}
	reftable := uint64(h.RefcountTableClusters) * cs
	if reftable > qcow2.MaxReftableBytes {
		img.refuse("refcount_table_clusters", qcow2.OffReftableLen, uint64(h.RefcountTableClusters), "must be at most 8 MiB of clusters")
	} else if !img.tableOffsetOK(h.RefcountTableOffset, reftable) {
		img.refuse("refcount_table_offset", qcow2.OffReftable, h.RefcountTableOffset, "must be a cluster boundary in the file")
	}
	if h.L1Size > qcow2.MaxL1Entries {
		img.refuse("l1_size", qcow2.OffL1Size, uint64(h.L1Size), "must be at most 4194304")
	} else if !img.tableOffsetOK(h.L1TableOffset, uint64(h.L1Size)*qcow2.L1EntrySize) {
		img.refuse("l1_table_offset", qcow2.OffL1Table, h.L1TableOffset, "must be a cluster boundary in the file")
	}
	if h.Size < 1<<63 && uint64(h.L1Size) < img.Geo.L1EntriesFor(h.Size) {
		img.refuse("l1_size", qcow2.OffL1Size, uint64(h.L1Size), fmt.Sprintf("must be at least %d for the virtual size", img.Geo.L1EntriesFor(h.Size)))
	}
	if h.CryptMethod > qcow2.CryptLUKS {
		img.refuse("crypt_method", qcow2.OffCryptMethod, uint64(h.CryptMethod), "must be 0 (none), 1 (AES) or 2 (LUKS)")
	}
}

// RuleCompressionBit is the Rule of the one refusal of incompatible_features that is not
// about unknown bits.
const RuleCompressionBit = "bit 3 must be set exactly when compression_type is not 0"

func (img *Image) judgeFeatures() {
	h := &img.Header
	typ := h.CompressionType()
	switch {
	case typ > qcow2.CompressionZstd:
		img.refuse("compression_type", qcow2.OffCompressionType, uint64(typ), "must be 0 (zlib) or 1 (zstd)")
	case (typ != qcow2.CompressionZlib) != h.Has(qcow2.IncompatCompression):
		img.refuse("incompatible_features", qcow2.OffIncompatible, h.IncompatibleFeatures, RuleCompressionBit)
	}
	if unknown := h.IncompatibleFeatures &^ qcow2.IncompatKnown; unknown != 0 {
		img.refuse("incompatible_features", qcow2.OffIncompatible, h.IncompatibleFeatures, "unknown bits: written by a newer program")
	}
	if h.Has(qcow2.IncompatExtendedL2) && h.ClusterBits < 14 {
		img.refuse("cluster_bits", qcow2.OffClusterBits, uint64(h.ClusterBits), "must be at least 14 with extended L2 entries")
	}
	if h.AutoclearFeatures&qcow2.AutoclearRawData != 0 && !h.Has(qcow2.IncompatDataFile) {
		img.refuse("autoclear_features", qcow2.OffAutoclear, h.AutoclearFeatures, "bit 1 (raw data file) needs incompatible bit 2 (data file)")
	}
}

// locateL1 bounds the active L1 table.
func (img *Image) locateL1() {
	h := &img.Header
	if h.L1Size <= qcow2.MaxL1Entries && img.tableOffsetOK(h.L1TableOffset, uint64(h.L1Size)*qcow2.L1EntrySize) {
		img.L1 = L1Table{qcow2.HostOff(h.L1TableOffset), int64(h.L1Size)}
	}
}

// readExtensions decodes the header extensions and takes over what they say.
func (img *Image) readExtensions(head []byte) {
	h := &img.Header
	start, end := int64(h.HeaderLength), img.Geo.ClusterSize()
	if h.BackingFileOffset != 0 {
		end = min(end, int64(min(h.BackingFileOffset, uint64(end))))
	}
	// A file shorter than its first cluster reads as zeros there.
	area := make([]byte, img.Geo.ClusterSize())
	copy(area, head)
	exts, err := qcow2.DecodeExtensions(area, start, end)
	img.Extensions = exts
	if err != nil {
		img.refuse("header extension", start, 0, err.Error())
	}
	if e := qcow2.FindExtension(exts, qcow2.ExtBackingFormat); e != nil {
		img.BackingFormat = string(e.Data)
		if len(e.Data) > 15 {
			img.refuse("backing format extension", e.Off, uint64(len(e.Data)), "must be at most 15 bytes long")
		}
	}
	img.readDataFileName()
	img.readLUKS()
	img.readBitmapsExtension()
}

// readDataFileName takes the name up to the first NUL, as QEMU does.
func (img *Image) readDataFileName() {
	if !img.Header.Has(qcow2.IncompatDataFile) {
		return
	}
	at, n := int64(qcow2.OffIncompatible), 0
	if e := qcow2.FindExtension(img.Extensions, qcow2.ExtDataFile); e != nil {
		img.DataFile, _, _ = strings.Cut(string(e.Data), "\x00")
		at, n = e.Off, len(e.Data)
	}
	if img.DataFile == "" {
		img.refuse("data file name extension", at, uint64(n), "must name the external data file, which incompatible bit 2 tells of")
	}
}

// judgeBacking reads the backing file's name.
func (img *Image) judgeBacking(head []byte) {
	h := &img.Header
	if h.BackingFileOffset == 0 || h.BackingFileOffset > uint64(img.Geo.ClusterSize()) {
		return
	}
	limit := min(1023, uint64(img.Geo.ClusterSize())-h.BackingFileOffset)
	if uint64(h.BackingFileSize) > limit {
		img.refuse("backing_file_size", qcow2.OffBackingSize, uint64(h.BackingFileSize), fmt.Sprintf("must be at most %d", limit))
		return
	}
	if end := h.BackingFileOffset + uint64(h.BackingFileSize); end <= uint64(len(head)) {
		img.BackingFile = string(head[h.BackingFileOffset:end])
	}
}
