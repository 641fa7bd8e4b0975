package image

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"qcowscope/core/source"
)

// NotQcow2Error says what the file looks like instead, and what to do.
type NotQcow2Error struct {
	Looks  string // "a VMDK disk (VMware)"
	Advice string
	Head   [4]byte // the file's first bytes
	Known  bool    // it has the signature of some other format
}

func (e *NotQcow2Error) Error() string {
	return fmt.Sprintf("image: not qcow2 (it starts with % x): it looks like %s", e.Head, e.Looks)
}

const convertAdvice = "Convert it with `qemu-img convert -O qcow2`, or open it with the program that made it."

// signatures are the formats that people mistake for qcow2, by bytes at an offset.
var signatures = []struct {
	off           int
	magic         string
	looks, advice string
}{
	{0, "QFI\xfb\x00\x00\x00\x01", "a qcow image of version 1, the format before qcow2", convertAdvice},
	{0, "QFI\xfb\x00\x00\x00\x00", "a qcow2 image whose version field was wiped",
		"The header is damaged, the rest may be whole. Do not write to the file; keep a copy of it."},
	{0, "KDMV", "a VMDK disk (VMware)", convertAdvice},
	{0, "COWD", "an old VMDK disk (VMware ESX)", convertAdvice},
	{0, "# Disk DescriptorFile", "the text descriptor of a VMDK disk; the data is in the files it names", convertAdvice},
	{0, "vhdxfile", "a VHDX disk (Hyper-V)", convertAdvice},
	{0, "conectix", "a VHD disk (Virtual PC)", convertAdvice},
	{64, "\x7f\x10\xda\xbe", "a VDI disk (VirtualBox)", convertAdvice},
	{0, "QED\x00", "a QED disk", convertAdvice},
	{0, "WithoutFreeSpace", "a Parallels disk", convertAdvice},
	{0, "LUKS\xba\xbe", "an encrypted LUKS volume", "It is not a qcow2 file. Open it with cryptsetup."},
	{0, "\x1f\x8b", "a gzip archive", "Unpack it first (gunzip), then open what comes out."},
	{0, "\x28\xb5\x2f\xfd", "a Zstandard archive", "Unpack it first (unzstd), then open what comes out."},
	{0, "\xfd7zXZ\x00", "an xz archive", "Unpack it first (unxz), then open what comes out."},
	{0, "BZh", "a bzip2 archive", "Unpack it first (bunzip2), then open what comes out."},
	{0, "PK\x03\x04", "a ZIP archive", "Unpack it first, then open the disk image inside."},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first, then open the disk image inside."},
	{257, "ustar", "a tar archive (perhaps an OVA appliance)", "Unpack it first, then open the disk image inside."},
	{32769, "CD001", "an ISO 9660 CD image", "It is not a qcow2 file; attach it to the VM as a CD-ROM."},
}

// recognize names what a file without the qcow2 magic may be.
func recognize(src source.Source, head []byte) error {
	e := &NotQcow2Error{}
	copy(e.Head[:], head)
	for _, s := range signatures {
		if len(head) >= s.off+len(s.magic) && string(head[s.off:s.off+len(s.magic)]) == s.magic {
			e.Looks, e.Advice, e.Known = s.looks, s.advice, true
			return e
		}
	}
	switch {
	case src.Size() == 0:
		e.Looks, e.Advice = "an empty file", "It has no bytes at all: the copy or download did not happen. Get the file again."
	case looksHeaderless(head):
		e.Looks = "a qcow2 image whose first bytes were overwritten"
		e.Advice = "The header is damaged, the rest may be whole. Do not write to the file; keep a copy of it."
	case allZero(head):
		e.Looks = fmt.Sprintf("a file whose first %d bytes are zero: a raw disk, or an image whose header was wiped", len(head))
		e.Advice = "If it was a qcow2 image, do not write to it; keep a copy. If it is a raw disk, use it with format=raw."
	case len(head) >= 512 && head[510] == 0x55 && head[511] == 0xaa:
		e.Looks, e.Advice = "a raw disk with a boot sector", "A raw disk has no tables that could be damaged: use it with format=raw."
	default:
		e.Looks, e.Advice = "a raw disk or some other file", "If it is a raw disk, use it with format=raw. If it was a qcow2 image, its header is overwritten: keep a copy."
	}
	return e
}

func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

// looksHeaderless tells whether the bytes after a lost magic are those of a qcow2 header:
// version and cluster_bits in range and a plausible reftable offset.
func looksHeaderless(b []byte) bool {
	if len(b) < 72 {
		return false
	}
	be := binary.BigEndian
	version, bits := be.Uint32(b[4:]), be.Uint32(b[20:])
	if version < 2 || version > 3 || bits < 9 || bits > 21 {
		return false
	}
	reftable, l1 := be.Uint64(b[48:]), be.Uint64(b[40:])
	mask := uint64(1)<<bits - 1
	return reftable != 0 && reftable&mask == 0 && l1&mask == 0
}
