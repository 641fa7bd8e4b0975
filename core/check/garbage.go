package check

import (
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// garbageEntries is how many impossible entries make an L2 table garbage: a table that was
// overwritten has hundreds of them, a flipped bit makes one.
const garbageEntries = 8

// heldMost bounds the findings that are held back; a table that has so many without an
// impossible entry among the first is one.
const heldMost = 4096

// garbageFilter holds back the findings of one L2 table until it is known whether the table
// is one at all. Garbage is one finding, with QEMU's counts, not a thousand.
type garbageFilter struct {
	open       bool
	held       []Finding
	table      qcow2.HostOff
	root       int
	l1Index    int64
	impossible int
	last       int64  // the last impossible entry
	times      uint64 // corruptions that QEMU counts in the table
}

// take holds the finding back if it is about an entry of an L2 table.
func (h *garbageFilter) take(c *checker, f Finding) {
	if f.At.Kind != FieldL2 {
		h.flush(c)
		c.add(f)
		return
	}
	table := f.At.Off - qcow2.HostOff(f.At.L2Index*c.img.Geo.L2EntrySize())
	if !h.open || table != h.table || f.At.Root != h.root || f.At.L1Index != h.l1Index {
		h.flush(c)
		*h = garbageFilter{open: true, held: h.held[:0], table: table, root: f.At.Root, l1Index: f.At.L1Index, last: -1}
	}
	switch f.Code {
	case L2ReservedBits, DataUnaligned, PreallocUnaligned, CompressedCopied:
		if f.At.L2Index != h.last {
			h.impossible++
			h.last = f.At.L2Index
		}
	}
	if f.Code.Class() == Corruption {
		h.times += f.Times
	}
	if h.impossible >= garbageEntries {
		for _, held := range append(h.held, f) {
			c.count(held)
		}
		h.held = h.held[:0]
		return
	}
	if h.held = append(h.held, f); len(h.held) == heldMost {
		h.flush(c)
	}
}

// flush lets the findings go, or one in their place.
func (h *garbageFilter) flush(c *checker) {
	for _, f := range h.held {
		c.add(f)
	}
	h.held = h.held[:0]
	if h.open && h.impossible >= garbageEntries {
		h.tellGarbage(c)
	}
	h.open = false
}

// tellGarbage tells the one finding that stands for the table.
func (h *garbageFilter) tellGarbage(c *checker) {
	g := c.img.Geo
	f := Finding{Code: L2TableGarbage, Class: Corruption, Times: h.times, Want: uint64(h.impossible),
		Host:  qcow2.Range[qcow2.HostOff]{Start: h.table, Len: qcow2.HostOff(g.ClusterSize())},
		Guest: c.guest(refcount.Trouble{Root: h.root, L1Index: h.l1Index, L2Index: -1}),
		At:    Place{Kind: FieldL1, Role: refcount.L2, Root: h.root, L1Index: h.l1Index, L2Index: -1, Off: -1}}
	if l1 := c.l1Of(h.root); l1 >= 0 {
		f.At.Off = l1 + qcow2.HostOff(8*h.l1Index)
		var b [8]byte
		if source.ReadFull(c.img.Src, b[:], int64(f.At.Off)) == nil {
			f.Got = be64(b[:])
		}
	}
	c.tell(f)
}

// l1Of is where the L1 table of a root lies, -1 if it has none.
func (c *checker) l1Of(root int) qcow2.HostOff {
	switch {
	case root == 0:
		return c.img.L1.Off
	case root > 0 && root <= len(c.report.Snapshots.Snapshots):
		return qcow2.HostOff(c.report.Snapshots.Snapshots[root-1].L1TableOffset)
	}
	return -1
}
