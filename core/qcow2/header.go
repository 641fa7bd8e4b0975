package qcow2

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Magic is the first four bytes of a qcow2 file: "QFI\xfb".
const Magic = uint32(0x514649fb)

// Header lengths in bytes.
const (
	HeaderLengthV2    = 72
	HeaderLengthV3Min = 104
	HeaderLengthFull  = 112 // with compression_type and its padding
)

// Offsets of the header's fields in the file (specification: "Header").
const (
	OffVersion         = 4
	OffBackingOffset   = 8
	OffBackingSize     = 16
	OffClusterBits     = 20
	OffSize            = 24
	OffCryptMethod     = 32
	OffL1Size          = 36
	OffL1Table         = 40
	OffReftable        = 48
	OffReftableLen     = 56
	OffNbSnapshots     = 60
	OffSnapshots       = 64
	OffIncompatible    = 72
	OffCompatible      = 80
	OffAutoclear       = 88
	OffRefcountOrder   = 96
	OffHeaderLength    = 100
	OffCompressionType = 104
)

// Feature bits.
const (
	IncompatDirty       = uint64(1) << 0
	IncompatCorrupt     = uint64(1) << 1
	IncompatDataFile    = uint64(1) << 2
	IncompatCompression = uint64(1) << 3
	IncompatExtendedL2  = uint64(1) << 4
	IncompatKnown       = uint64(1)<<5 - 1

	CompatLazyRefcounts = uint64(1) << 0

	AutoclearBitmaps = uint64(1) << 0
	AutoclearRawData = uint64(1) << 1
)

// Encryption methods of the field crypt_method.
const (
	CryptNone = 0
	CryptAES  = 1
	CryptLUKS = 2
)

// Compression types of the field compression_type.
const (
	CompressionZlib = 0
	CompressionZstd = 1
)

// Header is the header's fields, raw. For version 2 the fields from
// IncompatibleFeatures on hold what version 2 implies.
type Header struct {
	Version               uint32
	BackingFileOffset     uint64
	BackingFileSize       uint32
	ClusterBits           uint32
	Size                  uint64 // of the virtual disk, bytes
	CryptMethod           uint32
	L1Size                uint32 // entries
	L1TableOffset         uint64
	RefcountTableOffset   uint64
	RefcountTableClusters uint32 // clusters
	NbSnapshots           uint32
	SnapshotsOffset       uint64
	IncompatibleFeatures  uint64
	CompatibleFeatures    uint64
	AutoclearFeatures     uint64
	RefcountOrder         uint32
	HeaderLength          uint32
	Tail                  []byte // bytes 104 to HeaderLength, with compression_type first
}

// ErrNotQcow2 says that the magic is not there.
var ErrNotQcow2 = errors.New("qcow2: magic 51 46 49 fb not found")

// FieldError is a header field without which nothing else can be read.
type FieldError struct {
	Field string // as the specification spells it
	Off   int64
	Value uint64
	Rule  string // what it must be
}

func (e *FieldError) Error() string {
	return fmt.Sprintf("qcow2: header field %s at 0x%x is %d (0x%x): %s", e.Field, e.Off, e.Value, e.Value, e.Rule)
}

// DecodeHeader reads the header from the file's first bytes (at least a cluster of them, or
// the whole file). It fails only if no geometry can be had: *FieldError or ErrNotQcow2.
func DecodeHeader(b []byte) (Header, error) {
	var h Header
	be := binary.BigEndian
	if len(b) < 8 || be.Uint32(b) != Magic {
		return h, ErrNotQcow2
	}
	h.Version = be.Uint32(b[OffVersion:])
	if h.Version != 2 && h.Version != 3 {
		return h, &FieldError{"version", OffVersion, uint64(h.Version), "must be 2 or 3"}
	}
	need := HeaderLengthV2
	if h.Version == 3 {
		need = HeaderLengthV3Min
	}
	if len(b) < need {
		// A header cut short reads as zeros, as QEMU reads it; the fields then say what is wrong.
		b = append(append([]byte(nil), b...), make([]byte, need-len(b))...)
	}
	h.decodeV2(b)
	if h.ClusterBits < MinClusterBits || h.ClusterBits > MaxClusterBits {
		return h, &FieldError{"cluster_bits", OffClusterBits, uint64(h.ClusterBits), "must be 9 to 21"}
	}
	if h.Version == 2 {
		h.RefcountOrder, h.HeaderLength = 4, HeaderLengthV2
		return h, nil
	}
	h.IncompatibleFeatures = be.Uint64(b[OffIncompatible:])
	h.CompatibleFeatures = be.Uint64(b[OffCompatible:])
	h.AutoclearFeatures = be.Uint64(b[OffAutoclear:])
	h.RefcountOrder = be.Uint32(b[OffRefcountOrder:])
	h.HeaderLength = be.Uint32(b[OffHeaderLength:])
	if h.RefcountOrder > MaxRefcountOrder {
		return h, &FieldError{"refcount_order", OffRefcountOrder, uint64(h.RefcountOrder), "must be 0 to 6"}
	}
	end := min(int64(h.HeaderLength), int64(len(b)), 1<<h.ClusterBits)
	if end > OffCompressionType {
		h.Tail = append([]byte(nil), b[OffCompressionType:end]...)
	}
	return h, nil
}

func (h *Header) decodeV2(b []byte) {
	be := binary.BigEndian
	h.BackingFileOffset = be.Uint64(b[OffBackingOffset:])
	h.BackingFileSize = be.Uint32(b[OffBackingSize:])
	h.ClusterBits = be.Uint32(b[OffClusterBits:])
	h.Size = be.Uint64(b[OffSize:])
	h.CryptMethod = be.Uint32(b[OffCryptMethod:])
	h.L1Size = be.Uint32(b[OffL1Size:])
	h.L1TableOffset = be.Uint64(b[OffL1Table:])
	h.RefcountTableOffset = be.Uint64(b[OffReftable:])
	h.RefcountTableClusters = be.Uint32(b[OffReftableLen:])
	h.NbSnapshots = be.Uint32(b[OffNbSnapshots:])
	h.SnapshotsOffset = be.Uint64(b[OffSnapshots:])
}

// AppendTo appends the header's bytes: 72 of them for version 2, else header_length as far
// as the tail is known.
func (h *Header) AppendTo(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, Magic)
	b = be.AppendUint32(b, h.Version)
	b = be.AppendUint64(b, h.BackingFileOffset)
	b = be.AppendUint32(b, h.BackingFileSize)
	b = be.AppendUint32(b, h.ClusterBits)
	b = be.AppendUint64(b, h.Size)
	b = be.AppendUint32(b, h.CryptMethod)
	b = be.AppendUint32(b, h.L1Size)
	b = be.AppendUint64(b, h.L1TableOffset)
	b = be.AppendUint64(b, h.RefcountTableOffset)
	b = be.AppendUint32(b, h.RefcountTableClusters)
	b = be.AppendUint32(b, h.NbSnapshots)
	b = be.AppendUint64(b, h.SnapshotsOffset)
	if h.Version == 2 {
		return b
	}
	b = be.AppendUint64(b, h.IncompatibleFeatures)
	b = be.AppendUint64(b, h.CompatibleFeatures)
	b = be.AppendUint64(b, h.AutoclearFeatures)
	b = be.AppendUint32(b, h.RefcountOrder)
	b = be.AppendUint32(b, h.HeaderLength)
	return append(b, h.Tail...)
}

// CompressionType is the field compression_type, 0 (zlib) when the header has none.
func (h *Header) CompressionType() uint8 {
	if len(h.Tail) == 0 {
		return CompressionZlib
	}
	return h.Tail[0]
}

// Has tells whether an incompatible feature bit is set.
func (h *Header) Has(bit uint64) bool { return h.IncompatibleFeatures&bit != 0 }

// Geometry is the arithmetic that the header implies.
func (h *Header) Geometry() Geometry {
	return Geometry{
		Version:       h.Version,
		ClusterBits:   uint(h.ClusterBits),
		RefcountOrder: uint(h.RefcountOrder),
		ExtendedL2:    h.Has(IncompatExtendedL2),
		DataFile:      h.Has(IncompatDataFile),
	}
}
