package repair

import (
	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// danglingReach is how far behind the end of the file clusters are kept clear of broken
// pointers: no plan makes a file so much longer.
const danglingReach = 1 << 20

// avoidDangling keeps clear of clusters behind the end of the file to which pointers lead:
// what is written there would be read through them.
func (r *repairer) avoidDangling(a *alloc.Allocator) {
	g := r.img.Geo
	end := qcow2.HostCluster(r.img.HostClusters() + danglingReach)
	for _, code := range []check.Code{check.RegionBeyondEOF, check.SnapshotL1Outside, check.SnapshotTableOutside} {
		group := r.report.Group(code)
		if group == nil {
			continue
		}
		for _, f := range group.Findings {
			if f.Host.Start < 0 || f.Host.Len <= 0 || f.Host.End() < 0 {
				continue
			}
			for c := g.Cluster(f.Host.Start); c <= min(g.Cluster(f.Host.End()-1), end); c++ {
				a.Avoid(c)
			}
		}
	}
}
