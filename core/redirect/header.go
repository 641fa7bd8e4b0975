package redirect

import (
	"bytes"
	"encoding/binary"

	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// The header cluster is the one place that cannot go elsewhere. Its sector 0 is written in
// one piece; what lies behind it (extensions, the name of the backing file) is not. So the
// order depends on who reads the bytes that change there:
//
//	nobody reads them through the old header:  with batch 0, before the switch; the other
//	                                           bytes of the sector are written as they are
//	nobody reads them through the new header:  after the switch
//	both, and they are the bitmaps extension:  sector 0 as it was but for autoclear bit 0,
//	                                           which vouches for the extension; then the
//	                                           extension; then the new sector 0 with the bit
//	both, and they are anything else:          there is no safe order
//
// A change of the whole header, as from version 2 to 3, moves the extensions and the name:
// it is the first and second row, byte by byte.
type headerSwitch struct {
	early []patch.Write   // together with what goes to free clusters
	steps [][]patch.Write // one after the other, the last one is the switch
	late  []patch.Write
	// unsafe is why a crash between the steps may leave something else, "" if it cannot.
	unsafe string
}

// headerParts are the byte ranges of the header cluster that are read through a header, as
// far as they lie behind its first sector.
func headerParts(img *image.Image) []extent {
	h := &img.Header
	cs := img.Geo.ClusterSize()
	end, whole := int64(h.HeaderLength), true
	for _, r := range img.Refusals {
		whole = whole && r.Field != "header extension" && r.Field != "header_length"
	}
	for _, e := range img.Extensions {
		end = e.Off + 8 + (int64(len(e.Data))+7)&^7
	}
	end += 8 // the end mark
	if !whole {
		end = cs
	}
	parts := []extent{{qcow2.SectorSize, min(end, cs)}}
	if h.BackingFileOffset != 0 && h.BackingFileOffset < uint64(cs) {
		from := int64(h.BackingFileOffset)
		parts = append(parts, extent{from, min(cs, from+int64(h.BackingFileSize))})
	}
	e := qcow2.FindExtension(img.Extensions, qcow2.ExtBitmaps)
	if e != nil && whole && h.AutoclearFeatures&qcow2.AutoclearBitmaps == 0 {
		data := extent{e.Off + 8, e.Off + 8 + int64(len(e.Data))} // its content is not looked at
		parts = append([]extent{{parts[0].from, min(parts[0].to, data.from)}, {max(parts[0].from, data.to), parts[0].to}}, parts[1:]...)
	}
	return parts
}

// anyRead tells whether some byte that differs between a and b is in one of the parts. The
// bytes begin at offset off.
func anyRead(a, b []byte, off int64, parts []extent) bool {
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		for _, p := range parts {
			if at := off + int64(i); p.from <= at && at < p.to {
				return true
			}
		}
	}
	return false
}

func headerTail(off int, b []byte) patch.Write {
	return patch.Write{Off: int64(off), Data: b, Why: "header, what lies behind its first sector"}
}

// betweenHeaders is what a sector at offset off holds during the switch from a to b: the new
// bytes where only the new header reads them, the old ones elsewhere. It is not ok when a byte
// that changes is read through both.
func betweenHeaders(a, b []byte, off int64, before, after []extent) (between []byte, ok bool) {
	between = append([]byte(nil), a...)
	for i := range a {
		if a[i] == b[i] || !anyRead(a[i:i+1], b[i:i+1], off+int64(i), after) {
			continue
		}
		if anyRead(a[i:i+1], b[i:i+1], off+int64(i), before) {
			return nil, false
		}
		between[i] = b[i]
	}
	return between, true
}

// switchHeader finds the order in which the header cluster changes from was to is.
func (t *Tx) switchHeader(was, is []byte) headerSwitch {
	const sector = qcow2.SectorSize
	var s headerSwitch
	before, after := headerParts(t.old), headerParts(t.img)
	if t.old.Geo.ClusterBits != t.g.ClusterBits {
		before = []extent{{sector, t.g.ClusterSize()}}
	}
	var both []patch.Write
	for off := sector; off < len(is); off += sector {
		end := min(off+sector, len(is))
		a, b := was[off:end], is[off:end]
		between, ok := betweenHeaders(a, b, int64(off), before, after)
		if !ok {
			both = append(both, headerTail(off, b))
			continue
		}
		if !bytes.Equal(a, between) {
			s.early = append(s.early, headerTail(off, between))
		}
		if !bytes.Equal(between, b) {
			s.late = append(s.late, headerTail(off, b))
		}
	}
	first := patch.Write{Data: is[:min(sector, len(is))], Why: "header: switch to the new tables"}
	switch {
	case len(both) == 0:
	case t.onlyBitmaps(was, is, both):
		unvouched := append([]byte(nil), was[:sector]...)
		clearAutoclearBitmaps(unvouched)
		s.steps = append(s.steps, []patch.Write{{Data: unvouched, Why: "autoclear_features: the bitmaps are not to be trusted for a moment"}}, both)
		first.Why += ", and trust the bitmaps again"
	default:
		s.unsafe = "the header changes behind its first sector, where the old and the new one are both read"
		s.steps = append(s.steps, both)
	}
	if len(s.steps) > 0 || string(first.Data) != string(was[:len(first.Data)]) {
		s.steps = append(s.steps, []patch.Write{first})
	}
	return s
}

// onlyBitmaps tells whether without autoclear bit 0 nobody would read, before or after, any
// of the bytes that change.
func (t *Tx) onlyBitmaps(was, is []byte, ws []patch.Write) bool {
	if t.old.Header.AutoclearFeatures&t.img.Header.AutoclearFeatures&qcow2.AutoclearBitmaps == 0 {
		return false
	}
	unvouched := func(img *image.Image) []extent {
		c := *img
		c.Header.AutoclearFeatures &^= qcow2.AutoclearBitmaps
		return headerParts(&c)
	}
	before, after := unvouched(t.old), unvouched(t.img)
	for _, w := range ws {
		a, b := was[w.Off:w.End()], is[w.Off:w.End()]
		if anyRead(a, b, w.Off, before) || anyRead(a, b, w.Off, after) {
			return false
		}
	}
	return true
}

func clearAutoclearBitmaps(sector []byte) {
	bits := binary.BigEndian.Uint64(sector[qcow2.OffAutoclear:])
	binary.BigEndian.PutUint64(sector[qcow2.OffAutoclear:], bits&^qcow2.AutoclearBitmaps)
}

// headerOf is the header cluster of a file, zeros where it is shorter.
func (t *Tx) headerOf(src source.Source) ([]byte, error) {
	b := make([]byte, t.g.ClusterSize())
	return b, source.ReadFull(src, b, 0)
}
