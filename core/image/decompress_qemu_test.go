//go:build !js

package image_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"qcowscope/core/image"
	"qcowscope/core/source"
	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

// TestStreamsAreReadLikeQEMU puts streams of all kinds behind an entry: QEMU reads the same
// bytes as we do, or neither of us any.
func TestStreamsAreReadLikeQEMU(t *testing.T) {
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	readable, unreadable := 0, 0
	for name, c := range craftedStreams(t) {
		b := testimages.MakeLines(t, c.image)
		b.Image = withStream(b.Image, c.stream, c.sectors)
		img := open(t, source.Bytes(b.Image))
		got := make([]byte, img.VirtualSize())
		_, err := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{}).ReadAt(got, 0)
		placed, e := qemu.Place(t.TempDir(), b)
		if e != nil {
			t.Fatal(e)
		}
		ok, e := qemu.Convert(context.Background(), placed, "", "out.raw")
		if e != nil {
			t.Fatal(e)
		}
		if ok != (err == nil) {
			t.Errorf("%s: %v, but to QEMU it is readable: %v", name, err, ok)
			continue
		}
		if !ok {
			unreadable++
			continue
		}
		readable++
		want, e := os.ReadFile(filepath.Join(placed.Dir, "out.raw"))
		if e != nil {
			t.Fatal(e)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: QEMU reads other bytes", name)
		}
	}
	if readable < 8 || unreadable < 8 {
		t.Errorf("%d streams are readable, %d are not", readable, unreadable)
	}
}

const (
	zlibOnly = "image version=3 size=64K cluster=64K\ncompress guest=0 len=64K fill=0x11\n"
	zstdOnly = "image version=3 size=64K cluster=64K compression=zstd\ncompress guest=0 len=64K fill=0x11\n"
)

// crafted is a stream for the first cluster of an image; sectors is how many its entry has,
// 0: as many as it takes.
type crafted struct {
	image   string
	stream  []byte
	sectors int
}

func craftedStreams(t *testing.T) map[string]crafted {
	noise := rand.New(rand.NewPCG(1, 1))
	whole := make([]byte, 64<<10)
	for i := range whole {
		whole[i] = byte(noise.IntN(7)) * 31
	}
	copy(whole[40<<10:], whole[:20<<10]) // further back than 4 KiB
	deflate := func(b []byte, end bool) []byte { return deflatedTo(t, b, end) }
	frame := func(b []byte, opts ...zstd.EOption) []byte { return zstdFrame(t, b, opts...) }
	streamed := func(b []byte) []byte { return zstdStreamed(t, b) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flip := func(b []byte, i int) []byte { b = bytes.Clone(b); b[i] ^= 0x10; return b }
	half, long := whole[:len(whole)/2], join(whole, []byte("more"))
	skippable := []byte{0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}
	garbage := make([]byte, 700)
	for i := range garbage {
		garbage[i] = byte(noise.Uint32())
	}
	sum := frame(whole, zstd.WithEncoderCRC(true))
	// A frame without a content size, whose second byte behind the magic is its window.
	window := func(descriptor byte) []byte {
		b := streamed(whole)
		if b[4]&0xe0 != 0 {
			t.Fatal("the frame has a content size")
		}
		b[5] = descriptor
		return b
	}
	return map[string]crafted{
		"zlib":                              {zlibOnly, deflate(whole, true), 0},
		"zlib, unfinished":                  {zlibOnly, deflate(whole, false), 0},
		"zlib, longer than a cluster":       {zlibOnly, deflate(long, true), 0},
		"zlib, half":                        {zlibOnly, deflate(half, true), 0},
		"zlib, half and unfinished":         {zlibOnly, deflate(half, false), 0},
		"zlib, two streams":                 {zlibOnly, join(deflate(half, true), deflate(half, true)), 0},
		"zlib, garbage behind":              {zlibOnly, join(deflate(whole, true), garbage), 0},
		"zlib, unfinished, garbage behind":  {zlibOnly, join(deflate(whole, false), []byte{0xff, 0xff}, garbage), 0},
		"zlib, one sector less":             {zlibOnly, deflate(whole, true), (len(deflate(whole, true)) - 1) / 512},
		"zlib, garbage":                     {zlibOnly, garbage, 0},
		"zlib, with its header":             {zlibOnly, join([]byte{0x78, 0x9c}, deflate(whole, true)), 0},
		"zstd":                              {zstdOnly, frame(whole), 0},
		"zstd, without content size":        {zstdOnly, streamed(whole), 0},
		"zstd, two frames":                  {zstdOnly, join(frame(half), streamed(whole[len(half):])), 0},
		"zstd, skippable frame first":       {zstdOnly, join(skippable, frame(whole)), 0},
		"zstd, skippable frame between":     {zstdOnly, join(frame(half), skippable, frame(whole[len(half):])), 0},
		"zstd, skippable frame last":        {zstdOnly, join(frame(whole), skippable), 0},
		"zstd, garbage behind":              {zstdOnly, join(frame(whole), garbage), 0},
		"zstd, garbage between":             {zstdOnly, join(frame(half), garbage, frame(whole[len(half):])), 0},
		"zstd, the next frame behind":       {zstdOnly, join(frame(whole), frame(whole)), 0},
		"zstd, longer than a cluster":       {zstdOnly, frame(long), 0},
		"zstd, streamed, longer":            {zstdOnly, streamed(long), 0},
		"zstd, half":                        {zstdOnly, frame(half), 0},
		"zstd, checksum":                    {zstdOnly, sum, 0},
		"zstd, wrong checksum":              {zstdOnly, flip(sum, len(sum)-1), 0},
		"zstd, one sector less":             {zstdOnly, frame(whole), (len(frame(whole)) - 1) / 512},
		"zstd, garbage":                     {zstdOnly, garbage, 0},
		"zstd, a window of 128 MiB":         {zstdOnly, window(17 << 3), 0},
		"zstd, a window of 256 MiB":         {zstdOnly, window(18 << 3), 0},
		"zstd, a dictionary that is absent": {zstdOnly, join(sum[:4], []byte{sum[4] | 1}, []byte{7}, sum[5:]), 0},
	}
}

// deflatedTo is a raw deflate stream, with its end or cut off after a flush.
func deflatedTo(t *testing.T, b []byte, end bool) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil && end {
		err = w.Close()
	} else if err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zstdFrame is one zstd frame.
func zstdFrame(t *testing.T, b []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.EncodeAll(b, nil)
}

// zstdStreamed is a zstd frame without a content size.
func zstdStreamed(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	e, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	if err == nil {
		_, err = e.Write(b)
	}
	if err == nil {
		err = e.Flush()
	}
	if err == nil {
		err = e.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// withStream puts the stream at the file's end and lets the first L2 entry point to it.
func withStream(file, stream []byte, sectors int) []byte {
	be := binary.BigEndian
	off := len(file)
	if sectors == 0 {
		sectors = (len(stream) + 511) / 512
	}
	room := make([]byte, (max(len(stream), sectors*512)+0xffff)&^0xffff)
	copy(room, stream)
	file = append(bytes.Clone(file), room...)
	l2 := be.Uint64(file[be.Uint64(file[40:]):]) & 0x00fffffffffffe00
	be.PutUint64(file[l2:], 1<<62|uint64(sectors-1)<<54|uint64(off))
	return file
}
