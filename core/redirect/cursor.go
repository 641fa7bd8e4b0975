package redirect

import (
	"fmt"

	"qcowscope/core/refcount"
)

// Root is where a path into the image begins: a pointer in the header or its extensions.
type Root uint8

// The roots.
const (
	ActiveL1 Root = iota
	SnapshotTable
	Reftable
	BitmapDirectory
	LUKSHeader
)

// Kind is what a path leads to.
type Kind uint8

// The kinds of nodes.
const (
	KindL1 Kind = iota
	KindL2
	KindData
	KindStream // of a compressed cluster: not a whole number of clusters
	KindSnapshotTable
	KindReftable
	KindRefblock
	KindBitmapDirectory
	KindBitmapTable
	KindBitmapData
	KindLUKS
)

func (k Kind) String() string {
	return [...]string{"L1 table", "L2 table", "data cluster", "compressed cluster", "snapshot table", "refcount table", "refblock",
		"bitmap directory", "bitmap table", "bitmap data", "LUKS header"}[k]
}

// kinds are what stands at each depth below a root. A data cluster may turn out to be a stream.
var kinds = [...][]Kind{
	ActiveL1:        {KindL1, KindL2, KindData},
	SnapshotTable:   {KindSnapshotTable, KindL1, KindL2, KindData},
	Reftable:        {KindReftable, KindRefblock},
	BitmapDirectory: {KindBitmapDirectory, KindBitmapTable, KindBitmapData},
	LUKSHeader:      {KindLUKS},
}

// Cursor is a path from a root to a node: at each level below the root the index of the
// entry to follow. The active L1 table is {ActiveL1}, the L2 table of its entry 3 is
// {ActiveL1, 3}, a data cluster of snapshot 0 is {SnapshotTable, 0, 3, 17}.
type Cursor struct {
	Root  Root
	Depth int
	Index [3]int64
}

// At is the cursor with the indices.
func At(root Root, index ...int64) Cursor {
	c := Cursor{Root: root, Depth: len(index)}
	copy(c.Index[:], index)
	return c
}

// parent is the cursor of the node that holds the pointer. It is not for a depth of 0.
func (c Cursor) parent() Cursor {
	c.Depth--
	c.Index[c.Depth] = 0
	return c
}

// last is the index of the pointer in its table.
func (c Cursor) last() int64 { return c.Index[c.Depth-1] }

// Kind is what the cursor leads to, as far as the path tells: a compressed cluster is KindData.
func (c Cursor) Kind() Kind { return kinds[c.Root][c.Depth] }

// valid tells whether there can be such a path.
func (c Cursor) valid() bool {
	return int(c.Root) < len(kinds) && c.Depth >= 0 && c.Depth < len(kinds[c.Root])
}

// String is the field that points to the node: "l2[3][17]", "snapshot[0].l1_table_offset".
func (c Cursor) String() string {
	switch c.Root {
	case ActiveL1:
		return [...]string{"l1_table_offset", fmt.Sprintf("l1[%d]", c.Index[0]), fmt.Sprintf("l2[%d][%d]", c.Index[0], c.Index[1])}[c.Depth]
	case SnapshotTable:
		if c.Depth == 0 {
			return "snapshots_offset"
		}
		below := Cursor{Root: ActiveL1, Depth: c.Depth - 1}
		copy(below.Index[:], c.Index[1:])
		return fmt.Sprintf("snapshot[%d].%v", c.Index[0], below)
	case Reftable:
		return [...]string{"refcount_table_offset", fmt.Sprintf("reftable[%d]", c.Index[0])}[c.Depth]
	case BitmapDirectory:
		return [...]string{"bitmap_directory_offset", fmt.Sprintf("bitmap[%d]", c.Index[0]), fmt.Sprintf("bitmap[%d].table[%d]", c.Index[0], c.Index[1])}[c.Depth]
	}
	return "LUKS extension"
}

// cursorOf is the path of a pointer that was found; ok is false for the header, to which
// nothing points.
func cursorOf(k refcount.Claim) (c Cursor, ok bool) {
	tree := func(index ...int64) Cursor {
		if k.Root > 0 {
			return At(SnapshotTable, append([]int64{int64(k.Root - 1)}, index...)...)
		}
		return At(ActiveL1, index...)
	}
	switch {
	case k.Role == refcount.Header:
		return c, false
	case k.Role == refcount.Reftable:
		return At(Reftable), true
	case k.Role == refcount.Refblock:
		return At(Reftable, k.L1Index), true
	case k.Role == refcount.SnapshotTable:
		return At(SnapshotTable), true
	case k.Role == refcount.Crypto:
		return At(LUKSHeader), true
	case k.Role == refcount.BitmapData && k.L1Index < 0:
		return At(BitmapDirectory), true
	case k.Role == refcount.BitmapData && k.L2Index < 0:
		return At(BitmapDirectory, k.L1Index), true
	case k.Role == refcount.BitmapData:
		return At(BitmapDirectory, k.L1Index, k.L2Index), true
	case k.L1Index < 0:
		return tree(), true
	case k.L2Index < 0:
		return tree(k.L1Index), true
	}
	return tree(k.L1Index, k.L2Index), true
}
