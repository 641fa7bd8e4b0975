package cow

import (
	"context"

	"qcowscope/core/qcow2"
)

// sim is the image's tables while requests change them: what the Writer has, and over it
// what was changed. Changes are collected in a round; commit ends it. A round is what may
// be written out with one set of barriers.
type sim struct {
	ctx   context.Context
	w     *Writer
	g     qcow2.Geometry
	index int64 // as Writer.index

	l1       map[int64]qcow2.L1Entry
	tables   map[qcow2.HostOff]qcow2.L2Table // copies, changed
	counts   map[qcow2.HostCluster]*count
	bits     map[int64]*freeBits // copies, changed
	reftable []qcow2.ReftableEntry
	// Where the reftable lies.
	reftableAt       qcow2.HostOff
	reftableClusters int64
	newBlocks        map[qcow2.HostOff]bool // refblocks that the file does not have yet
	dirty            bool                   // the dirty bit was set

	now    *round
	rounds []*round
	out    *Outcome // of the request that is done just now

	// Of a queue:
	flying []owned // runs whose entries are going to change, the newest last
	id     int     // of the write that is looked up
	cuts   []Conflict
	waits  *Conflict
}

// count is the refcount of a cluster: now, and when the round began.
type count struct {
	now, start uint64
	touched    *round
}

// change is a word before and after a round.
type change[T any] struct{ before, after T }

// l2Change is the entry of a guest cluster before and after a round.
type l2Change struct {
	place
	guest         qcow2.GuestOff
	before, after qcow2.L2Entry
}

// place is an entry of an L2 table.
type place struct {
	table qcow2.HostOff
	index int64
}

// round is what changes between two sets of barriers.
type round struct {
	dirty     bool // the header's dirty bit is set
	runs      []*Run
	l1        map[int64]*change[qcow2.L1Entry]
	l2        map[place]*l2Change
	entries   []*l2Change         // the same, in the order in which they were touched
	counts    []qcow2.HostCluster // touched
	refcounts []RefcountChange    // by commit: those of them that changed
	reftable  map[int64]*change[qcow2.ReftableEntry]
	newTables []newTable
	newBlocks []newBlock
	grown     *growth
	freed     map[qcow2.HostCluster]bool // refcounts that dropped to 0
	zeroed    []qcow2.Range[qcow2.GuestOff]
	copies    bool // some run copies
	// Where the reftable, and the refblocks that change, lie afterwards.
	reftableAt qcow2.HostOff
	blocks     map[int64]qcow2.HostOff
}

// newTable is an L2 table that was allocated: a copy of another, or empty.
type newTable struct {
	at, from qcow2.HostOff // from 0: empty
	l1       int64
}

// newBlock is a refblock that was allocated for the reftable's entry index.
type newBlock struct {
	at    qcow2.HostOff
	index int64
}

// growth is a larger reftable elsewhere, with the old one.
type growth struct {
	from, to                 qcow2.HostOff
	fromClusters, toClusters int64
	entries                  []qcow2.ReftableEntry
}

func newRound() *round {
	return &round{
		l1: map[int64]*change[qcow2.L1Entry]{}, l2: map[place]*l2Change{},
		reftable: map[int64]*change[qcow2.ReftableEntry]{}, freed: map[qcow2.HostCluster]bool{}, blocks: map[int64]qcow2.HostOff{},
	}
}

func (w *Writer) begin(ctx context.Context) *sim {
	h := &w.img.Header
	return &sim{
		ctx: ctx, w: w, g: w.g, index: w.index,
		l1: map[int64]qcow2.L1Entry{}, tables: map[qcow2.HostOff]qcow2.L2Table{},
		counts: map[qcow2.HostCluster]*count{}, bits: map[int64]*freeBits{},
		reftable: w.img.Reftable, reftableAt: qcow2.HostOff(h.RefcountTableOffset), reftableClusters: int64(h.RefcountTableClusters),
		newBlocks: map[qcow2.HostOff]bool{}, now: newRound(),
	}
}

// l1Entry is L1 entry i as it is now.
func (s *sim) l1Entry(i int64) qcow2.L1Entry {
	if e, ok := s.l1[i]; ok {
		return e
	}
	return s.w.l1[i]
}

func (s *sim) setL1(i int64, e qcow2.L1Entry) {
	if c := s.now.l1[i]; c != nil {
		c.after = e
	} else {
		s.now.l1[i] = &change[qcow2.L1Entry]{s.l1Entry(i), e}
	}
	s.l1[i] = e
}

// table is the L2 table at off as it is now; it must not be changed.
func (s *sim) table(off qcow2.HostOff) (qcow2.L2Table, error) {
	if t, ok := s.tables[off]; ok {
		return t, nil
	}
	b, err := s.w.read.at(s.ctx, off)
	return b, err
}

// setL2 changes the entry of the guest cluster at a guest offset.
func (s *sim) setL2(p place, at qcow2.GuestOff, e qcow2.L2Entry) error {
	t, own := s.tables[p.table]
	if !own {
		b, err := s.w.read.at(s.ctx, p.table)
		if err != nil {
			return err
		}
		t = append(qcow2.L2Table(nil), b...)
		s.tables[p.table] = t
	}
	if c := s.now.l2[p]; c != nil {
		c.after = e
	} else {
		c = &l2Change{p, at, t.At(s.g, p.index), e}
		s.now.l2[p] = c
		s.now.entries = append(s.now.entries, c)
	}
	putL2(t, s.g, p.index, e)
	return nil
}

// stored is the refcount of a cluster as it is now.
func (s *sim) stored(c qcow2.HostCluster) (uint64, error) {
	if n := s.counts[c]; n != nil {
		return n.now, nil
	}
	off, err := s.refblock(int64(c) / s.g.RefblockEntries())
	if off == 0 || err != nil || s.newBlocks[off] {
		return 0, err
	}
	b, err := s.w.read.at(s.ctx, off)
	if err != nil {
		return 0, err
	}
	return qcow2.Refblock(b).At(s.g.RefcountOrder, int64(c)%s.g.RefblockEntries()), nil
}

// refblock is where the refblock of the reftable's entry k lies, 0 if there is none.
func (s *sim) refblock(k int64) (qcow2.HostOff, error) {
	if k >= int64(len(s.reftable)) || s.reftable[k].Refblock() == 0 {
		return 0, nil
	}
	off := s.reftable[k].Refblock()
	if s.newBlocks[off] {
		return off, nil
	}
	if err := s.w.badBlock(off); err != nil {
		return 0, s.w.stopBlock(k, err)
	}
	return off, nil
}

// setStored sets a refcount, whose refblock exists.
func (s *sim) setStored(c qcow2.HostCluster, v uint64) error {
	n := s.counts[c]
	if n == nil {
		old, err := s.stored(c)
		if err != nil {
			return err
		}
		n = &count{now: old}
		s.counts[c] = n
	}
	if n.touched != s.now {
		n.start, n.touched = n.now, s.now
		s.now.counts = append(s.now.counts, c)
	}
	n.now = v
	e := s.g.RefblockEntries()
	return s.setFree(int64(c)/e, int64(c)%e, v == 0)
}

func (s *sim) setFree(k, i int64, free bool) error {
	b := s.bits[k]
	if b == nil {
		base, err := s.blockBits(k)
		if err != nil {
			return err
		}
		b = base.clone(s.g.RefblockEntries())
		s.bits[k] = b
	}
	b.set(i, free)
	return nil
}

// blockBits says what is free of the clusters that refblock k counts. Without a refblock all
// are, but for those that are known to be in use.
func (s *sim) blockBits(k int64) (*freeBits, error) {
	if b := s.bits[k]; b != nil {
		return b, nil
	}
	off, err := s.refblock(k)
	if err != nil {
		return nil, err
	}
	if off == 0 || k >= int64(len(s.w.free.blocks)) {
		return s.w.withoutUsed(k, allFree(s.g.RefblockEntries())), nil
	}
	if s.w.free.blocks[k] == nil {
		if err := s.w.load(s.ctx, k); err != nil {
			return nil, err
		}
	}
	return s.w.free.blocks[k], nil
}
