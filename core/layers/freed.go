package layers

import (
	"slices"

	"qcowscope/core/qcow2"
)

// Holding is what one layer refers to, in host clusters.
type Holding struct {
	Tables int64 // L1 and L2 tables
	Data   int64 // guest data
	State  int64 // VM state, as far as it is known to be one
	// Own is what no other layer refers to.
	OwnTables, OwnData, OwnState int64
}

// Clusters are all that the layer refers to.
func (o Holding) Clusters() int64 { return o.Tables + o.Data + o.State }

// Own are those that no other layer refers to.
func (o Holding) Own() int64 { return o.OwnTables + o.OwnData + o.OwnState }

// Held is what each layer refers to: 0 is the active one, n the nth snapshot. All must be
// read.
func (h *Holdings) Held() []Holding {
	n := h.Layers()
	// What a set holds is added where a span of it begins, and taken off behind its end.
	change := make([]Holding, n+1)
	for id := range h.sets.all {
		of, k := &h.sets.all[id], &h.counts[id]
		all := Holding{Tables: k[l1Table] + k[l2Table], Data: k[guestData]}
		if of.state {
			all.Data, all.State = 0, k[guestData]
		}
		if of.unknown {
			continue
		}
		for _, s := range of.by {
			change[s.first].add(all, 1)
			change[s.last+1].add(all, -1)
		}
		if s := of.by; len(s) == 1 && s[0].first == s[0].last {
			own := Holding{OwnTables: all.Tables, OwnData: all.Data, OwnState: all.State}
			change[s[0].first].add(own, 1)
			change[s[0].last+1].add(own, -1)
		}
	}
	for i := 1; i < n; i++ {
		change[i].add(change[i-1], 1)
	}
	return change[:n]
}

func (o *Holding) add(b Holding, times int64) {
	o.Tables += times * b.Tables
	o.Data += times * b.Data
	o.State += times * b.State
	o.OwnTables += times * b.OwnTables
	o.OwnData += times * b.OwnData
	o.OwnState += times * b.OwnState
}

// Freed is what deleting snapshots gives back.
type Freed struct {
	// Clusters whose refcount becomes 0, those of the snapshot table included: the shorter
	// list of the remaining ones may take more clusters than the old one did.
	Clusters int64
	// Exact is false when more snapshots share clusters than can be told apart, or some
	// table could not be read: it is at least so much then.
	Exact bool
}

// Freed is what deleting the chosen snapshots, by number from 1 on, would give back. All
// must be read. It goes by the references as they are counted, which is true of an image
// without leaks and corruptions.
func (h *Holdings) Freed(chosen []int) Freed {
	gone := make([]bool, h.Layers()+1)
	for _, n := range chosen {
		if n > 0 && n < h.Layers() {
			gone[n] = true
		}
	}
	// How many of the layers up to n stay.
	stay := make([]int, len(gone)+1)
	for n := range gone {
		stay[n+1] = stay[n]
		if !gone[n] {
			stay[n+1]++
		}
	}
	f := Freed{Clusters: h.tableShrink(gone), Exact: h.sets.exact && h.Complete}
	all := stay[h.Layers()] == 1
	for id := range h.sets.all {
		of := &h.sets.all[id]
		free := len(of.by) > 0 && !slices.ContainsFunc(of.by, func(s span) bool { return of.unknown || stay[s.last+1] > stay[s.first] })
		if of.unknown {
			free = all && !of.by.active()
		}
		if free {
			for _, n := range h.counts[id] {
				f.Clusters += n
			}
		}
	}
	return f
}

// tableShrink is how many clusters the snapshot table takes less without the ones that are
// gone. It is written anew with all fields that QEMU knows.
func (h *Holdings) tableShrink(gone []bool) int64 {
	g := h.img.Geo
	after := int64(0)
	some := false
	for i := range h.report.Snapshots.Snapshots {
		if gone[i+1] {
			some = true
			continue
		}
		s := &h.report.Snapshots.Snapshots[i]
		after = (after+7)&^7 + qcow2.SnapshotHeaderSize + max(qcow2.SnapshotExtraFull, int64(len(s.Extra))) + int64(len(s.ID)+len(s.Name))
	}
	if !some {
		return 0
	}
	return g.Clusters(h.report.Snapshots.Bytes) - g.Clusters(after)
}

// Sound tells whether the file's own refcounts agree with what was counted here, so that
// what deleting would free is what QEMU would free.
func (h *Holdings) Sound() bool {
	r := h.report
	return r.Corruptions == 0 && r.Leaks == 0 && !r.Aborted && !r.Refused && h.Complete
}
