package repair

import (
	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// tracePasses tells of the passes that the check has made before a rebuild.
func (r *repairer) tracePasses() {
	n := qcow2.HostCluster(r.report.Refcounts.Len())
	r.opt.Trace.Tell(alloc.Event{Act: alloc.CountReferences, Block: -1, To: n})
	differ := timesOf(r.report, check.RefcountZero, check.RefcountTooLow, check.RefcountTooHigh, check.LeakedCluster)
	r.opt.Trace.Tell(alloc.Event{Act: alloc.CompareCounts, Block: -1, To: n, N: int64(differ)})
}

// traceSwitch tells of the switch to the new structure, what it leaves out, and what it
// frees of the old one.
func (r *repairer) traceSwitch(s alloc.Structure, want *counts) {
	if r.opt.Trace == nil {
		return
	}
	g := r.img.Geo
	old := qcow2.HostOff(r.img.Header.RefcountTableOffset)
	r.opt.Trace.Tell(alloc.Event{Act: alloc.SwitchHeader, Block: -1, At: s.Table, N: s.TableLen})
	for k, e := range r.img.Reftable {
		if c := g.Cluster(e.Refblock()); want.old[c] > 0 && want.at(int64(c)) == 0 {
			r.opt.Trace.Tell(alloc.Event{Act: alloc.FreeOldBlock, Block: int64(k), At: c})
		}
	}
	if c := g.Cluster(old); want.old[c] > 0 && want.at(int64(c)) == 0 {
		r.opt.Trace.Tell(alloc.Event{Act: alloc.FreeOldTable, Block: -1, At: c, N: g.Clusters(r.img.ReftableBytes())})
	}
	r.opt.Trace.Tell(alloc.Event{Act: alloc.Recount, Block: -1})
}
