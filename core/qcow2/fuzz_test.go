package qcow2_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"qcowscope/core/qcow2"
	"qcowscope/testimages"
)

// heads adds the first cluster of small recipes as seeds.
func heads(f *testing.F, add func(file []byte)) {
	f.Helper()
	n := 0
	for _, name := range testimages.Names() {
		b := testimages.Make(f, name)
		add(b.Image[:min(1024, len(b.Image))])
		n++
	}
	if n < 200 {
		f.Fatalf("only %d recipes", n)
	}
}

// Whatever decodes as a header encodes to the same bytes.
func FuzzHeader(f *testing.F) {
	heads(f, func(b []byte) { f.Add(b) })
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := qcow2.DecodeHeader(b)
		if err != nil {
			return
		}
		reencoded(t, b, &h)
		g := h.Geometry()
		if g.ClusterBits < 9 || g.ClusterBits > 21 || g.RefcountOrder > 6 || g.Version != 2 && g.Version != 3 {
			t.Errorf("impossible geometry %+v", g)
		}
	})
}

// Extensions are found inside the area, in order, and their bytes are those of the file.
func FuzzExtensions(f *testing.F) {
	heads(f, func(b []byte) { f.Add(b, int64(104), int64(512)) })
	f.Fuzz(func(t *testing.T, b []byte, start, end int64) {
		if start < 0 {
			return
		}
		exts, _ := qcow2.DecodeExtensions(b, start, end)
		off := start
		for _, e := range exts {
			data := e.Off + 8 + int64(len(e.Data))
			if e.Off != off || e.Type == 0 || data > end || data > int64(len(b)) {
				t.Fatalf("extension at 0x%x, expected at 0x%x, ends at 0x%x of 0x%x", e.Off, off, data, end)
			}
			if binary.BigEndian.Uint32(b[off:]) != e.Type || !bytes.Equal(b[off+8:data], e.Data) {
				t.Fatalf("extension at 0x%x is not what the file holds", e.Off)
			}
			off = (data + 7 - start) &^ 7
			off += start
		}
	})
}

// Whatever decodes as an entry of the snapshot table or the bitmap directory encodes to
// the same bytes; only a bitmap's padding is made zero.
func FuzzTableEntries(f *testing.F) {
	f.Add(numbered(100))
	f.Add(make([]byte, 64))
	f.Add((&qcow2.Snapshot{L1Size: 1, ID: []byte("1"), Name: []byte("one"), Extra: make([]byte, 24)}).AppendTo(nil))
	f.Add((&qcow2.Bitmap{TableSize: 1, Type: 1, Name: []byte("backup")}).AppendTo(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, used, ok := snapshotEntry(b); ok && !bytes.Equal(s.AppendTo(nil), b[:used]) {
			t.Errorf("snapshot %+v\nencodes to %x\nfile has   %x", s, s.AppendTo(nil), b[:used])
		}
		if m, used, ok := bitmapEntry(b); ok {
			want := bytes.Clone(b[:used])
			clear(want[qcow2.BitmapDirectoryEntrySize+len(m.Extra)+len(m.Name):])
			if !bytes.Equal(m.AppendTo(nil), want) {
				t.Errorf("bitmap %+v\nencodes to %x\nfile has   %x", m, m.AppendTo(nil), want)
			}
		}
	})
}
