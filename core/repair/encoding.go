package repair

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// compression makes compression_type and its incompatible bit agree with the compressed
// clusters that there are.
func (h *headerEdit) compression() error {
	hdr := &h.r.img.Header
	if _, bad := h.refused("compression_type"); !bad && h.compressionAgrees() {
		return nil
	}
	typ, sure, err := h.r.methodInUse()
	if err != nil {
		return err
	}
	switch {
	case sure:
	case hdr.CompressionType() > qcow2.CompressionZstd:
		// Only the field can be wrong: the bit goes with one of the two methods.
		if typ = qcow2.CompressionZlib; hdr.Has(qcow2.IncompatCompression) {
			typ = qcow2.CompressionZstd
		}
	case !h.r.accepts(check.CompressionWrong):
		return nil
	default:
		typ = hdr.CompressionType()
	}
	if len(hdr.Tail) == 0 && typ != qcow2.CompressionZlib {
		return nil // the header has no room for the field
	}
	name := [...]string{"zlib", "zstd"}[typ]
	if hdr.CompressionType() != typ {
		h.write(qcow2.OffCompressionType, []byte{typ}, "compression_type: "+name)
	}
	bits := hdr.IncompatibleFeatures &^ qcow2.IncompatCompression
	if typ != qcow2.CompressionZlib {
		bits |= qcow2.IncompatCompression
	}
	if bits != hdr.IncompatibleFeatures {
		h.write(qcow2.OffIncompatible, be64bytes(bits), fmt.Sprintf("incompatible_features: bit 3 as %s needs it", name))
	}
	h.r.step(check.CompressionWrong, 1, "set the compression method to "+name)
	return nil
}

func (h *headerEdit) compressionAgrees() bool {
	hdr := &h.r.img.Header
	return (hdr.CompressionType() != qcow2.CompressionZlib) == hdr.Has(qcow2.IncompatCompression)
}

// Bounds of what is read to tell the compression method.
const (
	methodTables  = 4096
	methodStreams = 16
)

// methodInUse is the one method that compressed clusters decompress with; sure is false
// when there are none, or both methods work.
func (r *repairer) methodInUse() (typ uint8, sure bool, err error) {
	g, size := r.img.Geo, r.img.Src.Size()
	table := make(qcow2.L2Table, g.ClusterSize())
	zlib, zstandard, tried := 0, 0, 0
	tables := r.report.Refcounts.Tree.Tables
	for _, t := range tables[:min(len(tables), methodTables)] {
		if err := r.ctx.Err(); err != nil {
			return 0, false, err
		}
		if t.Empty {
			continue
		}
		if err := source.ReadFull(r.img.Src, table, int64(t.Off)); err != nil {
			return 0, false, err
		}
		for i := range g.L2Entries() {
			e := table.At(g, i)
			if e.Kind(g) != qcow2.Compressed || tried == methodStreams {
				continue
			}
			s := e.CompressedRange(g)
			if int64(s.Start) >= size {
				continue
			}
			tried++
			stream := make([]byte, min(int64(s.Len), size-int64(s.Start)))
			if err := source.ReadFull(r.img.Src, stream, int64(s.Start)); err != nil {
				return 0, false, err
			}
			if fills(flate.NewReader(bytes.NewReader(stream)), g) {
				zlib++
			}
			if unzstd(stream, g) {
				zstandard++
			}
		}
	}
	if zstandard > 0 {
		typ = qcow2.CompressionZstd
	}
	return typ, (zlib > 0) != (zstandard > 0), nil
}

// fills tells whether the stream decompresses to a whole cluster. What follows in the
// sectors does not matter.
func fills(stream io.Reader, g qcow2.Geometry) bool {
	n, err := io.CopyN(io.Discard, stream, g.ClusterSize())
	return err == nil && n == g.ClusterSize()
}

func unzstd(stream []byte, g qcow2.Geometry) bool {
	d, err := zstd.NewReader(bytes.NewReader(stream), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return false
	}
	defer d.Close()
	return fills(d, g)
}

// encryption makes crypt_method and the extension that leads to the LUKS header agree,
// where there is exactly one LUKS header.
func (h *headerEdit) encryption() error {
	hdr := &h.r.img.Header
	ref, bad := h.refused("crypt_method", "LUKS extension", "LUKS header")
	if !bad && !h.r.beyondEOF(refcount.Crypto) && h.r.img.LUKS.Len >= 0 {
		return nil
	}
	e := qcow2.FindExtension(h.r.img.Extensions, qcow2.ExtLUKS)
	switch {
	case e == nil:
		h.luksExtension()
	case hdr.CryptMethod != qcow2.CryptLUKS:
		if ext, ok := qcow2.DecodeLUKSExtension(e.Data); ok && h.isLUKS(ext.Offset) {
			h.write(qcow2.OffCryptMethod, be32bytes(qcow2.CryptLUKS), fmt.Sprintf("crypt_method: 2 (LUKS), the LUKS header is at 0x%x", ext.Offset))
			h.r.step(check.EncryptionWrong, 1, "set the encryption method to LUKS")
		}
	case ref.Field != "crypt_method":
		if fits, err := h.luksLength(e); err != nil || fits {
			return err
		}
		return h.luksOffset(e)
	}
	return nil
}

// luksLength takes the length of the LUKS header's area from where the header says that the
// encrypted data begins.
func (h *headerEdit) luksLength(e *qcow2.Extension) (bool, error) {
	ext, ok := qcow2.DecodeLUKSExtension(e.Data)
	if !ok || !h.isLUKS(ext.Offset) {
		return false, nil
	}
	const offPayload = 104 // payload offset in sectors, LUKS version 1
	var head [offPayload + 4]byte
	if err := source.ReadFull(h.r.img.Src, head[:], int64(ext.Offset)); err != nil {
		return false, err
	}
	sectors := binary.BigEndian.Uint32(head[offPayload:])
	w := patch.Write{Off: e.Off + 16, Data: be64bytes(uint64(sectors) * qcow2.SectorSize), Why: "LUKS extension: the length that the LUKS header says"}
	if version := binary.BigEndian.Uint16(head[6:]); version != 1 || uint64(sectors)*qcow2.SectorSize == ext.Length {
		return false, nil
	}
	fits, err := h.r.betters(w)
	if err == nil && int64(ext.Length) < 0 {
		fits = true // nothing is that long: QEMU counts none of the header, and its space would be taken
	}
	if fits {
		h.write(w.Off, w.Data, w.Why)
		h.r.step(check.EncryptionWrong, 1, "set the length of the LUKS header")
	}
	return fits, err
}

// isLUKS tells whether a LUKS header begins at the offset.
func (h *headerEdit) isLUKS(off uint64) bool {
	g := h.r.img.Geo
	var magic [6]byte
	return off > 0 && off < uint64(h.r.img.Src.Size()) && g.Aligned(qcow2.HostOff(off)) &&
		source.ReadFull(h.r.img.Src, magic[:], int64(off)) == nil && string(magic[:]) == "LUKS\xba\xbe"
}

// luksExtension finds the extension that lost its type: the only one whose data leads to a
// LUKS header.
func (h *headerEdit) luksExtension() {
	var found []qcow2.Extension
	for _, e := range h.r.img.Extensions {
		if ext, ok := qcow2.DecodeLUKSExtension(e.Data); ok && h.isLUKS(ext.Offset) {
			found = append(found, e)
		}
	}
	if len(found) != 1 || h.r.img.Header.CryptMethod != qcow2.CryptLUKS {
		return
	}
	h.write(found[0].Off, be32bytes(qcow2.ExtLUKS), fmt.Sprintf("header extension at 0x%x: it leads to the LUKS header", found[0].Off))
	h.r.step(check.EncryptionWrong, 1, "name the extension that leads to the LUKS header")
}

// luksOffset points the extension to the only leaked cluster that begins as a LUKS header.
func (h *headerEdit) luksOffset(e *qcow2.Extension) error {
	const probes = 4096
	if ext, ok := qcow2.DecodeLUKSExtension(e.Data); !ok || h.isLUKS(ext.Offset) {
		return nil
	}
	t, g := h.r.report.Refcounts, h.r.img.Geo
	var found []qcow2.HostOff
	tried := 0
	for i, b := range t.Roles(0, t.Len()) {
		if role := refcount.RoleOf(b); role != refcount.Leaked && role != refcount.Crypto {
			continue
		}
		if tried++; tried > probes {
			return h.r.ctx.Err()
		}
		if off := g.Offset(qcow2.HostCluster(i)); h.isLUKS(uint64(off)) {
			found = append(found, off)
		}
	}
	if len(found) == 1 {
		h.write(e.Off+8, be64bytes(uint64(found[0])), fmt.Sprintf("LUKS extension: point to 0x%x, the only LUKS header", int64(found[0])))
		h.r.step(check.EncryptionWrong, 1, "point the header to the LUKS header")
	}
	return h.r.ctx.Err()
}
