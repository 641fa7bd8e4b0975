package qcow2_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"qcowscope/core/qcow2"
	"qcowscope/testimages"
)

// reencoded checks that a header that decodes gives its own bytes back.
func reencoded(t *testing.T, file []byte, h *qcow2.Header) {
	t.Helper()
	got := h.AppendTo(nil)
	want := append(bytes.Clone(file), make([]byte, 104)...)[:len(got)]
	if !bytes.Equal(got, want) {
		t.Errorf("decoded %+v\n again %x\n  file %x", *h, got, want)
	}
	least := 72
	if h.Version == 3 {
		least = max(104, min(int(h.HeaderLength), len(file), 1<<h.ClusterBits))
	}
	if len(got) != least {
		t.Errorf("%d bytes encoded, want %d", len(got), least)
	}
}

// undecodable says which field leaves a file without a geometry: "" for the magic, "none"
// when it has one.
func undecodable(file []byte) string {
	word := func(off int) uint32 {
		return binary.BigEndian.Uint32(append(bytes.Clone(file[min(off, len(file)):]), 0, 0, 0, 0))
	}
	switch version := word(4); {
	case word(0) != 0x514649fb || len(file) < 8:
		return ""
	case version != 2 && version != 3:
		return "version"
	case word(20) < 9 || word(20) > 21:
		return "cluster_bits"
	case version == 3 && word(96) > 6:
		return "refcount_order"
	}
	return "none"
}

func TestHeadersOfAllRecipesReencode(t *testing.T) {
	seen := map[string]int{}
	for _, name := range testimages.Names() {
		b := testimages.Make(t, name)
		h, err := qcow2.DecodeHeader(b.Image)
		field := undecodable(b.Image)
		seen[field]++
		if field == "none" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			reencoded(t, b.Image, &h)
			continue
		}
		var fe *qcow2.FieldError
		if field == "" && err != qcow2.ErrNotQcow2 || field != "" && (!errors.As(err, &fe) || fe.Field != field) {
			t.Errorf("%s: %v, want trouble with %q", name, err, field)
		}
		if fe != nil && uint64(binary.BigEndian.Uint32(b.Image[fe.Off:])) != fe.Value {
			t.Errorf("%s: the error says %d at %d, which is not what stands there", name, fe.Value, fe.Off)
		}
	}
	for field, n := range map[string]int{"none": 200, "": 4, "version": 2, "cluster_bits": 1, "refcount_order": 1} {
		if seen[field] < n {
			t.Errorf("%d recipes with trouble in %q, want at least %d", seen[field], field, n)
		}
	}
}

// TestHeaderFields holds each field against the specification's own table of offsets and
// lengths, on a header in which no two bytes are alike.
func TestHeaderFields(t *testing.T) {
	b := make([]byte, 512)
	for i := range b {
		b[i] = byte(i)
	}
	put := func(off int, v uint32) { binary.BigEndian.PutUint32(b[off:], v) }
	put(0, 0x514649fb)
	put(4, 3)
	put(20, 9)
	put(96, 2)
	put(100, 112)
	h, err := qcow2.DecodeHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name     string
		off, len int
		got      uint64
	}{
		{"version", 4, 4, uint64(h.Version)},
		{"backing_file_offset", 8, 8, h.BackingFileOffset},
		{"backing_file_size", 16, 4, uint64(h.BackingFileSize)},
		{"cluster_bits", 20, 4, uint64(h.ClusterBits)},
		{"size", 24, 8, h.Size},
		{"crypt_method", 32, 4, uint64(h.CryptMethod)},
		{"l1_size", 36, 4, uint64(h.L1Size)},
		{"l1_table_offset", 40, 8, h.L1TableOffset},
		{"refcount_table_offset", 48, 8, h.RefcountTableOffset},
		{"refcount_table_clusters", 56, 4, uint64(h.RefcountTableClusters)},
		{"nb_snapshots", 60, 4, uint64(h.NbSnapshots)},
		{"snapshots_offset", 64, 8, h.SnapshotsOffset},
		{"incompatible_features", 72, 8, h.IncompatibleFeatures},
		{"compatible_features", 80, 8, h.CompatibleFeatures},
		{"autoclear_features", 88, 8, h.AutoclearFeatures},
		{"refcount_order", 96, 4, uint64(h.RefcountOrder)},
		{"header_length", 100, 4, uint64(h.HeaderLength)},
		{"compression_type", 104, 1, uint64(h.CompressionType())},
	} {
		want := uint64(0)
		for _, v := range b[f.off : f.off+f.len] {
			want = want<<8 | uint64(v)
		}
		if f.got != want {
			t.Errorf("%s is 0x%x, want 0x%x", f.name, f.got, want)
		}
	}
	if !bytes.Equal(h.Tail, b[104:112]) {
		t.Errorf("tail %x", h.Tail)
	}
}

func TestVersion2ImpliesTheRest(t *testing.T) {
	b := bytes.Repeat([]byte{0xff}, 512)
	copy(b, "QFI\xfb\x00\x00\x00\x02")
	binary.BigEndian.PutUint32(b[20:], 16)
	h, err := qcow2.DecodeHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	want := qcow2.Geometry{Version: 2, ClusterBits: 16, RefcountOrder: 4}
	if h.Geometry() != want || h.HeaderLength != 72 || h.IncompatibleFeatures|h.CompatibleFeatures|h.AutoclearFeatures != 0 || h.Tail != nil {
		t.Errorf("%+v", h)
	}
	if h.CompressionType() != qcow2.CompressionZlib {
		t.Error("version 2 knows only zlib")
	}
	reencoded(t, b, &h)
}

func TestHeaderTail(t *testing.T) {
	file := make([]byte, 1024)
	copy(file, "QFI\xfb\x00\x00\x00\x03")
	binary.BigEndian.PutUint32(file[20:], 9)
	for i := 104; i < len(file); i++ {
		file[i] = byte(i)
	}
	for _, c := range []struct{ length, file, tail int }{
		{72, 1024, 0}, {104, 1024, 0}, {105, 1024, 1}, {112, 1024, 8}, {512, 1024, 408},
		{513, 1024, 408}, {1 << 31, 1024, 408}, // bounded by the cluster
		{512, 200, 96}, {112, 104, 0}, {112, 50, 0}, {112, 8, 0}, // and by the file
	} {
		binary.BigEndian.PutUint32(file[100:], uint32(c.length))
		h, err := qcow2.DecodeHeader(file[:c.file])
		if c.file < 24 { // cluster_bits reads as 0
			var fe *qcow2.FieldError
			if !errors.As(err, &fe) || fe.Field != "cluster_bits" {
				t.Errorf("file of %d bytes: %v", c.file, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("file of %d bytes: %v", c.file, err)
			continue
		}
		if len(h.Tail) != c.tail {
			t.Errorf("header_length %d, file of %d bytes: tail of %d, want %d", c.length, c.file, len(h.Tail), c.tail)
		}
		reencoded(t, file[:c.file], &h)
		if c.tail > 0 {
			h.Tail[0]++
			if h.Tail[0] == file[104] {
				t.Error("the tail is not a copy")
			}
		}
	}
}

func TestTooShortForAHeader(t *testing.T) {
	for _, b := range [][]byte{nil, {}, []byte("QFI\xfb"), []byte("QFI\xfb\x00\x00\x00"), make([]byte, 104)} {
		if _, err := qcow2.DecodeHeader(b); err != qcow2.ErrNotQcow2 {
			t.Errorf("%x: %v", b, err)
		}
	}
}

func ext(typ, length uint32, data string) []byte {
	b := binary.BigEndian.AppendUint32(nil, typ)
	b = binary.BigEndian.AppendUint32(b, length)
	b = append(b, data...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

func TestExtensions(t *testing.T) {
	one, two := ext(0x11111111, 3, "abc"), ext(0x22222222, 8, "12345678")
	end := ext(0, 0, "")
	join := func(bs ...[]byte) []byte { return bytes.Join(bs, nil) }
	for _, c := range []struct {
		name string
		b    []byte
		want string // data of each, joined by |
		fail bool
	}{
		{"none", nil, "", false},
		{"area used up to its end", join(one, two), "abc|12345678|", false},
		{"end mark", join(one, end, two), "abc|", false},
		{"end mark at once", join(end, one), "", false},
		{"length 0", join(ext(7, 0, ""), two, end), "|12345678|", false},
		{"same type twice", join(one, ext(0x11111111, 1, "z"), end), "abc|z|", false},
		{"length up to the end without its padding", join(one, ext(5, 5, "abcde"))[:16+13], "abc|abcde|", false},
		{"length one too long", join(one, ext(5, 9, "abcdefgh")), "abc|", true},
		{"length 2^32-1", join(one, ext(5, 1<<32-1, "abcdefgh")), "abc|", true},
		{"end mark with an impossible length", join(one, ext(0, 1<<31, "")), "abc|", true},
		{"no room for a head", join(one, end[:4]), "abc|", true},
	} {
		const start = 104
		file := append(make([]byte, start), c.b...)
		exts, err := qcow2.DecodeExtensions(file, start, int64(len(file)))
		got := ""
		for i, e := range exts {
			got += string(e.Data) + "|"
			if e.Type != binary.BigEndian.Uint32(file[e.Off:]) || i > 0 && e.Off <= exts[i-1].Off {
				t.Errorf("%s: extension %d of type %x at %d", c.name, i, e.Type, e.Off)
			}
		}
		if got != c.want || c.fail != (err != nil) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
	exts, _ := qcow2.DecodeExtensions(join(one, two, ext(0x11111111, 1, "z"), end), 0, 48)
	if e := qcow2.FindExtension(exts, 0x11111111); e == nil || string(e.Data) != "z" {
		t.Errorf("the last of its type wins: %+v", e)
	}
	if e := qcow2.FindExtension(exts, 0x33333333); e != nil {
		t.Errorf("found %+v", e)
	}
}

// The area may be said to be longer than what is there, and may begin past its end.
func TestExtensionsBeyondTheirBytes(t *testing.T) {
	b := ext(7, 3, "abc")
	for _, c := range []struct {
		start, end int64
		n          int
		fail       bool
	}{{0, 1 << 40, 1, true}, {16, 16, 0, false}, {20, 16, 0, false}, {1 << 40, 1 << 41, 0, true}, {8, 12, 0, true}} {
		exts, err := qcow2.DecodeExtensions(b, c.start, c.end)
		if len(exts) != c.n || c.fail != (err != nil) {
			t.Errorf("[%d,%d): %v, %v", c.start, c.end, exts, err)
		}
	}
}

func TestExtensionContents(t *testing.T) {
	b := make([]byte, 24)
	for i := range b {
		b[i] = byte(i + 1)
	}
	m, ok := qcow2.DecodeBitmapsExtension(b)
	if want := (qcow2.BitmapsExtension{NbBitmaps: 0x01020304, Reserved: 0x05060708, DirectorySize: 0x090a0b0c0d0e0f10, DirectoryOffset: 0x1112131415161718}); !ok || m != want {
		t.Errorf("%+v", m)
	}
	l, ok := qcow2.DecodeLUKSExtension(b[:16])
	if want := (qcow2.LUKSExtension{Offset: 0x0102030405060708, Length: 0x090a0b0c0d0e0f10}); !ok || l != want {
		t.Errorf("%+v", l)
	}
	for n := range 40 {
		some := make([]byte, n)
		if _, ok := qcow2.DecodeBitmapsExtension(some); ok != (n == 24) {
			t.Errorf("bitmaps extension of %d bytes: %v", n, ok)
		}
		if _, ok := qcow2.DecodeLUKSExtension(some); ok != (n == 16) {
			t.Errorf("LUKS extension of %d bytes: %v", n, ok)
		}
	}
}
