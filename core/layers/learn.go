package layers

import (
	"encoding/binary"
	"math/bits"

	"qcowscope/core/qcow2"
)

// learn takes down what a table says: who holds the clusters it points to and, for the
// active layer, what is where on the disk.
func (h *Holdings) learn(t *table, b qcow2.L2Table) {
	g := h.img.Geo
	id := h.sets.id(set{by: t.by, state: t.state, unknown: t.unknown})
	h.hold(t.off, g.ClusterSize(), id)
	l := lesson{Holdings: h, id: id, active: t.active, state: t.state}
	l.first = t.l1Index * g.L2Entries()
	l.end = h.diskClusters()
	if g.ExtendedL2 || g.DataFile {
		for j := range g.L2Entries() {
			if e := b.At(g, j); e.Entry != 0 || e.Bitmap != 0 {
				l.entry(j, e)
			}
		}
		return
	}
	l.plain(b)
}

// lesson is what is needed for each entry of a table.
type lesson struct {
	*Holdings
	id     setID
	packed setID // the same for compressed clusters; nobody until there is one
	active int64
	state  bool
	first  int64 // guest cluster of entry 0
	end    int64 // of the disk, clusters
}

// plain handles a table of standard entries; the ordinary one, aligned and inside the file,
// by itself.
func (l *lesson) plain(b []byte) {
	cb, cs := l.img.Geo.ClusterBits, uint64(l.img.Geo.ClusterSize())
	odd := ^(qcow2.FlagCopied | qcow2.OffsetMask&^(cs-1))
	owners, n := l.owners, uint64(len(l.owners))
	for i := 0; i+8 <= len(b); i += 8 {
		e := binary.BigEndian.Uint64(b[i:])
		if e == 0 {
			continue
		}
		c := e &^ qcow2.FlagCopied >> cb
		if e&odd != 0 || c == 0 || c >= n {
			l.entry(int64(i/8), qcow2.L2Entry{Entry: e})
			continue
		}
		if was := owners[c]; was != l.id {
			owners[c] = l.sets.join(was, l.id)
		}
		l.onDisk(int64(i/8), &l.guest.stored)
	}
}

// onDisk counts a cluster of the active layer.
func (l *lesson) onDisk(j int64, n *int64) {
	switch {
	case l.first+j < l.end:
		*n += l.active
	case !l.state && n == &l.guest.stored:
		l.guest.beyond += l.active
	}
}

func (l *lesson) entry(j int64, e qcow2.L2Entry) {
	g := l.img.Geo
	switch e.Kind(g) {
	case qcow2.Compressed:
		if l.packed == nobody {
			l.packed = l.sets.packed(l.id)
		}
		if !g.DataFile {
			r := e.CompressedRange(g)
			l.hold(r.Start, int64(r.Len), l.packed)
		}
		l.onDisk(j, &l.guest.compressed)
	case qcow2.Normal, qcow2.ZeroAlloc:
		if !g.DataFile {
			l.hold(e.Host(), g.ClusterSize(), l.id)
		}
		l.onDisk(j, &l.guest.stored)
	case qcow2.ZeroPlain:
		l.zeros(j, g.ClusterSize())
	case qcow2.Unallocated:
		l.zeros(j, int64(bits.OnesCount32(e.Bitmap.Zero()))*g.SubclusterSize())
	}
}

func (l *lesson) zeros(j, n int64) {
	if l.first+j < l.end {
		l.guest.zero += n * l.active
	}
}
