package repair

import (
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// maxLost bounds the list of lost ranges; their bytes are all counted.
const maxLost = 10000

// missingTail makes a cut-off file as long as its tables say it was. The guest reads zeros
// in the missing part before and after, but the tables are whole again, so that the rest
// can be used; what is lost is listed.
func (r *repairer) missingTail() error {
	if r.opt.Scope == Leaks || r.report.Group(check.RegionBeyondEOF) == nil {
		return nil
	}
	found, err := r.places(check.RegionBeyondEOF)
	if err != nil {
		return err
	}
	end := r.believableEnd(found)
	if end <= r.over.Size() {
		return nil
	}
	for _, f := range found {
		if int64(f.Host.End()) <= end {
			r.lose(f)
		}
	}
	r.loseSnapshots(end)
	r.stage.SizeAfter = end
	r.step(check.RegionBeyondEOF, uint64(len(found)),
		fmt.Sprintf("make the file %s long, as its tables say it was; the missing part reads as zeros", qcow2.Size(end).Exact()))
	if err := r.commitPart(); err != nil {
		return err
	}
	// A snapshot table that was in the missing part can be read now, as zeros.
	return r.snapshots()
}

// loseSnapshots names the snapshots whose L1 table is in the missing part: they read as
// empty then.
func (r *repairer) loseSnapshots(end int64) {
	group := r.report.Group(check.SnapshotL1Outside)
	if group == nil {
		return
	}
	for _, f := range group.Findings {
		if int64(f.Host.End()) <= end {
			r.lostTable = true
			r.step(f.Code, 1, fmt.Sprintf("snapshot %d reads as empty: its table was in the missing part of the file", f.At.Root))
		}
	}
}

// believableEnd is how long the file was: the end of the last cluster that something
// points to and that is marked as used, or that lies close to the others. 0 if what points
// beyond the end looks like garbage. Behind 2^56, where no table entry reaches, all is.
func (r *repairer) believableEnd(found []check.Finding) (end int64) {
	e, g := r.evidence(), r.img.Geo
	var doubtful []check.Finding
	for _, f := range found {
		if f.Host.Start < 0 || f.Host.End() < 0 || f.Host.End() > 1<<56 || !g.Aligned(f.Host.Start) && f.Got&qcow2.FlagCompressed == 0 {
			continue
		}
		if n, ok := e.stored(g.Cluster(f.Host.End() - 1)); ok && n > 0 {
			end = max(end, int64(f.Host.End()))
		} else if !ok {
			doubtful = append(doubtful, f)
		}
	}
	// Where the refcounts are missing too, the missing part must be full of what points
	// there: at least every fourth cluster, or all of it within a small file.
	if last := lastEnd(doubtful); last > end {
		missing := (last - r.over.Size()) >> g.ClusterBits
		if missing <= 4*int64(len(found))+64 {
			end = last
		}
	}
	if end > 0 {
		end = g.Clusters(end) << g.ClusterBits
	}
	return end
}

func lastEnd(found []check.Finding) (end int64) {
	for _, f := range found {
		end = max(end, int64(f.Host.End()))
	}
	return end
}

// lose lists the guest range of an entry whose bytes are gone.
func (r *repairer) lose(f check.Finding) {
	if f.Guest.Len == 0 {
		return
	}
	r.out.LostBytes += int64(f.Guest.Len)
	if n := len(r.out.Lost); n > 0 && r.out.Lost[n-1].End() == f.Guest.Start {
		r.out.Lost[n-1].Len += f.Guest.Len
	} else if n < maxLost {
		r.out.Lost = append(r.out.Lost, f.Guest)
	}
	if f.At.Role == refcount.L2 || f.At.Role == refcount.InactiveL2 {
		r.lostTable = true // what it mapped now looks leaked
	}
}
