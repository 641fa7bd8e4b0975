package testimages

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// headerExtension is one header extension; at is where it was written.
type headerExtension struct {
	kind uint32
	data []byte
	at   hostOff
}

const (
	extensionBackingFormat = 0xe2792aca
	extensionFeatureNames  = 0x6803f857
	extensionLUKS          = 0x0537be77
	extensionBitmaps       = 0x23852875
	extensionDataFile      = 0x44415441
)

const (
	incompatDataFile    = 1 << 2
	incompatCompression = 1 << 3
	incompatExtendedL2  = 1 << 4
	compatLazyRefcounts = 1 << 0
	autoclearBitmaps    = 1 << 0
	autoclearRaw        = 1 << 1
)

func (o *options) incompatible() uint64 {
	var bits uint64
	if o.dataFile != "" {
		bits |= incompatDataFile
	}
	if o.zstd {
		bits |= incompatCompression
	}
	if o.extendedL2 {
		bits |= incompatExtendedL2
	}
	return bits
}

func (b *builder) autoclear() uint64 {
	var bits uint64
	if len(b.bitmaps) > 0 {
		bits |= autoclearBitmaps
	}
	if b.opt.dataFileRaw {
		bits |= autoclearRaw
	}
	return bits
}

// writeHeader writes the header cluster anew, from what has been built so far.
func (b *builder) writeHeader() error {
	o := &b.opt
	h := b.file[:b.cs]
	clear(h)
	be := binary.BigEndian
	copy(h, "QFI\xfb")
	be.PutUint32(h[4:], uint32(o.version))
	be.PutUint32(h[20:], uint32(o.clusterBits))
	be.PutUint64(h[24:], uint64(o.size))
	be.PutUint32(h[32:], o.cryptMethod())
	be.PutUint32(h[36:], uint32(b.l1Size))
	be.PutUint64(h[40:], uint64(b.l1))
	be.PutUint64(h[48:], uint64(b.reftable))
	be.PutUint32(h[56:], uint32(o.reftableClusters))
	be.PutUint32(h[60:], uint32(len(b.snapshots)))
	be.PutUint64(h[64:], uint64(b.snapTable))
	if o.version == 3 {
		be.PutUint64(h[72:], o.incompatible())
		if o.lazyRefcounts {
			be.PutUint64(h[80:], compatLazyRefcounts)
		}
		be.PutUint64(h[88:], b.autoclear())
		be.PutUint32(h[96:], uint32(o.refcountOrder()))
		be.PutUint32(h[100:], uint32(o.headerLength))
		if o.zstd {
			h[104] = 1
		}
	}
	return b.writeExtensions(h)
}

// writeExtensions writes the header extensions, END, and the backing file name.
func (b *builder) writeExtensions(h []byte) error {
	be := binary.BigEndian
	b.extensions = b.allExtensions()
	at := b.opt.headerLength
	for i := range b.extensions {
		e := &b.extensions[i]
		end := at + 8 + int64(len(e.data)+7)&^7
		if end+8 > b.cs {
			return fmt.Errorf("header extensions do not fit in the header cluster")
		}
		e.at = hostOff(at)
		be.PutUint32(h[at:], e.kind)
		be.PutUint32(h[at+4:], uint32(len(e.data)))
		copy(h[at+8:], e.data)
		at = end
	}
	if b.opt.backing == "" {
		return nil
	}
	at += 8
	if at+int64(len(b.opt.backing)) > b.cs {
		return fmt.Errorf("the backing file name does not fit in the header cluster")
	}
	be.PutUint64(h[8:], uint64(at))
	be.PutUint32(h[16:], uint32(len(b.opt.backing)))
	copy(h[at:], b.opt.backing)
	return nil
}

// allExtensions lists the extensions in QEMU's order, with up-to-date contents.
func (b *builder) allExtensions() []headerExtension {
	var out []headerExtension
	add := func(kind uint32, data []byte) {
		out = append(out, headerExtension{kind: kind, data: data})
	}
	if b.opt.backing != "" {
		add(extensionBackingFormat, []byte(b.opt.backingFormat))
	}
	if b.opt.dataFile != "" {
		add(extensionDataFile, []byte(b.opt.dataFile))
	}
	if b.crypt != 0 {
		data := binary.BigEndian.AppendUint64(nil, uint64(b.crypt))
		add(extensionLUKS, binary.BigEndian.AppendUint64(data, uint64(b.cryptLen)))
	}
	if b.opt.featureNames {
		add(extensionFeatureNames, featureNames())
	}
	if len(b.bitmaps) > 0 {
		data := binary.BigEndian.AppendUint32(nil, uint32(len(b.bitmaps)))
		data = binary.BigEndian.AppendUint32(data, 0)
		data = binary.BigEndian.AppendUint64(data, uint64(b.bitmapDirLen()))
		add(extensionBitmaps, binary.BigEndian.AppendUint64(data, uint64(b.bitmapDir)))
	}
	return append(out, b.opt.unknownExtensions...)
}

func featureNames() []byte {
	var out []byte
	for _, f := range []struct {
		kind, bit byte
		name      string
	}{
		{0, 0, "dirty bit"}, {0, 1, "corrupt bit"}, {0, 2, "external data file"},
		{0, 3, "compression type"}, {0, 4, "extended L2 entries"},
		{1, 0, "lazy refcounts"}, {2, 0, "bitmaps"}, {2, 1, "raw external data"},
	} {
		record := make([]byte, 48)
		record[0], record[1] = f.kind, f.bit
		copy(record[2:], f.name)
		out = append(out, record...)
	}
	return out
}

// runExtension adds a header extension that no reader knows.
func (b *builder) runExtension(a args) error {
	kind, err := a.num(b, "type", 0)
	if err != nil {
		return err
	}
	data, err := parseHex(a.texts["data"])
	b.opt.unknownExtensions = append(b.opt.unknownExtensions, headerExtension{kind: uint32(kind), data: data})
	return err
}

func parseHex(text string) ([]byte, error) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil || len(raw) == 0 {
		return nil, fmt.Errorf("%q is not a run of hex digits", strings.TrimSpace(text))
	}
	return raw, nil
}
