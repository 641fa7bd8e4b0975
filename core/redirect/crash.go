package redirect

import (
	"fmt"
	"math/rand/v2"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// CrashOptions say which crash states of a plan are looked at.
type CrashOptions struct {
	// States is how many there are at most; 0 means 1000.
	States int
	Seed   uint64
	// Unordered is for a plan that is carried out without flushes, as a program does that
	// overwrites in place: any of its writes may be lost while any other is there.
	Unordered bool
	// Flushed tells whether there is a flush before a batch of the plan that is not Unordered:
	// without one it is open which of its writes and those before it reach the disk first. nil
	// means that there always is.
	Flushed func(batch int) bool
}

// flushed tells whether everything before the batch is on the disk when it begins.
func (o CrashOptions) flushed(batch int) bool {
	return batch == 0 || !o.Unordered && (o.Flushed == nil || o.Flushed(batch))
}

// Explorer knows the states in which a crash can leave the file while a plan is carried
// out. Before each flush any of the sectors that were written since the last one may be on
// the disk, and any may be missing; a sector is there wholly or not at all. The file grows
// with the first batch and is cut after the last.
//
// States have numbers: the same number means the same state each time.
type Explorer struct {
	src     source.Source
	plan    *patch.Plan
	batches []crashBatch
	seed    uint64
	n       int
}

// crashBatch is the writes between two flushes.
type crashBatch struct {
	writes []patch.Write
	pieces []piece
	first  int  // number of its first state
	states int  // not all pieces are there in any of them
	all    bool // every other subset is a state
	base   *patch.Overlay
}

// piece is the bytes [from, to) of a write: a sector or less.
type piece struct{ write, from, to int }

// State is one state of the file after a crash.
type State struct {
	Number int
	// Batch is the batch that the crash came in; those before it are on the disk. It is the
	// number of batches when all are.
	Batch int
	// Sectors is how many sectors of the batch are on the disk, of Of.
	Sectors, Of int
	// Image is the file.
	Image source.Source
}

func (s State) String() string {
	if s.Of == 0 {
		return fmt.Sprintf("state %d: all batches written", s.Number)
	}
	return fmt.Sprintf("state %d: batches before %d written, and %d of its %d sectors", s.Number, s.Batch, s.Sectors, s.Of)
}

// Explore lists the crash states of a plan for src.
func Explore(p *patch.Plan, src source.Source, opt CrashOptions) (*Explorer, error) {
	if err := p.Check(src.Size()); err != nil {
		return nil, err
	}
	if opt.States == 0 {
		opt.States = 1000
	}
	e := &Explorer{src: src, plan: p, seed: opt.Seed}
	for i, ws := range p.Batches {
		if opt.flushed(i) {
			e.batches = append(e.batches, crashBatch{})
		}
		e.batches[len(e.batches)-1].add(ws)
	}
	if err := e.bases(); err != nil {
		return nil, err
	}
	e.share(max(1, opt.States-2))
	return e, nil
}

// add splits the writes into sectors.
func (b *crashBatch) add(ws []patch.Write) {
	for _, w := range ws {
		for from := 0; from < len(w.Data); {
			n := qcow2.SectorSize - int((w.Off+int64(from))%qcow2.SectorSize)
			to := min(from+n, len(w.Data))
			b.pieces = append(b.pieces, piece{len(b.writes), from, to})
			from = to
		}
		b.writes = append(b.writes, w)
	}
}

// bases are the files with all batches before each one.
func (e *Explorer) bases() error {
	base := patch.NewOverlay(e.src)
	for i := range e.batches {
		e.batches[i].base = base
		next := patch.NewOverlay(base)
		if err := next.Apply(e.part(&e.batches[i], e.batches[i].pieces, true)); err != nil {
			return err
		}
		base = next
	}
	return nil
}

// part is a plan of some pieces, in their order: of two writes to the same bytes the later
// one counts.
func (e *Explorer) part(b *crashBatch, pieces []piece, grown bool) *patch.Plan {
	p := patch.New(b.base.Size())
	size := p.SizeAfter
	if grown || len(pieces) > 0 {
		size = max(size, e.plan.SizeAfter)
	}
	for i := 0; i < len(pieces); {
		w, from, to := &b.writes[pieces[i].write], pieces[i].from, pieces[i].to
		for i++; i < len(pieces) && pieces[i].from == to && pieces[i].write == pieces[i-1].write; i++ {
			to = pieces[i].to
		}
		last := max(0, len(p.Batches)-1)
		if last < len(p.Batches) && p.Batches[last][len(p.Batches[last])-1].End() > w.Off+int64(from) {
			last++ // writes of a batch do not overlap
		}
		p.Add(last, w.Off+int64(from), w.Data[from:to], w.Why)
	}
	p.SizeAfter = size
	return p
}

// maxSubsets is how many sectors a batch may have for all its subsets to be states.
const maxSubsets = 16

// share gives each batch its part of the states: those that are small all subsets, the
// others what is left in equal parts.
func (e *Explorer) share(states int) {
	large := 0
	for i := range e.batches {
		b := &e.batches[i]
		if m := len(b.pieces); m <= maxSubsets && 1<<m-1 <= states/len(e.batches) {
			b.all, b.states = true, 1<<m-1
			states -= b.states
		} else {
			large++
		}
	}
	for i := range e.batches {
		b := &e.batches[i]
		if !b.all {
			b.states = max(1, states/large)
		}
		b.first = e.n
		e.n += b.states
	}
	e.n++ // all is written
	if e.plan.SizeAfter < e.plan.SizeBefore {
		e.n++ // and the file is cut
	}
}

// Len is how many states there are. Number 0 is the file as it was.
func (e *Explorer) Len() int { return e.n }

// random is the chance of the state with the number i: the same each time.
func (e *Explorer) random(i int) *rand.Rand { return rand.New(rand.NewPCG(e.seed, uint64(i))) }

// State is the state with the number i.
func (e *Explorer) State(i int) (State, error) {
	if k, kept, grown := e.kept(i); k < len(e.batches) {
		b := &e.batches[k]
		s := State{Number: i, Batch: k, Sectors: len(kept), Of: len(b.pieces)}
		over := patch.NewOverlay(b.base)
		s.Image = over
		return s, over.Apply(e.part(b, kept, grown))
	}
	over := patch.NewOverlay(e.src)
	whole := *e.plan
	if i < e.n-1 {
		whole.SizeAfter = max(whole.SizeAfter, whole.SizeBefore)
	}
	return State{Number: i, Batch: len(e.batches), Image: over}, over.Apply(&whole)
}

// subset is the sectors that reached the disk in state j of the batch, of which number 0 is
// none. grown tells whether the file has its new length though nothing was written.
func (b *crashBatch) subset(j int, r *rand.Rand) (kept []piece, grown bool) {
	var keep func(i int) bool
	m := len(b.pieces)
	switch {
	case b.all:
		return b.pick(func(i int) bool { return j>>i&1 != 0 }), false
	case j == 0:
		return nil, false
	case j%5 == 1: // one only
		one := r.IntN(m)
		keep = func(i int) bool { return i == one }
	case j%5 == 2: // all but one
		one := r.IntN(m)
		keep = func(i int) bool { return i != one }
	case j%5 == 3: // in order, up to some sector
		end := r.IntN(m)
		keep = func(i int) bool { return i < end }
	case j%5 == 4: // whole writes
		odds := r.IntN(1 << 16)
		salt := r.Uint64()
		keep = func(i int) bool { return int(mixed(salt+uint64(b.pieces[i].write))&0xffff) < odds }
	default: // sectors
		odds := r.IntN(1 << 16)
		keep = func(int) bool { return r.IntN(1<<16) < odds }
	}
	return b.pick(keep), r.IntN(2) == 0
}

func (b *crashBatch) pick(keep func(i int) bool) []piece {
	var kept []piece
	for i, p := range b.pieces {
		if keep(i) {
			kept = append(kept, p)
		}
	}
	return kept
}
