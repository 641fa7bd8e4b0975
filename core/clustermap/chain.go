package clustermap

import (
	"context"
	"errors"
	"iter"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Holes tells what a file's host has not stored.
type Holes interface {
	// Hole tells whether the byte at off, which lies in the file, is in a hole, and for how
	// many bytes from off on the answer holds (at least 1).
	Hole(off int64) (hole bool, n int64, err error)
	// Allocated is how many bytes the file takes on its disk.
	Allocated() int64
}

// Layer is one file of a backing chain.
type Layer struct {
	Image *image.Image // nil for a raw file
	Size  int64        // of the raw file, bytes
	Holes Holes        // of the image file or the raw file; nil when its host does not tell
	// Data is the external data file of the image: its size and holes; nil if there is none.
	Data *Layer
}

// guestSize is how many bytes the layer shows its guest, whole sectors.
func (l *Layer) guestSize() qcow2.GuestOff {
	if l.Image != nil {
		return qcow2.GuestOff(min(l.Image.VirtualSize(), 1<<63-1))
	}
	return qcow2.GuestOff((l.Size + qcow2.SectorSize - 1) &^ (qcow2.SectorSize - 1))
}

// Run is a run of guest bytes in the terms of `qemu-img map`.
type Run struct {
	Guest   qcow2.Range[qcow2.GuestOff]
	Depth   int  // of the layer that decides: 0 is the image itself
	Present bool // some layer says what is there
	Zero    bool // reads as zeros
	Data    bool // the layer holds data for it, which may be zeros
	// Offset is where the first byte lies in the file of that layer, if Placed.
	Offset     qcow2.HostOff
	Placed     bool
	Compressed bool
}

// next tells whether b goes on where r ends, as `qemu-img map` joins runs.
func (r Run) next(b Run) bool {
	return r.Guest.End() == b.Guest.Start && r.Depth == b.Depth && r.Present == b.Present && r.Zero == b.Zero && r.Data == b.Data &&
		r.Placed == b.Placed && r.Compressed == b.Compressed && (!r.Placed || r.Offset+qcow2.HostOff(r.Guest.Len) == b.Offset)
}

// ErrUnreadableGuest says that a part of the disk cannot be read by any program.
var ErrUnreadableGuest = errors.New("clustermap: the entry that maps it is damaged")

// UnreadableError names that part.
type UnreadableError struct {
	Guest qcow2.Range[qcow2.GuestOff]
	Depth int
}

func (e *UnreadableError) Error() string {
	return "guest " + e.Guest.String() + ": " + ErrUnreadableGuest.Error()
}

func (e *UnreadableError) Unwrap() error { return ErrUnreadableGuest }

// Chain are the runs of the whole disk whose layers are given from the image down. open
// says that a further layer exists which is not given: what would come from it is in no
// layer then. A part that cannot be read is an *UnreadableError in place of its run, and
// the sequence goes on; any other error ends it.
func Chain(ctx context.Context, layers []Layer, open bool) iter.Seq2[Run, error] {
	return ChainWithin(ctx, layers, open, rangeOf(0, layers[0].guestSize()))
}

// ChainWithin are the runs of a part of the disk, which must not reach behind its end.
func ChainWithin(ctx context.Context, layers []Layer, open bool, within qcow2.Range[qcow2.GuestOff]) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) {
		c := chain{ctx: ctx, open: open, yield: yield}
		for i := range layers {
			l := &chainLayer{Layer: layers[i]}
			if l.Image != nil {
				l.guest = NewGuest(l.Image)
			}
			c.layers = append(c.layers, l)
		}
		c.walk(0, within.Start, within.End())
		c.flush()
	}
}

type chainLayer struct {
	Layer
	guest *Guest
	// preallocated is QEMU's guess that the image has clusters that were never written to,
	// so that it pays to ask the host for holes.
	preallocated, guessed bool
}

type chain struct {
	ctx     context.Context
	layers  []*chainLayer
	open    bool
	yield   func(Run, error) bool
	last    Run
	stopped bool
}

func (c *chain) add(r Run) {
	if c.last.Guest.Len > 0 && c.last.next(r) {
		c.last.Guest.Len += r.Guest.Len
		return
	}
	c.flush()
	c.last = r
}

func (c *chain) flush() {
	if c.last.Guest.Len > 0 && !c.stopped {
		c.stopped = !c.yield(c.last, nil)
	}
	c.last = Run{}
}

// fail puts out an error; the sequence goes on after it only if part is set.
func (c *chain) fail(err error, part bool) {
	if c.flush(); !c.stopped {
		c.stopped = !c.yield(Run{}, err) || !part
	}
}

// walk puts out the runs of [from, end), which the layers above depth leave open.
func (c *chain) walk(depth int, from, end qcow2.GuestOff) {
	l := c.layers[depth]
	if l.Image == nil {
		c.raw(depth, from, end)
		return
	}
	if !l.guessed {
		if err := l.guess(c.ctx); err != nil {
			c.fail(err, false)
			return
		}
	}
	for e, err := range l.guest.Extents(c.ctx, rangeOf(from, end)) {
		if err != nil {
			c.fail(err, false)
		} else {
			c.extent(depth, e)
		}
		if c.stopped {
			return
		}
	}
}

func (c *chain) extent(depth int, e Extent) {
	l := c.layers[depth]
	r := Run{Guest: e.Guest, Depth: depth, Present: true}
	if e.HasHost() && l.Image.Header.CryptMethod == qcow2.CryptNone {
		r.Offset, r.Placed = e.Host, true
	}
	switch e.Kind {
	case qcow2.SubInvalid:
		c.fail(&UnreadableError{e.Guest, depth}, true)
		return
	case qcow2.SubZero, qcow2.SubZeroAlloc:
		r.Zero = true
	case qcow2.SubNormal, qcow2.SubCompressed:
		r.Data, r.Compressed = true, e.Kind == qcow2.SubCompressed
	default:
		c.unallocated(depth, r)
		return
	}
	if l.preallocated && r.Data && r.Placed {
		c.stored(l, r)
		return
	}
	c.add(r)
}

// unallocated puts out what the layer leaves to the one below it.
func (c *chain) unallocated(depth int, r Run) {
	r.Present = false
	if depth+1 == len(c.layers) {
		r.Zero = !c.open
		c.add(r)
		return
	}
	below := min(max(c.layers[depth+1].guestSize(), r.Guest.Start), r.Guest.End())
	if r.Guest.Start < below {
		c.walk(depth+1, r.Guest.Start, below)
	}
	if below < r.Guest.End() && !c.stopped {
		if r.Placed {
			r.Offset += qcow2.HostOff(below - r.Guest.Start)
		}
		r.Guest = rangeOf(below, r.Guest.End())
		r.Zero = true // past the end of the backing file
		c.add(r)
	}
}

// stored splits a run by what the host has stored of it: the rest is zeros.
func (c *chain) stored(l *chainLayer, r Run) {
	file, size := l.Layer, l.Image.Src.Size()
	if l.Data != nil {
		file, size = *l.Data, l.Data.Size
	}
	if file.Holes == nil {
		c.add(r)
		return
	}
	for r.Guest.Len > 0 && !c.stopped {
		piece := r
		hole, n := true, int64(r.Guest.Len)
		if int64(r.Offset) < size {
			var err error
			if hole, n, err = file.Holes.Hole(int64(r.Offset)); err != nil {
				c.fail(err, false)
				return
			}
			if hole && int64(r.Offset)+n >= size {
				n = int64(r.Guest.Len) // what follows the end of the file is zeros, too
			}
		}
		n = min(n, int64(r.Guest.Len))
		piece.Guest.Len, piece.Zero = qcow2.GuestOff(n), hole
		c.add(piece)
		r.Guest = rangeOf(r.Guest.Start+qcow2.GuestOff(n), r.Guest.End())
		r.Offset += qcow2.HostOff(n)
	}
}

// raw puts out the runs of a raw layer: data, and holes.
func (c *chain) raw(depth int, from, end qcow2.GuestOff) {
	l := c.layers[depth]
	for from < end && !c.stopped {
		hole, n := false, int64(end-from)
		if l.Holes != nil && int64(from) < l.Size {
			var err error
			if hole, n, err = l.Holes.Hole(int64(from)); err != nil {
				c.fail(err, false)
				return
			}
		} else if int64(from) >= l.Size {
			hole = true // the rest of the last sector
		}
		n = min(n, int64(end-from))
		c.add(Run{Guest: rangeOf(from, from+qcow2.GuestOff(n)), Depth: depth, Present: true, Zero: hole, Data: !hole,
			Offset: qcow2.HostOff(from), Placed: true})
		from += qcow2.GuestOff(n)
	}
}

// guess decides whether the image looks preallocated: it has more clusters in use than its
// file takes space on the host. The refcounts are taken as they stand.
func (l *chainLayer) guess(ctx context.Context) error {
	l.guessed = true
	if l.Holes == nil {
		return nil
	}
	g, src := l.Image.Geo, l.Image.Src
	stored := l.Holes.Allocated() / g.ClusterSize()
	enough := max(stored*10/9, stored+2)
	block, inUse := make(qcow2.Refblock, g.ClusterSize()), int64(0)
	for k, e := range l.Image.Reftable {
		if err := ctx.Err(); err != nil {
			return err
		}
		off, first := e.Refblock(), int64(k)*g.RefblockEntries()
		if off <= 0 || first >= l.Image.HostClusters() {
			continue
		}
		if !g.Aligned(off) {
			return nil // QEMU gives up the guess
		}
		if err := source.ReadFull(src, block, int64(off)); err != nil {
			return err
		}
		for i := range min(g.RefblockEntries(), l.Image.HostClusters()-first) {
			if block.At(g.RefcountOrder, i) != 0 {
				inUse++
			}
		}
		if inUse >= enough {
			l.preallocated = true
			return nil
		}
	}
	return nil
}
