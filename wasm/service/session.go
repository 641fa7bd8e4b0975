package service

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// maxClusters bounds the memory of a check in a tab: two bytes a cluster.
const maxClusters = 512 << 20

// maxPackBytes is the memory for findings beyond the first ten thousand of each kind: some
// millions of them.
const maxPackBytes = 64 << 20

// progressEvery is how often a running check reports.
const progressEvery = 100 * time.Millisecond

// Session is one opened image and what was found out about it. Its methods are the
// operations of the protocol; they answer one at a time.
type Session struct {
	attach   func() (source.Source, error)
	beside   func(file int, size int64) source.Source // see Beside
	progress func(Progress)

	mu sync.Mutex
	opened
	pictures pictures // of the map
	lastTold time.Time
	takeaway *takeaway // see Take
}

// opened is what belongs to one image.
type opened struct {
	name       string
	dropped    source.Source
	overlay    *patch.Overlay
	original   view            // the file as it was dropped
	now        view            // with the applied changes
	outcome    *repair.Outcome // the plan that was made last, until it is applied
	scope      repair.Scope
	redirected *redirected // how that plan was redirected
	lab        *labRun     // what the Lab shows, until the image changes
	crash      *crashRun   // whose states are looked at, until the image changes
	hex        *hexSides   // what the Hex part shows, until it is out of date
	changes    []change    // that are applied, in order
	write      writing     // what the simulator of writes has, until the image changes
	layers     layersSeen
	chain      chain
}

// view is an image and its check.
type view struct {
	img    *image.Image
	report *check.Report
	hosts  *clustermap.HostMap
}

// New makes a session for the file that attach gives. Progress may be nil.
func New(attach func() (source.Source, error), progress func(Progress)) *Session {
	return &Session{attach: attach, progress: progress}
}

// ProblemError is a failed operation with the words for it.
type ProblemError struct{ Problem Problem }

func (e *ProblemError) Error() string { return e.Problem.Title + " " + e.Problem.Detail }

var errNoImage = &ProblemError{Problem{Kind: "internal", Title: "No image is open.", Advice: "Choose an image first."}}

var errNotChecked = &ProblemError{Problem{Kind: "internal", Title: "The image is not checked yet.", Advice: "Wait for the check to finish."}}

// Open reads the header. An image that cannot be read is a reply with a Problem, not an error.
func (s *Session) Open(ctx context.Context, req OpenRequest) (OpenReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	src, err := s.attach()
	if err != nil {
		return OpenReply{}, problemError(err)
	}
	img, err := image.Open(ctx, src)
	if err != nil {
		if ctx.Err() != nil {
			return OpenReply{}, problemError(ctx.Err())
		}
		return OpenReply{Problem: problemOf(err)}, nil
	}
	s.opened = opened{name: req.Name, dropped: src, overlay: patch.NewOverlay(src), now: view{img: img}}
	return OpenReply{Opened: true, Info: infoOf(req.Name, img)}, nil
}

// Check runs the whole check of the image as it is now.
func (s *Session) Check(ctx context.Context, req CheckRequest) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.img == nil {
		return Verdict{}, errNoImage
	}
	opt := s.checkOptions()
	opt.Deep = req.Deep
	report, err := check.Run(ctx, s.now.img, opt)
	if err != nil {
		return Verdict{}, problemError(err)
	}
	s.now = viewOf(s.now.img, report)
	if s.overlay.Depth() == 0 {
		s.original = s.now
	}
	return s.verdict(), nil
}

func (s *Session) checkOptions() check.Options {
	return check.Options{MaxClusters: maxClusters, PackBytes: maxPackBytes, Progress: s.tell}
}

func (s *Session) tell(p check.Phase, done, total int64, places int) {
	if s.progress == nil || time.Since(s.lastTold) < progressEvery {
		return
	}
	s.lastTold = time.Now()
	s.progress(Progress{Phase: string(p), Done: float64(done), Total: float64(total), Findings: places})
}

func viewOf(img *image.Image, r *check.Report) view {
	return view{img: img, report: r, hosts: clustermap.NewHostMap(img.Geo, r)}
}

// Plan makes a repair plan for the image as it is now; nothing is applied.
func (s *Session) Plan(ctx context.Context, req PlanRequest) (PlanView, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return PlanView{}, errNotChecked
	}
	opt, err := s.repairOptions(req)
	if err != nil {
		return PlanView{}, err
	}
	out, err := repair.Plan(ctx, s.now.img, s.now.report, opt)
	if err != nil {
		return PlanView{}, problemError(err)
	}
	r, err := s.redirectIf(ctx, req.Redirect, out.Plan, out.After)
	if err != nil {
		return PlanView{}, problemError(err)
	}
	out.Plan, out.After = r.plan, r.after
	if s.now.report.Streams != nil && !out.Plan.Empty() {
		if out.After, err = s.deepAfter(ctx, out); err != nil {
			return PlanView{}, problemError(err)
		}
	}
	s.outcome, s.scope, s.redirected = out, opt.Scope, r
	v := s.planView()
	v.NotLeft = s.notLeft(req.Leave)
	return v, nil
}

// deepAfter is a deep check of what the plan would make: what the last check saw of the
// compressed clusters is not to be forgotten.
func (s *Session) deepAfter(ctx context.Context, out *repair.Outcome) (*check.Report, error) {
	over := patch.NewOverlay(s.now.img.Src)
	if err := over.Apply(out.Plan); err != nil {
		return nil, err
	}
	img, err := image.Open(ctx, over)
	if err != nil {
		return nil, err
	}
	opt := s.checkOptions()
	opt.Deep = true
	return check.Run(ctx, img, opt)
}

// Apply lays the last plan over the file, in memory. The plan was verified when it was
// made: the verdict is that of its effect.
func (s *Session) Apply(ctx context.Context) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.outcome == nil {
		return Verdict{}, &ProblemError{Problem{Kind: "internal", Title: "There is no plan to apply.", Advice: "Make a plan first."}}
	}
	c := change{plan: s.outcome.Plan, repairs: true, lostBytes: s.outcome.LostBytes}
	return s.lay(ctx, c, s.outcome.After)
}

// Bytes are bytes of the image as it is now, fewer at its end.
func (s *Session) Bytes(_ context.Context, req BytesRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overlay == nil {
		return nil, errNoImage
	}
	off := int64(req.Offset)
	n := max(0, min(int64(req.Length), 1<<16, s.overlay.Size()-off))
	if off < 0 || n == 0 {
		return nil, nil
	}
	b := make([]byte, n)
	if err := source.ReadFull(s.overlay, b, off); err != nil {
		return nil, problemError(err)
	}
	return b, nil
}

// SegmentsReply is the repaired image in order, as the protocol says of segments.
type SegmentsReply struct {
	Starts, Lengths []float64
	Patch           []byte
}

// Segments are the repaired image as ranges of the file and new bytes.
func (s *Session) Segments(context.Context) (SegmentsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overlay == nil {
		return SegmentsReply{}, errNoImage
	}
	var r SegmentsReply
	for seg := range s.overlay.Segments() {
		start := float64(seg.Start)
		if seg.Start < 0 && seg.Data == nil {
			start = -2
		}
		r.Starts = append(r.Starts, start)
		r.Lengths = append(r.Lengths, float64(seg.Len))
		r.Patch = append(r.Patch, seg.Data...)
	}
	return r, nil
}

func hex[T ~int64 | ~uint64](v T) string { return "0x" + strconv.FormatUint(uint64(v), 16) }

func problemError(err error) error {
	var p *ProblemError
	if errors.As(err, &p) {
		return err
	}
	return &ProblemError{problemOf(err)}
}
