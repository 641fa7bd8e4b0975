package service

import (
	"context"
	"encoding/binary"
	"math/bits"

	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

const (
	maxTablesAtOnce  = 16  // L2 tables that are read in one go
	maxTablesUnasked = 256 // and that are read without being asked to
)

// WriteStates are the states of subclusters, with how many of each the disk has if that can be
// found out fast, or is wanted.
func (s *Session) WriteStates(ctx context.Context, req WriteStatesRequest) (WriteStatesReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	img := s.now.img
	if img == nil {
		return WriteStatesReply{}, errNoImage
	}
	var reply WriteStatesReply
	for _, st := range cow.States(img.Geo) {
		reply.States = append(reply.States, WriteState{Name: st.Name, Kind: int(st.Kind), Host: st.Host, Zero: st.Zero, Alloc: st.Alloc, Valid: st.Valid(),
			Reads: st.Reads, Meaning: st.Meaning, Code: string(st.Code), Repair: sentence(st.Repair), Example: -1})
	}
	c := &stateCount{img: img, states: reply.States}
	tables, err := c.l2Tables(ctx)
	if err != nil {
		return WriteStatesReply{}, problemError(err)
	}
	reply.Tables = float64(len(tables))
	if !req.Count && len(tables) > maxTablesUnasked {
		return reply, nil
	}
	if err := c.count(ctx, tables); err != nil {
		return WriteStatesReply{}, problemError(err)
	}
	reply.Counted = true
	return reply, nil
}

// stateCount counts the states of the active layer.
type stateCount struct {
	img    *image.Image
	states []WriteState
}

// mappedTable is an L2 table and the guest offset of its first entry.
type mappedTable struct {
	at    qcow2.HostOff
	guest qcow2.GuestOff
}

// l2Tables are the tables of the disk that can be read. What has none is unallocated.
func (c *stateCount) l2Tables(ctx context.Context) (tables []mappedTable, err error) {
	img, g := c.img, c.img.Geo
	l1 := make([]byte, img.L1.Bytes())
	if err := img.ReadBatch(ctx, []source.Request{{Off: int64(img.L1.Off), Buf: l1}}); err != nil {
		return nil, err
	}
	clusters := c.clusters()
	for i := int64(0); i < img.L1.Entries && i*g.L2Entries() < clusters; i++ {
		at := qcow2.L1Entry(binary.BigEndian.Uint64(l1[i*qcow2.L1EntrySize:])).L2Table()
		switch {
		case at == 0:
			c.add(qcow2.L2Entry{}, g.GuestOffset(i, 0), min(g.L2Entries(), clusters-i*g.L2Entries()))
		case g.Aligned(at) && image.Readable(at, g.ClusterSize()):
			tables = append(tables, mappedTable{at, g.GuestOffset(i, 0)})
		}
	}
	return tables, nil
}

// clusters is how many guest clusters the disk has, as far as they can be named.
func (c *stateCount) clusters() int64 {
	return c.img.Geo.Clusters(int64(min(c.img.VirtualSize(), maxOffset)))
}

func (c *stateCount) count(ctx context.Context, tables []mappedTable) error {
	g := c.img.Geo
	clusters := c.clusters()
	buf := make([]byte, maxTablesAtOnce<<g.ClusterBits)
	for len(tables) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(len(tables), maxTablesAtOnce)
		reqs := make([]source.Request, n)
		for k := range reqs {
			reqs[k] = source.Request{Off: int64(tables[k].at), Buf: buf[k<<g.ClusterBits : (k+1)<<g.ClusterBits]}
		}
		if err := c.img.ReadBatch(ctx, reqs); err != nil {
			return err
		}
		for k, t := range tables[:n] {
			table := qcow2.L2Table(reqs[k].Buf)
			for i := range min(g.L2Entries(), clusters-int64(t.guest>>g.ClusterBits)) {
				c.add(table.At(g, i), t.guest+qcow2.GuestOff(i<<g.ClusterBits), 1)
			}
		}
		tables = tables[n:]
	}
	return nil
}

// add counts n clusters with the same entry, the first at a guest offset. Compressed ones are
// in none of the states.
func (c *stateCount) add(e qcow2.L2Entry, guest qcow2.GuestOff, n int64) {
	g := c.img.Geo
	kind := e.Kind(g)
	if kind == qcow2.Compressed {
		return
	}
	host := kind == qcow2.Normal || kind == qcow2.ZeroAlloc
	zero, alloc := uint32(0), uint32(0)
	if !g.ExtendedL2 {
		if kind == qcow2.ZeroPlain || kind == qcow2.ZeroAlloc {
			zero = 1
		}
		if host {
			alloc = 1
		}
	} else {
		zero, alloc = e.Bitmap.Zero(), e.Bitmap.Alloc()
	}
	all := uint32(1)<<(g.ClusterSize()/g.SubclusterSize()-1)<<1 - 1
	for i := range c.states {
		st := &c.states[i]
		if st.Host != host {
			continue
		}
		mask := all & same(zero, st.Zero) & same(alloc, st.Alloc)
		if mask == 0 {
			continue
		}
		if st.Count == 0 || guest+qcow2.GuestOff(bits.TrailingZeros32(mask))*qcow2.GuestOff(g.SubclusterSize()) < qcow2.GuestOff(st.Example) {
			st.Example = float64(int64(guest) + int64(bits.TrailingZeros32(mask))*g.SubclusterSize())
		}
		st.Count += float64(int64(bits.OnesCount32(mask)) * n)
	}
}

// same are the bits that have a value.
func same(bits uint32, set bool) uint32 {
	if set {
		return bits
	}
	return ^bits
}
