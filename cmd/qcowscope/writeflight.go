package main

import (
	"errors"
	"fmt"
	"strings"

	"qcowscope/core/cow"
	"qcowscope/core/qcow2"
)

// flightRanges are the values of --in-flight, which may be given several times.
type flightRanges []cow.Request

func (r *flightRanges) String() string { return "" }

func (r *flightRanges) Set(s string) error {
	off, n, found := strings.Cut(s, "+")
	var offset, length byteCount
	if !found || offset.Set(off) != nil || length.Set(n) != nil {
		return errors.New("it is OFFSET+LENGTH, such as 64K+4K")
	}
	*r = append(*r, cow.Request{Offset: qcow2.GuestOff(offset), Length: int64(length)})
	return nil
}

// planFlight plans writes that meet. The others write the bytes after the first one's, so
// that it can be seen whose are where.
func (c *command) planFlight(w *cow.Writer, first cow.Request, others []cow.Request) (*written, error) {
	all := []cow.Request{first}
	for i, r := range others {
		r.Fill = first.Fill + byte(i+1)
		all = append(all, r)
	}
	q, events, err := c.fly(w, all)
	if err != nil {
		return nil, err
	}
	plans, err := q.Plans(c.ctx)
	if err != nil {
		return nil, err
	}
	done := &written{events: events, plans: plans}
	for _, f := range q.Writes() {
		done.outcomes = append(done.outcomes, f.Outcome)
	}
	return done, nil
}

// fly has the writes in flight at once. The first is held up until all others were started
// and got as far as they can: that is when they meet. events tell what became of each.
func (c *command) fly(w *cow.Writer, requests []cow.Request) (q *cow.Queue, events []string, err error) {
	q = w.Queue()
	settle := func(from int) error {
		for again := true; again; {
			again = false
			for _, f := range q.Writes()[from:] {
				switch err := q.Finish(c.ctx, f.ID); {
				case err == nil:
					again = true
					events = append(events, fmt.Sprintf("write %d is on the disk: %v", f.ID, f))
				case !errors.Is(err, cow.ErrNotInFlight):
					return err
				}
			}
		}
		return nil
	}
	for i, r := range requests {
		f, err := q.Add(c.ctx, r)
		if err != nil {
			return nil, nil, err
		}
		events = append(events, fmt.Sprintf("%d. %v: %v", f.ID, r, f))
		if i > 0 {
			if err := settle(1); err != nil {
				return nil, nil, err
			}
		}
	}
	return q, events, settle(0)
}

// explainStates prints them, as text or JSON.
func (c *command) explainStates(g qcow2.Geometry, form output) int {
	if form == "json" {
		writeJSON(c.out, statesJSON(g))
	} else {
		c.printStates(g)
	}
	return exitOK
}

// printStates explains the states that a subcluster of the image can have.
func (c *command) printStates(g qcow2.Geometry) {
	of := "cluster"
	if g.ExtendedL2 {
		of = "subcluster"
	}
	fmt.Fprintf(c.out, "host  zero  alloc  state of a %s\n", of)
	bit := map[bool]string{false: "-", true: "yes"}
	for _, s := range cow.States(g) {
		fmt.Fprintf(c.out, "%-5s %-5s %-6s %s\n", bit[s.Host], bit[s.Zero], bit[s.Alloc], s.Name)
		fmt.Fprintf(c.out, "                   The guest reads %s.\n                   %s\n", s.Reads, s.Meaning)
		if !s.Valid() {
			fmt.Fprintf(c.out, "                   A check finds %s; a repair would %s.\n", s.Code, s.Repair)
		}
	}
}

// stateJSON is one of those states.
type stateJSON struct {
	Host    bool   `json:"host-offset"`
	Zero    bool   `json:"zero-bit"`
	Alloc   bool   `json:"allocation-bit"`
	Name    string `json:"name"`
	Valid   bool   `json:"valid"`
	Reads   string `json:"guest-reads"`
	Meaning string `json:"meaning"`
	Finding string `json:"finding,omitempty"`
	Repair  string `json:"repair,omitempty"`
}

func statesJSON(g qcow2.Geometry) []stateJSON {
	var all []stateJSON
	for _, s := range cow.States(g) {
		all = append(all, stateJSON{s.Host, s.Zero, s.Alloc, s.Name, s.Valid(), s.Reads, s.Meaning, string(s.Code), s.Repair})
	}
	return all
}
