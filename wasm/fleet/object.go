package fleet

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// How an image is read: an answer takes some ten milliseconds, whatever its length, and
// what is read over to join two ranges costs memory.
const (
	joinGap     = 128 << 10
	joinMost    = 1 << 20
	readFlights = 4
)

// errCost says that an image needs more than a message may cost.
type errCost struct{ what string }

func (e *errCost) Error() string { return "checking it here " + e.what }

// stored is one version of an object as a source. It counts what reading it costs.
//
// A check takes a failed read for damage of the image, which is right for a bad sector and
// wrong here: so the first failure ends all work and is kept.
type stored struct {
	source.Ranges
	of   Object
	ctx  context.Context
	stop context.CancelCauseFunc

	mu              sync.Mutex
	bytes, requests int64
}

// open is the image in an object. The context that it returns ends when the object cannot be
// read any further; end must be called.
func (s *Service) open(ctx context.Context, o Object) (src *stored, end func()) {
	ctx, stop := context.WithCancelCause(ctx)
	src = &stored{of: o, ctx: ctx, stop: stop}
	src.Ranges = source.Ranges{Ctx: ctx, Length: o.Size, Gap: joinGap, Most: joinMost, Flights: readFlights,
		Read: func(ctx context.Context, p []byte, off int64) error {
			if err := src.spend(int64(len(p)), s.Limits); err != nil {
				return err
			}
			err := s.Store.ReadRange(ctx, o.Key, o.ETag, p, off)
			if err != nil {
				stop(err)
			}
			return err
		}}
	return src, func() { stop(nil) }
}

// spend counts a read of n bytes, which may be one too many.
func (o *stored) spend(n int64, most Limits) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests++
	o.bytes += n
	var err error
	switch {
	case o.requests > most.Requests:
		err = &errCost{fmt.Sprintf("takes more than %d reads", most.Requests)}
	case o.bytes > most.Bytes:
		err = &errCost{fmt.Sprintf("means to read more than %d MiB", most.Bytes>>20)}
	default:
		return nil
	}
	o.stop(err)
	return err
}

// trouble is what reading the image met first, nil if all reads went well. Then an error is
// about the image and final.
func (o *stored) trouble() error { return context.Cause(o.ctx) }

// eachL1 visits the entries of an L1 table that are not zero, as far as they lie in the file.
func eachL1(img *image.Image, l1 image.L1Table, visit func(i int64)) error {
	const window = 64 << 10
	n := min(l1.Bytes(), max(0, img.Src.Size()-int64(l1.Off))) / qcow2.L1EntrySize * qcow2.L1EntrySize
	buf := make([]byte, min(n, window))
	for at := int64(0); at < n; at += window {
		part := buf[:min(window, n-at)]
		if err := source.ReadFull(img.Src, part, int64(l1.Off)+at); err != nil {
			return err
		}
		for i := 0; i < len(part); i += qcow2.L1EntrySize {
			if binary.BigEndian.Uint64(part[i:]) != 0 {
				visit((at + int64(i)) / qcow2.L1EntrySize)
			}
		}
	}
	return nil
}

// memoryOf is about what a check of the image takes: the count and role of each cluster, and
// the buffers that are read ahead.
func memoryOf(img *image.Image) int64 {
	const buffers, each = 6, 2 << 20
	return 2*img.HostClusters() + buffers*min(each, img.Src.Size()) + 8*int64(len(img.Reftable))
}

// room bounds the memory of checks that run at the same time.
type room struct {
	mu          sync.Mutex
	freed       sync.Cond
	total, left int64
}

func newRoom(bytes int64) *room {
	r := &room{total: bytes, left: bytes}
	r.freed.L = &r.mu
	return r
}

// take waits until there is room for n bytes, or until nobody else is there. It returns what
// gives the room back. A nil room has room for all.
func (r *room) take(n int64) (give func()) {
	if r == nil {
		return func() {}
	}
	n = min(n, r.total)
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.left < n {
		r.freed.Wait()
	}
	r.left -= n
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.left += n
		r.freed.Broadcast()
	}
}
