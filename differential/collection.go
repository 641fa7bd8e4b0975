//go:build !js

package differential

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Collect writes n images to a folder, healthy and damaged ones, each the only file of its
// kind: what lies beside an image is left out. They depend on the seed only.
func Collect(ctx context.Context, folder string, n, bases int, seed uint64) error {
	dir, err := os.MkdirTemp(fastFolder(), "collection-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made, _, err := newBases(ctx, seed, bases, dir)
	if err != nil {
		return err
	}
	for i := range n {
		b := made[i%len(made)]
		image := b.Image
		if i >= len(made) { // each base once as it is
			image = damage(image, b.draw(rand.New(rand.NewPCG(seed, 1<<32+uint64(i)))))
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.qcow2", i)), image, 0o644); err != nil {
			return err
		}
	}
	return ctx.Err()
}
