//go:build js && wasm

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"syscall/js"
	"testing"
	"unsafe"

	"qcowscope/core/source"
)

// fakeHost serves a hostFile from memory, later and in another goroutine, as a browser does.
type fakeHost struct {
	file     hostFile
	contents []byte
	bad      int64 // reads that touch this offset fail; -1 for none
	asked    []int // records per start
}

func newFakeHost(contents []byte) *fakeHost {
	h := &fakeHost{contents: contents, bad: -1}
	h.file = hostFile{host: newHost(h.start), size: int64(len(contents))}
	return h
}

func (h *fakeHost) start(_, id int32, records unsafe.Pointer, n int32) {
	h.asked = append(h.asked, int(n))
	described := unsafe.Slice((*[recordBytes]byte)(records), n)
	go func() {
		code := readOK
		for _, d := range described {
			if !h.serve(parse(d)) {
				code = readUnreadable
			}
		}
		h.file.host.done(js.Undefined(), []js.Value{js.ValueOf(id), js.ValueOf(code)})
	}()
}

func (h *fakeHost) serve(off int64, to []byte) bool {
	if off < 0 || off+int64(len(to)) > int64(len(h.contents)) {
		return false
	}
	if off <= h.bad && h.bad < off+int64(len(to)) {
		return false
	}
	copy(to, h.contents[off:])
	return true
}

// parse reads a record back, as the host does.
func parse(d [recordBytes]byte) (off int64, to []byte) {
	address := binary.LittleEndian.Uint32(d[8:])
	length := binary.LittleEndian.Uint32(d[12:])
	off = int64(math.Float64frombits(binary.LittleEndian.Uint64(d[:])))
	return off, unsafe.Slice((*byte)(unsafe.Add(nil, address)), length)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func TestReadBatchFillsEveryBufferAndZeroFillsTheEnd(t *testing.T) {
	contents := pattern(3*maxRecord + 100)
	h := newFakeHost(contents)
	reqs := []source.Request{
		{Off: maxRecord, Buf: make([]byte, 2*maxRecord+10)}, // longer than one record
		{Off: 5, Buf: make([]byte, 1)},
		{Off: int64(len(contents)) - 4, Buf: bytes.Repeat([]byte{0xff}, 10)}, // past the end
		{Off: int64(len(contents)) + 50, Buf: bytes.Repeat([]byte{0xff}, 3)},
		{Off: 7, Buf: nil},
	}
	if err := h.file.ReadBatch(context.Background(), reqs); err != nil {
		t.Fatal(err)
	}
	padded := append(contents, make([]byte, 100)...)
	for _, r := range reqs {
		if !bytes.Equal(r.Buf, padded[r.Off:r.Off+int64(len(r.Buf))]) {
			t.Errorf("request at %d of %d bytes: wrong bytes", r.Off, len(r.Buf))
		}
	}
	if len(h.file.host.waiting) != 0 {
		t.Errorf("%d reads still waited for", len(h.file.host.waiting))
	}
}

func TestReadBatchAsksForBoundedPortions(t *testing.T) {
	h := newFakeHost(make([]byte, 3*maxPortion))
	reqs := []source.Request{{Off: 0, Buf: make([]byte, 2*maxPortion+1)}}
	if err := h.file.ReadBatch(context.Background(), reqs); err != nil {
		t.Fatal(err)
	}
	perPortion := maxPortion / maxRecord
	if len(h.asked) != 3 || h.asked[0] != perPortion || h.asked[1] != perPortion || h.asked[2] != 1 {
		t.Errorf("asked for %v records, want [%d %d 1]", h.asked, perPortion, perPortion)
	}
}

func TestReadBatchNamesTheUnreadableRange(t *testing.T) {
	h := newFakeHost(pattern(1000))
	h.bad = 505
	reqs := []source.Request{
		{Off: 0, Buf: make([]byte, 10)}, {Off: 500, Buf: make([]byte, 10)}, {Off: 900, Buf: make([]byte, 10)},
	}
	err := h.file.ReadBatch(context.Background(), reqs)
	var read *source.ReadError
	if !errors.As(err, &read) || read.Off != 500 || read.Len != 10 || !errors.Is(err, errUnreadable) {
		t.Errorf("got %v, want a ReadError of 10 bytes at 500", err)
	}
}

func TestReadBatchStopsBetweenPortions(t *testing.T) {
	h := newFakeHost(make([]byte, 3*maxPortion))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := h.file.ReadBatch(ctx, []source.Request{{Off: 0, Buf: make([]byte, 10)}})
	if !errors.Is(err, context.Canceled) || len(h.asked) != 0 {
		t.Errorf("got %v after %d reads, want context.Canceled and none", err, len(h.asked))
	}
}

func TestReadAt(t *testing.T) {
	h := newFakeHost(pattern(100))
	for _, c := range []struct {
		off  int64
		len  int
		want int
		err  error
	}{
		{0, 10, 10, nil}, {90, 10, 10, nil}, {95, 10, 5, io.EOF}, {100, 1, 0, io.EOF}, {-1, 1, 0, io.EOF},
	} {
		p := make([]byte, c.len)
		n, err := h.file.ReadAt(p, c.off)
		if n != c.want || !errors.Is(err, c.err) {
			t.Errorf("ReadAt(%d, %d): got %d, %v, want %d, %v", c.off, c.len, n, err, c.want, c.err)
		}
	}
	if err := h.file.ReadBatch(context.Background(), []source.Request{{Off: -5, Buf: make([]byte, 5)}}); err == nil {
		t.Error("a negative offset was read")
	}
}
