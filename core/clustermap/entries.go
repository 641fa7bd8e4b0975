package clustermap

import (
	"context"
	"encoding/binary"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// LayerEntry is what a layer's tables say of one guest cluster.
type LayerEntry struct {
	Layer   int
	L1Index int64
	L2Index int64
	L1At    qcow2.HostOff // of the L1 entry in the file; -1 if there is none
	L1      qcow2.L1Entry
	L2At    qcow2.HostOff // of the L2 entry; -1 if there is none
	L2      qcow2.L2Entry
	Kind    uint8 // GuestNothing to GuestUnreadable
}

// Entries are those of a guest cluster in layers from up to, but not including, to. Two
// batches of small reads, however many layers there are. An error is one of reading.
func (s *Scan) Entries(ctx context.Context, cluster int64, from, to int) ([]LayerEntry, error) {
	g := s.img.Geo
	list := make([]LayerEntry, 0, max(0, to-from))
	for n := from; n < to; n++ {
		e := LayerEntry{Layer: n, L1Index: cluster / g.L2Entries(), L2Index: cluster % g.L2Entries(), L1At: -1, L2At: -1, Kind: GuestUnreadable}
		if t, ok := s.l1(n); ok && e.L1Index < t.Entries {
			e.L1At = t.Off + qcow2.HostOff(e.L1Index*qcow2.L1EntrySize)
		}
		list = append(list, e)
	}
	raw, err := s.readEach(ctx, list, qcow2.L1EntrySize, func(e *LayerEntry) qcow2.HostOff { return e.L1At })
	if err != nil {
		return nil, err
	}
	for i := range list {
		if e := &list[i]; raw[i] != nil {
			e.L1 = qcow2.L1Entry(binary.BigEndian.Uint64(raw[i]))
			ok, kind := s.leads(e.L1)
			if e.Kind = kind; ok {
				e.L2At = e.L1.L2Table() + qcow2.HostOff(e.L2Index*g.L2EntrySize())
			}
		}
	}
	raw, err = s.readEach(ctx, list, g.L2EntrySize(), func(e *LayerEntry) qcow2.HostOff { return e.L2At })
	if err != nil {
		return nil, err
	}
	for i := range list {
		if e := &list[i]; raw[i] != nil {
			e.L2 = qcow2.L2Table(raw[i]).At(g, 0)
			e.Kind = pageByte(g, e.L2, qcow2.GuestOff(cluster<<g.ClusterBits)) & (1<<kindBits - 1)
		}
	}
	return list, nil
}

// readEach reads n bytes for each entry that has a place.
func (s *Scan) readEach(ctx context.Context, list []LayerEntry, n int64, at func(*LayerEntry) qcow2.HostOff) ([][]byte, error) {
	raw := make([][]byte, len(list))
	var reqs []source.Request
	for i := range list {
		if off := at(&list[i]); off >= 0 {
			raw[i] = make([]byte, n)
			reqs = append(reqs, source.Request{Off: int64(off), Buf: raw[i]})
		}
	}
	return raw, s.img.ReadBatch(ctx, reqs)
}
