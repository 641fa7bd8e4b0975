package refcount

import (
	"context"

	"qcowscope/core/image"
)

// Indices is how many L1 indices there are to share out: the longest L1 table's, as far as
// it lies in the file.
func Indices(ctx context.Context, img *image.Image, snaps *image.SnapshotTable) (int64, error) {
	w, err := newWalker(ctx, img, Options{})
	if err != nil {
		return 0, err
	}
	return indices(w.roots(snaps)), nil
}
