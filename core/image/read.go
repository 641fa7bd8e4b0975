package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Why a part of the disk cannot be read, beside what is wrong with a compressed stream.
var (
	ErrEncrypted            = errors.New("image: the data is encrypted, and there is no key")
	ErrL2Unaligned          = errors.New("image: the L2 table is not at a cluster boundary")
	ErrDataUnaligned        = errors.New("image: the data is not at a cluster boundary")
	ErrZeroInVersion2       = errors.New("image: the zero flag does not exist in version 2")
	ErrSubclusters          = errors.New("image: the subcluster bitmap contradicts itself")
	ErrDataFileOffset       = errors.New("image: the data file has this cluster at another offset")
	ErrCompressedInDataFile = errors.New("image: a data file cannot hold compressed clusters")
	ErrNoDataFile           = errors.New("image: the data is in an external file that is not given")
	ErrL1Impossible         = errors.New("image: there cannot be an L1 table where it is said to be")
)

// UnreadableError is a part of the disk that cannot be read, and why: Err is one of this
// package's or a *source.ReadError.
type UnreadableError struct {
	Guest qcow2.Range[qcow2.GuestOff] // the cluster, or all that the L1 entry maps
	At    qcow2.HostOff               // of the entry that maps it
	Entry uint64
	Err   error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("image: guest %v, mapped by the entry at 0x%x: %v", e.Guest, int64(e.At), e.Err)
}

func (e *UnreadableError) Unwrap() error { return e.Err }

// Outside are the files beside an image in which its guest data may lie.
type Outside struct {
	Backing io.ReaderAt // shows through where the image has nothing; nil, and past its end: zeros
	Data    io.ReaderAt // the external data file; zeros past its end
}

// GuestReader reads the disk as the guest sees it through one L1 table. It is a
// source.Source, and may therefore be the backing file of another image. It holds one L2
// table, one compressed stream and one decoded cluster.
type GuestReader struct {
	ctx     context.Context
	img     *Image
	l1      L1Table
	size    int64
	outside Outside

	mu      sync.Mutex
	window  l1Window
	table   qcow2.L2Table
	tableAt qcow2.HostOff // where table was read, -1: nowhere yet
	streams *Decompressor
	stream  []byte
	decoded []byte
	holds   uint64 // the entry whose cluster is in decoded, 0: none
}

// NewGuestReader reads size bytes of the disk that the L1 table maps: img.L1 and
// img.VirtualSize for the active layer, SnapshotL1 and the snapshot's disk size for a
// snapshot. A greater size also reaches the VM state behind the disk.
func NewGuestReader(ctx context.Context, img *Image, l1 L1Table, size uint64, outside Outside) *GuestReader {
	return &GuestReader{ctx: ctx, img: img, l1: l1, size: int64(min(size, math.MaxInt64)), outside: outside, tableAt: -1}
}

// SnapshotL1 is the L1 table of a snapshot. The error is ErrL1Impossible.
func (img *Image) SnapshotL1(s *qcow2.Snapshot) (L1Table, error) {
	t := L1Table{qcow2.HostOff(s.L1TableOffset), int64(s.L1Size)}
	if t.Entries > qcow2.MaxL1Entries || !img.tableOffsetOK(s.L1TableOffset, uint64(t.Bytes())) {
		return L1Table{}, ErrL1Impossible
	}
	return t, nil
}

// Size is how many bytes can be read.
func (r *GuestReader) Size() int64 { return r.size }

// ReadAt reads len(p) bytes from guest offset off on. What lies before the place of an
// *UnreadableError was read; other errors are those of the context and of the files.
func (r *GuestReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= r.size {
		return 0, io.EOF
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	in := p[:min(int64(len(p)), r.size-off)]
	n, err := r.read(in, off)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// read goes cluster by cluster. Plain data is collected and read together at the end.
func (r *GuestReader) read(p []byte, off int64) (int, error) {
	var plain []source.Request
	for done := 0; done < len(p); {
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		at := qcow2.GuestOff(off + int64(done))
		n := int(min(int64(len(p)-done), r.img.Geo.ClusterSize()-int64(at)%r.img.Geo.ClusterSize()))
		reqs, err := r.cluster(p[done:done+n], at, plain)
		if err != nil {
			if e := r.finish(plain); e != nil {
				return 0, e
			}
			return done, err
		}
		plain = reqs
		done += n
	}
	if err := r.finish(plain); err != nil {
		return 0, err
	}
	return len(p), nil
}

// finish reads the collected ranges of the image file.
func (r *GuestReader) finish(plain []source.Request) error {
	return r.img.ReadBatch(r.ctx, plain)
}

// cluster reads p, which lies in one cluster, or adds to plain what is to be read for it.
func (r *GuestReader) cluster(p []byte, at qcow2.GuestOff, plain []source.Request) ([]source.Request, error) {
	g := r.img.Geo
	in := int64(at) % g.ClusterSize()
	e, place, err := r.entry(at)
	if err != nil {
		return plain, err
	}
	fail := func(err error) error {
		return &UnreadableError{Guest: qcow2.Range[qcow2.GuestOff]{Start: at - qcow2.GuestOff(in), Len: qcow2.GuestOff(g.ClusterSize())},
			At: place, Entry: e.Entry, Err: err}
	}
	if err := r.img.Readable(e, at-qcow2.GuestOff(in)); err != nil {
		return plain, fail(err)
	}
	if e.Kind(g) == qcow2.Compressed {
		if err := r.decode(e); err != nil {
			return plain, fail(err)
		}
		copy(p, r.decoded[in:])
		return plain, nil
	}
	for len(p) > 0 {
		n := min(int64(len(p)), g.SubclusterSize()-in%g.SubclusterSize())
		if plain, err = r.subcluster(p[:n], at, e, in, plain); err != nil {
			return plain, fail(err)
		}
		p, at, in = p[n:], at+qcow2.GuestOff(n), in+n
	}
	return plain, nil
}

// subcluster reads p, which lies in one subcluster, in bytes into its cluster.
func (r *GuestReader) subcluster(p []byte, at qcow2.GuestOff, e qcow2.L2Entry, in int64, plain []source.Request) ([]source.Request, error) {
	switch e.Subcluster(r.img.Geo, int(in/r.img.Geo.SubclusterSize())) {
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
		return plain, readPadded(r.outside.Backing, p, int64(at))
	case qcow2.SubNormal:
	default:
		clear(p)
		return plain, nil
	}
	host := int64(e.Host()) + in
	switch {
	case r.img.Header.CryptMethod != qcow2.CryptNone:
		return plain, ErrEncrypted
	case !r.img.Geo.DataFile:
		return withPlain(plain, host, p), nil
	case r.outside.Data == nil:
		return plain, ErrNoDataFile
	}
	return plain, readPadded(r.outside.Data, p, host)
}

// withPlain adds a range to those to be read. It becomes one with the last when it goes on
// where that ends, in the file and in memory.
func withPlain(plain []source.Request, off int64, p []byte) []source.Request {
	if k := len(plain) - 1; k >= 0 {
		last := &plain[k]
		n := len(last.Buf)
		if last.Off+int64(n) == off && cap(last.Buf) > n && &last.Buf[:n+1][n] == &p[0] {
			last.Buf = last.Buf[:n+len(p)]
			return plain
		}
	}
	return append(plain, source.Request{Off: off, Buf: p})
}

// readPadded fills p from another file, with zeros past its end or without it.
func readPadded(f io.ReaderAt, p []byte, off int64) error {
	n := 0
	if f != nil {
		var err error
		if n, err = f.ReadAt(p, off); err != nil && err != io.EOF {
			return err
		}
	}
	clear(p[n:])
	return nil
}

// Readable is why QEMU does not read the cluster at guest offset off through this entry, nil
// if it does. Whether a compressed stream is whole is another matter.
func (img *Image) Readable(e qcow2.L2Entry, off qcow2.GuestOff) error {
	g, kind := img.Geo, e.Kind(img.Geo)
	host := kind == qcow2.Normal || kind == qcow2.ZeroAlloc
	switch {
	case kind == qcow2.Compressed && g.DataFile:
		return ErrCompressedInDataFile
	case kind == qcow2.Compressed:
		return nil
	case g.Version < 3 && (kind == qcow2.ZeroPlain || kind == qcow2.ZeroAlloc):
		return ErrZeroInVersion2
	case e.Bitmap.Alloc()&e.Bitmap.Zero() != 0 || e.Bitmap.Alloc() != 0 && !host:
		return ErrSubclusters
	case host && !g.Aligned(e.Host()):
		return ErrDataUnaligned
	case host && g.DataFile && int64(e.Host()) != int64(off):
		return ErrDataFileOffset
	}
	return nil
}

// decode puts the entry's cluster into r.decoded.
func (r *GuestReader) decode(e qcow2.L2Entry) error {
	if r.holds == e.Entry {
		return nil
	}
	if r.streams == nil {
		d, err := NewDecompressor(&r.img.Header)
		if err != nil {
			return err
		}
		r.streams, r.decoded = d, make([]byte, r.img.Geo.ClusterSize())
	}
	where := e.CompressedRange(r.img.Geo)
	if int64(cap(r.stream)) < int64(where.Len) {
		r.stream = make([]byte, where.Len)
	}
	stream := r.stream[:where.Len]
	if err := source.ReadFull(r.img.Src, stream, int64(where.Start)); err != nil {
		return err
	}
	r.holds = 0
	if _, err := r.streams.Decode(r.decoded, stream); err != nil {
		return err
	}
	r.holds = e.Entry
	return nil
}
