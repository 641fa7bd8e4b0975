package redirect

import (
	"encoding/binary"
	"errors"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// nodeKey is a node by where it lies in the image with the plan.
type nodeKey struct {
	kind Kind
	off  qcow2.HostOff
	len  int64
}

// node is a table, a data cluster or a compressed stream on a path to what changes.
type node struct {
	nodeKey
	cursor Cursor // the path by which it was reached first
	// moved tells that it lies on something live, so that it gets a new place. Otherwise it
	// is new already, and is changed where it is.
	moved    bool
	fresh    bool // it does not exist in the image with the plan
	to       qcow2.HostOff
	fields   []field // that point to it
	followed bool    // all fields that point to it were looked for
	paths    int64   // to it in the result; -1: not counted yet
}

// field is a pointer to a node.
type field struct {
	parent *node // nil: the header cluster
	at     int64 // offset in the parent
	mask   uint64
	word   uint64 // what it holds in the image with the plan
	cursor Cursor
	// uncounted pointers are those that QEMU does not count.
	uncounted bool
}

// fieldPlace is where a field stands.
type fieldPlace struct {
	parent *node
	at     int64
}

// errPlaceBound says that a node's bytes mean something only where they are.
var errPlaceBound = errors.New("redirect: LUKS encrypts each sector for its place in the file")

// Redirect gives the node that the cursor leads to a new place, and every table on the path
// to it. A node that was redirected already, by this path or another, stays where it went,
// and the pointer is set to it. A node that others share with this path loses one
// reference. The references below a copy are those that the path had before: in qcow2 a
// refcount counts the paths from the roots, so that those of children do not change.
func (t *Tx) Redirect(c Cursor) error {
	if !c.valid() {
		return cannot("there is no path %+v", c)
	}
	_, err := t.redirect(c)
	return err
}

func (t *Tx) redirect(c Cursor) (*node, error) {
	if n := t.at[c]; n != nil {
		return n, nil
	}
	var parent *node
	if c.Depth > 0 {
		var err error
		if parent, err = t.redirect(c.parent()); err != nil {
			return nil, err
		}
	}
	f, key, err := t.resolve(c, parent)
	if err != nil {
		return nil, err
	}
	n := t.nodes[key]
	if n == nil {
		if n, err = t.newNode(key, c); err != nil {
			return nil, err
		}
	}
	t.at[c] = n
	return n, t.point(n, f)
}

// point notes that the field leads to the node.
func (t *Tx) point(n *node, f field) error {
	place := fieldPlace{f.parent, f.at}
	if by, ok := t.fields[place]; ok {
		if t.at[by] != n {
			return cannot("%v and %v are the same field and mean different things", by, f.cursor)
		}
		return nil
	}
	if n.kind == KindRefblock && len(n.fields) > 0 {
		return cannot("%v and %v are one refblock", n.fields[0].cursor, f.cursor)
	}
	if len(t.fields) >= maxFields {
		return cannot("more than %d pointers would have to change", maxFields)
	}
	t.fields[place] = f.cursor
	n.fields = append(n.fields, f)
	return nil
}

func (t *Tx) newNode(key nodeKey, c Cursor) (*node, error) {
	n := &node{nodeKey: key, cursor: c, to: key.off, paths: -1}
	if key.off < 0 || key.len <= 0 || key.len > maxCopied {
		return nil, cannot("%v leads to 0x%x bytes at 0x%x", c, key.len, int64(key.off))
	}
	for k := range n.clusters(t.g) {
		n.moved = n.moved || t.live.has(k)
	}
	if n.moved {
		if t.bytes += n.copied(t.g).to - n.copied(t.g).from; t.bytes > max(maxCopied, 4*t.plan.Bytes()) {
			return nil, cannot("more than %v would have to be copied", qcow2.Size(maxCopied))
		}
		if t.img.LUKS.Len > 0 && (key.kind == KindData || key.kind == KindStream) {
			return nil, errPlaceBound
		}
	}
	t.nodes[key] = n
	t.order = append(t.order, n)
	return n, nil
}

// clusters visits those that the node touches where it lies.
func (n *node) clusters(g qcow2.Geometry) func(func(qcow2.HostCluster) bool) {
	return func(yield func(qcow2.HostCluster) bool) {
		for c := g.Cluster(n.off); c <= g.Cluster(n.off+qcow2.HostOff(n.len)-1); c++ {
			if !yield(c) {
				return
			}
		}
	}
}

// span is how many clusters it touches.
func (n *node) span(g qcow2.Geometry) int64 {
	return int64(g.Cluster(n.off+qcow2.HostOff(n.len)-1)-g.Cluster(n.off)) + 1
}

// copied are the bytes that go along: whole clusters, except for what shares them.
func (n *node) copied(g qcow2.Geometry) extent {
	if n.kind == KindStream || !g.Aligned(n.off) {
		return extent{int64(n.off), int64(n.off) + n.len}
	}
	return extent{int64(n.off), int64(n.off) + n.span(g)<<g.ClusterBits}
}

// resolve finds the field at the end of the path, and what it points to. The parent is nil
// for a field of the header.
func (t *Tx) resolve(c Cursor, parent *node) (field, nodeKey, error) {
	f := field{parent: parent, cursor: c, mask: ^uint64(0)}
	key := nodeKey{kind: c.Kind(), len: t.g.ClusterSize()}
	if err := t.place(c, &f, &key); err != nil {
		return f, key, err
	}
	base := int64(0)
	if parent != nil {
		if f.at < 0 || f.at+8 > parent.len {
			return f, key, cannot("%v is not in the table", c)
		}
		base = int64(parent.off)
	}
	var entry [16]byte // an extended entry, or a pointer and what follows it
	if err := source.ReadFull(t.img.Src, entry[:], base+f.at); err != nil {
		return f, key, err
	}
	f.word = binary.BigEndian.Uint64(entry[:])
	if key.kind == KindData {
		if t.g.DataFile {
			return f, key, cannot("%v leads into the external data file", c)
		}
		t.data(&f, &key, qcow2.SubclusterBitmap(binary.BigEndian.Uint64(entry[8:])))
	}
	key.off = qcow2.HostOff(f.word & f.mask)
	if key.off <= 0 {
		return f, key, cannot("%v leads to nothing", c)
	}
	return f, key, nil
}

// place says where the field stands, and how long what it points to is.
func (t *Tx) place(c Cursor, f *field, key *nodeKey) error {
	if c.Depth == 0 {
		return t.rootField(c.Root, f, key)
	}
	i := c.last()
	if i < 0 {
		return cannot("%v is before the table", c)
	}
	switch parent := kinds[c.Root][c.Depth-1]; parent {
	case KindL1, KindBitmapTable:
		f.at, f.mask = 8*i, qcow2.OffsetMask
	case KindL2:
		f.at, f.mask = i*t.g.L2EntrySize(), qcow2.OffsetMask
	case KindReftable:
		f.at, f.mask = 8*i, qcow2.ReftableOffset
	case KindSnapshotTable:
		if i >= int64(len(t.after.Snapshots.Snapshots)) {
			return cannot("there is no snapshot %d", i)
		}
		f.at = t.after.Snapshots.Offsets[i] - int64(t.after.Snapshots.Off)
		key.len = int64(t.after.Snapshots.Snapshots[i].L1Size) * qcow2.L1EntrySize
	case KindBitmapDirectory:
		if i >= int64(len(t.bitmaps)) {
			return cannot("there is no bitmap %d", i)
		}
		f.at = t.bitmaps[i]
		key.len = int64(t.img.Bitmaps[i].TableSize) * qcow2.BitmapTableEntrySize
	}
	return nil
}

// rootField is a pointer in the header cluster.
func (t *Tx) rootField(r Root, f *field, key *nodeKey) error {
	switch r {
	case ActiveL1:
		f.at, key.len = qcow2.OffL1Table, t.img.L1.Bytes()
	case SnapshotTable:
		f.at, key.len = qcow2.OffSnapshots, t.after.Snapshots.Bytes
	case Reftable:
		f.at, key.len = qcow2.OffReftable, t.img.ReftableBytes()
	case BitmapDirectory:
		e := qcow2.FindExtension(t.img.Extensions, qcow2.ExtBitmaps)
		if e == nil || t.img.BitmapsExt == nil {
			return cannot("the image has no bitmap directory")
		}
		f.at, key.len = e.Off+offExtDirectory, int64(t.img.BitmapsExt.DirectorySize)
	case LUKSHeader:
		e := qcow2.FindExtension(t.img.Extensions, qcow2.ExtLUKS)
		if e == nil || t.img.LUKS.Len <= 0 {
			return cannot("the image has no LUKS header")
		}
		f.at, key.len = e.Off+offExtLUKS, int64(t.img.LUKS.Len)
	}
	return nil
}

// Offsets of the pointers in an extension, from its type field on.
const (
	offExtDirectory = 8 + 16
	offExtLUKS      = 8
)

// data takes in what only the entry tells: a compressed cluster is a stream.
func (t *Tx) data(f *field, key *nodeKey, bitmap qcow2.SubclusterBitmap) {
	e := qcow2.L2Entry{Entry: f.word}
	if e.Kind(t.g) != qcow2.Compressed {
		return
	}
	r := e.CompressedRange(t.g)
	key.kind, key.len = KindStream, int64(r.Len)
	f.mask = 1<<(62-(t.g.ClusterBits-8)) - 1
	f.uncounted = t.g.ExtendedL2 && bitmap != 0
}
