//go:build !js

package cow_test

import (
	"context"
	"io"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// guest is all bytes of the disk.
func (s *sequence) guest(img *image.Image) []byte {
	s.t.Helper()
	out := image.Outside{Backing: s.opt.Backing}
	if s.d.dataFile != "" {
		out.Data = s.data
	}
	b := make([]byte, img.VirtualSize())
	r := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), out)
	if _, err := r.ReadAt(b, 0); err != nil && err != io.EOF {
		s.fatalf("%v", err)
	}
	return b
}

// entries are the states of all guest clusters: the L2 entries without their places.
func (s *sequence) entries(img *image.Image) (all []qcow2.L2Entry) {
	g := img.Geo
	for i := range img.L1.Entries {
		var e [8]byte
		if err := source.ReadFull(img.Src, e[:], int64(img.L1.Off)+8*i); err != nil {
			s.fatalf("%v", err)
		}
		table := make(qcow2.L2Table, g.ClusterSize())
		if off := be64(e[:]) & qcow2.OffsetMask; off != 0 {
			if err := source.ReadFull(img.Src, table, int64(off)); err != nil {
				s.fatalf("%v", err)
			}
		}
		for k := range g.L2Entries() {
			e := table.At(g, k)
			state := qcow2.L2Entry{Entry: uint64(e.Kind(g)), Bitmap: e.Bitmap}
			if e.Copied() {
				state.Entry |= qcow2.FlagCopied
			}
			all = append(all, state)
		}
	}
	return all
}

// refcounts are how many clusters have which stored refcount.
func (s *sequence) refcounts(img *image.Image) map[uint64]int {
	n := map[uint64]int{}
	for _, e := range img.Reftable {
		if e.Refblock() == 0 {
			continue
		}
		block := make(qcow2.Refblock, img.Geo.ClusterSize())
		if err := source.ReadFull(img.Src, block, int64(e.Refblock())); err != nil {
			s.fatalf("%v", err)
		}
		for i := range img.Geo.RefblockEntries() {
			if v := block.At(img.Geo.RefcountOrder, i); v > 0 {
				n[v]++
			}
		}
	}
	return n
}

func be64(b []byte) (v uint64) {
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}

// cut holds that the plan may end at any barrier, with any part of the next batch done: the
// guest reads old or new bytes in the request's range and old ones elsewhere, and nothing
// worse than leaks is left.
func (s *sequence) cut(r cow.Request, p *cow.Plans) {
	s.t.Helper()
	before := s.guest(s.img)
	after := expected(before, r)
	if p.DataFile != nil {
		defer func(old source.Bytes) { s.data = old }(s.data)
		s.data = apply(s.t, s.data, p.DataFile)
	}
	for n := range p.Image.Batches {
		part := patch.New(p.Image.SizeBefore)
		for i, batch := range p.Image.Batches[:n+1] {
			for _, w := range batch {
				if i < n || s.rng.IntN(2) == 0 {
					part.Add(i, w.Off, w.Data, w.Why)
				}
			}
		}
		img, err := image.Open(context.Background(), apply(s.t, s.file, part))
		if err != nil {
			s.fatalf("cut in batch %d: %v", n, err)
		}
		rep, err := check.Run(context.Background(), img, check.Options{})
		if err != nil {
			s.fatalf("%v", err)
		}
		if rep.Corruptions != 0 || rep.CheckErrors != 0 {
			s.fatalf("cut in batch %d: %d corruptions\n%s", n, rep.Corruptions, p.Image)
		}
		s.oldOrNew(r, before, after, s.guest(img), n)
	}
}

// expected is the disk after a request, as the guest is promised.
func expected(before []byte, r cow.Request) []byte {
	after := slices.Clone(before)
	for i := range after[r.Offset:][:r.Length] {
		after[int64(r.Offset)+int64(i)] = 0
		if r.Kind == cow.Data {
			after[int64(r.Offset)+int64(i)] = r.Fill
		}
	}
	return after
}

func (s *sequence) oldOrNew(r cow.Request, before, after, now []byte, batch int) {
	s.t.Helper()
	for i, b := range now {
		if b != before[i] && b != after[i] {
			s.fatalf("cut in batch %d: guest 0x%x reads %02x, before %02x, after %02x", batch, i, b, before[i], after[i])
		}
	}
}
