//go:build !js

package differential

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"

	"qcowscope/core/qcow2"
	"qcowscope/testimages/qemu"
)

// layer is what the active layer ("") or an internal snapshot of a healthy base reads: a
// sum for each guest cluster.
type layer struct {
	snapshot string
	size     int64
	sums     []uint64
}

var sumSeed = maphash.MakeSeed()

// readLayers reads the healthy base's layers.
func (b *Base) readLayers(ctx context.Context, img qemu.Image) error {
	for _, name := range append([]string{""}, b.snapshots...) {
		l := layer{snapshot: name}
		f, err := salvage(ctx, img, name, 0)
		if err != nil {
			return err
		}
		if f == nil {
			return fmt.Errorf("snapshot %q of a healthy image cannot be read", name)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		l.size = info.Size()
		if l.sums, err = b.sums(f, l.size); err != nil {
			return err
		}
		b.layers = append(b.layers, l)
	}
	return nil
}

// salvage opens a raw file of what the layer reads; nil when it cannot be opened at all.
func salvage(ctx context.Context, img qemu.Image, snapshot string, size int64) (*os.File, error) {
	const name = "salvaged.raw"
	path := filepath.Join(img.Dir, name)
	defer os.Remove(path)
	ok, err := qemu.Salvage(ctx, img, snapshot, name, size)
	if err != nil || !ok {
		return nil, err
	}
	return os.Open(path)
}

// sums are those of the guest clusters of a raw file of so many bytes.
func (b *Base) sums(f io.ReaderAt, size int64) ([]uint64, error) {
	var all []uint64
	buf := make([]byte, b.geo.ClusterSize())
	for off := int64(0); off < size; off += int64(len(buf)) {
		n, err := f.ReadAt(buf, off)
		if err != nil && err != io.EOF {
			return nil, err
		}
		clear(buf[n:])
		all = append(all, maphash.Bytes(sumSeed, buf))
	}
	return all, nil
}

// survival is what a damaged or repaired image still gives the guest.
type survival struct {
	layers   int // that can be opened
	clusters int // of all layers, that read as they did in the healthy image
}

// survives reads all layers of an image.
func (b *Base) survives(ctx context.Context, img qemu.Image) (s survival, err error) {
	limit, err := b.readLimit(img)
	if err != nil {
		return s, err
	}
	for _, l := range b.layers {
		size := int64(0)
		if limit {
			size = l.size
		}
		f, err := salvage(ctx, img, l.snapshot, size)
		if err != nil {
			return s, err
		}
		if f == nil {
			continue
		}
		got, err := b.sums(f, l.size)
		f.Close()
		if err != nil {
			return s, err
		}
		s.layers++
		for i := range l.sums {
			if got[i] == l.sums[i] {
				s.clusters++
			}
		}
	}
	return s, nil
}

// readLimit tells whether the disk claims to be larger than that of the healthy image.
func (b *Base) readLimit(img qemu.Image) (bool, error) {
	f, err := os.Open(filepath.Join(img.Dir, img.File))
	if err != nil {
		return false, err
	}
	defer f.Close()
	var head [qcow2.OffSize + 8]byte
	if _, err := f.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return false, err
	}
	size := binary.BigEndian.Uint64(head[qcow2.OffSize:])
	return size&^(qcow2.SectorSize-1) > uint64(b.layers[0].size), nil
}
