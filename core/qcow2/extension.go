package qcow2

import (
	"encoding/binary"
	"fmt"
)

// Types of header extensions (specification: "Header extensions").
const (
	ExtEnd           = uint32(0)
	ExtBackingFormat = uint32(0xe2792aca)
	ExtFeatureNames  = uint32(0x6803f857)
	ExtBitmaps       = uint32(0x23852875)
	ExtLUKS          = uint32(0x0537be77)
	ExtDataFile      = uint32(0x44415441)
)

// Extension is one header extension; Off is where its type field lies in the file.
type Extension struct {
	Type uint32
	Off  int64
	Data []byte
}

// DecodeExtensions reads the extensions in b, which are the file's bytes [start, end):
// from header_length to the backing file name, or the end of the first cluster. An
// extension that does not fit stops it: what was read so far is returned with the error.
func DecodeExtensions(b []byte, start, end int64) ([]Extension, error) {
	var exts []Extension
	for off := start; off < end; {
		// The head may not pass the end; QEMU tests this before it looks for the end mark.
		if end-off < 8 || off+8 > int64(len(b)) {
			return exts, fmt.Errorf("qcow2: header extension at 0x%x: no room for its head before 0x%x", off, end)
		}
		typ, n := binary.BigEndian.Uint32(b[off:]), int64(binary.BigEndian.Uint32(b[off+4:]))
		if n > end-off-8 || off+8+n > int64(len(b)) {
			return exts, fmt.Errorf("qcow2: header extension 0x%08x at 0x%x: length %d passes 0x%x", typ, off, n, end)
		}
		if typ == ExtEnd {
			return exts, nil
		}
		exts = append(exts, Extension{typ, off, b[off+8 : off+8+n]})
		off += 8 + (n+7)&^7
	}
	return exts, nil
}

// FindExtension is the last extension of the type, as QEMU takes it, or nil.
func FindExtension(exts []Extension, typ uint32) *Extension {
	for i := len(exts) - 1; i >= 0; i-- {
		if exts[i].Type == typ {
			return &exts[i]
		}
	}
	return nil
}

// BitmapsExtension is the data of the extension "Bitmaps".
type BitmapsExtension struct {
	NbBitmaps       uint32
	Reserved        uint32
	DirectorySize   uint64
	DirectoryOffset uint64
}

// DecodeBitmapsExtension needs 24 bytes; ok is false otherwise.
func DecodeBitmapsExtension(b []byte) (e BitmapsExtension, ok bool) {
	if len(b) != 24 {
		return e, false
	}
	be := binary.BigEndian
	return BitmapsExtension{be.Uint32(b), be.Uint32(b[4:]), be.Uint64(b[8:]), be.Uint64(b[16:])}, true
}

// AppendTo appends the 24 bytes.
func (e BitmapsExtension) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, e.NbBitmaps)
	b = binary.BigEndian.AppendUint32(b, e.Reserved)
	b = binary.BigEndian.AppendUint64(b, e.DirectorySize)
	return binary.BigEndian.AppendUint64(b, e.DirectoryOffset)
}

// LUKSExtension is the data of the extension "Full disk encryption header pointer".
type LUKSExtension struct{ Offset, Length uint64 }

// DecodeLUKSExtension needs 16 bytes; ok is false otherwise.
func DecodeLUKSExtension(b []byte) (e LUKSExtension, ok bool) {
	if len(b) != 16 {
		return e, false
	}
	return LUKSExtension{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, true
}
