package service

import (
	"bytes"
	"context"
	encoding "encoding/hex"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
)

const maxShownBytes = 64

// repairOptions are what the user wants of a repair.
func (s *Session) repairOptions(req PlanRequest) (repair.Options, error) {
	opt := repair.Options{Scope: repair.Scope(req.Scope), Accept: map[check.Code]bool{}, Check: s.checkOptions()}
	for _, c := range req.Accept {
		opt.Accept[check.Code(c)] = true
	}
	var err error
	opt.Leave, err = s.leave(req.Leave)
	return opt, err
}

// planView sums up the plan that was made last.
func (s *Session) planView() PlanView {
	p := s.outcome.Plan
	v := PlanView{Scope: string(s.scope), Empty: p.Empty(), Writes: p.Writes(), Bytes: float64(p.Bytes()), Batches: len(p.Batches),
		SizeBefore: float64(p.SizeBefore), SizeAfter: float64(p.SizeAfter)}
	for _, step := range s.outcome.Steps {
		v.Steps = append(v.Steps, PlanStep{string(step.Code), step.What, float64(step.Count)})
	}
	var left []check.Group
	for _, g := range s.outcome.After.Groups {
		if g.Class != check.Beyond || g.Code.Severity() > check.Note {
			left = append(left, g)
		}
	}
	v.Left = groupViews(left)
	v.Redirected = s.redirected.view
	v.LostBytes = float64(s.outcome.LostBytes)
	for _, r := range s.outcome.Lost[:min(len(s.outcome.Lost), maxPage)] {
		v.Lost = append(v.Lost, GuestRange{hex(r.Start), hex(r.Len)})
	}
	if why := s.outcome.KeptLeaks; why != "" {
		for i := range v.Left {
			if c := check.Code(v.Left[i].Code); c == check.LeakedCluster || c == check.RefcountTooHigh {
				v.Left[i].Cure = "They are not given back: " + why + "."
				v.Left[i].Mendable = false
			}
		}
	}
	return v
}

// Writes is a page of the writes of the plan that was made last.
func (s *Session) Writes(_ context.Context, req WritesRequest) (WritesReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome == nil {
		return WritesReply{}, errNothingPlanned
	}
	var reply WritesReply
	i, want := 0, min(max(0, req.Count), maxPage)
	for n, batch := range s.outcome.Plan.Batches {
		for _, w := range batch {
			if i++; i <= req.From {
				continue
			}
			if len(reply.Writes) == want {
				return reply, nil
			}
			v, err := s.writeView(n, w)
			if err != nil {
				return reply, problemError(err)
			}
			reply.Writes = append(reply.Writes, v)
		}
	}
	return reply, nil
}

// writeView shows the bytes around the first difference to the image as it is now.
func (s *Session) writeView(batch int, w patch.Write) (WriteView, error) {
	old, err := readAround(s.overlay, w.Off, int64(len(w.Data)))
	if err != nil {
		return WriteView{}, err
	}
	at := firstDifference(old, w.Data)
	shown := func(b []byte) string {
		if at >= len(b) {
			return ""
		}
		return encoding.EncodeToString(b[at:min(len(b), at+maxShownBytes)])
	}
	return WriteView{Batch: batch, Offset: hex(w.Off), Length: float64(len(w.Data)), At: hex(w.Off + int64(at)),
		Old: shown(old), New: shown(w.Data), Why: w.Why}, nil
}

// firstDifference is the index of the first byte that changes, 0 when none does.
func firstDifference(old, now []byte) int {
	if bytes.Equal(old, now) {
		return 0
	}
	for i := range now {
		if i >= len(old) || old[i] != now[i] {
			return i
		}
	}
	return 0
}
