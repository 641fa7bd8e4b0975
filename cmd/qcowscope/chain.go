package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"qcowscope/core/clustermap"
	"qcowscope/core/image"
)

// maxChain bounds a backing chain.
const maxChain = 256

// backingChain is an image and the files below it, as far as they could be opened.
type backingChain struct {
	layers []clustermap.Layer
	names  []mapNames
	files  []*file
	open   bool // there is a further layer
}

// follow opens the layers from the image down. It says why the chain was not followed to
// its end, "" if it was.
func (ch *backingChain) follow(ctx context.Context, f *file, img *image.Image) string {
	for {
		ch.files = append(ch.files, f)
		ch.names = append(ch.names, mapNames{f.path, f.path})
		if img == nil {
			ch.layers = append(ch.layers, clustermap.Layer{Size: f.size, Holes: f})
			return ""
		}
		ch.layers = append(ch.layers, clustermap.Layer{Image: img, Holes: f})
		if img.Geo.DataFile {
			ch.dataFile(f, img)
		}
		if img.BackingFile == "" {
			return ""
		}
		var err error
		if f, img, err = ch.below(ctx, f, img); err != nil {
			ch.open = true
			return err.Error()
		}
	}
}

// dataFile opens the external data file of the last layer. When it is not there its holes
// are unknown and all of it counts as data.
func (ch *backingChain) dataFile(f *file, img *image.Image) {
	last := len(ch.layers) - 1
	ch.layers[last].Data = &clustermap.Layer{}
	// QEMU takes the name from the folder that it runs in; people keep the files together.
	data, err := openFile(img.DataFile)
	if err != nil {
		data, err = openFile(otherFile(f.path, img.DataFile))
	}
	if err != nil {
		ch.names[last].data = img.DataFile
		return
	}
	ch.names[last].data = data.path
	ch.files = append(ch.files, data)
	ch.layers[last].Data = &clustermap.Layer{Size: data.size, Holes: data}
}

// below opens the backing file of an image; the image is nil when it is raw.
func (ch *backingChain) below(ctx context.Context, f *file, img *image.Image) (*file, *image.Image, error) {
	path := otherFile(f.path, img.BackingFile)
	if path == "" {
		return nil, nil, fmt.Errorf("the backing file %s is not a file on this computer", img.BackingFile)
	}
	next, err := openFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the backing file does not open: %w", err)
	}
	for _, above := range ch.files {
		if os.SameFile(above.info, next.info) {
			err = fmt.Errorf("the backing file %s is above itself", path)
		}
	}
	if len(ch.files) >= maxChain {
		err = errors.New("the backing chain has too many files")
	}
	var base *image.Image
	if err == nil {
		base, err = openBacking(ctx, next, img.BackingFormat)
	}
	if err != nil {
		next.Close()
		return nil, nil, err
	}
	return next, base, nil
}

// openBacking opens a backing file in the format that the image names, or in the one that
// it looks like.
func openBacking(ctx context.Context, f *file, format string) (*image.Image, error) {
	switch format {
	case "raw", "file", "host_device":
		return nil, nil
	case "qcow2", "":
	default:
		return nil, fmt.Errorf("the backing file %s has the format %s", f.path, format)
	}
	img, err := image.Open(ctx, f)
	var other *image.NotQcow2Error
	if format == "" && errors.As(err, &other) && !other.Known {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the backing file %s does not open: %w", f.path, err)
	}
	return img, nil
}

func (ch *backingChain) close() {
	for _, f := range ch.files {
		f.Close()
	}
}

// Hole tells where the file's host has stored nothing; see clustermap.Holes.
func (f *file) Hole(off int64) (hole bool, n int64, err error) {
	start, end, err := f.nextData(off)
	if start > off {
		return true, start - off, err
	}
	return false, end - off, err
}
