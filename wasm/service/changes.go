package service

import (
	"context"

	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/patch"
)

// change is a plan that is applied over the file, in memory. Plans of all kinds stack: each
// was made for what the ones before it left.
type change struct {
	plan      *patch.Plan
	repairs   bool  // it mends what a check found, rather than amends what is sound
	crash     bool  // it is what a crash would leave
	lostBytes int64 // how much of the disk it found to be gone from the file
	// writer planned writes for the image before it, nil if none did: it can go on after an undo.
	writer *cow.Writer
}

// lay applies a plan to the image as it is now. after is a check of its effect, nil if that
// is still to be made. What was planned for the image before is of no use any more.
func (s *Session) lay(ctx context.Context, c change, after *check.Report) (Verdict, error) {
	if err := s.overlay.Apply(c.plan); err != nil {
		return Verdict{}, problemError(err)
	}
	now, err := s.viewNow(ctx, after)
	if err != nil {
		s.overlay.Undo()
		return Verdict{}, problemError(err)
	}
	c.writer = s.write.writer
	s.now, s.changes = now, append(s.changes, c)
	s.forgetPlans()
	return s.verdict(), nil
}

// Undo takes the change back that was applied last.
func (s *Session) Undo(ctx context.Context) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.original.report == nil {
		return Verdict{}, errNotChecked
	}
	if len(s.changes) == 0 {
		return s.verdict(), nil
	}
	last := len(s.changes) - 1
	s.overlay.Undo()
	before := s.original
	if last > 0 {
		// Only the check of the file is kept: one of each state would take too much memory.
		var err error
		if before, err = s.viewNow(ctx, nil); err != nil {
			if again := s.overlay.Apply(s.changes[last].plan); again != nil {
				return Verdict{}, problemError(again)
			}
			return Verdict{}, problemError(err)
		}
	}
	writer := s.changes[last].writer
	s.now, s.changes = before, s.changes[:last]
	s.forgetPlans()
	s.write.writer = writer
	return s.verdict(), nil
}

// viewNow opens what the overlay shows. It is checked as deeply as the image was before,
// unless the check has been made already.
func (s *Session) viewNow(ctx context.Context, checked *check.Report) (view, error) {
	img, err := image.Open(ctx, s.overlay)
	if err != nil {
		return view{}, err
	}
	if checked == nil {
		opt := s.checkOptions()
		opt.Deep = s.now.report.Streams != nil
		if checked, err = check.Run(ctx, img, opt); err != nil {
			return view{}, err
		}
		if checked.Incomplete != nil {
			return view{}, checked.Incomplete
		}
	}
	return viewOf(img, checked), nil
}

// forgetPlans drops what was planned for an image that has changed since.
func (s *Session) forgetPlans() {
	s.outcome, s.redirected, s.lab, s.crash, s.write = nil, nil, nil, nil, writing{}
}

// applied is all changes as one plan for the file as it was dropped, nil if there is none.
func (s *Session) applied() *patch.Plan {
	var all *patch.Plan
	for _, c := range s.changes {
		all = joined(all, c.plan)
	}
	return all
}

// lostBytes is how much of the disk the applied changes found to be gone from the file.
func (s *Session) lostBytes() (n int64) {
	for _, c := range s.changes {
		n += c.lostBytes
	}
	return n
}

// repaired tells whether a repair is among the changes.
func (s *Session) repaired() bool {
	for _, c := range s.changes {
		if c.repairs {
			return true
		}
	}
	return false
}
