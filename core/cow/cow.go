// Package cow shows what one guest write does to an image, as QEMU 7.2 does it: which
// clusters are overwritten in place and which are allocated where, which bytes are copied
// because a cluster is larger than the write, what the subcluster bitmaps say afterwards,
// which refcounts change, and in which order all that must reach the disk.
//
// Open gives a Writer, the state of an allocator over one image. Writer.Plan says what a
// request would do, without reading or writing guest data, so it is fast enough to be asked
// while a range is dragged. Outcome.Plans makes the patch.Plan of it, with all bytes.
// Writer.After goes on with the image after that plan, and Writer.Queue has several
// requests in flight. Trace analysis (ParseTrace, Amplify) needs no image.
package cow

import (
	"context"
	"errors"
	"fmt"
	"io"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Kind is what a guest does to a range of its disk.
type Kind uint8

// The kinds of requests.
const (
	Data Kind = iota
	Zero
	Discard
)

func (k Kind) String() string { return [...]string{"write", "zero write", "discard"}[k] }

// Request is one request of the guest.
type Request struct {
	Offset qcow2.GuestOff
	Length int64
	Kind   Kind
	Unmap  bool   // of Zero: clusters may be given back (qemu-io write -z -u)
	Fill   byte   // of Data: every byte that is written, unless Bytes is set
	Bytes  []byte // of Data: what is written, Length bytes
}

// Range is the request's part of the disk.
func (r Request) Range() qcow2.Range[qcow2.GuestOff] {
	return qcow2.Range[qcow2.GuestOff]{Start: r.Offset, Len: qcow2.GuestOff(r.Length)}
}

// Options are what is known beside the image.
type Options struct {
	// Backing is the disk of the backing file; nil if it is not there. Plan does without.
	Backing io.ReaderAt
	// BackingZero tells whether the backing chain says of a range, without its data being
	// read, that it is zeros: a hole, or past its end. nil: it never does.
	BackingZero func(r qcow2.Range[qcow2.GuestOff]) bool
	// Data is the external data file; nil if it is not there. Plan does without.
	Data source.Source
	// Counts are the counted references of this image. With them no cluster is handed out
	// that is in use although its stored refcount is 0; QEMU does not know and would.
	Counts *refcount.Table
	// CountsStored tells that a check found a stored refcount of 0 at exactly those clusters
	// that Counts has no reference for. Then the refblocks need not be read to find what is
	// free.
	CountsStored bool
	// MaxClusters bounds how many guest clusters a request may touch; 0: DefaultMaxClusters.
	MaxClusters int64
}

// DefaultMaxClusters is how many guest clusters one request may touch.
const DefaultMaxClusters = 1 << 20

// maxRequest is the longest data write that QEMU takes as one request.
const maxRequest = (1<<31 - 1) &^ (qcow2.SectorSize - 1)

// Why a request or an image is not taken.
var (
	ErrNoLength      = errors.New("cow: the length must be at least 1 byte")
	ErrOffDisk       = errors.New("cow: the range is not on the disk")
	ErrTooLong       = errors.New("cow: the range is too long for one request")
	ErrBytes         = errors.New("cow: the bytes are not as many as the request's length")
	ErrRefused       = errors.New("cow: QEMU would not open the image")
	ErrMarkedCorrupt = errors.New("cow: the image is marked as corrupt, so QEMU does not write to it: repair it first")
	ErrMarkedDirty   = errors.New("cow: the image was not closed, so QEMU would first mend its refcounts: repair it first")
)

// Reasons for which a request stops in the middle; others are those of package image, such
// as image.ErrSubclusters.
var (
	ErrTableMissing  = errors.New("cow: the L1 entry has flags, but names no L2 table")
	ErrTableOutside  = errors.New("cow: the L2 table is not at a place in the file")
	ErrDataOutside   = errors.New("cow: the cluster is past the end of the file")
	ErrBlockOutside  = errors.New("cow: the refblock is not at a place in the file")
	ErrBlockShared   = errors.New("cow: another reftable entry names the same refblock")
	ErrOverlap       = errors.New("cow: the write would hit the image's own tables")
	ErrFull          = errors.New("cow: no host cluster is left that an entry could name")
	ErrReftableLarge = errors.New("cow: the reftable would be larger than QEMU takes")
)

// StopError is an entry at which a request ends: QEMU fails it, and marks the image corrupt.
type StopError struct {
	Guest qcow2.Range[qcow2.GuestOff] // the cluster, or what an L1 entry maps; empty if no entry is to blame
	Host  qcow2.Range[qcow2.HostOff]  // what would be written or read; empty if the entry is to blame
	At    qcow2.HostOff               // of the entry; -1 if none is to blame
	Entry qcow2.L2Entry               // an L1 or reftable entry stands in its first word
	Err   error
}

func (e *StopError) Error() string {
	if e.At < 0 {
		return fmt.Sprintf("%v (host %v)", e.Err, e.Host)
	}
	if e.Guest.Empty() {
		return fmt.Sprintf("%v (entry 0x%x at host offset 0x%x)", e.Err, e.Entry.Entry, int64(e.At))
	}
	return fmt.Sprintf("%v (guest %v, entry 0x%x at host offset 0x%x)", e.Err, e.Guest, e.Entry.Entry, int64(e.At))
}

func (e *StopError) Unwrap() error { return e.Err }

// Writer plans requests for one state of one image. It keeps tables that it has read; it is
// not safe for concurrent use. Planning changes nothing.
type Writer struct {
	img     *image.Image
	opt     Options
	g       qcow2.Geometry
	backing bool // the image has a backing file
	l1      []qcow2.L1Entry
	guard   guard
	free    *freeMap
	index   int64 // no search for free clusters begins below (QEMU's free cluster index)
	read    *clusterCache
}

// Open reads what every plan needs: the L1 table and where the other tables lie. The error
// is that of a source, ErrRefused, ErrMarkedCorrupt or ErrMarkedDirty.
func Open(ctx context.Context, img *image.Image, opt Options) (*Writer, error) {
	if err := openable(img); err != nil {
		return nil, err
	}
	if opt.MaxClusters <= 0 {
		opt.MaxClusters = DefaultMaxClusters
	}
	w := &Writer{img: img, opt: opt, g: img.Geo, backing: img.BackingFile != "", read: newClusterCache(img)}
	w.free = newFreeMap(img.Geo, len(img.Reftable))
	if err := w.readL1(ctx); err != nil {
		return nil, err
	}
	snaps, err := img.ReadSnapshots()
	if err != nil {
		return nil, err
	}
	if snaps.Err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, snaps.Err)
	}
	w.guard = newGuard(img, w.l1, snaps)
	return w, nil
}

// openable is the part of QEMU's rules for opening to write that is known at once.
func openable(img *image.Image) error {
	switch h := &img.Header; {
	case len(img.Refusals) > 0:
		return fmt.Errorf("%w: %v", ErrRefused, img.Refusals[0])
	case len(img.Reftable) == 0:
		return fmt.Errorf("%w: it has no reftable", ErrRefused)
	case h.Has(qcow2.IncompatCorrupt):
		return ErrMarkedCorrupt
	case h.Has(qcow2.IncompatDirty):
		return ErrMarkedDirty
	}
	return nil
}

// readL1 reads the L1 table, at most 32 MiB.
func (w *Writer) readL1(ctx context.Context) error {
	buf := make([]byte, w.img.L1.Bytes())
	req := []source.Request{{Off: int64(w.img.L1.Off), Buf: buf}}
	if err := w.img.ReadBatch(ctx, req); err != nil {
		return err
	}
	w.l1 = make([]qcow2.L1Entry, w.img.L1.Entries)
	for i := range w.l1 {
		w.l1[i] = qcow2.L1Entry(be64(buf[qcow2.L1EntrySize*i:]))
	}
	return nil
}

// Prepare looks for the first free cluster, so that the first plan need not: in a file
// without holes all refblocks are read for it, unless Options.CountsStored saves that.
func (w *Writer) Prepare(ctx context.Context) error {
	_, err := w.begin(ctx).findFree(1)
	return err
}

// Image is the image that the plans are for.
func (w *Writer) Image() *image.Image { return w.img }

// Plan says what the request does. The error is the context's, one of a source, one of the
// reasons above, or a *StopError.
func (w *Writer) Plan(ctx context.Context, r Request) (*Outcome, error) {
	if err := w.judge(r); err != nil {
		return nil, err
	}
	s := w.begin(ctx)
	s.out = newOutcome(w, r)
	if err := s.request(r); err != nil {
		return nil, err
	}
	s.commit()
	s.out.rounds = s.rounds
	s.out.sum(s)
	return s.out, nil
}

// judge says why QEMU, or this package, does not take a request.
func (w *Writer) judge(r Request) error {
	size := int64(min(w.img.VirtualSize(), 1<<63-1))
	switch {
	case r.Length <= 0:
		return ErrNoLength
	case r.Offset < 0 || int64(r.Offset) > size || r.Length > size-int64(r.Offset):
		return fmt.Errorf("%w: %v of %s", ErrOffDisk, r.Range(), qcow2.Size(size).Exact())
	case r.Kind == Data && r.Length > maxRequest, r.Length>>w.g.ClusterBits > w.opt.MaxClusters:
		limit := w.opt.MaxClusters << w.g.ClusterBits
		if r.Kind == Data {
			limit = min(limit, maxRequest)
		}
		return fmt.Errorf("%w: at most %v", ErrTooLong, qcow2.Size(limit))
	case r.Kind == Data && r.Bytes != nil && int64(len(r.Bytes)) != r.Length:
		return ErrBytes
	}
	return nil
}

// request does the whole request, as QEMU's block layer cuts it.
func (s *sim) request(r Request) error {
	switch r.Kind {
	case Zero:
		return s.zeroRequest(r)
	case Discard:
		return s.discardRequest(r)
	}
	return s.writeData(r.Range(), &s.out.Request, false)
}
