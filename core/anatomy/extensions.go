package anatomy

import (
	"fmt"

	"qcowscope/core/qcow2"
)

// The parts of a header extension and of an entry of the feature name table, in bytes.
const (
	extensionHead    = 8
	featureNameEntry = 48
	featureNameText  = 2 // where the name begins
)

var extensionNames = map[uint32]string{
	qcow2.ExtBackingFormat: "backing file format name",
	qcow2.ExtFeatureNames:  "feature name table",
	qcow2.ExtBitmaps:       "bitmaps",
	qcow2.ExtLUKS:          "full disk encryption header pointer",
	qcow2.ExtDataFile:      "external data file name",
}

// extensions are the header extensions and the mark at their end.
func (w *headerWriter) extensions() {
	end := qcow2.HostOff(w.a.geo.ClusterSize())
	if name := w.a.img.Header.BackingFileOffset; name != 0 {
		end = min(end, qcow2.HostOff(min(name, uint64(end))))
	}
	off := qcow2.HostOff(w.a.img.Header.HeaderLength)
	for i := range w.a.img.Extensions {
		e := &w.a.img.Extensions[i]
		next := qcow2.HostOff(e.Off) + extensionHead + qcow2.HostOff(len(e.Data)+7)&^7
		if w.s.touches(qcow2.HostOff(e.Off), int64(next)-e.Off) {
			w.extension(i, e)
			w.blank(Padding, min(next, end), "padding", "It makes the extension a multiple of 8 bytes long.")
		} else {
			w.pos = max(w.pos, min(next, end))
		}
		off = next
	}
	w.extensionsEnd(off, end)
}

// extensionsEnd is the mark that ends the list, or what could not be read of it.
func (w *headerWriter) extensionsEnd(off, end qcow2.HostOff) {
	if off >= end || off >= qcow2.HostOff(w.a.geo.ClusterSize()) {
		return
	}
	if off+extensionHead > end || w.value(off, 4) != uint64(qcow2.ExtEnd) || w.value(off+4, 4) > uint64(end-off-extensionHead) {
		w.blank(Extension, end, "header extensions", "From here on they cannot be read: what stands here is no extension that fits.")
		return
	}
	w.number(off, 4, "end.type", "The end of the header extensions.")
	w.number(off+4, 4, "end.length", "Of no use: the end mark has no data.")
}

// number is an extension's field that holds a number or bits.
func (w *headerWriter) number(off qcow2.HostOff, n int64, name, meaning string) {
	host, wanted := w.take(off, n)
	if wanted {
		v := w.value(off, n)
		w.s.add(Field{Host: host, Kind: Extension, Name: name, Value: valueText(number, v), Meaning: meaning, shape: number, raw: v})
	}
}

// pointer is an extension's field that holds a host offset.
func (w *headerWriter) pointer(off qcow2.HostOff, name, meaning string, to Ref) {
	host, wanted := w.take(off, 8)
	if wanted {
		v := w.value(off, 8)
		f := Field{Host: host, Kind: Extension, Name: name, Value: hexText(v), Meaning: meaning, shape: plain, raw: v}
		if !to.Host.Empty() {
			f.To = to
		}
		w.s.add(f)
	}
}

func (w *headerWriter) extension(i int, e *qcow2.Extension) {
	prefix := fmt.Sprintf("extension[%d].", i)
	off, data := qcow2.HostOff(e.Off), qcow2.HostOff(e.Off+extensionHead)
	known, ok := extensionNames[e.Type]
	if !ok {
		known = "an extension that this program does not know"
	}
	if host, wanted := w.take(off, 4); wanted {
		w.s.add(Field{Host: host, Kind: Extension, Name: prefix + "type", Value: hexText(uint64(e.Type)), Meaning: "The type of the extension: " + known + ".",
			shape: plain, raw: uint64(e.Type)})
	}
	w.number(off+4, 4, prefix+"length", "Bytes of its data.")
	all := at(data, int64(len(e.Data)))
	switch e.Type {
	case qcow2.ExtBackingFormat:
		w.text(Extension, all, prefix+"backing_format", "The format of the backing file.")
	case qcow2.ExtDataFile:
		w.text(Extension, all, prefix+"data_file", "The file that holds the guest's data.")
	case qcow2.ExtFeatureNames:
		w.featureNames(prefix, all)
	case qcow2.ExtBitmaps:
		w.bitmapsExtension(prefix, data, e.Data)
	case qcow2.ExtLUKS:
		w.cryptoExtension(prefix, data, e.Data)
	}
	w.blank(Extension, all.End(), prefix+"data", "What the extension holds.")
}

func (w *headerWriter) featureNames(prefix string, all qcow2.Range[qcow2.HostOff]) {
	first := max(0, int64(w.s.want.Start-all.Start)/featureNameEntry)
	for i := first; ; i++ {
		off := all.Start + qcow2.HostOff(i*featureNameEntry)
		if off+featureNameEntry > all.End() || off >= w.s.want.End() {
			w.pos = max(w.pos, min(off, all.End()))
			return
		}
		w.pos = max(w.pos, off)
		name := fmt.Sprintf("%sfeature_name[%d].", prefix, i)
		kind, bit := w.value(off, 1), w.value(off+1, 1)
		sets := [...]string{"incompatible_features", "compatible_features", "autoclear_features"}
		set := "no known set of features"
		if kind < uint64(len(sets)) {
			set = sets[kind]
		}
		w.number(off, 1, name+"type", "The bit is one of "+set+".")
		w.number(off+1, 1, name+"bit", fmt.Sprintf("Bit %d of %s has the name that follows.", bit, set))
		host, wanted := w.take(off+featureNameText, featureNameEntry-featureNameText)
		if wanted {
			value := paddedText(w.bytes(off+featureNameText, featureNameEntry-featureNameText))
			w.s.add(Field{Host: host, Kind: Extension, Name: name + "name", Value: value, IsText: true, Meaning: "What to call it, padded with zeros."})
		}
	}
}

func (w *headerWriter) bitmapsExtension(prefix string, off qcow2.HostOff, b []byte) {
	ext, ok := qcow2.DecodeBitmapsExtension(b)
	if !ok {
		return
	}
	vouched := "autoclear_features vouches for them."
	if w.a.img.BitmapsExt == nil {
		vouched = "Nothing vouches for them: programs do not use them."
	}
	w.number(off, 4, prefix+"nb_bitmaps", "How many bitmaps there are. "+vouched)
	w.number(off+4, 4, prefix+"reserved", "Must be zero.")
	w.number(off+8, 8, prefix+"bitmap_directory_size", "Bytes of the bitmap directory.")
	to := at(qcow2.HostOff(ext.DirectoryOffset), int64(min(ext.DirectorySize, qcow2.MaxBitmapDirectory)))
	w.pointer(off+16, prefix+"bitmap_directory_offset", "Where the bitmap directory lies.", Ref{"bitmap directory", to})
}

func (w *headerWriter) cryptoExtension(prefix string, off qcow2.HostOff, b []byte) {
	if _, ok := qcow2.DecodeLUKSExtension(b); ok {
		w.pointer(off, prefix+"offset", "Where the LUKS header lies.", Ref{"LUKS header", w.a.crypto()})
		w.number(off+8, 8, prefix+"length", "Bytes of the LUKS header with its keys.")
	}
}
