package service

import (
	"context"

	"qcowscope/core/clustermap"
	"qcowscope/core/qcow2"
)

// below is the disk of the backing file, which a write copies from. The files of the chain
// may come and go; it reads through those that are given now. Called while the session is
// locked.
type below struct{ s *Session }

// given tells whether the chain is there to its end.
func (b below) given() bool {
	n := len(b.s.chain.below)
	return n > 0 && (b.s.chain.below[n-1].img == nil || b.s.chain.below[n-1].img.BackingFile == "")
}

// ReadAt reads the disk of the backing file; io.EOF at its end.
func (b below) ReadAt(p []byte, off int64) (int, error) {
	if !b.given() {
		return 0, errNotGiven
	}
	return b.s.disk(context.Background(), 1).ReadAt(p, off)
}

// zero tells whether the chain says of a range of the disk that it is zeros.
func (b below) zero(r qcow2.Range[qcow2.GuestOff]) bool {
	if !b.given() {
		return false
	}
	files := b.s.chainFiles()[1:]
	size := qcow2.GuestOff(files[0].Size)
	if img := files[0].Image; img != nil {
		size = qcow2.GuestOff(min(img.VirtualSize(), 1<<62))
	}
	if r.Len = min(r.End(), size) - r.Start; r.Empty() {
		return true // behind its end
	}
	for run, err := range clustermap.ChainWithin(context.Background(), files, false, r) {
		if err != nil || !run.Zero {
			return false
		}
	}
	return true
}
