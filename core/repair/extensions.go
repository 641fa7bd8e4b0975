package repair

import (
	"encoding/binary"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// extensionArea is the bytes of the header cluster in which extensions lie, up to the
// backing file's name.
type extensionArea struct {
	head []byte
	end  int64
	last int64 // of the last byte before end that is not zero, -1 if there is none
}

func (h *headerEdit) area() extensionArea {
	end := int64(len(h.head))
	if off := h.r.img.Header.BackingFileOffset; off != 0 && off < uint64(end) {
		end = int64(off)
	}
	_, last := nonzero(h.head[:end])
	return extensionArea{h.head, end, last}
}

func (a extensionArea) at(off int64) (typ uint32, n int64) {
	return binary.BigEndian.Uint32(a.head[off:]), int64(binary.BigEndian.Uint32(a.head[off+4:]))
}

// padded is where the extension after one of n bytes at off begins.
func padded(off, n int64) int64 { return off + 8 + (n+7)&^7 }

// reads tells whether from off on there is what programs write: extensions of known kinds
// with content of that kind, or unknown ones, zero padding, and zeros from the END mark on.
func (a extensionArea) reads(off int64) bool {
	for off < a.end {
		if a.end-off < 8 {
			return false
		}
		typ, n := a.at(off)
		if typ == qcow2.ExtEnd {
			return n == 0 && a.last < off+8
		}
		if !a.fits(off, typ, n) {
			return false
		}
		off = padded(off, n)
	}
	return true
}

// fits tells whether the extension at off can have n bytes of data.
func (a extensionArea) fits(off int64, typ uint32, n int64) bool {
	if n > a.end-off-8 {
		return false
	}
	data, pad := a.head[off+8:off+8+n], a.head[off+8+n:min(padded(off, n), a.end)]
	if _, stray := nonzero(pad); stray >= 0 {
		return false
	}
	switch typ {
	case qcow2.ExtBackingFormat:
		return n <= maxFormatName && printable(data)
	case qcow2.ExtFeatureNames:
		return featureNames(data)
	case qcow2.ExtBitmaps:
		return n == 24
	case qcow2.ExtLUKS:
		return n == 16
	case qcow2.ExtDataFile:
		return printable(data)
	}
	return true
}

const (
	maxFormatName   = 15
	featureNameSize = 48
)

// featureNames tells whether the data is records of a kind, a bit and a name.
func featureNames(data []byte) bool {
	if len(data) == 0 || len(data)%featureNameSize != 0 {
		return false
	}
	for ; len(data) > 0; data = data[featureNameSize:] {
		name := data[2:featureNameSize]
		_, last := nonzero(name)
		if data[0] > 2 || data[1] > 63 || !printable(name[:last+1]) {
			return false
		}
	}
	return true
}

// endMark is the offset behind the END mark, for extensions that QEMU reads from off on.
func (a extensionArea) endMark(off, limit int64) (int64, bool) {
	exts, err := qcow2.DecodeExtensions(a.head[:limit], off, limit)
	if err != nil {
		return 0, false
	}
	if n := len(exts); n > 0 {
		off = padded(exts[n-1].Off, int64(len(exts[n-1].Data)))
	}
	return off + 8, off+8 <= limit
}

// length corrects a header_length that is impossible. Programs write two: 104 and, since
// there is a compression type, 112.
func (h *headerEdit) length() bool {
	if _, bad := h.refused("header_length"); !bad {
		return false
	}
	sure := h.lengths()
	n := uint32(qcow2.HeaderLengthFull)
	switch {
	case len(sure) > 0:
		// Where both fit there is nothing behind the header, and they mean the same.
		n = sure[0]
	case !h.r.accepts(check.HeaderLength):
		return false
	}
	h.write(qcow2.OffHeaderLength, be32bytes(n), fmt.Sprintf("header_length: %d, from where on the extensions can be read", n))
	h.r.step(check.HeaderLength, 1, "correct the header's length")
	return true
}

// lengths are the header lengths with which everything behind the header can be read.
func (h *headerEdit) lengths() (all []uint32) {
	a := h.area()
	if typ, stray := h.head[qcow2.OffCompressionType], h.head[qcow2.OffCompressionType+1:qcow2.HeaderLengthFull]; typ <= qcow2.CompressionZstd {
		if _, last := nonzero(stray); last < 0 && a.reads(qcow2.HeaderLengthFull) {
			all = append(all, qcow2.HeaderLengthFull)
		}
	}
	if a.reads(qcow2.HeaderLengthV3Min) {
		all = append(all, qcow2.HeaderLengthV3Min)
	}
	return all
}

// extensions corrects the one length by which the header extensions cannot be read.
func (h *headerEdit) extensions() bool {
	_, unread := h.refused("header extension")
	other, bad := h.refused("backing format extension", "bitmaps extension", "LUKS extension")
	if !unread && (!bad || !h.badLength(other.Off)) {
		return false
	}
	hdr := &h.r.img.Header
	fixes := h.area().fixes(int64(hdr.HeaderLength))
	var lengths []uint32
	if hdr.Version >= 3 && hdr.HeaderLength != qcow2.HeaderLengthV3Min && hdr.HeaderLength != qcow2.HeaderLengthFull {
		lengths = h.lengths()
	}
	switch {
	case len(lengths) > 0:
		// No program writes another length: it is what is wrong.
		h.write(qcow2.OffHeaderLength, be32bytes(lengths[0]), fmt.Sprintf("header_length: %d, from where on the extensions can be read", lengths[0]))
	case len(fixes) == 1:
		f := fixes[0]
		h.write(f.off+4, be32bytes(uint32(f.n)), fmt.Sprintf("header extension at 0x%x: %d bytes, the only length with which all can be read", f.off, f.n))
	default:
		return h.leaveOut(unread, other.Off)
	}
	h.r.step(check.HeaderExtension, 1, "correct the length of a header extension")
	return true
}

// badLength tells whether the extension at off, of a kind whose length is known, has
// another one.
func (h *headerEdit) badLength(off int64) bool {
	for _, e := range h.r.img.Extensions {
		if e.Off == off {
			n := len(e.Data)
			return e.Type == qcow2.ExtBackingFormat && n > maxFormatName || e.Type == qcow2.ExtBitmaps && n != 24 || e.Type == qcow2.ExtLUKS && n != 16
		}
	}
	return false
}

// lengthFix is a length for the extension at off with which everything can be read.
type lengthFix struct{ off, n int64 }

// fixes are all corrections of a single length that make the extensions from off on
// readable.
func (a extensionArea) fixes(off int64) (all []lengthFix) {
	for a.end-off >= 8 {
		typ, stated := a.at(off)
		for _, n := range a.lengthsOf(typ, off) {
			if n != stated && a.fits(off, typ, n) && a.reads(padded(off, n)) {
				all = append(all, lengthFix{off, n})
			}
		}
		if typ == qcow2.ExtEnd {
			if stated != 0 && a.last < off+8 {
				all = append(all, lengthFix{off, 0})
			}
			return all
		}
		if !a.fits(off, typ, stated) {
			return all
		}
		off = padded(off, stated)
	}
	return all
}

// maxLengths bounds how many lengths are tried of an extension that may have any.
const maxLengths = 1024

// lengthsOf are the lengths that an extension of the type can have.
func (a extensionArea) lengthsOf(typ uint32, off int64) (all []int64) {
	first, step := int64(1), int64(1)
	switch typ {
	case qcow2.ExtEnd:
		return nil
	case qcow2.ExtBitmaps:
		return []int64{24}
	case qcow2.ExtLUKS:
		return []int64{16}
	case qcow2.ExtFeatureNames:
		first, step = featureNameSize, featureNameSize
	}
	for n := first; n <= min(a.end-off-8, maxLengths*step) && len(all) < maxLengths; n += step {
		all = append(all, n)
	}
	return all
}

// leaveOut takes, by consent, the extension that cannot be read out of the header. What
// follows it and can be read moves up. An extension without which the data cannot be read
// is never left out.
func (h *headerEdit) leaveOut(unread bool, off int64) bool {
	hdr, a := &h.r.img.Header, h.area()
	if unread {
		off = a.firstUnread(int64(hdr.HeaderLength))
	}
	if !h.r.accepts(check.HeaderExtension) || a.end-off < 8 {
		return false
	}
	typ, n := a.at(off)
	if typ == qcow2.ExtLUKS && hdr.CryptMethod == qcow2.CryptLUKS || typ == qcow2.ExtDataFile && hdr.Has(qcow2.IncompatDataFile) {
		return false
	}
	next := padded(off, n)
	if unread {
		next = a.nextKnown(off + 8)
	}
	h.r.cut = true
	h.r.removeExtension(a, off, next, fmt.Sprintf("header extension 0x%08x at 0x%x: left out by consent", typ, off))
	h.r.step(check.HeaderExtension, 1, "leave out the header extension that cannot be read: "+extensionName(typ))
	return true
}

// firstUnread is where QEMU stops reading.
func (a extensionArea) firstUnread(off int64) int64 {
	exts, _ := qcow2.DecodeExtensions(a.head, off, a.end)
	if n := len(exts); n > 0 {
		return padded(exts[n-1].Off, int64(len(exts[n-1].Data)))
	}
	return off
}

// nextKnown is the next offset from which extensions can be read, the first of a known
// type; the end of the area if there is none.
func (a extensionArea) nextKnown(off int64) int64 {
	for ; a.end-off >= 8; off += 8 {
		typ, _ := a.at(off)
		switch typ {
		case qcow2.ExtBackingFormat, qcow2.ExtFeatureNames, qcow2.ExtBitmaps, qcow2.ExtLUKS, qcow2.ExtDataFile:
			if a.reads(off) {
				return off
			}
		}
	}
	return a.end
}

// removeExtension writes the extensions from next on to off and zeros behind them. Bitmaps
// that are not listed any more must not be vouched for.
func (r *repairer) removeExtension(a extensionArea, off, next int64, why string) {
	gone, _ := a.at(off)
	batch := 0
	if bits := r.img.Header.AutoclearFeatures; gone == qcow2.ExtBitmaps && bits&qcow2.AutoclearBitmaps != 0 {
		r.stage.Add(0, qcow2.OffAutoclear, be64bytes(bits&^qcow2.AutoclearBitmaps), "autoclear_features: clear bit 0, the bitmaps are left out")
		batch = 1
	}
	data := make([]byte, max(a.last+1, off+8)-off)
	if next <= a.last {
		copy(data, a.head[next:a.last+1])
	}
	r.stage.Add(batch, off, data, why)
}

// extensionName is what an extension is for.
func extensionName(typ uint32) string {
	switch typ {
	case qcow2.ExtBackingFormat:
		return "the backing file's format"
	case qcow2.ExtFeatureNames:
		return "the names of features"
	case qcow2.ExtBitmaps:
		return "the list of bitmaps"
	case qcow2.ExtLUKS:
		return "the LUKS header's place"
	case qcow2.ExtDataFile:
		return "the data file's name"
	}
	return "something that this program does not know"
}
