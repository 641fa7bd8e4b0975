package image

import (
	"encoding/binary"
	"fmt"
	"math"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// readLUKS finds the LUKS header by its extension, and refuses what QEMU refuses whoever
// holds the key of one of its slots. A header that is cut short matters most: what lies
// behind it would look leaked, and is the keys.
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
	case ext.Length < LUKSHeaderBytes:
		bad(ext.Length, fmt.Sprintf("the length must be at least %d bytes, that of a LUKS header", LUKSHeaderBytes))
	default:
		// A length of 2^63 and more is negative to QEMU, which then counts nothing.
		img.LUKS = qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(ext.Offset), Len: qcow2.HostOff(ext.Length)}
		img.judgeLUKSHeader(e.Off, ext.Length)
	}
}

// judgeLUKSHeader looks for the header, for what it says, and for room for its keys in so
// many bytes.
func (img *Image) judgeLUKSHeader(extension int64, length uint64) {
	off := int64(img.LUKS.Start)
	head := make(luksHeader, LUKSHeaderBytes)
	if off > math.MaxInt64-LUKSHeaderBytes || source.ReadFull(img.Src, head, off) != nil {
		img.refuse("LUKS extension", extension, uint64(off), "must point to a LUKS header that can be read")
		return
	}
	if fault := head.fault(); fault != nil {
		fault.Field, fault.Off = "LUKS header", off+fault.Off
		img.Refusals = append(img.Refusals, *fault)
		return
	}
	for i := range LUKSSlotCount {
		slot := head.slot(i)
		if slot.state() != luksSlotActive {
			continue
		}
		start := uint64(slot.start()) * qcow2.SectorSize
		if end := start + luksStripes*uint64(head.u32(LUKSKeyBytes)); end > length {
			img.refuse("LUKS extension", extension, length, fmt.Sprintf("the length must hold key slot %d, which ends at %d", i, end))
			return
		}
	}
}

// The LUKS header (specification: "LUKS On-Disk Format", version 1): its length, and where
// its fields lie, in bytes. Numbers in it are big-endian.
const (
	LUKSHeaderBytes   = 592
	luksVersion       = 6 // behind the magic, 2 bytes
	LUKSNames         = 8 // of cipher, mode and hash, up to the payload's offset
	luksCipher        = LUKSNames
	luksMode          = luksCipher + LUKSNameBytes
	luksHash          = luksMode + LUKSNameBytes
	LUKSNameBytes     = 32
	LUKSPayload       = 104 // 4 bytes, in sectors
	LUKSKeyBytes      = 108 // 4 bytes
	LUKSKeyIterations = 164 // 4 bytes
	LUKSSlots         = 208
	LUKSSlotBytes     = 48
	LUKSSlotCount     = 8
)

// The fields of a LUKS key slot, 4 bytes each.
const (
	LUKSSlotState      = 0
	LUKSSlotIterations = 4
	LUKSSlotStart      = 40 // in sectors
	LUKSSlotStripes    = 44
)

// What fields of the LUKS header must hold.
const (
	luksSlotActive   = 0x00ac71f3
	luksSlotDisabled = 0x0000dead
	luksStripes      = 4000
	luksFirstSector  = 8 // behind the header: of keys, and of the payload
)

// luksHeader is its bytes.
type luksHeader []byte

// luksSlot is the bytes of a key slot.
type luksSlot []byte

func (l luksHeader) u32(at int) uint32 { return binary.BigEndian.Uint32(l[at:]) }

func (l luksHeader) slot(i int) luksSlot {
	return luksSlot(l[LUKSSlots+i*LUKSSlotBytes:][:LUKSSlotBytes])
}

func (s luksSlot) state() uint32 { return binary.BigEndian.Uint32(s[LUKSSlotState:]) }
func (s luksSlot) start() uint32 { return binary.BigEndian.Uint32(s[LUKSSlotStart:]) } // in sectors

// keySectors is how much room QEMU takes a key slot to need: whole 4 KiB. It counts in 32
// bits.
func (l luksHeader) keySectors() uint32 {
	sectors := (uint64(l.u32(LUKSKeyBytes)*luksStripes) + qcow2.SectorSize - 1) / qcow2.SectorSize
	return (uint32(sectors) + luksFirstSector - 1) / luksFirstSector * luksFirstSector
}

// fault is the first rule that the header breaks, nil if there is none. Its place is in the
// header.
func (l luksHeader) fault() *Refusal {
	switch version := binary.BigEndian.Uint16(l[luksVersion:]); {
	case string(l[:luksVersion]) != "LUKS\xba\xbe":
		return &Refusal{Value: be64(l), Rule: "must begin with the magic of LUKS version 1", QEMU: "Volume is not in LUKS format"}
	case version != 1:
		return &Refusal{Value: be64(l), Rule: "must begin with the magic of LUKS version 1", QEMU: fmt.Sprintf("LUKS version %d is not supported", version)}
	}
	if r := l.unendingName(); r != nil {
		return r
	}
	at := func(field int, rule, qemu string) *Refusal {
		return &Refusal{Off: int64(field), Value: uint64(l.u32(field)), Rule: rule, QEMU: qemu}
	}
	switch {
	case l.u32(LUKSPayload) < luksFirstSector:
		return at(LUKSPayload, "the payload must begin behind the header, at sector 8 or later", "LUKS payload is overlapping with the header")
	case l.u32(LUKSKeyIterations) == 0:
		return at(LUKSKeyIterations, "the iterations of the master key must not be 0", "LUKS key iteration count is zero")
	}
	for i := range LUKSSlotCount {
		if r := l.slotFault(i); r != nil {
			return r
		}
	}
	if r := l.cipherFault(); r != nil {
		return r
	}
	return l.noSlot()
}

// slotFault is the first rule that a key slot breaks.
func (l luksHeader) slotFault(i int) *Refusal {
	slot, room := l.slot(i), l.keySectors()
	end := slot.start() + room // may wrap, as QEMU's does
	at := func(field int, rule, qemu string, args ...any) *Refusal {
		return &Refusal{Off: int64(LUKSSlots + i*LUKSSlotBytes + field), Value: uint64(binary.BigEndian.Uint32(slot[field:])),
			Rule: fmt.Sprintf("key slot %d: %s", i, rule), QEMU: fmt.Sprintf(qemu, args...)}
	}
	stripes := binary.BigEndian.Uint32(slot[LUKSSlotStripes:])
	switch {
	case stripes != luksStripes:
		return at(LUKSSlotStripes, "must have 4000 stripes", "Keyslot %d is corrupted (stripes %d != 4000)", i, int32(stripes))
	case slot.state() != luksSlotActive && slot.state() != luksSlotDisabled:
		return at(LUKSSlotState, "must be active (0x00ac71f3) or not in use (0x0000dead)", "Keyslot %d state (active/disable) is corrupted", i)
	case slot.state() == luksSlotActive && binary.BigEndian.Uint32(slot[LUKSSlotIterations:]) == 0:
		return at(LUKSSlotIterations, "the iterations must not be 0", "Keyslot %d iteration count is zero", i)
	case slot.start() < luksFirstSector:
		return at(LUKSSlotStart, "the key must lie behind the header, at sector 8 or later", "Keyslot %d is overlapping with the LUKS header", i)
	case end > l.u32(LUKSPayload):
		return at(LUKSSlotStart, "the key must end where the payload begins", "Keyslot %d is overlapping with the encrypted payload", i)
	}
	for j := i + 1; j < LUKSSlotCount; j++ {
		if other := l.slot(j).start(); end > other && other+room > slot.start() {
			return at(LUKSSlotStart, fmt.Sprintf("the key must not overlap that of slot %d", j), "Keyslots %d and %d are overlapping in the header", i, j)
		}
	}
	return nil
}

// noSlot refuses a header without a key.
func (l luksHeader) noSlot() *Refusal {
	for i := range LUKSSlotCount {
		if l.slot(i).state() == luksSlotActive {
			return nil
		}
	}
	return &Refusal{Off: LUKSSlots, Value: uint64(l.slot(0).state()), Rule: "no key slot is in use, so that no key opens it",
		QEMU: "Invalid password, cannot unlock any keyslot"}
}
