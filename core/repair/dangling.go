package repair

import (
	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// danglingReach is how many bytes behind the end of the file are kept clear of broken
// pointers: twice the largest table. By more no file shall grow for their sake.
const danglingReach = 64 << 20

// avoidDangling keeps clear of clusters behind the end of the file to which pointers lead:
// what is written there would be read through them.
func (r *repairer) avoidDangling(a *alloc.Allocator) error {
	if luks := r.img.LUKS; luks.Len < 0 || int64(luks.End()) > r.img.Src.Size() || luks.Len == 0 && r.img.Header.CryptMethod == qcow2.CryptLUKS {
		// The LUKS header was not counted. Without its keys all is lost.
		a.AvoidBelow(qcow2.HostCluster(r.img.HostClusters()))
	}
	everywhere := func(check.Finding) bool { return true }
	found, err := r.findings(everywhere, check.RegionBeyondEOF, check.SnapshotL1Outside, check.SnapshotTableOutside, check.L2TableGarbage)
	if err != nil {
		return err
	}
	g := r.img.Geo
	r.avoidBehind(a, qcow2.Range[qcow2.HostOff]{Start: r.img.L1.Off, Len: qcow2.HostOff(r.img.L1.Bytes())})
	for _, s := range r.report.Snapshots.Snapshots {
		if s.L1Size > qcow2.MaxL1Entries {
			continue
		}
		r.avoidBehind(a, qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(s.L1TableOffset), Len: qcow2.HostOff(s.L1Size) * qcow2.L1EntrySize})
	}
	table, seen := make(qcow2.L2Table, g.ClusterSize()), map[qcow2.HostOff]bool{}
	for _, f := range found {
		if f.Code != check.L2TableGarbage {
			r.avoidBehind(a, f.Host)
			continue
		}
		if seen[f.Host.Start] {
			continue
		}
		seen[f.Host.Start] = true
		// Its entries are summed up, but the guest reads through each.
		if err := source.ReadFull(r.img.Src, table, int64(f.Host.Start)); err != nil {
			return err
		}
		for i := range g.L2Entries() {
			if e := table.At(g, i); e.Kind(g) == qcow2.Compressed {
				r.avoidBehind(a, e.CompressedRange(g))
			} else {
				r.avoidBehind(a, qcow2.Range[qcow2.HostOff]{Start: e.Host(), Len: qcow2.HostOff(g.ClusterSize())})
			}
		}
	}
	return nil
}

// avoidBehind keeps clear of those clusters of the range that lie behind the end of the file.
func (r *repairer) avoidBehind(a *alloc.Allocator, h qcow2.Range[qcow2.HostOff]) {
	if h.Start < 0 || h.Len <= 0 || h.End() < 0 {
		return
	}
	g, size := r.img.Geo, qcow2.HostCluster(r.img.HostClusters())
	reach := size + qcow2.HostCluster(danglingReach>>g.ClusterBits)
	for c := max(size, g.Cluster(h.Start)); c <= min(g.Cluster(h.End()-1), reach); c++ {
		a.Avoid(c)
	}
}
