package layers

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/bits"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// dirtyWalk goes through a bitmap from one guest offset on.
type dirtyWalk struct {
	img      *image.Image
	table    []uint64
	entries  int64 // that the disk needs
	size     int64 // of the disk
	step2    uint  // granularity, as a power of 2
	perEntry int64 // guest bytes that one cluster of bits stands for
	entry    int64 // the next
	from     int64 // what lies before does not count
	bits     int64 // that are set
	read     int64 // bytes, those of the table included
	takes    int64 // clusters, those of the table included
}

func newDirtyWalk(img *image.Image, bitmap int, from qcow2.GuestOff) (*dirtyWalk, error) {
	if bitmap < 0 || bitmap >= len(img.Bitmaps) || from < 0 {
		return nil, ErrBitmapUnusable
	}
	m := &img.Bitmaps[bitmap]
	switch err := img.JudgeBitmap(m); {
	case m.Flags&qcow2.BitmapInUse != 0:
		return nil, ErrBitmapInUse
	case errors.As(err, new(*source.ReadError)):
		return nil, err
	case err != nil || img.VirtualSize() > math.MaxInt64:
		return nil, ErrBitmapUnusable
	}
	table, err := img.BitmapTable(m)
	if err != nil {
		return nil, err
	}
	w := &dirtyWalk{img: img, table: table, entries: int64(img.BitmapTableEntries(m.GranularityBits)), size: int64(img.VirtualSize()),
		step2: uint(m.GranularityBits), from: int64(from), read: int64(len(table)) * qcow2.BitmapTableEntrySize,
		takes: img.Geo.Clusters(int64(m.TableSize) * qcow2.BitmapTableEntrySize)}
	// JudgeBitmap has seen that an entry stands for less than the disk, or that there is one.
	w.perEntry = img.Geo.ClusterSize() * 8 << m.GranularityBits
	w.entry = int64(from) / w.perEntry
	return w, nil
}

// step reads about so many bytes of bits and tells of the dirty ranges in them, ascending,
// until tell is false. It tells whether the end of the disk is reached.
func (w *dirtyWalk) step(ctx context.Context, bytes int64, tell func(qcow2.Range[qcow2.GuestOff]) bool) (ended bool, err error) {
	buf := make([]byte, w.img.Geo.ClusterSize())
	for end := w.read + bytes; w.entry < w.entries; w.entry++ {
		if w.read >= end {
			return false, ctx.Err()
		}
		e := uint64(0)
		if w.entry < int64(len(w.table)) {
			e = w.table[w.entry]
		}
		first := w.entry * w.perEntry
		more := true
		switch off := e & qcow2.OffsetMask; {
		case off != 0:
			if err := w.img.ReadBatch(ctx, []source.Request{{Off: int64(off), Buf: buf}}); err != nil {
				return false, err
			}
			w.read += int64(len(buf))
			w.takes++
			more = w.bitsOf(first, buf, tell)
		case e&qcow2.BitmapTableAllOnes != 0:
			end := min(w.size, first+w.perEntry)
			w.bits += (end - first + 1<<w.step2 - 1) >> w.step2
			more = w.tell(first, end, tell)
		}
		if !more {
			return false, ctx.Err()
		}
	}
	return true, ctx.Err()
}

// bitsOf tells of the dirty ranges of a cluster of bits, of which the first stands for the
// byte at first.
func (w *dirtyWalk) bitsOf(first int64, b []byte, tell func(qcow2.Range[qcow2.GuestOff]) bool) bool {
	n := min(int64(len(b))*8, (w.size-first+1<<w.step2-1)>>w.step2) // those behind the disk's end do not count
	since := int64(-1)                                              // the first bit of the run that is open
	for i := int64(0); i < n; i += 64 {
		word := binary.LittleEndian.Uint64(b[i/8:])
		if n-i < 64 {
			word &= 1<<(n-i) - 1
		}
		w.bits += int64(bits.OnesCount64(word))
		if word == 0 && since < 0 || word == ^uint64(0) && since >= 0 {
			continue
		}
		for k := int64(0); k < 64; {
			if since < 0 {
				skip := int64(bits.TrailingZeros64(word >> k))
				if k += skip; k < 64 {
					since = i + k
				}
				continue
			}
			if k += int64(bits.TrailingZeros64(^(word >> k))); k < 64 {
				if !w.tell(first+since<<w.step2, first+(i+k)<<w.step2, tell) {
					return false
				}
				since = -1
			}
		}
	}
	return since < 0 || w.tell(first+since<<w.step2, first+n<<w.step2, tell)
}

func (w *dirtyWalk) tell(start, end int64, tell func(qcow2.Range[qcow2.GuestOff]) bool) bool {
	start, end = max(start, w.from), min(end, w.size)
	return start >= end || tell(qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(start), Len: qcow2.GuestOff(end - start)})
}
