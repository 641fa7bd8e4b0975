package service

import (
	"context"
	encoding "encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/anatomy"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

const (
	maxHexBytes   = 4096
	maxFieldBytes = 16
	maxReasons    = 4
)

// hexSide is the image on one side of a plan.
type hexSide struct {
	src     source.Source
	anatomy *anatomy.Anatomy
	report  *check.Report
	wrong   []int64 // offsets of its findings, once asked for
}

// hexSides are what the Hex part shows, as long as they are current.
type hexSides struct {
	current       hexCurrent
	before, after *hexSide
	plan          *patch.Plan // that makes them differ, nil if none
	applied       bool
	changes       *hexChanges // looked for when asked for
}

// hexCurrent names the state of a session that the sides belong to.
type hexCurrent struct {
	now     *check.Report
	outcome *repair.Outcome
	changes int
}

// sides are the two images. Without a plan they are the same one.
func (s *Session) sides(ctx context.Context) (*hexSides, error) {
	if s.now.report == nil {
		return nil, errNotChecked
	}
	current := hexCurrent{s.now.report, s.outcome, len(s.changes)}
	if s.hex != nil && s.hex.current == current {
		return s.hex, nil
	}
	now, err := sideOf(s.now.img, s.now.report)
	if err != nil {
		return nil, problemError(err)
	}
	x := &hexSides{current: current, before: now, after: now}
	switch {
	case s.outcome != nil && !s.outcome.Plan.Empty():
		x.plan = s.outcome.Plan
		x.after, err = sideAfter(ctx, s.now.img, s.outcome)
	case len(s.changes) > 0:
		x.plan, x.applied = s.applied(), true
		x.before, err = sideOf(s.original.img, s.original.report)
	}
	if err != nil {
		return nil, problemError(err)
	}
	s.hex = x
	return x, nil
}

func sideOf(img *image.Image, r *check.Report) (*hexSide, error) {
	a, err := anatomy.New(img, r)
	return &hexSide{src: img.Src, anatomy: a, report: r}, err
}

// sideAfter is the image with a plan that is not applied yet.
func sideAfter(ctx context.Context, img *image.Image, out *repair.Outcome) (*hexSide, error) {
	over := patch.NewOverlay(img.Src)
	if err := over.Apply(out.Plan); err != nil {
		return nil, err
	}
	after, err := image.Open(ctx, over)
	if err != nil {
		return nil, err
	}
	return sideOf(after, out.After)
}

// of is the side that was asked for, and the opposite one.
func (x *hexSides) of(other bool) (side, twin *hexSide) {
	if other == x.applied {
		return x.before, x.after
	}
	return x.after, x.before
}

func (x *hexSides) planName() string {
	switch {
	case x.plan == nil:
		return ""
	case x.applied:
		return "applied"
	}
	return "planned"
}

// part is n bytes from off on, fewer at the end of the side.
func (s *hexSide) part(off, n int64) (string, error) {
	if off >= s.src.Size() {
		return "", nil
	}
	b, err := readAround(s.src, off, n)
	return encoding.EncodeToString(b), err
}

// fields are those that touch the range; none past the end of the side.
func (s *hexSide) fields(ctx context.Context, off, n int64) ([]anatomy.Field, error) {
	if off >= s.src.Size() {
		return nil, nil
	}
	return s.anatomy.Fields(ctx, qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(off), Len: qcow2.HostOff(n)})
}

// Hex is a range of the image with its fields.
func (s *Session) Hex(ctx context.Context, req HexRequest) (HexReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	off, err := hexOffset(req.Offset)
	if err != nil {
		return HexReply{}, err
	}
	x, err := s.sides(ctx)
	if err != nil {
		return HexReply{}, err
	}
	side, twin := x.of(req.Other)
	n := int64(max(0, min(req.Length, maxHexBytes)))
	reply := HexReply{Size: hex(max(side.src.Size(), twin.src.Size())), Plan: x.planName()}
	if reply.Bytes, err = side.part(off, n); err != nil {
		return HexReply{}, problemError(err)
	}
	if x.plan != nil {
		if reply.Twin, err = twin.part(off, n); err != nil {
			return HexReply{}, problemError(err)
		}
	}
	fields, err := side.fields(ctx, off, n)
	if err != nil {
		return HexReply{}, problemError(err)
	}
	for i := range fields {
		reply.Fields = append(reply.Fields, hexField(&fields[i]))
	}
	return reply, nil
}

// HexField is all about the field at one offset.
func (s *Session) HexField(ctx context.Context, req HexFieldRequest) (HexFieldReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	off, err := hexOffset(req.Offset)
	if err != nil {
		return HexFieldReply{}, err
	}
	x, err := s.sides(ctx)
	if err != nil {
		return HexFieldReply{}, err
	}
	side, twin := x.of(req.Other)
	fields, err := side.fields(ctx, off, 1)
	if err != nil {
		return HexFieldReply{}, problemError(err)
	}
	if len(fields) == 0 {
		return HexFieldReply{Cluster: float64(s.now.img.Geo.Cluster(qcow2.HostOff(off)))}, nil
	}
	f := &fields[0]
	reply := hexFieldReply(side.anatomy, f)
	reply.Cluster = float64(s.now.img.Geo.Cluster(f.Host.Start))
	start, n := int64(f.Host.Start), min(int64(f.Host.Len), maxFieldBytes)
	if reply.Bytes, err = side.part(start, n); err != nil {
		return HexFieldReply{}, problemError(err)
	}
	if x.plan != nil {
		reply.Reasons = reasons(x.plan, f.Host)
		if reply.Twin, err = twin.part(start, n); err != nil {
			return HexFieldReply{}, problemError(err)
		}
	}
	return reply, nil
}

func hexFieldReply(a *anatomy.Anatomy, f *anatomy.Field) HexFieldReply {
	reply := HexFieldReply{Found: true, Field: hexField(f), Structure: f.In.Name, MoreFrom: f.MoreFrom}
	if f.To.Name != "" {
		reply.ToLength = hex(f.To.Host.Len)
	}
	if f.Guest.Len > 0 {
		reply.Guest, reply.GuestLength = hex(f.Guest.Start), hex(f.Guest.Len)
	}
	for _, p := range a.Parts(f) {
		reply.Bits = append(reply.Bits, HexBits{int(p.High), int(p.Low), p.Name, hex(p.Value), p.Wrong})
	}
	for _, r := range f.From {
		reply.From = append(reply.From, HexRef{r.Name, hex(r.Host.Start)})
	}
	for _, c := range f.Wrong {
		reply.Findings = append(reply.Findings, HexFinding{string(c), c.Severity().String(), c.Title()})
	}
	return reply
}

func hexField(f *anatomy.Field) HexField {
	v := HexField{Offset: hex(f.Host.Start), Length: float64(f.Host.Len), Kind: f.Kind.String(), Name: f.Name, Value: f.Value, IsText: f.IsText, Meaning: f.Meaning}
	if f.To.Name != "" {
		v.To, v.ToName = hex(f.To.Host.Start), f.To.Name
	}
	worst := check.Note
	for _, c := range f.Wrong {
		worst = max(worst, c.Severity())
	}
	if len(f.Wrong) > 0 {
		v.Severity = worst.String()
	}
	return v
}

// reasons are why the plan writes to the range.
func reasons(p *patch.Plan, r qcow2.Range[qcow2.HostOff]) []string {
	var why []string
	for _, batch := range p.Batches {
		for _, w := range batch {
			if w.Off < int64(r.End()) && w.End() > int64(r.Start) && len(why) < maxReasons {
				why = append(why, w.Why)
			}
		}
	}
	return why
}

// hexOffset reads an offset as the page sends it.
func hexOffset(text string) (int64, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	v, err := strconv.ParseInt(digits, 16, 64)
	if !ok || err != nil || v < 0 {
		return 0, &ProblemError{Problem{Kind: "internal", Title: fmt.Sprintf("%q is no offset in a file.", text)}}
	}
	return v, nil
}
