package service

import (
	"context"
	"errors"

	"qcowscope/core/cow"
	"qcowscope/core/qcow2"
)

// maxWriteEvents bounds the events of a queue.
const maxWriteEvents = 64

// WriteQueue plays events of writes that are in flight at once, from the image as it is now.
func (s *Session) WriteQueue(ctx context.Context, req WriteQueueRequest) (WriteQueueReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.playQueue(ctx, req)
	var reply WriteQueueReply
	if p != nil {
		reply = p.reply(s.now.img.Geo)
	}
	if reply.Stop, err = stopOf(s.now.img.Geo, err); err != nil {
		return WriteQueueReply{}, err
	}
	if reply.Done {
		reply.Barred = s.barredQueue(p.q)
	}
	return reply, nil
}

// playQueue plays all events. With an error the queue is as it was then; it may be nil.
func (s *Session) playQueue(ctx context.Context, req WriteQueueRequest) (*queuePlay, error) {
	if s.now.report == nil {
		return nil, errNotChecked
	}
	if len(req.Events) > maxWriteEvents {
		return nil, impossibleWrite(len(req.Events))
	}
	w, err := s.writerNow(ctx)
	if err != nil {
		return nil, err
	}
	p := &queuePlay{q: w.Queue(), landed: map[int]int{}}
	for _, e := range req.Events {
		if err := p.play(ctx, e); err != nil {
			return p, err
		}
	}
	return p, nil
}

// queuePlay is a queue and how many runs of each write are written.
type queuePlay struct {
	q      *cow.Queue
	landed map[int]int
}

func (p *queuePlay) play(ctx context.Context, e WriteEvent) error {
	if e.Finish == 0 {
		r, err := e.Write.request()
		if err != nil {
			return err
		}
		_, err = p.q.Add(ctx, r)
		return err
	}
	if e.Finish < 0 || e.Finish > len(p.q.Writes()) {
		return impossibleWrite(e)
	}
	runs := len(p.q.Writes()[e.Finish-1].Runs)
	if err := p.q.Finish(ctx, e.Finish); err != nil {
		if errors.Is(err, cow.ErrNotInFlight) {
			return impossibleWrite(e)
		}
		return err
	}
	p.landed[e.Finish] = runs
	return nil
}

func (p *queuePlay) reply(g qcow2.Geometry) WriteQueueReply {
	r := WriteQueueReply{Done: len(p.q.Writes()) > 0}
	for _, f := range p.q.Writes() {
		r.Done = r.Done && f.Done
		r.Writes = append(r.Writes, p.queuedView(g, f))
	}
	return r
}

func (p *queuePlay) queuedView(g qcow2.Geometry, f *cow.InFlight) QueuedWrite {
	v := QueuedWrite{Number: f.ID, Words: f.Request.String(), Offset: float64(f.Request.Offset), Length: float64(f.Request.Length), State: "flying"}
	for i, run := range f.Runs {
		part := QueuedPart{Guest: float64(run.Guest.Start), Length: float64(run.Guest.Len), State: "flying", Host: hex(run.Host), InPlace: run.InPlace}
		if i < p.landed[f.ID] {
			part.State = "written"
		} else if run.Record {
			kept := keptBy(g, run)
			part.KeepsFrom, part.Keeps = float64(kept.Start), float64(kept.Len)
		}
		v.Parts = append(v.Parts, part)
	}
	if f.Waits != nil {
		v.Waits = meetsView(*f.Waits)
		v.Parts = append(v.Parts, QueuedPart{Guest: float64(f.Waits.At), Length: float64(f.Request.Range().End() - f.Waits.At), State: "waits"})
		if p.landed[f.ID] == len(f.Runs) {
			v.State = "waits"
		}
	}
	for _, c := range f.Cuts[:min(len(f.Cuts), maxWriteList)] {
		v.Cuts = append(v.Cuts, meetsView(c))
	}
	if f.Done {
		v.State = "done"
	}
	v.Parts = v.Parts[:min(len(v.Parts), maxWriteList)]
	return v
}

// keptBy are the guest bytes that no other write can have while a run is in flight.
func keptBy(g qcow2.Geometry, run *cow.Run) qcow2.Range[qcow2.GuestOff] {
	kept, size := run.Covered(), qcow2.GuestOff(g.ClusterSize())
	if run.InPlace {
		return kept
	}
	from := kept.Start - kept.Start%size
	to := (kept.End() + size - 1) / size * size
	return qcow2.Range[qcow2.GuestOff]{Start: from, Len: to - from}
}

func meetsView(c cow.Conflict) WriteMeets {
	return WriteMeets{With: c.With, At: float64(c.At), From: float64(c.Blocked.Start), Length: float64(c.Blocked.Len), Words: sentence(c.String())}
}

// barredQueue is why writes that are all done cannot be applied in the page.
func (s *Session) barredQueue(q *cow.Queue) string {
	why := s.barredNow()
	for _, f := range q.Writes() {
		if why == "" {
			why = s.barredBytes(f.Outcome.DataFileBytes(), f.Outcome.Totals(), fromBacking(f.Outcome))
		}
	}
	return why
}

// WriteQueueApply lays writes that are all done over the file, in memory, and checks the result.
func (s *Session) WriteQueueApply(ctx context.Context, req WriteQueueRequest) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.playQueue(ctx, req)
	if err != nil {
		return Verdict{}, stoppedError(s.now.img.Geo, err)
	}
	if why := s.barredQueue(p.q); why != "" {
		return Verdict{}, barredError(why)
	}
	plans, err := p.q.Plans(ctx)
	if err != nil {
		return Verdict{}, problemError(err)
	}
	return s.layWrite(ctx, plans, func(*cow.Writer) (*cow.Writer, error) { return p.q.After(ctx, s.now.img, s.writeOptions()) })
}
