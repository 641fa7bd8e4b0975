// Package source gives bytes of known size that never change: a file, a browser Blob,
// an object in a store, memory. Everything above it reads through this one interface.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
)

// Source is an immutable run of Size bytes. ReadAt may be called concurrently.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Request asks for len(Buf) bytes from Off on. Bytes past the end of the source are zero,
// as QEMU reads them.
type Request struct {
	Off int64
	Buf []byte
}

// Batcher is a Source that serves many ranges faster together than one by one, because
// each read has a high fixed cost (a browser Blob, an object store). It joins neighbours
// and keeps several reads in flight by itself, and zero-fills past the end.
type Batcher interface {
	Source
	ReadBatch(ctx context.Context, reqs []Request) error
}

// ReadError says where a read failed. Everything before Off may still be good.
type ReadError struct {
	Off int64
	Len int64
	Err error
}

func (e *ReadError) Error() string {
	return fmt.Sprintf("source: read of %d bytes at 0x%x: %v", e.Len, e.Off, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// ReadFull fills buf from off on; bytes past the end are zero. An error is a *ReadError.
func ReadFull(src Source, buf []byte, off int64) error {
	if off < 0 {
		return &ReadError{Off: off, Len: int64(len(buf)), Err: errors.New("negative offset")}
	}
	in := max(0, min(int64(len(buf)), src.Size()-off))
	clear(buf[in:])
	if in == 0 {
		return nil
	}
	n, err := src.ReadAt(buf[:in], off)
	if int64(n) == in {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF // the file is shorter than it was: it changed under us
	}
	return &ReadError{Off: off, Len: in, Err: err}
}

// ReadBatch serves all requests. It stops at the first error, which is a *ReadError or
// the context's; the other buffers are then undefined.
func ReadBatch(ctx context.Context, src Source, reqs []Request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b, ok := src.(Batcher); ok {
		return b.ReadBatch(ctx, reqs)
	}
	for _, r := range inFileOrder(reqs) {
		if err := ReadFull(src, r.Buf, r.Off); err != nil {
			return err
		}
	}
	return nil
}

func inFileOrder(reqs []Request) []Request {
	less := func(i, j int) bool { return reqs[i].Off < reqs[j].Off }
	if sort.SliceIsSorted(reqs, less) {
		return reqs
	}
	sorted := append([]Request(nil), reqs...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Off < sorted[j].Off })
	return sorted
}

// Bytes is a Source in memory.
type Bytes []byte

// Size is the number of bytes.
func (b Bytes) Size() int64 { return int64(len(b)) }

// ReadAt reads like bytes.Reader.
func (b Bytes) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(b)) {
		return 0, io.EOF
	}
	n := copy(p, b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Faulty is a Source that fails where a read touches [BadOff, BadOff+BadLen): a medium
// with a bad sector, for tests.
type Faulty struct {
	Source
	BadOff, BadLen int64
}

// ErrFaulty is the cause in the errors of a Faulty source.
var ErrFaulty = errors.New("bad sector")

// ReadAt fails when it touches the bad range.
func (f Faulty) ReadAt(p []byte, off int64) (int, error) {
	if off < f.BadOff+f.BadLen && off+int64(len(p)) > f.BadOff {
		return 0, ErrFaulty
	}
	return f.Source.ReadAt(p, off)
}

// Zeros is a Source of nothing but zeros, as long as it says, for tests.
type Zeros int64

// Size is the number of bytes.
func (z Zeros) Size() int64 { return int64(z) }

// ReadAt reads zeros, also past the end.
func (z Zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// Counted counts the bytes that are read from a Source, for tests.
type Counted struct {
	Source
	Read int64
}

// ReadAt reads and counts what was asked for.
func (c *Counted) ReadAt(p []byte, off int64) (int, error) {
	c.Read += int64(len(p))
	return c.Source.ReadAt(p, off)
}
