package refcount

import (
	"slices"

	"qcowscope/core/qcow2"
)

// Two pointers may name one cluster only when they map the same place of the disk: the
// active layer and snapshots share what they have in common. Compressed streams may also
// share a cluster with each other. QEMU counts whatever it meets and never looks whether
// sharing is legal.

// sharing remembers, while the tables of one L1 index are walked, which host clusters each
// L2 index was seen with.
type sharing struct {
	l1Index int64
	hosts   [][]uint32 // by L2 index
}

// maxHosts bounds the clusters that are remembered for a place. Where there are more,
// because very many snapshots differ there, any sharing is taken to be legal.
const maxHosts = 64

// seen notes the cluster for the place and tells whether it was noted before.
func (s *sharing) seen(g qcow2.Geometry, l1Index, l2Index int64, c uint32) bool {
	if s.hosts == nil {
		s.hosts = make([][]uint32, g.L2Entries())
	}
	if s.l1Index != l1Index {
		s.l1Index = l1Index
		for i := range s.hosts {
			s.hosts[i] = s.hosts[i][:0]
		}
	}
	if len(s.hosts[l2Index]) >= maxHosts || slices.Contains(s.hosts[l2Index], c) {
		return true
	}
	s.hosts[l2Index] = append(s.hosts[l2Index], c)
	return false
}

// judgeSharing looks, before a standard entry is counted, who else has its cluster.
func (w *walker) judgeSharing(j *l2Job, at Trouble) {
	c := int64(w.g.Cluster(at.Host.Start))
	if j.phantom || j.repeat || c < 0 || c >= w.hostClusters {
		return
	}
	legal := !j.alone && w.sharing.seen(w.g, j.l1Index, at.L2Index, uint32(c))
	if w.t.counts[c] == 0 || legal {
		return
	}
	if isData(Role(w.t.roles[c] & roleMask)) {
		w.trouble(CrossLink, at)
		return
	}
	w.judgeOverlap(j, at)
}

// judgeOverlap tells when an entry's clusters belong to a table or another structure.
func (w *walker) judgeOverlap(j *l2Job, at Trouble) {
	if j.phantom || j.repeat || at.Host.Start < 0 {
		return
	}
	first, last := int64(w.g.Cluster(at.Host.Start)), int64(w.g.Cluster(at.Host.End()-1))
	for c := first; c <= min(last, w.hostClusters-1); c++ {
		if role := Role(w.t.roles[c] & roleMask); w.t.counts[c] != 0 && !isData(role) {
			at.Count = uint64(role)
			w.trouble(MetadataOverlap, at)
			return
		}
	}
}

// judgeRegion tells, before a structure's region is counted, when something lies there
// already.
func (w *walker) judgeRegion(off qcow2.HostOff, n int64, role Role, root int) {
	if n <= 0 || !w.t.regionFits(int64(off), n) {
		return
	}
	for c := w.g.Cluster(off); c <= min(w.g.Cluster(off+qcow2.HostOff(n)-1), qcow2.HostCluster(w.hostClusters-1)); c++ {
		if was := w.t.Role(c); w.t.counts[c] != 0 && !legalTogether(role, was) {
			w.trouble(MetadataOverlap, Trouble{Role: role, Root: root, L1Index: -1, L2Index: -1, At: -1, Count: uint64(was), Times: 1,
				Host: qcow2.Range[qcow2.HostOff]{Start: w.g.Offset(c), Len: qcow2.HostOff(w.g.ClusterSize())}})
			return
		}
	}
}

// legalTogether tells whether a structure may lie in a cluster of the role: only the L1
// tables of snapshots that are one and the same.
func legalTogether(role, was Role) bool { return role == InactiveL1 && was == InactiveL1 }

func isData(r Role) bool {
	switch r {
	case Data, CompressedData, ZeroData, InactiveData:
		return true
	}
	return false
}
