package cow

import (
	"cmp"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Outcome is what a request does.
type Outcome struct {
	Request Request
	// Runs are the pieces that data is written in, in the order in which their L2 entries
	// change; none for what flags alone express.
	Runs []*Run
	// Clusters are the guest clusters that the request touches, ascending.
	Clusters []ClusterChange
	// Tables are the L2 tables that were allocated.
	Tables []TableChange
	// Refcounts are the stored refcounts that change, ascending.
	Refcounts []RefcountChange
	// Steps are everything that happens, in order.
	Steps []Step
	// Fallback are parts of a zero write that are written as zeros, Ignored parts of a
	// discard that nothing is done about.
	Fallback, Ignored []qcow2.Range[qcow2.GuestOff]
	// Dangers are signs of damage that the request meets. QEMU would not notice.
	Dangers []Danger

	w       *Writer
	rounds  []*round
	touched map[qcow2.GuestOff]int // index into Clusters
	after   *sim
}

// ClusterChange is the L2 entry of a guest cluster before and after. They are the same when
// nothing but data is written.
type ClusterChange struct {
	Guest         qcow2.GuestOff
	Before, After qcow2.L2Entry
}

// TableChange is a newly allocated L2 table.
type TableChange struct {
	L1Index int64
	Host    qcow2.HostOff
	From    qcow2.HostOff // what it is a copy of; 0: it is empty
}

// RefcountChange is the stored refcount of a host cluster before and after.
type RefcountChange struct {
	Cluster       qcow2.HostCluster
	Before, After uint64
}

// DangerKind is a sign of damage.
type DangerKind uint8

// The signs of damage that a request can meet.
const (
	FreeButUsed     DangerKind = iota // a cluster in use has refcount 0; it is not handed out
	CopiedButShared                   // a cluster overwritten in place has other users
	ReleasedFree                      // a cluster that is released has refcount 0 already
)

// Danger is a sign of damage and where it is.
type Danger struct {
	Kind DangerKind
	Host qcow2.Range[qcow2.HostOff]
}

// keptDangers bounds the list.
const keptDangers = 64

func newOutcome(w *Writer, r Request) *Outcome {
	return &Outcome{Request: r, w: w, touched: map[qcow2.GuestOff]int{}}
}

func (o *Outcome) danger(d Danger) {
	if len(o.Dangers) < keptDangers && !slices.Contains(o.Dangers, d) {
		o.Dangers = append(o.Dangers, d)
	}
}

// touch notes the entry of a guest cluster; of several changes the first before and the last
// after count.
func (o *Outcome) touch(at qcow2.GuestOff, before, after qcow2.L2Entry) {
	if i, ok := o.touched[at]; ok {
		o.Clusters[i].After = after
		return
	}
	o.touched[at] = len(o.Clusters)
	o.Clusters = append(o.Clusters, ClusterChange{at, before, after})
}

// dangersInPlace notes clusters that are to be overwritten although others use them.
func (s *sim) dangersInPlace(run *Run) {
	t := s.w.opt.Counts
	if t == nil {
		return
	}
	first := s.g.Cluster(run.Host)
	for i := range run.Clusters {
		c := first + qcow2.HostCluster(i)
		if role := t.Role(c); t.Count(c) > 1 || t.Count(c) == 1 && role != refcount.Data && role != refcount.ZeroData {
			s.out.danger(Danger{CopiedButShared, s.host(c, 1)})
		}
	}
}

// commit ends the round: what it changed is to reach the disk before anything later.
func (s *sim) commit() {
	r := s.now
	for _, c := range r.counts {
		if n := s.counts[c]; n.now != n.start {
			r.refcounts = append(r.refcounts, RefcountChange{c, n.start, n.now})
			k := int64(c) / s.g.RefblockEntries()
			r.blocks[k] = s.reftable[k].Refblock()
		}
	}
	slices.SortFunc(r.refcounts, func(a, b RefcountChange) int { return cmp.Compare(a.Cluster, b.Cluster) })
	if r.grown != nil {
		r.grown.entries = slices.Clone(r.grown.entries)
	}
	r.reftableAt = s.reftableAt
	s.rounds = append(s.rounds, r)
	s.now = newRound()
}

// sum puts together what the rounds of an outcome did.
func (o *Outcome) sum(s *sim) {
	o.after = s
	slices.SortFunc(o.Clusters, func(a, b ClusterChange) int { return cmp.Compare(a.Guest, b.Guest) })
	for i, c := range o.Clusters {
		o.touched[c.Guest] = i
	}
	for _, r := range o.rounds {
		for _, t := range r.newTables {
			o.Tables = append(o.Tables, TableChange{t.l1, t.at, t.from})
		}
	}
	o.Refcounts = sumRefcounts(o.rounds)
	for _, c := range s.w.free.inUse {
		o.danger(Danger{FreeButUsed, s.host(c, 1)})
	}
	o.steps()
}

// sumRefcounts joins what several rounds did to the same clusters.
func sumRefcounts(rounds []*round) (sum []RefcountChange) {
	if len(rounds) == 1 {
		return rounds[0].refcounts
	}
	all := map[qcow2.HostCluster]RefcountChange{}
	for _, r := range rounds {
		for _, n := range r.refcounts {
			if first, ok := all[n.Cluster]; ok {
				n.Before = first.Before
			}
			all[n.Cluster] = n
		}
	}
	for _, n := range all {
		if n.Before != n.After {
			sum = append(sum, n)
		}
	}
	slices.SortFunc(sum, func(a, b RefcountChange) int { return cmp.Compare(a.Cluster, b.Cluster) })
	return sum
}

// Totals are an outcome in numbers: bytes and counts.
type Totals struct {
	Written, Copied, Zeroed    int64
	Entries, Refcounts, Tables int64
	Allocated                  int64 // bytes of clusters allocated for data
}

// Totals counts what the outcome does. Copied bytes come from the old cluster or the backing
// file, Zeroed are filled up with zeros; neither counts as Written.
func (o *Outcome) Totals() (t Totals) {
	for _, r := range o.Runs {
		t.Written += int64(r.Guest.Len)
		head, tail := o.Copies(r)
		for _, p := range slices.Concat(head, tail) {
			if p.Source == FromNothing {
				t.Zeroed += int64(p.Guest.Len)
			} else {
				t.Copied += int64(p.Guest.Len)
			}
		}
		if !r.InPlace {
			t.Allocated += r.Clusters << o.w.g.ClusterBits
		}
	}
	for _, c := range o.Clusters {
		if c.Before != c.After {
			t.Entries++
		}
	}
	t.Refcounts, t.Tables = int64(len(o.Refcounts)), int64(len(o.Tables))
	return t
}
