package cow

import (
	"context"
	"maps"

	"qcowscope/core/image"
)

// After is the Writer for the image after the outcome's plans, which img shows, and opt the
// data file. Its search for free clusters goes on where this outcome left it, as in a running
// QEMU. The Writer that planned the outcome stays as it is: it is the one for after an undo.
func (w *Writer) After(ctx context.Context, o *Outcome, img *image.Image, opt Options) (*Writer, error) {
	return w.next(ctx, o.after, img, opt)
}

// next goes on where a simulation ended.
func (w *Writer) next(ctx context.Context, s *sim, img *image.Image, opt Options) (*Writer, error) {
	next, err := Open(ctx, img, opt)
	if err != nil {
		return nil, err
	}
	next.index = s.index
	copy(next.free.blocks, w.free.blocks)
	maps.Copy(next.free.owner, w.free.owner)
	for k, b := range s.bits {
		if k < int64(len(next.free.blocks)) {
			next.free.blocks[k] = b.measured(img.Geo.RefblockEntries())
		}
	}
	return next, nil
}
