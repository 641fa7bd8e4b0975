package main

import (
	"fmt"
	"io"

	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// besides are the files beside an image that a write reads: its backing chain and its data
// file, as far as they are there.
type besides struct {
	chain   backingChain
	backing io.ReaderAt // the disk of the backing file
	data    *file
	zero    func(r qcow2.Range[qcow2.GuestOff]) bool
}

// openBeside opens them. What is not there is missed only if it is needed.
func (c *command) openBeside(f *file, img *image.Image) *besides {
	b := &besides{}
	if why := b.chain.follow(c.ctx, f, img); why != "" {
		fmt.Fprintf(c.err, "qcowscope write: %s\n", printable(why))
	}
	if d := b.chain.layers[0].Data; d != nil {
		b.data, _ = d.Holes.(*file)
	}
	if len(b.chain.layers) < 2 || b.chain.open {
		return b
	}
	for i := len(b.chain.layers) - 1; i > 0; i-- {
		b.backing = c.disk(b.chain.layers[i], b.backing)
	}
	b.zero = func(r qcow2.Range[qcow2.GuestOff]) bool { return c.allZero(b.chain.layers[1:], r) }
	return b
}

// disk is what a layer shows, over the one below.
func (c *command) disk(l clustermap.Layer, below io.ReaderAt) io.ReaderAt {
	if l.Image == nil {
		return l.Holes.(*file)
	}
	out := image.Outside{Backing: below}
	if l.Data != nil {
		if data, ok := l.Data.Holes.(*file); ok {
			out.Data = data
		}
	}
	return image.NewGuestReader(c.ctx, l.Image, l.Image.L1, l.Image.VirtualSize(), out)
}

// allZero tells whether the layers say of a range that it is zeros. Past the end of their
// disk it is.
func (c *command) allZero(layers []clustermap.Layer, r qcow2.Range[qcow2.GuestOff]) bool {
	for run, err := range clustermap.Chain(c.ctx, layers, false) {
		if err != nil {
			return false
		}
		if run.Guest.Start >= r.End() {
			break
		}
		if run.Guest.End() > r.Start && !run.Zero {
			return false
		}
	}
	return true
}

// dataSource is the data file as the planner takes it: nil if it is not there.
func (b *besides) dataSource() source.Source {
	if b.data == nil {
		return nil
	}
	return b.data
}

// close closes what was opened beside the image, which is the first of the chain.
func (b *besides) close() {
	for _, f := range b.chain.files[1:] {
		f.Close()
	}
}
