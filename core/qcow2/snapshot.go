package qcow2

import "encoding/binary"

// Snapshot is one entry of the snapshot table (specification: "Snapshots").
type Snapshot struct {
	L1TableOffset uint64
	L1Size        uint32 // entries
	DateSec       uint32
	DateNsec      uint32
	VMClockNsec   uint64
	VMStateSize   uint32 // bytes; a larger value is in Extra
	Extra         []byte // 8 bytes VM state size, 8 bytes disk size, 8 bytes icount, then unknown
	ID, Name      []byte
}

// Offsets of fields in an entry.
const (
	OffSnapshotL1Size = 8
	OffSnapshotExtra  = 36 // extra_data_size
)

// Snapshot extra data lengths in bytes.
const (
	SnapshotExtraV3   = 16 // the least that version 3 asks for
	SnapshotExtraFull = 24
)

// SnapshotHead is the fixed part of an entry: what follows it is sized by it.
type SnapshotHead struct {
	Snapshot
	IDSize, NameSize uint16
	ExtraSize        uint32
}

// DecodeSnapshotHead reads the first 40 bytes of an entry; b must have them.
func DecodeSnapshotHead(b []byte) SnapshotHead {
	be := binary.BigEndian
	return SnapshotHead{
		Snapshot: Snapshot{
			L1TableOffset: be.Uint64(b),
			L1Size:        be.Uint32(b[8:]),
			DateSec:       be.Uint32(b[16:]),
			DateNsec:      be.Uint32(b[20:]),
			VMClockNsec:   be.Uint64(b[24:]),
			VMStateSize:   be.Uint32(b[32:]),
		},
		IDSize:    be.Uint16(b[12:]),
		NameSize:  be.Uint16(b[14:]),
		ExtraSize: be.Uint32(b[36:]),
	}
}

// AppendTo appends the entry without the padding to 8 bytes that precedes the next one.
func (s *Snapshot) AppendTo(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint64(b, s.L1TableOffset)
	b = be.AppendUint32(b, s.L1Size)
	b = be.AppendUint16(b, uint16(len(s.ID)))
	b = be.AppendUint16(b, uint16(len(s.Name)))
	b = be.AppendUint32(b, s.DateSec)
	b = be.AppendUint32(b, s.DateNsec)
	b = be.AppendUint64(b, s.VMClockNsec)
	b = be.AppendUint32(b, s.VMStateSize)
	b = be.AppendUint32(b, uint32(len(s.Extra)))
	b = append(b, s.Extra...)
	b = append(b, s.ID...)
	return append(b, s.Name...)
}

// VMState is the size of the VM state in bytes, from the extra data where it is there.
func (s *Snapshot) VMState() uint64 {
	if len(s.Extra) >= 8 {
		return binary.BigEndian.Uint64(s.Extra)
	}
	return uint64(s.VMStateSize)
}

// DiskSize is the virtual disk's size when the snapshot was taken; ok is false when the
// entry does not say.
func (s *Snapshot) DiskSize() (size uint64, ok bool) {
	if len(s.Extra) < 16 {
		return 0, false
	}
	return binary.BigEndian.Uint64(s.Extra[8:]), true
}
