package refcount

import (
	"encoding/binary"

	"qcowscope/core/qcow2"
)

// l2Job is an L2 table to be walked: how many active and snapshot roots lead to it.
type l2Job struct {
	off     qcow2.HostOff
	l1Index int64
	root    int // the first root that leads here
	active  uint64
	snaps   uint64
	phantom bool
	// alone: no other table maps the same L1 index, so that a cluster that is counted
	// already is counted for another place of the disk.
	alone  bool
	repeat bool // parsed for another L1 index before
}

func (j *l2Job) times() uint64 { return j.active + j.snaps }

func (j *l2Job) dataRole() Role {
	if j.active > 0 {
		return Data
	}
	return InactiveData
}

// span is the range of host clusters that a table's entries touch.
type span struct{ lo, hi uint32 }

func (s *span) touch(c int64) {
	s.lo, s.hi = min(s.lo, uint32(c)), max(s.hi, uint32(c))
}

// walkL2 counts the references of an L2 table's entries. The loop handles the ordinary
// entry itself: a standard one, aligned, inside the file, first to claim its cluster.
func (w *walker) walkL2(j *l2Job, table []byte) {
	g, t := w.g, w.t
	s := span{lo: ^uint32(0)}
	w.nonzero = false
	if g.ExtendedL2 || g.DataFile || !j.alone {
		w.walkL2Slowly(j, table, &s)
		w.keepTree(j, s)
		return
	}
	var (
		next   uint64 // where the next cluster of a contiguous run would lie
		frag   uint64
		alloc  uint64
		cs     = uint64(1) << g.ClusterBits
		plain  = qcow2.FlagCopied | qcow2.OffsetMask&^(cs-1)
		n      = uint64(w.hostClusters)
		role   = uint8(j.dataRole())
		times  = uint8(min(j.times(), saturated))
		counts = t.counts
		roles  = t.roles[:len(counts)]
	)
	for i := 0; i+8 <= len(table); i += 8 {
		e := binary.BigEndian.Uint64(table[i:])
		if e == 0 {
			continue
		}
		off := e &^ qcow2.FlagCopied
		c := off >> g.ClusterBits
		if e&^plain == 0 && c-1 < n-1 && i+64 <= len(table) && times != saturated && w.eightInRow(table[i:i+64], e, times, j) {
			s.lo, s.hi = min(s.lo, uint32(c)), max(s.hi, uint32(c)+7)
			if next != 0 && off != next {
				frag++
			}
			alloc, next, i = alloc+8, off+8*cs, i+56
			continue
		}
		if e&^plain != 0 || c-1 >= n-1 || counts[c] != 0 || times == saturated {
			w.alloc, w.frag, w.next = 0, 0, next
			w.entry(j, int64(i/8), qcow2.L2Entry{Entry: e}, &s)
			alloc, frag, next = alloc+w.alloc, frag+w.frag, w.next
			continue
		}
		counts[c] = times
		if j.active > 0 {
			roles[c] |= role | seenUncopied>>(e>>63)
		} else {
			roles[c] |= role
		}
		s.lo, s.hi = min(s.lo, uint32(c)), max(s.hi, uint32(c))
		if next != 0 && off != next {
			frag++
		}
		alloc++
		next = off + cs
	}
	if j.active > 0 {
		w.stats.Allocated += alloc * j.active
		w.stats.Fragmented += frag * j.active
	}
	w.keepTree(j, s)
}

// each is a byte of 1 in all eight bytes of a word.
const each = 0x0101010101010101

// eightInRow counts eight entries at a time, of which e is the first and plain: it does so
// when the others map the clusters that follow, in a row, and none of the eight had a
// reference. Most of a large image is so. Else it does nothing.
func (w *walker) eightInRow(table []byte, e uint64, times uint8, j *l2Job) bool {
	c := int64(e &^ qcow2.FlagCopied >> w.g.ClusterBits)
	if c+8 > w.hostClusters {
		return false
	}
	be, le, cs := binary.BigEndian, binary.LittleEndian, uint64(1)<<w.g.ClusterBits
	table = table[:64]
	others := (be.Uint64(table[8:]) ^ (e + cs)) | (be.Uint64(table[16:]) ^ (e + 2*cs)) | (be.Uint64(table[24:]) ^ (e + 3*cs)) |
		(be.Uint64(table[32:]) ^ (e + 4*cs)) | (be.Uint64(table[40:]) ^ (e + 5*cs)) | (be.Uint64(table[48:]) ^ (e + 6*cs)) |
		(be.Uint64(table[56:]) ^ (e + 7*cs))
	counts, roles := w.t.counts[c:c+8], w.t.roles[c:c+8]
	if others != 0 || le.Uint64(counts) != 0 {
		return false
	}
	le.PutUint64(counts, each*uint64(times))
	role := uint8(j.dataRole())
	if j.active > 0 {
		role |= seenUncopied >> (e >> 63)
	}
	le.PutUint64(roles, le.Uint64(roles)|each*uint64(role))
	return true
}

// walkL2Slowly takes every entry one by one.
func (w *walker) walkL2Slowly(j *l2Job, table []byte, s *span) {
	w.alloc, w.frag, w.next = 0, 0, 0
	for i := range int64(len(table)) / w.g.L2EntrySize() {
		e := qcow2.L2Table(table).At(w.g, i)
		if e.Entry != 0 || e.Bitmap != 0 {
			w.entry(j, i, e, s)
		}
	}
	w.stats.Allocated += w.alloc * j.active
	w.stats.Fragmented += w.frag * j.active
}

// entry judges and counts one L2 entry that is not all zero.
func (w *walker) entry(j *l2Job, i int64, e qcow2.L2Entry, s *span) {
	w.nonzero = true
	kind := e.Kind(w.g)
	at := Trouble{Role: j.dataRole(), Root: j.root, L1Index: j.l1Index, L2Index: i,
		At: j.off + qcow2.HostOff(i*w.g.L2EntrySize()), Entry: e.Entry, Bitmap: e.Bitmap, Times: j.times(), Phantom: j.phantom}
	if kind == qcow2.Compressed {
		w.compressedEntry(j, e, at, s)
		return
	}
	at.Host = qcow2.Range[qcow2.HostOff]{Start: e.Host(), Len: qcow2.HostOff(w.g.ClusterSize())}
	if e.Reserved() != 0 {
		w.trouble(L2ReservedBits, at)
	}
	switch {
	case w.g.ExtendedL2 && e.Entry&qcow2.FlagZero != 0:
		w.trouble(ZeroBitInExtended, at)
	case w.g.Version == 2 && e.Entry&qcow2.FlagZero != 0:
		w.trouble(ZeroInVersion2, at)
	}
	switch kind {
	case qcow2.Normal, qcow2.ZeroAlloc:
		w.standardEntry(j, kind, e, at, s)
	case qcow2.Unallocated:
		if e.Bitmap.Alloc() != 0 {
			w.trouble(SubclusterAllocNoHost, at)
		}
	}
}

func (w *walker) standardEntry(j *l2Job, kind qcow2.ClusterKind, e qcow2.L2Entry, at Trouble, s *span) {
	if e.Bitmap.Alloc()&e.Bitmap.Zero() != 0 {
		w.trouble(SubclusterZeroAndAlloc, at)
	}
	off := e.Host()
	if !w.g.Aligned(off) {
		holdsData := e.Entry&qcow2.FlagZero == 0
		if w.g.ExtendedL2 {
			holdsData = e.Bitmap.Alloc() != 0
		}
		if holdsData {
			w.trouble(DataUnaligned, at)
		} else {
			w.trouble(PreallocUnaligned, at)
		}
	}
	w.alloc++
	if w.next != 0 && uint64(off) != w.next {
		w.frag++
	}
	w.next = uint64(off) + uint64(w.g.ClusterSize())
	if w.g.DataFile {
		if qcow2.GuestOff(off) != w.g.GuestOffset(j.l1Index, at.L2Index) {
			w.trouble(DataFileOffset, at)
		}
		w.dataFileCopied(j, e)
		return
	}
	role := j.dataRole()
	if kind == qcow2.ZeroAlloc && j.active > 0 {
		role = ZeroData
	}
	w.judgeSharing(j, at)
	if !w.t.addRegion(off, w.g.ClusterSize(), role, j.times()) {
		w.trouble(RegionBeyondEOF, at)
	} else {
		w.touchRegion(s, at.Host)
	}
	if j.active > 0 && !j.phantom {
		w.sawFlag(off, e.Copied())
	}
}

// dataFileCopied notes a wrong flag: clusters of a data file count as refcount 1.
func (w *walker) dataFileCopied(j *l2Job, e qcow2.L2Entry) {
	if j.active > 0 && !e.Copied() {
		w.copiedUnknown = true
	}
}

func (w *walker) compressedEntry(j *l2Job, e qcow2.L2Entry, at Trouble, s *span) {
	r := e.CompressedRange(w.g)
	at.Host = r
	if e.Copied() {
		w.trouble(CompressedCopied, at)
	}
	if w.g.DataFile {
		w.trouble(CompressedWithDataFile, at)
		return
	}
	if e.Bitmap != 0 {
		w.trouble(CompressedBitmap, at)
		return
	}
	role := CompressedData
	if j.active == 0 {
		role = InactiveData
	}
	w.judgeOverlap(j, at)
	if !w.t.addRegion(r.Start, int64(r.Len), role, j.times()) {
		w.trouble(RegionBeyondEOF, at)
	} else {
		w.touchRegion(s, r)
	}
	w.stats.Allocated += j.active
	w.stats.Compressed += j.active
	w.stats.Fragmented += j.active
}

func (w *walker) touchRegion(s *span, r qcow2.Range[qcow2.HostOff]) {
	s.touch(int64(w.g.Cluster(r.Start)))
	s.touch(int64(w.g.Cluster(r.End() - 1)))
}

// sawFlag remembers for the cluster whether the active tree points to it with COPIED. The
// flag is judged against the cluster that QEMU looks at, that of the offset's start. The
// cluster right past the end has a role byte too: the table may yet grow by it.
func (w *walker) sawFlag(off qcow2.HostOff, copied bool) {
	c := int64(w.g.Cluster(off))
	if c < 0 || c >= w.t.n {
		w.copiedUnknown = true
	}
	if c < 0 || c >= int64(len(w.t.roles)) {
		return
	}
	if copied {
		w.t.roles[c] |= seenCopied
	} else {
		w.t.roles[c] |= seenUncopied
	}
}

func (w *walker) keepTree(j *l2Job, s span) {
	if j.phantom {
		return
	}
	if len(w.tree.Tables) >= maxTree {
		w.tree.Complete = false
		return
	}
	w.tree.Tables = append(w.tree.Tables, L2Ref{j.off, j.l1Index, j.root, s.lo > s.hi && !w.nonzero, j.repeat, s.lo, s.hi})
}
