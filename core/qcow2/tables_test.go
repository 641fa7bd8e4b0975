package qcow2_test

import (
	"bytes"
	"testing"

	"qcowscope/core/qcow2"
)

// snapshotEntry decodes an entry as image does: the head says how long the rest is.
func snapshotEntry(b []byte) (s qcow2.Snapshot, used int, ok bool) {
	if len(b) < qcow2.SnapshotHeaderSize {
		return s, 0, false
	}
	h := qcow2.DecodeSnapshotHead(b)
	rest := b[qcow2.SnapshotHeaderSize:]
	extra, id := int64(h.ExtraSize), int64(h.IDSize)
	used = int(qcow2.SnapshotHeaderSize + extra + id + int64(h.NameSize))
	if used > len(b) {
		return s, 0, false
	}
	h.Extra, h.ID, h.Name = rest[:extra], rest[extra:extra+id], rest[extra+id:extra+id+int64(h.NameSize)]
	return h.Snapshot, used, true
}

func bitmapEntry(b []byte) (m qcow2.Bitmap, used int, ok bool) {
	if len(b) < qcow2.BitmapDirectoryEntrySize {
		return m, 0, false
	}
	h := qcow2.DecodeBitmapHead(b)
	if h.Size() > int64(len(b)) {
		return m, 0, false
	}
	rest := b[qcow2.BitmapDirectoryEntrySize:]
	extra := int64(h.ExtraSize)
	h.Extra, h.Name = rest[:extra], rest[extra:extra+int64(h.NameSize)]
	return h.Bitmap, int(h.Size()), true
}

func numbered(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return b
}

func TestSnapshotEntry(t *testing.T) {
	b := numbered(40 + 24 + 2 + 3)
	copy(b[12:], []byte{0, 2, 0, 3})
	copy(b[36:], []byte{0, 0, 0, 24})
	s, used, ok := snapshotEntry(b)
	if !ok || used != len(b) {
		t.Fatalf("%d bytes used, %v", used, ok)
	}
	if s.L1TableOffset != 0x0102030405060708 || s.L1Size != 0x090a0b0c || s.DateSec != 0x11121314 || s.DateNsec != 0x15161718 ||
		s.VMClockNsec != 0x191a1b1c1d1e1f20 || s.VMStateSize != 0x21222324 {
		t.Errorf("%+v", s)
	}
	if !bytes.Equal(s.ID, b[64:66]) || !bytes.Equal(s.Name, b[66:69]) || !bytes.Equal(s.Extra, b[40:64]) {
		t.Errorf("extra %x, id %x, name %x", s.Extra, s.ID, s.Name)
	}
	if !bytes.Equal(s.AppendTo(nil), b) {
		t.Errorf("encodes to %x", s.AppendTo(nil))
	}
	if size, ok := s.DiskSize(); !ok || size != 0x3132333435363738 || s.VMState() != 0x292a2b2c2d2e2f30 {
		t.Errorf("disk size 0x%x, VM state 0x%x", size, s.VMState())
	}
	s.Extra = s.Extra[:8]
	if _, ok := s.DiskSize(); ok || s.VMState() != 0x292a2b2c2d2e2f30 {
		t.Error("8 bytes of extra data hold the VM state's size and nothing else")
	}
	s.Extra = nil
	if s.VMState() != 0x21222324 {
		t.Error("without extra data the VM state's size is in the head")
	}
}

func TestBitmapEntry(t *testing.T) {
	for name := range 10 {
		b := numbered((24 + name + 7) / 8 * 8)
		copy(b[18:], []byte{0, byte(name), 0, 0, 0, 0})
		clear(b[24+name:])
		m, used, ok := bitmapEntry(b)
		if !ok || used != len(b) {
			t.Fatalf("name of %d: %d bytes used of %d, %v", name, used, len(b), ok)
		}
		if m.TableOffset != 0x0102030405060708 || m.TableSize != 0x090a0b0c || m.Flags != 0x0d0e0f10 || m.Type != 0x11 || m.GranularityBits != 0x12 ||
			!bytes.Equal(m.Name, b[24:24+name]) {
			t.Errorf("%+v", m)
		}
		if !bytes.Equal(m.AppendTo(nil), b) {
			t.Errorf("name of %d encodes to %x, want %x", name, m.AppendTo(nil), b)
		}
	}
	h := qcow2.DecodeBitmapHead(append(make([]byte, 18), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
	if h.Size() != (24+65535+(1<<32-1)+7)&^7 {
		t.Errorf("the largest entry has %d bytes", h.Size())
	}
}
