package layers

import (
	"context"
	"errors"
	"math/bits"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// Why the dirty ranges of a bitmap are not known.
var (
	ErrBitmapInUse    = errors.New("layers: the bitmap is marked as in use: what it says is out of date")
	ErrBitmapUnusable = errors.New("layers: the bitmap's description or its table is damaged")
	ErrBitmapsTooMany = errors.New("layers: the bitmaps overlap each other beyond reason")
)

// StripCells is how many cells the strip of a bitmap has.
const StripCells = 1024

// bitmapSlack is how many bytes of bitmaps are read beyond the file's size.
const bitmapSlack = 64 << 20

// Dirty is what a bitmap says of the disk.
type Dirty struct {
	Bits  int64 // that are set
	Bytes int64 // that they stand for, as far as the disk reaches
	Takes int64 // clusters of the file, those of its table included
	// Strip is the disk cut into StripCells equal parts: how much of each is dirty, of 255,
	// and never 0 where any is.
	Strip []uint8
	Err   error // why it is not known, nil if it is
}

// BitmapScan reads the persistent bitmaps of an image.
type BitmapScan struct {
	img    *image.Image
	budget int64
	all    []Dirty
	walk   *dirtyWalk // of the bitmap that is read now
	cells  []int64    // its dirty bytes in each cell
}

// NewBitmapScan begins a scan; it reads nothing yet.
func NewBitmapScan(img *image.Image) *BitmapScan {
	return &BitmapScan{img: img, budget: img.Src.Size() + bitmapSlack}
}

// Found is what is known so far: of as many bitmaps of the directory as were read.
func (s *BitmapScan) Found() []Dirty { return s.all }

// Done tells whether all are read.
func (s *BitmapScan) Done() bool { return len(s.all) == len(s.img.Bitmaps) }

// Step reads about so many bytes. The error is the context's.
func (s *BitmapScan) Step(ctx context.Context, bytes int64) error {
	for bytes > 0 && !s.Done() {
		n, err := s.step(ctx, bytes)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.finish(Dirty{Err: err})
		}
		bytes -= max(n, readCost)
	}
	return ctx.Err()
}

func (s *BitmapScan) finish(d Dirty) {
	s.all = append(s.all, d)
	s.walk, s.cells = nil, nil
}

// step reads some more of the bitmap that comes next, and tells how many bytes.
func (s *BitmapScan) step(ctx context.Context, bytes int64) (int64, error) {
	if s.walk == nil {
		w, err := newDirtyWalk(s.img, len(s.all), 0)
		if err != nil {
			return 0, err
		}
		s.walk, s.cells = w, make([]int64, StripCells)
	}
	was := s.walk.read
	ended, err := s.walk.step(ctx, bytes, s.mark)
	n := s.walk.read - was
	if s.budget -= n; s.budget < 0 {
		return n, ErrBitmapsTooMany
	}
	if err == nil && ended {
		s.finish(s.result())
	}
	return n, err
}

// mark adds a dirty range to the cells that it touches.
func (s *BitmapScan) mark(r qcow2.Range[qcow2.GuestOff]) bool {
	size := s.walk.size
	for at := int64(r.Start); at < int64(r.End()); {
		c := cellOf(at, size)
		end := min(int64(r.End()), cellStart(c+1, size))
		s.cells[c] += end - at
		at = end
	}
	return true
}

// cellOf is the cell of the strip in which a byte lies, cellStart where a cell begins.
func cellOf(at, size int64) int64 {
	hi, lo := bits.Mul64(uint64(at), StripCells)
	c, _ := bits.Div64(hi, lo, uint64(size))
	for cellStart(int64(c)+1, size) <= at {
		c++
	}
	return int64(c)
}

func cellStart(c, size int64) int64 {
	hi, lo := bits.Mul64(uint64(c), uint64(size))
	at, rest := bits.Div64(hi, lo, StripCells)
	if rest != 0 {
		at++
	}
	return int64(at)
}

func (s *BitmapScan) result() Dirty {
	d := Dirty{Bits: s.walk.bits, Takes: s.walk.takes, Strip: make([]uint8, StripCells)}
	for c, n := range s.cells {
		d.Bytes += n
		if n > 0 {
			whole := cellStart(int64(c)+1, s.walk.size) - cellStart(int64(c), s.walk.size)
			d.Strip[c] = uint8(max(1, min(255, float64(n)/float64(whole)*255)))
		}
	}
	return d
}

// DirtyRanges are the dirty ranges of a bitmap from a guest offset on: at most so many, and
// next is where to go on, -1 at the end of the disk. There may be fewer, and more to come,
// when much of the bitmap had to be read. The error is one of those above, one of reading,
// or the context's.
func DirtyRanges(ctx context.Context, img *image.Image, bitmap int, from qcow2.GuestOff, most int) (ranges []qcow2.Range[qcow2.GuestOff], next qcow2.GuestOff, err error) {
	const bytes = 16 << 20
	w, err := newDirtyWalk(img, bitmap, from)
	if err != nil {
		return nil, -1, err
	}
	ended, err := w.step(ctx, bytes, func(r qcow2.Range[qcow2.GuestOff]) bool {
		if n := len(ranges); n > 0 && ranges[n-1].End() == r.Start {
			ranges[n-1].Len += r.Len
			return true
		}
		if len(ranges) == most {
			return false
		}
		ranges = append(ranges, r)
		return true
	})
	switch {
	case err != nil:
		return nil, -1, err
	case ended:
		return ranges, -1, nil
	case len(ranges) == most && most > 0:
		return ranges, ranges[most-1].End(), nil
	}
	return ranges, qcow2.GuestOff(w.entry * w.perEntry), nil
}

// BitmapTrouble says in words why the dirty ranges of a bitmap are not known.
func BitmapTrouble(err error) string {
	switch {
	case errors.Is(err, ErrBitmapInUse):
		return "It is marked as in use: whoever wrote to the disk last did not finish writing the bitmap. What it says is out of date, and the next backup must be a full one."
	case errors.Is(err, ErrBitmapUnusable), errors.Is(err, image.ErrBitmapTable):
		return "Its description or its table is damaged."
	case errors.Is(err, ErrBitmapsTooMany):
		return "The bitmaps claim the same clusters over and over; they are not read any further."
	}
	return "It could not be read: " + err.Error()
}
