package amend

import (
	"encoding/binary"
	"math"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// completeSnapshots writes the snapshot table anew when entries lack what version 3 asks
// for: the size of the VM state in 64 bits, and the disk's size.
func (v *versioner) completeSnapshots() error {
	t := v.report.Snapshots
	if t == nil || len(v.blocked) > 0 {
		return nil
	}
	var table []byte
	short := 0
	for _, s := range t.Snapshots {
		if len(s.Extra) < qcow2.SnapshotExtraV3 {
			s.Extra = completeExtra(v.img, &s)
			short++
		}
		table = append(table, make([]byte, -len(table)&7)...)
		table = s.AppendTo(table)
	}
	if short == 0 {
		return nil
	}
	if len(table) > qcow2.MaxSnapshotTable {
		v.block(Blocker{What: BlockedByTableSize, Why: "with what version 3 adds the snapshot table would be larger than 64 MiB", Advice: "delete snapshots first"})
		return nil
	}
	v.note("%d snapshots are given their disk's size in the snapshot table, which is written anew", short)
	return v.moveSnapshots(table)
}

// moveSnapshots writes the table to new clusters. The old ones are given up when the header
// has switched.
func (v *versioner) moveSnapshots(table []byte) error {
	g, old := v.img.Geo, v.report.Snapshots
	n := g.Clusters(int64(len(table)))
	start, err := v.edits.take(n)
	if err != nil {
		return err
	}
	table = append(table, make([]byte, n<<g.ClusterBits-int64(len(table)))...)
	v.plan.Add(batchNew, int64(g.Offset(start)), table, "new snapshot table")
	v.header.SnapshotsOffset = uint64(g.Offset(start))
	for c := range g.Clusters(old.Bytes) {
		if _, err := v.edits.lower(g.Cluster(old.Off)+qcow2.HostCluster(c), 1); err != nil {
			return err
		}
	}
	return nil
}

// completeExtra is the extra data of an entry that has less than version 3 asks for: the
// disk is as large as today's, or as its L1 table covers if that is less; there was no
// instruction count.
func completeExtra(img *image.Image, s *qcow2.Snapshot) []byte {
	size := img.VirtualSize()
	if uint64(s.L1Size) < img.Geo.L1EntriesFor(size) {
		size = uint64(s.L1Size) * uint64(img.Geo.L2Span())
	}
	extra := binary.BigEndian.AppendUint64(nil, s.VMState())
	extra = binary.BigEndian.AppendUint64(extra, size)
	return binary.BigEndian.AppendUint64(extra, math.MaxUint64)
}
