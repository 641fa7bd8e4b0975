package cow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// Queue is several data writes in flight at once. A write finds or allocates its clusters
// when it is added; its L2 entries change when it finishes. In between, no other write may
// allocate the same guest clusters, or change the same entries: it waits, or does as much as
// it can before.
type Queue struct {
	w      *Writer
	s      *sim
	writes []*InFlight
	err    error // after which nothing goes on
}

// InFlight is one write of a queue.
type InFlight struct {
	ID      int
	Request Request
	// Runs are what was found or allocated so far.
	Runs []*Run
	// Cuts are where it was stopped short by another write. What follows was looked up anew.
	Cuts []Conflict
	// Waits is set while the rest cannot be looked up.
	Waits *Conflict
	// Done tells that all of it is written and linked. Outcome is whole then.
	Done    bool
	Outcome *Outcome

	left   qcow2.Range[qcow2.GuestOff] // not looked up yet
	flying []*chunk
}

// Conflict is a write that meets one in flight.
type Conflict struct {
	With int // ID of the other write
	// At is the first byte that must wait for it.
	At qcow2.GuestOff
	// Blocked are the guest bytes that the other keeps: those that it copies or writes where
	// its clusters exist already, whole clusters where it allocates them.
	Blocked qcow2.Range[qcow2.GuestOff]
	InPlace bool // the clusters of the other exist already
}

func (c Conflict) String() string {
	why := "it allocates these clusters"
	if c.InPlace {
		why = "it writes and copies these bytes in place"
	}
	return fmt.Sprintf("from guest 0x%x on it waits for write %d, which keeps guest %v: %s", int64(c.At), c.With, c.Blocked, why)
}

// String is how far a write is: its runs, and where it was cut or waits.
func (f *InFlight) String() string {
	var says []string
	for _, r := range f.Runs {
		how := "allocated"
		if r.InPlace {
			how = "in place"
		}
		says = append(says, fmt.Sprintf("guest %v %s at host 0x%x", r.Guest, how, int64(r.Host)))
	}
	for _, c := range f.Cuts {
		says = append(says, "cut: "+c.String())
	}
	if f.Waits != nil {
		says = append(says, "waits: "+f.Waits.String())
	}
	if f.Done {
		says = append(says, "done")
	}
	return strings.Join(says, "; ")
}

// Why a queue does not do something.
var (
	ErrOnlyWrites  = errors.New("cow: only data writes are in flight for long: zero writes and discards take effect at once")
	ErrNotInFlight = errors.New("cow: no such write is in flight")
	ErrUnfinished  = errors.New("cow: writes are still in flight")
)

// Queue is an empty queue over the image as the Writer has it.
func (w *Writer) Queue() *Queue { return &Queue{w: w, s: w.begin(context.Background())} }

// Writes are all writes of the queue, in the order in which they were added.
func (q *Queue) Writes() []*InFlight { return q.writes }

// Add starts a data write. The errors are those of Writer.Plan, or ErrOnlyWrites; after a
// *StopError the queue is at its end.
func (q *Queue) Add(ctx context.Context, r Request) (*InFlight, error) {
	if r.Kind != Data {
		return nil, ErrOnlyWrites
	}
	if err := cmpErr(q.err, q.w.judge(r)); err != nil {
		return nil, err
	}
	f := &InFlight{ID: len(q.writes) + 1, Request: r, Outcome: newOutcome(q.w, r), left: r.Range()}
	q.writes = append(q.writes, f)
	return f, q.do(ctx, f, func() error { return q.lookUp(f) })
}

// cmpErr is the first of two errors that is one.
func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// do runs one piece of work for a write, and ends its round.
func (q *Queue) do(ctx context.Context, f *InFlight, work func() error) error {
	q.s.ctx, q.s.out = ctx, f.Outcome
	err := work()
	first := len(q.s.rounds)
	q.s.commit()
	f.Outcome.rounds = append(f.Outcome.rounds, q.s.rounds[first:]...)
	if err != nil {
		q.err = err
	}
	return err
}

// lookUp finds clusters for what is left of a write, until all is in flight or it must wait.
func (q *Queue) lookUp(f *InFlight) error {
	q.s.id = f.ID
	for f.Waits = nil; !f.left.Empty() && len(f.flying) < workers; {
		c, err := q.s.nextChunk(f.left, &f.Request, false)
		if err != nil {
			return err
		}
		cuts := q.s.cuts
		if q.s.cuts = nil; len(c.runs) == 0 {
			f.Waits = q.s.waits
			f.Waits.At = f.left.Start
			return nil
		}
		f.Cuts = append(f.Cuts, cuts...)
		f.flying = append(f.flying, c)
		f.Runs = append(f.Runs, c.runs...)
		f.left = rangeOf(c.guest.End(), f.left.End())
		for _, run := range c.runs {
			if run.Record {
				q.s.flying = append(q.s.flying, owned{run, f.ID})
			}
		}
	}
	return nil
}

// Finish writes what a write has in flight and changes its L2 entries. Writes that waited
// for it are looked up again, in the order in which they came. The error is ErrNotInFlight,
// or as of Add.
func (q *Queue) Finish(ctx context.Context, id int) error {
	if q.err != nil {
		return q.err
	}
	if id < 1 || id > len(q.writes) || len(q.writes[id-1].flying) == 0 {
		return ErrNotInFlight
	}
	f := q.writes[id-1]
	err := q.do(ctx, f, func() error {
		for _, c := range f.flying {
			if err := q.s.link(c); err != nil {
				return err
			}
		}
		f.flying = nil
		q.s.land(f.ID)
		if f.Waits == nil {
			return q.lookUp(f)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if f.left.Empty() && len(f.flying) == 0 {
		f.Done = true
		f.Outcome.sum(q.s)
	}
	for _, other := range q.writes {
		if other.Waits == nil || other.Waits.With != id {
			continue
		}
		if err := q.do(ctx, other, func() error { return q.lookUp(other) }); err != nil {
			return err
		}
	}
	return nil
}

// Plans are what all writes of the queue do together. They must all be done: the error is
// ErrUnfinished if not, else as of Outcome.Plans.
func (q *Queue) Plans(ctx context.Context) (*Plans, error) {
	for _, f := range q.writes {
		if !f.Done {
			return nil, ErrUnfinished
		}
	}
	return q.w.plans(ctx, q.s.rounds, q.s.dirty)
}

// After is the Writer for the image after the queue's plans; see Writer.After.
func (q *Queue) After(ctx context.Context, img *image.Image, opt Options) (*Writer, error) {
	return q.w.next(ctx, q.s, img, opt)
}

// owned is a run in flight whose L2 entries are going to change, and whose it is.
type owned struct {
	run *Run
	id  int
}

// land takes the runs of a write out of those in flight.
func (s *sim) land(id int) {
	kept := s.flying[:0]
	for _, o := range s.flying {
		if o.id != id {
			kept = append(kept, o)
		}
	}
	s.flying = kept
}

// unblocked is how far the start of r, which follows the chunk, can be looked up now: up to
// the clusters of a run in flight. It is false when not at all.
func (s *sim) unblocked(r qcow2.Range[qcow2.GuestOff]) (end qcow2.GuestOff, ok bool) {
	cs := s.g.ClusterSize()
	end = r.End()
	for i := len(s.flying) - 1; i >= 0; i-- {
		run := s.flying[i].run
		mine := run.Covered()
		from, to := mine.Start-mine.Start%qcow2.GuestOff(cs), qcow2.GuestOff(roundUp(int64(mine.End()), cs))
		if end <= from || r.Start >= to || run.InPlace && (end <= mine.Start || r.Start >= mine.End()) {
			continue
		}
		c := Conflict{With: s.flying[i].id, At: max(from, r.Start), Blocked: rangeOf(from, to), InPlace: run.InPlace}
		if run.InPlace {
			c.Blocked = mine
		}
		if r.Start >= from {
			s.waits = &c
			return 0, false
		}
		s.cuts = append(s.cuts, c)
		end = from
	}
	return end, true
}
