package skeleton

import (
	"encoding/binary"
	"math/bits"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// A table that was overwritten holds the guest's bytes, and the check reads them as entries
// all the same. So every word of a table is looked at: one that can be an entry of this
// image, or differs from such a one by a single bit, is kept, since it tells what happened.
// Any other is replaced by the plainest word that has the same consequence for the check.

// Offsets that replace impossible ones: far behind the end of any file, and where no file
// can be read.
const (
	farOffset   = uint64(1) << 55
	outOfReach  = uint64(1) << 63
	unalignment = uint64(qcow2.SectorSize)
	mostStray   = 1 // bits that may be wrong in a word that is kept
)

// scrubber replaces the words of tables that cannot be what they should be.
type scrubber struct {
	geo qcow2.Geometry
	// Offsets from here on cannot be of this image: powers of two.
	limit, dataLimit uint64
	// most is the highest refcount that is believed.
	most uint64
}

func newScrubber(img *image.Image, report *check.Report) scrubber {
	s := scrubber{geo: img.Geo, limit: powerAbove(uint64(2 * img.Src.Size()))}
	s.dataLimit = s.limit
	if img.Geo.DataFile { // offsets of data are those of the disk
		s.dataLimit = max(s.limit, powerAbove(2*min(img.VirtualSize(), farOffset)))
	}
	s.most = 8
	t := report.Refcounts
	for c, n := range t.Counts(0, t.Len()) {
		if n == 0xff {
			s.most = max(s.most, 2*t.Count(qcow2.HostCluster(c)))
		}
		s.most = max(s.most, 2*uint64(n))
	}
	return s
}

func powerAbove(n uint64) uint64 { return 1 << bits.Len64(n) }

// words replaces what it must in b, which begins with an even word of the tables. It
// returns how many words it replaced.
func (s *scrubber) words(b []byte, k kinds) (replaced int64) {
	prev := uint64(0)
	for i := 0; i+8 <= len(b); i += 8 {
		w := binary.BigEndian.Uint64(b[i:])
		if v := s.word(w, prev, i%wordBlock != 0, k); v != w {
			binary.BigEndian.PutUint64(b[i:], v)
			replaced++
		}
		prev = w
	}
	return replaced
}

// word is what stands in place of w: itself if it makes sense to any of the kinds.
func (s *scrubber) word(w, prev uint64, odd bool, k kinds) uint64 {
	if w == 0 {
		return 0
	}
	instead, found := uint64(0), false
	try := func(kind kinds, plain func() uint64) bool {
		if k&kind == 0 {
			return false
		}
		v := plain()
		if !found {
			instead, found = v, true
		}
		return v == w
	}
	switch {
	case try(kindL1, func() uint64 { return s.l1(w) }),
		try(kindL2, func() uint64 { return s.l2(w, prev, odd) }),
		try(kindReftable, func() uint64 { return s.reftable(w) }),
		try(kindRefblock, func() uint64 { return s.refcounts(w) }),
		try(kindBitmapTable, func() uint64 { return s.bitmapTable(w) }):
		return w
	}
	return instead
}

func (s *scrubber) l1(w uint64) uint64 {
	if bits.OnesCount64(w&qcow2.L1Reserved|offset(w)&^(s.limit-1)) <= mostStray {
		return w
	}
	return w&qcow2.FlagCopied | reserved(w&qcow2.L1Reserved, 1<<56) | s.farOr(offset(w), s.limit)
}

// offset is the offset field of an entry.
func offset(w uint64) uint64 { return w & qcow2.OffsetMask }

// reserved is one bit for any number of them.
func reserved(set, one uint64) uint64 {
	if set != 0 {
		return one
	}
	return 0
}

// farOr is the offset, or if this image cannot have it one that is as far and as unaligned.
func (s *scrubber) farOr(off, limit uint64) uint64 {
	switch {
	case off < limit:
		return off
	case off&uint64(s.geo.ClusterSize()-1) != 0:
		return farOffset | unalignment
	}
	return farOffset
}

func (s *scrubber) l2(w, prev uint64, odd bool) uint64 {
	if s.geo.ExtendedL2 && odd {
		return s.subclusters(w, prev)
	}
	if s.possible(w) {
		return w
	}
	if w&qcow2.FlagCompressed != 0 {
		return w&(qcow2.FlagCopied|qcow2.FlagCompressed) | 1<<min(s.compressedBits()-1, 55)
	}
	return w&(qcow2.FlagCopied|qcow2.FlagZero) | reserved(w&qcow2.L2Reserved, 1<<56) | s.farOr(offset(w), s.dataLimit)
}

// compressedBits is how many bits the offset of a compressed cluster has.
func (s *scrubber) compressedBits() uint { return 62 - (s.geo.ClusterBits - 8) }

// possible tells whether the first word of an L2 entry can be one of this image.
func (s *scrubber) possible(w uint64) bool {
	stray := w&qcow2.L2Reserved | offset(w)&^(s.dataLimit-1)
	if w&qcow2.FlagCompressed != 0 {
		stray = w&(1<<s.compressedBits()-1)&^(s.limit-1) | w&qcow2.FlagCopied
	}
	return bits.OnesCount64(stray) <= mostStray
}

// fewRuns is how many runs of ones two subcluster bitmaps have together at the most when a
// program wrote them wrong. Text has more.
const fewRuns = 4

// subclusters is the second word of an extended L2 entry.
func (s *scrubber) subclusters(w, entry uint64) uint64 {
	m := qcow2.SubclusterBitmap(w)
	alloc, zero := m.Alloc(), m.Zero()
	kind := qcow2.L2Entry{Entry: entry}.Kind(s.geo)
	wrong := alloc & zero
	switch kind {
	case qcow2.Compressed:
		wrong = alloc | zero
	case qcow2.Unallocated:
		wrong = alloc
	}
	if s.possible(entry) && (bits.OnesCount32(wrong) <= mostStray || onesRuns(alloc)+onesRuns(zero) <= fewRuns) {
		return w
	}
	v := reserved(uint64(alloc), 1)
	if kind == qcow2.Compressed {
		v = 1
	} else if kind != qcow2.Unallocated && wrong != 0 {
		v |= 1 << 32
	}
	return v
}

// onesRuns is how many runs of ones there are.
func onesRuns(v uint32) int { return bits.OnesCount32(v &^ (v << 1)) }

func (s *scrubber) reftable(w uint64) uint64 {
	off := w & qcow2.ReftableOffset
	if bits.OnesCount64(w&qcow2.ReftableRsvd|off&^(s.limit-1)) <= mostStray {
		return w
	}
	far := s.farOr(off, s.limit)
	if far >= farOffset && !image.Readable(qcow2.HostOff(off), s.geo.ClusterSize()) {
		far = far&^farOffset | outOfReach
	}
	return reserved(w&qcow2.ReftableRsvd, 1) | far
}

func (s *scrubber) bitmapTable(w uint64) uint64 {
	if bits.OnesCount64(w&qcow2.BitmapTableReserved|offset(w)&^(s.limit-1)) <= mostStray {
		return w
	}
	return w&qcow2.BitmapTableAllOnes | reserved(w&qcow2.BitmapTableReserved, 1<<56) | s.farOr(offset(w), s.limit)
}

// refcounts is a word of a refblock. Refcounts of one, two and four bits are always
// possible; a wider one must not be much more than the references that there are, or differ
// from such a one by a bit.
func (s *scrubber) refcounts(w uint64) uint64 {
	width := uint(s.geo.RefcountBits())
	if width < 8 {
		return w
	}
	out := uint64(0)
	for shift := uint(0); shift < 64; shift += width {
		v := w >> shift & s.geo.RefcountMax()
		if v > s.most && !(width > 8 && v^1<<(bits.Len64(v)-1) <= s.most) {
			v = min(s.most+1, s.geo.RefcountMax())
		}
		out |= v << shift
	}
	return out
}
