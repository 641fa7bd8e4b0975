package refcount

import (
	"context"
	"encoding/binary"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Claim is one pointer that leads to a cluster.
type Claim struct {
	Cluster qcow2.HostCluster // the one asked for
	Role    Role              // of what is pointed to
	Root    int               // -1 none, 0 the active layer, n the nth snapshot
	L1Index int64             // or the index in the reftable or bitmap directory; -1 if none
	L2Index int64             // or the index in the bitmap table; -1 if none
	At      qcow2.HostOff     // of the pointer in the file; -1 if it has none
	Entry   uint64            // what the pointer's field holds
	Bitmap  qcow2.SubclusterBitmap
	Host    qcow2.Range[qcow2.HostOff] // what it points to
}

// Want selects the clusters whose claims are asked for: those in [Lo, Hi] for which Has is
// true. Has may be nil.
type Want struct {
	Lo, Hi qcow2.HostCluster
	Has    func(qcow2.HostCluster) bool
}

// Claimants visits every pointer to a wanted cluster until visit is false, in the order of
// the structures; a pointer to several wanted clusters is visited once for each. A table
// that several roots share is visited for the first of them. Which L2 tables to read is
// known from the walk; complete is false when the image has more tables than that list
// keeps, or when some could not be read.
func Claimants(ctx context.Context, img *image.Image, snaps *image.SnapshotTable, res *Result, want Want, visit func(Claim) bool) (complete bool, err error) {
	c := &claimants{ctx: ctx, img: img, g: img.Geo, snaps: snaps, want: want, visit: visit, complete: res.Tree.Complete}
	for _, step := range []func(*Result) error{c.fixed, c.l1Tables, c.l2Tables, c.bitmaps} {
		if err := step(res); err != nil || c.stopped {
			return c.complete, err
		}
	}
	return c.complete, nil
}

type claimants struct {
	ctx      context.Context
	img      *image.Image
	g        qcow2.Geometry
	snaps    *image.SnapshotTable
	want     Want
	visit    func(Claim) bool
	stopped  bool
	complete bool
}

// claim visits for each wanted cluster that the region touches.
func (c *claimants) claim(off qcow2.HostOff, n int64, k Claim) {
	if n <= 0 || off < 0 {
		return
	}
	k.Host = qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(n)}
	lo, hi := max(c.g.Cluster(off), c.want.Lo), min(c.g.Cluster(off+qcow2.HostOff(n)-1), c.want.Hi)
	for hit := lo; hit <= hi && !c.stopped; hit++ {
		if c.want.Has == nil || c.want.Has(hit) {
			k.Cluster = hit
			c.stopped = !c.visit(k)
		}
	}
}

// fixed are the structures that the header points to.
func (c *claimants) fixed(*Result) error {
	h, cs := &c.img.Header, c.g.ClusterSize()
	none := Claim{Root: -1, L1Index: -1, L2Index: -1, At: -1}
	head := none
	head.Role = Header
	c.claim(0, cs, head)
	from := func(role Role, root int, at int64, entry uint64) Claim {
		k := none
		k.Role, k.Root, k.At, k.Entry = role, root, qcow2.HostOff(at), entry
		return k
	}
	c.claim(c.img.L1.Off, c.img.L1.Bytes(), from(L1, 0, qcow2.OffL1Table, h.L1TableOffset))
	c.claim(qcow2.HostOff(h.RefcountTableOffset), c.img.ReftableBytes(), from(Reftable, -1, qcow2.OffReftable, h.RefcountTableOffset))
	c.claim(c.snaps.Off, c.snaps.Bytes, from(SnapshotTable, -1, qcow2.OffSnapshots, h.SnapshotsOffset))
	c.claim(c.img.LUKS.Start, int64(c.img.LUKS.Len), from(Crypto, -1, -1, uint64(c.img.LUKS.Start)))
	for i, s := range c.snaps.Snapshots {
		if s.L1Size <= qcow2.MaxL1Entries {
			c.claim(qcow2.HostOff(s.L1TableOffset), int64(s.L1Size)*qcow2.L1EntrySize, from(InactiveL1, i+1, c.snaps.Offsets[i], s.L1TableOffset))
		}
	}
	for i, e := range c.img.Reftable {
		if e.Refblock() > 0 {
			k := from(Refblock, -1, int64(h.RefcountTableOffset)+8*int64(i), uint64(e))
			k.L1Index = int64(i)
			c.claim(e.Refblock(), cs, k)
		}
	}
	return c.ctx.Err()
}

// roots are the L1 tables by number, the active one and then those of the snapshots: each
// table once, and no more of them than the walk goes through.
func (c *claimants) roots() (tables []image.L1Table, numbers []int) {
	seen := map[image.L1Table]bool{}
	budget := overlapSlack + c.img.Src.Size()
	for n := range len(c.snaps.Snapshots) + 1 {
		t := c.img.L1
		if n > 0 {
			s := c.snaps.Snapshots[n-1]
			t = image.L1Table{Off: qcow2.HostOff(s.L1TableOffset), Entries: int64(s.L1Size)}
		}
		if n > 0 && seen[t] || t.Entries > qcow2.MaxL1Entries || !c.g.Aligned(t.Off) || t.Off < 0 {
			continue
		}
		seen[t] = true
		inFile := max(0, min(t.Bytes(), c.img.Src.Size()-int64(t.Off)))
		if budget -= inFile; budget < 0 {
			c.complete = false
			break
		}
		t.Entries = inFile / qcow2.L1EntrySize
		tables, numbers = append(tables, t), append(numbers, n)
	}
	return tables, numbers
}

// l1Tables visits the L1 entries whose L2 table touches a wanted cluster.
func (c *claimants) l1Tables(*Result) error {
	const window = 1 << 20
	buf := make([]byte, window)
	tables, numbers := c.roots()
	for k, t := range tables {
		for off := int64(0); off < t.Bytes() && !c.stopped; off += window {
			b := buf[:min(window, t.Bytes()-off)]
			if err := c.img.ReadBatch(c.ctx, []source.Request{{Off: int64(t.Off) + off, Buf: b}}); err != nil {
				if c.ctx.Err() != nil {
					return c.ctx.Err()
				}
				c.complete = false
				continue
			}
			c.l1Entries(b, t.Off+qcow2.HostOff(off), off/qcow2.L1EntrySize, numbers[k])
		}
	}
	return nil
}

// l1Entries visits the entries in b, which begin with the one of index first at offset at.
func (c *claimants) l1Entries(b []byte, at qcow2.HostOff, first int64, root int) {
	role := L2
	if root > 0 {
		role = InactiveL2
	}
	for i := int64(0); 8*i < int64(len(b)); i++ {
		e := binary.BigEndian.Uint64(b[8*i:])
		if l2 := qcow2.L1Entry(e).L2Table(); l2 != 0 {
			c.claim(l2, c.g.ClusterSize(), Claim{Role: role, Root: root, L1Index: first + i, L2Index: -1, At: at + qcow2.HostOff(8*i), Entry: e})
		}
	}
}

// l2Tables visits the entries of the tables whose range of host clusters meets the wanted one.
func (c *claimants) l2Tables(res *Result) error {
	tables := source.NewInTurn(c.ctx, c.img.Src, source.Ahead{Batches: readAhead, Bytes: batchBytes}, func(i int, r source.Request, err error) error {
		if err != nil {
			c.complete = false
			return nil
		}
		c.scan(res.Tree.Tables[i], r.Buf)
		return nil
	})
	n := int(c.g.ClusterSize())
	for i, t := range res.Tree.Tables {
		if qcow2.HostCluster(t.Lo) > c.want.Hi || qcow2.HostCluster(t.Hi) < c.want.Lo {
			continue
		}
		if err := tables.Add(int64(t.Off), n, i); err != nil {
			return err
		}
	}
	return tables.Finish()
}

func (c *claimants) scan(t L2Ref, table qcow2.L2Table) {
	for j := range c.g.L2Entries() {
		e := table.At(c.g, j)
		if e.Entry == 0 || c.stopped {
			continue
		}
		k := Claim{Root: t.Root, L1Index: t.L1Index, L2Index: j, At: t.Off + qcow2.HostOff(j*c.g.L2EntrySize()), Entry: e.Entry, Bitmap: e.Bitmap, Role: Data}
		switch e.Kind(c.g) {
		case qcow2.Compressed:
			r := e.CompressedRange(c.g)
			k.Role = CompressedData
			c.claim(r.Start, int64(r.Len), k)
		case qcow2.ZeroAlloc, qcow2.Normal:
			if e.Kind(c.g) == qcow2.ZeroAlloc {
				k.Role = ZeroData
			}
			if !c.g.DataFile { // else the cluster is one of the data file
				c.claim(e.Host(), c.g.ClusterSize(), k)
			}
		}
	}
}

// bitmaps visits the directory, the tables and their entries.
func (c *claimants) bitmaps(*Result) error {
	ext := c.img.BitmapsExt
	if ext == nil {
		return nil
	}
	k := Claim{Role: BitmapData, Root: -1, L1Index: -1, L2Index: -1, At: -1, Entry: ext.DirectoryOffset}
	c.claim(qcow2.HostOff(ext.DirectoryOffset), int64(ext.DirectorySize), k)
	for i := range c.img.Bitmaps {
		m := &c.img.Bitmaps[i]
		k.L1Index, k.L2Index, k.Entry, k.At = int64(i), -1, m.TableOffset, -1
		off := qcow2.HostOff(min(m.TableOffset, 1<<62))
		c.claim(off, int64(m.TableSize)*qcow2.BitmapTableEntrySize, k)
		table, err := c.img.BitmapTable(m)
		if err != nil {
			continue // it is a finding already
		}
		for j, e := range table {
			if data := e & qcow2.OffsetMask; data != 0 {
				k.L2Index, k.Entry, k.At = int64(j), e, off+qcow2.HostOff(8*j)
				c.claim(qcow2.HostOff(data), c.g.ClusterSize(), k)
			}
		}
	}
	return c.ctx.Err()
}
