package qcow2

import "encoding/binary"

// Flags of a bitmap directory entry and limits (specification: "Bitmaps extension").
const (
	BitmapInUse     = uint32(1) << 0
	BitmapAuto      = uint32(1) << 1
	BitmapTypeDirty = 1

	BitmapDirectoryEntrySize = 24
	OffBitmapFlags           = 12 // of the field flags in an entry
	OffBitmapExtra           = 20 // of the field extra_data_size
	MaxBitmapDirectory       = 67107840
	MaxBitmaps               = 65535
	MaxBitmapTable           = 0x8000000 // entries
	MaxBitmapData            = 512 << 20 // bytes: table size * cluster size
	MaxBitmapName            = 1023
	MinBitmapGranularity     = 9
	MaxBitmapGranularity     = 31

	BitmapTableReserved = uint64(0xff000000000001fe)
	BitmapTableAllOnes  = uint64(1)
)

// Bitmap is one entry of the bitmap directory.
type Bitmap struct {
	TableOffset     uint64
	TableSize       uint32 // entries
	Flags           uint32
	Type            uint8
	GranularityBits uint8
	Extra           []byte
	Name            []byte
}

// BitmapHead is the fixed part of an entry: what follows it is sized by it.
type BitmapHead struct {
	Bitmap
	NameSize  uint16
	ExtraSize uint32
}

// DecodeBitmapHead reads the first 24 bytes of an entry; b must have them.
func DecodeBitmapHead(b []byte) BitmapHead {
	be := binary.BigEndian
	return BitmapHead{
		Bitmap: Bitmap{
			TableOffset:     be.Uint64(b),
			TableSize:       be.Uint32(b[8:]),
			Flags:           be.Uint32(b[12:]),
			Type:            b[16],
			GranularityBits: b[17],
		},
		NameSize:  be.Uint16(b[18:]),
		ExtraSize: be.Uint32(b[20:]),
	}
}

// Size is the entry's length in bytes with its padding to 8.
func (h *BitmapHead) Size() int64 {
	return (BitmapDirectoryEntrySize + int64(h.ExtraSize) + int64(h.NameSize) + 7) &^ 7
}

// Bytes is the entry's length with its padding to 8.
func (m *Bitmap) Bytes() int64 {
	return (BitmapDirectoryEntrySize + int64(len(m.Extra)) + int64(len(m.Name)) + 7) &^ 7
}

// AppendTo appends the entry with its padding.
func (m *Bitmap) AppendTo(b []byte) []byte {
	be := binary.BigEndian
	start := len(b)
	b = be.AppendUint64(b, m.TableOffset)
	b = be.AppendUint32(b, m.TableSize)
	b = be.AppendUint32(b, m.Flags)
	b = append(b, m.Type, m.GranularityBits)
	b = be.AppendUint16(b, uint16(len(m.Name)))
	b = be.AppendUint32(b, uint32(len(m.Extra)))
	b = append(b, m.Extra...)
	b = append(b, m.Name...)
	for (len(b)-start)%8 != 0 {
		b = append(b, 0)
	}
	return b
}
