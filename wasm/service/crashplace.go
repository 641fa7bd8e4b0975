package service

import (
	"context"
	"encoding/binary"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// maxPlaceTables is how many L2 tables are looked through for a place to write at.
const maxPlaceTables = 256

// CrashPlace proposes where the guest is to write: a cluster that QEMU overwrites where it is,
// as it does with nearly all of a disk that is in use.
func (s *Session) CrashPlace(ctx context.Context) (CrashPlaceReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return CrashPlaceReply{}, errNotChecked
	}
	img := s.now.img
	entries := make([]byte, 8*min(img.L1.Entries, 1<<16))
	if err := source.ReadFull(img.Src, entries, int64(img.L1.Off)); err != nil {
		return CrashPlaceReply{}, problemError(err)
	}
	table, seen := make(qcow2.L2Table, img.Geo.ClusterSize()), 0
	for i := int64(0); i < int64(len(entries)/8) && seen < maxPlaceTables; i++ {
		e := qcow2.L1Entry(binary.BigEndian.Uint64(entries[8*i:]))
		if e.L2Table() <= 0 || !e.Copied() {
			continue
		}
		seen++
		if err := source.ReadBatch(ctx, img.Src, []source.Request{{Off: int64(e.L2Table()), Buf: table}}); err != nil {
			return CrashPlaceReply{}, problemError(err)
		}
		for j := range img.Geo.L2Entries() {
			if l2 := table.At(img.Geo, j); l2.Kind(img.Geo) == qcow2.Normal && l2.Copied() {
				return CrashPlaceReply{Offset: hex(img.Geo.GuestOffset(i, j))}, nil
			}
		}
	}
	return CrashPlaceReply{Offset: "0x0"}, nil
}
