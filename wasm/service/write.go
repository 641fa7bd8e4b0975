package service

import (
	"context"
	"errors"
	"fmt"
	"math"

	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

const (
	maxWriteClusters = 1 << 14 // that a request may touch
	maxWriteShown    = 64      // clusters that are shown one by one
	maxWriteList     = 100     // things in a list
	// maxWriteBytes is how much an applied write may change: all of it is held in memory,
	// and again when it is saved.
	maxWriteBytes = 64 << 20
	// maxOffset is where float64 ends to be exact. Larger disks are impossible in practice.
	maxOffset = 1 << 53
)

// writing is what the simulator of writes has of the image as it is now.
type writing struct {
	writer  *cow.Writer
	request WriteRequest
	outcome *cow.Outcome // of the request that was planned last
	// redirected is a request as RedirectWrite was asked for it last.
	redirected *redirected
}

// WriteOpen gets ready to plan requests.
func (s *Session) WriteOpen(ctx context.Context) (WriteOpenReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return WriteOpenReply{}, errNotChecked
	}
	reply := WriteOpenReply{Disk: float64(min(s.now.img.VirtualSize(), maxOffset))}
	w, err := s.writerNow(ctx)
	if err == nil {
		err = w.Prepare(ctx)
	}
	reply.Stop, err = stopOf(s.now.img.Geo, err)
	return reply, err
}

// writerNow is the planner for the image as it is now.
func (s *Session) writerNow(ctx context.Context) (*cow.Writer, error) {
	if s.write.writer == nil {
		w, err := cow.Open(ctx, s.now.img, s.writeOptions())
		if err != nil {
			return nil, err
		}
		s.write.writer = w
	}
	return s.write.writer, nil
}

func (s *Session) writeOptions() cow.Options {
	opt := cow.Options{MaxClusters: maxWriteClusters, Backing: below{s}, BackingZero: below{s}.zero}
	if t := s.now.report.Refcounts; t != nil {
		opt.Counts, opt.CountsStored = t.Table, s.now.report.CountsStored()
	}
	return opt
}

// request is what the page asks for, in the words of the core.
func (r WriteRequest) request() (cow.Request, error) {
	whole := func(v float64) bool { return v >= 0 && v <= maxOffset && v == math.Trunc(v) }
	kind, ok := map[string]cow.Kind{"write": cow.Data, "zero": cow.Zero, "discard": cow.Discard}[r.Kind]
	if !ok || !whole(r.Offset) || !whole(r.Length) || r.Fill < 0 || r.Fill > 255 {
		return cow.Request{}, impossibleWrite(r)
	}
	return cow.Request{Offset: qcow2.GuestOff(r.Offset), Length: int64(r.Length), Kind: kind, Unmap: r.Unmap, Fill: byte(r.Fill)}, nil
}

func impossibleWrite(r any) error {
	return &ProblemError{Problem{Kind: "internal", Title: "An impossible write was asked for.", Detail: fmt.Sprintf("%+v", r)}}
}

// WritePlan says what a request does. The one that was planned last is kept: other clusters of
// it can be looked at, and it can be applied.
func (s *Session) WritePlan(ctx context.Context, req WritePlanRequest) (WritePlanReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !(req.First >= 0 && req.First <= maxOffset) || req.Count < 0 || req.Count > maxWriteShown {
		return WritePlanReply{}, impossibleWrite(req)
	}
	o, err := s.planWrite(ctx, req.Write)
	if err != nil {
		stop, err := stopOf(s.now.img.Geo, err)
		return WritePlanReply{Stop: stop}, err
	}
	g := s.now.img.Geo
	first := qcow2.GuestOff(req.First) << g.ClusterBits
	reply := planReply(o, g, qcow2.Range[qcow2.GuestOff]{Start: first, Len: qcow2.GuestOff(req.Count) << g.ClusterBits})
	reply.Barred = s.barred(o)
	return reply, nil
}

// planWrite is the outcome of a request.
func (s *Session) planWrite(ctx context.Context, req WriteRequest) (*cow.Outcome, error) {
	if s.now.report == nil {
		return nil, errNotChecked
	}
	r, err := req.request()
	if err != nil {
		return nil, err
	}
	if s.write.outcome != nil && s.write.request == req {
		return s.write.outcome, nil
	}
	s.write.outcome = nil
	w, err := s.writerNow(ctx)
	if err != nil {
		return nil, err
	}
	o, err := w.Plan(ctx, r)
	if err != nil {
		return nil, err
	}
	s.write.request, s.write.outcome = req, o
	return o, nil
}

// barred is why an outcome cannot be applied in the page, "" if it can.
func (s *Session) barred(o *cow.Outcome) string {
	if why := s.barredNow(); why != "" {
		return why
	}
	if len(o.Steps) == 0 {
		return "Nothing changes: there is nothing to apply."
	}
	return s.barredBytes(o.DataFileBytes(), o.Totals(), fromBacking(o))
}

// barredNow is why no write can be applied to the image as it is.
func (s *Session) barredNow() string {
	if r := s.now.report; r.Corruptions > 0 || r.CheckErrors > 0 || r.Incomplete != nil {
		return "The image is damaged, and QEMU knows less of that than this plan does. Repair it first; then the write can be applied."
	}
	return ""
}

func (s *Session) barredBytes(outside int64, t cow.Totals, backing bool) string {
	switch {
	case outside > 0:
		return "The data goes to the external data file, which is not open here. On the command line, qcowscope write --data-file-out writes both."
	case backing && !below{s}.given():
		return "Bytes of the backing file are copied, and it is not open here. Add it in the part Layers; on the command line, qcowscope write finds it beside the image."
	case t.Written+t.Copied+t.Zeroed > maxWriteBytes:
		return fmt.Sprintf("More than %s would be written, which this page does not hold in memory. On the command line, qcowscope write does it.", qcow2.Size(maxWriteBytes))
	}
	return ""
}

// fromBacking tells whether something is copied from the backing file.
func fromBacking(o *cow.Outcome) bool {
	for _, run := range o.Runs {
		head, tail := o.Copies(run)
		for _, pieces := range [][]cow.Piece{head, tail} {
			for _, p := range pieces {
				if p.Source == cow.FromBacking {
					return true
				}
			}
		}
	}
	return false
}

// WriteApply lays a request over the file, in memory, and checks the result. What is planned
// next goes on where it left the allocator, as in a running QEMU; what is redirected is
// elsewhere, so that it begins anew.
func (s *Session) WriteApply(ctx context.Context, req WriteApplyRequest) (Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.planWrite(ctx, req.Write)
	if err != nil {
		return Verdict{}, stoppedError(s.now.img.Geo, err)
	}
	if why := s.barred(o); why != "" {
		return Verdict{}, barredError(why)
	}
	plans, err := o.Plans(ctx)
	if err != nil {
		return Verdict{}, problemError(err)
	}
	if req.Redirect {
		r, err := s.redirect(ctx, plans.Image, nil)
		if err != nil {
			return Verdict{}, problemError(err)
		}
		return s.lay(ctx, change{plan: r.plan}, nil)
	}
	return s.layWrite(ctx, plans, func(w *cow.Writer) (*cow.Writer, error) { return w.After(ctx, o, s.now.img, s.writeOptions()) })
}

func barredError(why string) error {
	return &ProblemError{Problem{Kind: "unsupported", Title: "This write cannot be applied here.", Advice: why}}
}

// stoppedError is why nothing can be applied.
func stoppedError(g qcow2.Geometry, err error) error {
	stop, err := stopOf(g, err)
	if err != nil {
		return err
	}
	return barredError(stop.Title + " " + stop.Cure)
}

// layWrite applies the plans, and goes on with the planner for the image after them.
func (s *Session) layWrite(ctx context.Context, plans *cow.Plans, after func(*cow.Writer) (*cow.Writer, error)) (Verdict, error) {
	before := s.write.writer
	v, err := s.lay(ctx, change{plan: plans.Image}, nil)
	if err != nil {
		return v, err
	}
	// Without it, the next plan begins at the start of the file: correct, but not as QEMU would.
	if next, err := after(before); err == nil {
		s.write.writer = next
	}
	return v, nil
}

// stopOf is a reason of the core in words; other errors are passed on.
func stopOf(g qcow2.Geometry, err error) (WriteStop, error) {
	var stop *cow.StopError
	switch {
	case err == nil:
		return WriteStop{}, nil
	case errors.As(err, &stop):
		return entryStop(g, stop), nil
	}
	for _, known := range []error{cow.ErrNoLength, cow.ErrOffDisk, cow.ErrTooLong, cow.ErrRefused, cow.ErrMarkedCorrupt, cow.ErrMarkedDirty, cow.ErrOnlyWrites} {
		if errors.Is(err, known) {
			return WriteStop{Title: reasonText(err)}, nil
		}
	}
	return WriteStop{}, problemError(err)
}

// entryStop explains the entry at which a request ends.
func entryStop(g qcow2.Geometry, stop *cow.StopError) WriteStop {
	v := WriteStop{Title: reasonText(stop.Err), Cure: "A QEMU that may write marks the image corrupt here, and the guest gets an input/output error. Repair the image first."}
	if !stop.Guest.Empty() {
		v.Guest = hex(stop.Guest.Start)
	}
	if stop.At >= 0 {
		v.At, v.Entry = hex(stop.At), fmt.Sprintf("%016x", stop.Entry.Entry)
	}
	if !errors.Is(stop.Err, image.ErrSubclusters) && !errors.Is(stop.Err, image.ErrZeroInVersion2) {
		return v
	}
	if g.ExtendedL2 {
		v.Bitmap = fmt.Sprintf("%016x", uint64(stop.Entry.Bitmap))
	}
	for i := range qcow2.SubclustersPerEntry {
		if st := cow.StateOf(g, stop.Entry, i); !st.Valid() {
			v.Why, v.Cure = fmt.Sprintf("Subcluster %d is %s. %s", i, st.Name, st.Meaning), sentence("Proposed repair: "+st.Repair)
			break
		}
	}
	return v
}
