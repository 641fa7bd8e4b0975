package service

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"qcowscope/core/alloc"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

const (
	maxStepsPage  = 1 << 16
	maxCountsPage = 256
	stepNumbers   = 8 // of a step, as it crosses
)

// labRun is a change of the refcount structure that the Lab shows step by step.
type labRun struct {
	req        LabRequest
	plan       *patch.Plan  // to be applied
	redirected *redirected  // how it was redirected
	after      *image.Image // as the steps make it
	steps      []labStep
	stages     []LabStage
	total      int64 // steps, also those that are not kept
}

var errNoSteps = &ProblemError{Problem{Kind: "internal", Title: "There are no steps.", Advice: "Ask for them in the Lab first."}}

// LabTrace plans a rebuild or a change of width for the image as it is now, and keeps every
// step of it.
func (s *Session) LabTrace(ctx context.Context, req LabRequest) (LabReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return LabReply{}, errNotChecked
	}
	s.lab = nil
	reply := LabReply{Kind: req.Kind, Before: structureOf(s.now.img), ClusterSize: float64(s.now.img.Geo.ClusterSize()), FileBefore: float64(s.now.img.Src.Size())}
	reply.Greatest, reply.GreatestAt = s.greatest()
	steps := newLabSteps()
	plan, blocked, err := s.labPlan(ctx, req, steps.tell)
	if err != nil {
		return LabReply{}, problemError(err)
	}
	if len(blocked) > 0 {
		reply.Blocked = blocked
		return reply, nil
	}
	run := &labRun{req: req, plan: plan, total: steps.n}
	over := patch.NewOverlay(s.now.img.Src)
	if err := over.Apply(plan); err != nil {
		return LabReply{}, problemError(err)
	}
	if run.after, err = image.Open(ctx, over); err != nil {
		return LabReply{}, problemError(err)
	}
	if run.redirected, err = s.redirectIf(ctx, req.Redirect, plan, nil); err != nil {
		return LabReply{}, problemError(err)
	}
	run.plan = run.redirected.plan
	run.steps, run.stages = steps.flat()
	s.lab = run
	reply.sum(run, s.now.img)
	return reply, nil
}

// sum fills in what is known when there is a plan.
func (r *LabReply) sum(run *labRun, now *image.Image) {
	r.After = structureOf(run.after)
	r.Redirected = run.redirected.view
	r.Steps, r.Kept, r.Stages = float64(run.total), len(run.steps), run.stages
	r.FileAfter, r.Written = float64(run.plan.SizeAfter), float64(run.plan.Bytes())
	r.Clusters = float64(max(now.HostClusters(), run.after.HostClusters()))
}

// labPlan makes the plan, or says what forbids it.
func (s *Session) labPlan(ctx context.Context, req LabRequest, trace alloc.Tracer) (*patch.Plan, []LabBlocker, error) {
	switch req.Kind {
	case "rebuild":
		return s.rebuildPlan(ctx, trace)
	case "width":
		return s.widthPlan(ctx, req, trace)
	}
	return nil, nil, &ProblemError{Problem{Kind: "internal", Title: fmt.Sprintf("The Lab knows no %q.", req.Kind)}}
}

// rebuildPlan plans a rebuild of the refcounts.
func (s *Session) rebuildPlan(ctx context.Context, trace alloc.Tracer) (*patch.Plan, []LabBlocker, error) {
	if err := s.now.report.Incomplete; err != nil {
		return nil, unreadableBlocker(err), nil
	}
	told := false
	opt := repair.Options{Scope: repair.Rebuild, Check: s.checkOptions(), Trace: func(e alloc.Event) {
		told = true
		trace(e)
	}}
	out, err := repair.Plan(ctx, s.now.img, s.now.report, opt)
	switch {
	case errors.Is(err, alloc.ErrReftableTooLarge):
		return nil, []LabBlocker{{What: "reftable size", Why: err.Error(), Advice: "convert the image to one with larger clusters (qemu-img convert)"}}, nil
	case err != nil:
		return nil, nil, err
	case !told:
		return nil, []LabBlocker{{What: "repair", Why: out.KeptLeaks, Advice: "use the program that made the image"}}, nil
	}
	return out.Plan, nil, nil
}

// structureOf is the refcount structure of an image.
func structureOf(img *image.Image) LabStructure {
	g := img.Geo
	st := LabStructure{Bits: int(g.RefcountBits()), Limit: strconv.FormatUint(g.RefcountMax(), 10),
		TableClusters: float64(g.Clusters(img.ReftableBytes())), PerRefblock: float64(g.RefblockEntries())}
	for _, e := range img.Reftable {
		if e.Refblock() != 0 {
			st.Refblocks++
		}
	}
	return st
}

// greatest is the greatest number of references to a cluster, and the first that has them.
func (s *Session) greatest() (decimal string, at float64) {
	t := s.now.report.Refcounts
	if t == nil {
		return "", 0
	}
	var most uint64
	for c, n := range t.Counts(0, t.Len()) {
		v := uint64(n)
		if n == 255 {
			v = t.Count(qcow2.HostCluster(c))
		}
		if v > most {
			most, at = v, float64(c)
		}
	}
	return strconv.FormatUint(most, 10), at
}

// LabSteps are steps as numbers, see LabStepsRequest.
func (s *Session) LabSteps(_ context.Context, req LabStepsRequest) ([]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps, err := s.labPage(req.From, min(req.Count, maxStepsPage))
	if err != nil {
		return nil, err
	}
	numbers := make([]float64, 0, len(steps)*stepNumbers)
	for _, e := range steps {
		numbers = append(numbers, float64(e.seq), float64(e.Act), float64(e.Walk), float64(e.Block), float64(e.From), float64(e.To), float64(e.At), float64(e.N))
	}
	return numbers, nil
}

// LabWords are steps in words.
func (s *Session) LabWords(_ context.Context, req LabWordsRequest) (LabWordsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps, err := s.labPage(req.From, min(req.Count, maxPage))
	if err != nil {
		return LabWordsReply{}, err
	}
	var r LabWordsReply
	for _, e := range steps {
		r.Words = append(r.Words, e.Words())
	}
	return r, nil
}

func (s *Session) labPage(from, count int) ([]labStep, error) {
	if s.lab == nil {
		return nil, errNoSteps
	}
	from = min(max(0, from), len(s.lab.steps))
	return s.lab.steps[from:min(from+max(0, count), len(s.lab.steps))], nil
}

// LabOldTable is the reftable as it is now, see labprotocol.go.
func (s *Session) LabOldTable(context.Context) ([]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lab == nil {
		return nil, errNoSteps
	}
	g, size := s.now.img.Geo, s.now.img.Src.Size()
	table := s.now.img.Reftable
	for len(table) > 0 && table[len(table)-1].Refblock() == 0 {
		table = table[:len(table)-1]
	}
	places := make([]float64, len(table))
	for k, e := range table {
		switch h := e.Refblock(); {
		case h == 0:
		case h < 0 || int64(h) >= size || !g.Aligned(h):
			places[k] = -1
		default:
			places[k] = float64(g.Cluster(h))
		}
	}
	return places, nil
}

// LabCounts are the refcounts of clusters before and after.
func (s *Session) LabCounts(_ context.Context, req LabCountsRequest) (LabCounts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lab == nil {
		return LabCounts{}, errNoSteps
	}
	t := s.now.report.Refcounts
	n := max(s.now.img.HostClusters(), s.lab.after.HostClusters(), t.Len())
	if !(req.First >= 0 && req.First < float64(n)) {
		return LabCounts{}, nil
	}
	from := int64(req.First)
	to := min(n, from+int64(min(max(0, req.Count), maxCountsPage)))
	r := LabCounts{Stored: storedRefcounts(s.now.img, from, to), After: storedRefcounts(s.lab.after, from, to)}
	for c := from; c < to; c++ {
		owner, counted := "free", uint64(0)
		if c < t.Len() {
			owner, counted = ownerName(t.Role(qcow2.HostCluster(c))), t.Count(qcow2.HostCluster(c))
		}
		r.Owners, r.Counted = append(r.Owners, owner), append(r.Counted, strconv.FormatUint(counted, 10))
	}
	return r, nil
}

// storedRefcounts are what the refblocks of an image say of clusters [from, to).
func storedRefcounts(img *image.Image, from, to int64) []string {
	g := img.Geo
	per := g.RefblockEntries()
	texts := make([]string, 0, to-from)
	for c := from; c < to; {
		k, end := c/per, min(to, (c/per+1)*per)
		var off qcow2.HostOff
		if k < int64(len(img.Reftable)) {
			off = img.Reftable[k].Refblock()
		}
		text := ""
		var block qcow2.Refblock
		if off != 0 {
			block, text = readRefblock(img, off), "?"
		}
		for ; c < end; c++ {
			if block != nil {
				text = strconv.FormatUint(block.At(g.RefcountOrder, c%per), 10)
			}
			texts = append(texts, text)
		}
	}
	return texts
}

// readRefblock is the refblock at off, nil if it cannot be read.
func readRefblock(img *image.Image, off qcow2.HostOff) qcow2.Refblock {
	if off < 0 || !img.Geo.Aligned(off) {
		return nil
	}
	block := make(qcow2.Refblock, img.Geo.ClusterSize())
	if source.ReadFull(img.Src, block, int64(off)) != nil {
		return nil
	}
	return block
}
