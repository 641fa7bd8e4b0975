package anatomy

import (
	"fmt"

	"qcowscope/core/qcow2"
)

// headerField is one field of the header (specification: "Header").
type headerField struct {
	off, n  int64
	name    string
	shape   shape
	meaning func(a *Anatomy, v uint64) string
	to      func(a *Anatomy) Ref
}

func says(text string) func(*Anatomy, uint64) string {
	return func(*Anatomy, uint64) string { return text }
}

// headerV2 are the fields that every version has.
var headerV2 = []headerField{
	{0, 4, "magic", plain, says("The first bytes of every qcow2 file: QFI and 0xfb."), nil},
	{qcow2.OffVersion, 4, "version", number, func(_ *Anatomy, v uint64) string { return fmt.Sprintf("Version %d of the format.", v) }, nil},
	{qcow2.OffBackingOffset, 8, "backing_file_offset", plain, func(_ *Anatomy, v uint64) string {
		return either(v == 0, "There is no backing file.", "Where the backing file's name lies.")
	}, func(a *Anatomy) Ref { return Ref{"backing file name", a.backingName()} }},
	{qcow2.OffBackingSize, 4, "backing_file_size", number, says("How long that name is, in bytes."), nil},
	{qcow2.OffClusterBits, 4, "cluster_bits", number, func(a *Anatomy, v uint64) string {
		return fmt.Sprintf("A cluster is 2^%d = %d bytes.", v, a.geo.ClusterSize())
	}, nil},
	{qcow2.OffSize, 8, "size", number, says("Bytes of the virtual disk."), nil},
	{qcow2.OffCryptMethod, 4, "crypt_method", number, func(_ *Anatomy, v uint64) string { return cryptText(v) }, nil},
	{qcow2.OffL1Size, 4, "l1_size", number, says("Entries of the active L1 table."), nil},
	{qcow2.OffL1Table, 8, "l1_table_offset", plain, says("Where the active L1 table lies."),
		func(a *Anatomy) Ref { return Ref{"active L1 table", at(a.img.L1.Off, a.img.L1.Bytes())} }},
	{qcow2.OffReftable, 8, "refcount_table_offset", plain, says("Where the refcount table lies."),
		func(a *Anatomy) Ref { return Ref{"refcount table", a.reftable()} }},
	{qcow2.OffReftableLen, 4, "refcount_table_clusters", number, says("How long the refcount table is, in clusters."), nil},
	{qcow2.OffNbSnapshots, 4, "nb_snapshots", number, says("How many internal snapshots there are."), nil},
	{qcow2.OffSnapshots, 8, "snapshots_offset", plain, func(a *Anatomy, _ uint64) string {
		return either(a.img.Header.NbSnapshots == 0, "Where the snapshot table would lie: there is none.", "Where the snapshot table lies.")
	}, func(a *Anatomy) Ref { return Ref{"snapshot table", at(a.snaps.Off, a.snaps.Bytes)} }},
}

// headerV3 are the fields that only version 3 has.
var headerV3 = []headerField{
	{qcow2.OffIncompatible, 8, "incompatible_features", incompatible, says("A program that does not know every bit that is set must not open the image."), nil},
	{qcow2.OffCompatible, 8, "compatible_features", compatible, says("A program may ignore bits that it does not know."), nil},
	{qcow2.OffAutoclear, 8, "autoclear_features", autoclear, says("A program clears the bits that it does not know before it writes."), nil},
	{qcow2.OffRefcountOrder, 4, "refcount_order", number, func(a *Anatomy, v uint64) string {
		return fmt.Sprintf("A refcount is 2^%d = %s wide.", v, plural(uint64(a.geo.RefcountBits()), "bit"))
	}, nil},
	{qcow2.OffHeaderLength, 4, "header_length", number, says("Bytes of the header; the header extensions follow."), nil},
}

func cryptText(v uint64) string {
	switch v {
	case qcow2.CryptNone:
		return "The data is not encrypted."
	case qcow2.CryptAES:
		return "The data is encrypted with AES, without a header of its own."
	case qcow2.CryptLUKS:
		return "The data is encrypted; the LUKS header says how."
	}
	return "No known method of encryption."
}

func either(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// backingName is where the backing file's name lies, Len 0 if there is none.
func (a *Anatomy) backingName() qcow2.Range[qcow2.HostOff] {
	h := &a.img.Header
	if h.BackingFileOffset == 0 || h.BackingFileOffset >= uint64(a.geo.ClusterSize()) {
		return qcow2.Range[qcow2.HostOff]{}
	}
	room := a.geo.ClusterSize() - int64(h.BackingFileOffset)
	return at(qcow2.HostOff(h.BackingFileOffset), min(int64(h.BackingFileSize), room))
}

func (a *Anatomy) reftable() qcow2.Range[qcow2.HostOff] {
	return at(qcow2.HostOff(a.img.Header.RefcountTableOffset), a.img.ReftableBytes())
}

func (a *Anatomy) headerRegion(c *collected) {
	if c.want.Start < qcow2.HostOff(a.geo.ClusterSize()) {
		c.add(&region{host: a.clusterRange(0), rank: rankHeader, kind: Header, in: Ref{"header", a.clusterRange(0)}, fields: headerFields})
	}
}

// headerWriter puts out the header cluster from its start to its end.
type headerWriter struct {
	a    *Anatomy
	s    *sink
	pos  qcow2.HostOff // what lies before is put out
	seen []byte        // what was read last, from base on
	base qcow2.HostOff
}

// headerFields are the header, its extensions and the backing file's name.
func headerFields(a *Anatomy, s *sink) error {
	w := &headerWriter{a: a, s: s}
	for _, f := range headerV2 {
		w.field(f)
	}
	if a.geo.Version >= 3 {
		for _, f := range headerV3 {
			w.field(f)
		}
		w.tail()
	}
	w.extensions()
	name := a.backingName()
	w.unused(max(name.Start, w.pos))
	if name.Len > 0 {
		w.text(BackingName, name, "backing file name", "The file that shows through where this image has nothing.")
	}
	w.unused(qcow2.HostOff(a.geo.ClusterSize()))
	return nil
}

// take moves past n bytes at off; the part before them that was put out already is cut. It
// is false when nobody wants what is left.
func (w *headerWriter) take(off qcow2.HostOff, n int64) (host qcow2.Range[qcow2.HostOff], wanted bool) {
	host = span(max(off, w.pos), max(off+qcow2.HostOff(n), w.pos))
	w.pos = max(w.pos, host.End())
	return host, !host.Empty() && w.s.touches(host.Start, int64(host.Len))
}

// bytes reads what stands at off in the file.
func (w *headerWriter) bytes(off qcow2.HostOff, n int64) []byte {
	const window = 4 << 10
	if off < w.base || off+qcow2.HostOff(n) > w.base+qcow2.HostOff(len(w.seen)) {
		b, err := w.a.read(off, max(n, window))
		if err != nil {
			// The window may reach into a bad spot that nobody asked for.
			b, err = w.a.read(off, n)
		}
		if err != nil && w.s.err == nil {
			w.s.err = err
		}
		w.seen, w.base = b, off
	}
	return w.seen[off-w.base:][:n]
}

func (w *headerWriter) value(off qcow2.HostOff, n int64) uint64 { return number64(w.bytes(off, n)) }

func (w *headerWriter) field(f headerField) {
	host, wanted := w.take(qcow2.HostOff(f.off), f.n)
	if !wanted {
		return
	}
	v := w.value(qcow2.HostOff(f.off), f.n)
	out := Field{Host: host, Name: f.name, Meaning: f.meaning(w.a, v), Value: valueText(f.shape, v), shape: f.shape, raw: v}
	if f.to != nil && v != 0 {
		if to := f.to(w.a); !to.Host.Empty() {
			out.To = to
		}
	}
	w.s.add(out)
}

// tail is what a longer header of version 3 has behind header_length.
func (w *headerWriter) tail() {
	end := qcow2.HostOff(min(int64(w.a.img.Header.HeaderLength), w.a.geo.ClusterSize()))
	if end <= qcow2.OffCompressionType {
		return
	}
	w.field(headerField{qcow2.OffCompressionType, 1, "compression_type", number, func(_ *Anatomy, v uint64) string {
		switch v {
		case qcow2.CompressionZlib:
			return "Compressed clusters are deflate streams (zlib)."
		case qcow2.CompressionZstd:
			return "Compressed clusters are zstd streams."
		}
		return "No known method of compression."
	}, nil})
	w.blank(Padding, min(end, qcow2.HeaderLengthFull), "padding", "It makes the header a multiple of 8 bytes long.")
	w.blank(Header, end, "additional fields", "Fields that this program does not know.")
}

// blank is everything up to end as one field.
func (w *headerWriter) blank(kind Kind, end qcow2.HostOff, name, meaning string) {
	if host, wanted := w.take(w.pos, int64(end-w.pos)); wanted {
		w.s.add(Field{Host: host, Kind: kind, Name: name, Meaning: meaning})
	}
}

func (w *headerWriter) unused(end qcow2.HostOff) {
	w.blank(Padding, end, "unused", "Nothing of the header stands here.")
}

// text is a field that holds a text.
func (w *headerWriter) text(kind Kind, host qcow2.Range[qcow2.HostOff], name, meaning string) {
	if left, wanted := w.take(host.Start, int64(host.Len)); wanted {
		value := text(w.bytes(host.Start, min(int64(host.Len), MaxText)))
		w.s.add(Field{Host: left, Kind: kind, Name: name, Value: value, IsText: true, Meaning: meaning})
	}
}
