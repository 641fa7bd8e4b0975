package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// The LUKS header (specification: "LUKS On-Disk Format", version 1): its length, and where
// the key slots lie in it.
const (
	luksHeaderBytes = 592
	luksKeyBytes    = 108
	luksSlots       = 208
	luksSlotBytes   = 48
	luksSlotCount   = 8
	luksSlotActive  = 0x00ac71f3
)

var luksMagic = []byte("LUKS\xba\xbe\x00\x01") // with version 1

// readLUKS finds the LUKS header by its extension, and refuses what QEMU could not open
// with any key. A header that is cut short matters most: what lies behind it would look
// leaked, and is the keys.
func (img *Image) readLUKS() {
	e := qcow2.FindExtension(img.Extensions, qcow2.ExtLUKS)
	luks := img.Header.CryptMethod == qcow2.CryptLUKS
	if e == nil {
		if luks {
			img.refuse("crypt_method", qcow2.OffCryptMethod, qcow2.CryptLUKS, "needs the LUKS header extension, which is missing")
		}
		return
	}
	bad := func(value uint64, rule string) { img.refuse("LUKS extension", e.Off, value, rule) }
	ext, ok := qcow2.DecodeLUKSExtension(e.Data)
	switch {
	case !luks:
		bad(0, "is only allowed with crypt_method 2")
	case !ok:
		bad(uint64(len(e.Data)), "must be 16 bytes long")
	case !img.tableOffsetOK(ext.Offset, 0):
		bad(ext.Offset, "must point to a cluster boundary in the file")
	case ext.Length < luksHeaderBytes:
		bad(ext.Length, fmt.Sprintf("the length must be at least %d bytes, that of a LUKS header", luksHeaderBytes))
	default:
		// A length of 2^63 and more is negative to QEMU, which then counts nothing.
		img.LUKS = qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(ext.Offset), Len: qcow2.HostOff(ext.Length)}
		img.judgeLUKSHeader(e.Off, ext.Length)
	}
}

// judgeLUKSHeader looks for the header, and for room for its keys in so many bytes.
func (img *Image) judgeLUKSHeader(extension int64, length uint64) {
	off := int64(img.LUKS.Start)
	head := make([]byte, luksHeaderBytes)
	if off > math.MaxInt64-luksHeaderBytes || source.ReadFull(img.Src, head, off) != nil {
		img.refuse("LUKS extension", extension, uint64(off), "must point to a LUKS header that can be read")
		return
	}
	be := binary.BigEndian
	if !bytes.HasPrefix(head, luksMagic) {
		img.refuse("LUKS header", off, be.Uint64(head), "must begin with the magic of LUKS version 1")
		return
	}
	for i := range luksSlotCount {
		slot := head[luksSlots+i*luksSlotBytes:]
		if be.Uint32(slot) != luksSlotActive {
			continue
		}
		start := uint64(be.Uint32(slot[40:])) * qcow2.SectorSize
		if end := start + uint64(be.Uint32(slot[44:]))*uint64(be.Uint32(head[luksKeyBytes:])); end < start || end > length {
			img.refuse("LUKS extension", extension, length, fmt.Sprintf("the length must hold key slot %d, which ends at %d", i, end))
			return
		}
	}
}
