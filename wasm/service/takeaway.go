package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/report"
	"qcowscope/core/skeleton"
)

// takeaway is a file that is being taken out of the page, piece by piece: nothing holds it
// as a whole. It reads what was there when it began, whatever is applied or undone since.
type takeaway struct {
	next   func() (patch.Segment, error, bool)
	stop   func()
	cancel context.CancelFunc
}

// A piece has at most so many bytes and segments, and a little more.
const (
	pieceBytes    = 4 << 20
	pieceSegments = 4096
)

// Take begins to take a file out. What was begun before ends.
func (s *Session) Take(ctx context.Context, req TakeRequest) (TakeView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endTakeaway()
	if s.original.report == nil {
		return TakeView{}, errNotChecked
	}
	// The pieces are made long after this call: each of them has its own context.
	inner, cancel := context.WithCancel(context.Background())
	view, pieces, err := s.pieces(ctx, inner, req)
	if err != nil {
		cancel()
		return TakeView{}, problemError(err)
	}
	next, stop := iter.Pull2(pieces)
	s.takeaway = &takeaway{next, stop, cancel}
	return view, nil
}

// pieces is what is asked for. inner is the context of the pieces.
func (s *Session) pieces(ctx, inner context.Context, req TakeRequest) (TakeView, iter.Seq2[patch.Segment, error], error) {
	if req.What == "skeleton" {
		return s.skeleton(ctx, inner, req)
	}
	plan := s.planned()
	if plan == nil {
		return TakeView{}, nil, errNoPlan
	}
	write := plan.WriteVCDIFF
	if req.What == "undo-patch" {
		write = plan.WriteUndoVCDIFF
	}
	opt := patch.VCDIFFOptions{Progress: func(int64, int64) error { return inner.Err() }}
	dropped := s.dropped
	return TakeView{Size: -1}, streamed(func(w io.Writer) error { return write(w, dropped, opt) }), nil
}

var errStopped = errors.New("service: nobody takes the rest")

// streamed are the pieces that a function writes.
func streamed(write func(io.Writer) error) iter.Seq2[patch.Segment, error] {
	return func(yield func(patch.Segment, error) bool) {
		w := bufio.NewWriterSize(writerFunc(func(b []byte) (int, error) {
			if !yield(patch.Segment{Start: -1, Len: int64(len(b)), Data: b}, nil) {
				return 0, errStopped
			}
			return len(b), nil
		}), 1<<20)
		err := write(w)
		if err == nil {
			err = w.Flush()
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(patch.Segment{}, err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// skeleton is a metadata-only copy of the file as it was dropped: a bug report is about that.
func (s *Session) skeleton(ctx, inner context.Context, req TakeRequest) (TakeView, iter.Seq2[patch.Segment, error], error) {
	c, err := skeleton.Make(s.original.img, s.original.report, kept(req.Keep))
	if err != nil {
		return TakeView{}, nil, err
	}
	same, err := s.sameFindings(ctx, c)
	if err != nil {
		return TakeView{}, nil, err
	}
	m := c.Summary
	view := TakeView{Size: float64(m.Size), Skeleton: SkeletonView{Tables: float64(m.Tables), Data: float64(m.Data), Compressed: float64(m.Compressed),
		Unused: float64(m.Unused), BitmapData: float64(m.BitmapData), Keys: m.LUKS, Names: m.Names, Same: same}}
	if req.Tar == "" {
		return view, c.Segments(inner), nil
	}
	head, tail := c.TarHead(req.Tar), c.TarTail()
	view.Size = float64(int64(len(head)) + m.Tables + int64(len(tail)))
	return view, archived(c, inner, head, tail), nil
}

// archived are the pieces of a tar archive: the copy's bytes without its holes.
func archived(c *skeleton.Copy, ctx context.Context, head, tail []byte) iter.Seq2[patch.Segment, error] {
	whole := func(b []byte) patch.Segment { return patch.Segment{Start: -1, Len: int64(len(b)), Data: b} }
	return func(yield func(patch.Segment, error) bool) {
		if !yield(whole(head), nil) {
			return
		}
		for seg, err := range c.Segments(ctx) {
			if (err != nil || seg.Data != nil) && !yield(seg, err) || err != nil {
				return
			}
		}
		yield(whole(tail), nil)
	}
}

// kept says in the words of the core what a skeleton keeps.
func kept(words []string) (k skeleton.Keep) {
	things := map[string]*bool{"snapshots": &k.Snapshots, "bitmaps": &k.Bitmaps, "backing": &k.Backing, "data-file": &k.DataFile,
		"extensions": &k.Extensions, "bitmap-data": &k.BitmapData, "luks": &k.LUKS}
	for _, w := range words {
		if v := things[w]; v != nil {
			*v = true
		}
	}
	return k
}

// sameFindings checks the copy before anything of it is written.
func (s *Session) sameFindings(ctx context.Context, c *skeleton.Copy) (bool, error) {
	img, err := image.Open(ctx, c)
	if err != nil {
		return false, ctx.Err() // a copy that does not open is told, and may still be of use
	}
	got, err := check.Run(ctx, img, s.checkOptions())
	if err != nil {
		return false, err
	}
	return skeleton.SameFindings(got, s.original.report), nil
}

// TakeNext is the next piece of what is being taken out, in the form of segments; without
// segments it was the last.
func (s *Session) TakeNext(ctx context.Context) (SegmentsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r SegmentsReply
	t := s.takeaway
	if t == nil {
		return r, &ProblemError{Problem{Kind: "internal", Title: "Nothing is being saved.", Advice: "Save it again."}}
	}
	defer context.AfterFunc(ctx, t.cancel)()
	for len(r.Patch) < pieceBytes && len(r.Starts) < pieceSegments {
		seg, err, more := t.next()
		if err == nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			s.endTakeaway()
			return SegmentsReply{}, problemError(err)
		}
		if !more {
			break
		}
		start := float64(-1)
		if seg.Data == nil {
			start = -2
		}
		r.Starts, r.Lengths = append(r.Starts, start), append(r.Lengths, float64(seg.Len))
		r.Patch = append(r.Patch, seg.Data...)
	}
	return r, nil
}

// TakeEnd ends what is being taken out, if anything is.
func (s *Session) TakeEnd(context.Context) (TakeView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endTakeaway()
	return TakeView{}, nil
}

func (s *Session) endTakeaway() {
	if t := s.takeaway; t != nil {
		t.cancel()
		t.stop()
		s.takeaway = nil
	}
}

// ReportFile is the outcome of the check as a page or as text.
func (s *Session) ReportFile(_ context.Context, req ReportFileRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return nil, errNotChecked
	}
	var b bytes.Buffer
	if req.Form == "text" {
		report.WriteSummary(&b, s.now.report, report.Fixed{})
		report.WriteGroups(&b, s.now.report, s.now.img.Geo, pagePlaces, "")
		return b.Bytes(), nil
	}
	err := report.WriteHTML(&b, report.Page{Name: s.name, Program: program(), When: req.When, Image: s.now.img, Report: s.now.report, Plan: s.planPart()})
	return b.Bytes(), err
}

// pagePlaces is how many places of a code the text lists.
const pagePlaces = 200

// planPart is what the report tells of the plan: the one that is applied, or the one that
// could be.
func (s *Session) planPart() *report.PlanPart {
	if applied := s.applied(); applied != nil {
		return &report.PlanPart{Plan: applied, Applied: true}
	}
	if s.outcome == nil {
		return nil
	}
	part := &report.PlanPart{Plan: s.outcome.Plan}
	for _, step := range s.outcome.Steps {
		part.Steps = append(part.Steps, fmt.Sprintf("%s: %d", step.What, step.Count))
	}
	return part
}

// program is this program, with the revision that it was built from where that is known.
func program() string {
	const name = "qcowscope"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return name + " " + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return name
}
