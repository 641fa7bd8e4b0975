//go:build js && wasm

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"sort"
	"sync"
	"syscall/js"
	"unsafe"

	"qcowscope/core/source"
)

const (
	// maxRecord bounds one read, maxPortion what the host is asked for at once: no more
	// than this is still under way when a check is cancelled.
	maxRecord  = 4 << 20
	maxPortion = 16 << 20

	recordBytes = 16
)

// The host's answers.
const (
	readOK         = 0
	readUnreadable = 1 // changed, moved, or its drive is gone: browsers do not tell these apart
)

var (
	errUnreadable = errors.New("the browser can no longer read the file: it changed, or it was moved, or its drive is gone")
	errHost       = errors.New("the browser failed to read the file")
)

// host reads ranges of the files that the page has attached.
//
// It copies the bytes straight into the buffers: an ArrayBuffer that Go holds as a js.Value
// lives until the next garbage collection, which nothing brings on, as Go does not see its
// size. So only numbers cross: start names the buffers, qcowscopeDone(id, code) says that
// they are filled.
type host struct {
	start func(file, id int32, records unsafe.Pointer, n int32)

	mu      sync.Mutex
	lastID  int32
	waiting map[int32]chan int
}

func newHost(start func(file, id int32, records unsafe.Pointer, n int32)) *host {
	return &host{start: start, waiting: map[int32]chan int{}}
}

// read asks once and waits. It does not give up early: the page writes into the buffers
// until it says that it is done.
func (h *host) read(file int32, records []source.Request) error {
	described := describe(records)
	done := make(chan int, 1)
	h.mu.Lock()
	h.lastID++
	id := h.lastID
	h.waiting[id] = done
	h.mu.Unlock()
	h.start(file, id, unsafe.Pointer(&described[0]), int32(len(records)))
	code := <-done
	runtime.KeepAlive(described)
	runtime.KeepAlive(records)
	switch code {
	case readOK:
		return nil
	case readUnreadable:
		return errUnreadable
	}
	return errHost
}

// done is globalThis.qcowscopeDone(id, code).
func (h *host) done(_ js.Value, args []js.Value) any {
	id, code := int32(args[0].Int()), args[1].Int()
	h.mu.Lock()
	waiter := h.waiting[id]
	delete(h.waiting, id)
	h.mu.Unlock()
	if waiter != nil {
		waiter <- code
	}
	return nil
}

// hostFile is an attached file as a source.
type hostFile struct {
	host *host
	file int32
	size int64
}

// Size is the file's length in bytes when it was chosen.
func (f hostFile) Size() int64 { return f.size }

// ReadAt reads one range.
func (f hostFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= f.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), f.size-off)
	if err := f.ReadBatch(context.Background(), []source.Request{{Off: off, Buf: p[:n]}}); err != nil {
		return 0, err
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// ReadBatch reads all ranges. The host serves a few at a time and joins neighbours, for
// which it wants them in file order.
func (f hostFile) ReadBatch(ctx context.Context, reqs []source.Request) error {
	for _, r := range reqs {
		if r.Off < 0 { // a Blob would count it from the end
			return &source.ReadError{Off: r.Off, Len: int64(len(r.Buf)), Err: errors.New("negative offset")}
		}
	}
	records := recordsOf(reqs, f.size)
	for len(records) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := portion(records)
		if err := f.readPortion(records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// readPortion reads what the host is asked for at once. When that fails, the ranges are
// read one by one, to learn which one is bad.
func (f hostFile) readPortion(records []source.Request) error {
	err := f.host.read(f.file, records)
	if err == nil {
		return nil
	}
	for _, r := range records {
		if one := f.host.read(f.file, []source.Request{r}); one != nil {
			return &source.ReadError{Off: r.Off, Len: int64(len(r.Buf)), Err: one}
		}
	}
	return nil // the second attempt read everything
}

// recordsOf cuts requests at the file's end (the rest reads as zeros) and into pieces of at
// most maxRecord, in file order.
func recordsOf(reqs []source.Request, size int64) []source.Request {
	records := make([]source.Request, 0, len(reqs))
	for _, r := range reqs {
		in := max(0, min(int64(len(r.Buf)), size-r.Off))
		clear(r.Buf[in:])
		for at := int64(0); at < in; at += maxRecord {
			end := min(in, at+maxRecord)
			records = append(records, source.Request{Off: r.Off + at, Buf: r.Buf[at:end]})
		}
	}
	sort.Slice(records, func(i, j int) bool { return records[i].Off < records[j].Off })
	return records
}

// portion is how many records, at least one, make up at most maxPortion bytes.
func portion(records []source.Request) int {
	total := 0
	for i, r := range records {
		total += len(r.Buf)
		if total > maxPortion && i > 0 {
			return i
		}
	}
	return len(records)
}

// describe packs records as the host reads them: float64 offset, uint32 address, uint32 length.
func describe(records []source.Request) []byte {
	b := make([]byte, 0, len(records)*recordBytes)
	for _, r := range records {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(r.Off)))
		b = binary.LittleEndian.AppendUint32(b, uint32(uintptr(unsafe.Pointer(unsafe.SliceData(r.Buf)))))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Buf)))
	}
	return b
}

func littleEndian(numbers []float64) []byte {
	b := make([]byte, 0, 8*len(numbers))
	for _, x := range numbers {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return b
}
