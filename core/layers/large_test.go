//go:build !js

package layers_test

import (
	"context"
	"path/filepath"
	"testing"

	"os"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/layers"
	"qcowscope/core/source"
)

// BenchmarkHoldings walks 2^24 clusters that a snapshot shares with the active layer.
func BenchmarkHoldings(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "large.qcow2")
	tool(b, dir, "qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=metadata", path, "1T")
	tool(b, dir, "qemu-img", "snapshot", "-c", "one", path)
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	img, err := image.Open(context.Background(), file{f, info.Size()})
	if err != nil {
		b.Fatal(err)
	}
	r, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		h := layers.NewHoldings(img, r)
		for !h.Done() {
			if _, _, err := h.Step(context.Background(), 16<<20); err != nil {
				b.Fatal(err)
			}
		}
		h.Held()
		h.Freed([]int{1})
		h.Waterfall()
	}
}

// file is a file as a source.
type file struct {
	*os.File
	size int64
}

func (f file) Size() int64 { return f.size }

var _ source.Source = file{}
