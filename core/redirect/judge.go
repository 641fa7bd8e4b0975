package redirect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// Reading is whose bytes the guest reads.
type Reading uint8

// Old, new, or something else.
const (
	ReadsOld Reading = iota
	ReadsNew
	ReadsNeither
)

func (r Reading) String() string { return [...]string{"old", "new", "neither"}[r] }

// Verdict is what is to be said of an image after a crash.
type Verdict struct {
	// Opens is false when the file is no image any more.
	Opens bool
	Guest Reading
	// Worse are the kinds of corruption of which there are more than before.
	Worse []check.Code
	Leaks uint64 // clusters that are wasted: no harm
}

// Safe tells that nothing is broken that was not broken before.
func (v Verdict) Safe() bool { return v.Opens && v.Guest != ReadsNeither && len(v.Worse) == 0 }

func (v Verdict) String() string {
	switch {
	case !v.Opens:
		return "it does not open"
	case len(v.Worse) > 0:
		codes := make([]string, len(v.Worse))
		for i, c := range v.Worse {
			codes[i] = string(c)
		}
		return fmt.Sprintf("new trouble (%s), the guest reads %s bytes", strings.Join(codes, ", "), v.Guest)
	}
	return fmt.Sprintf("the guest reads %s bytes", v.Guest)
}

// Judge judges what a crash leaves while the effect of a plan is put on disk, in whatever way.
type Judge struct {
	ctx      context.Context
	opt      JudgeOptions
	allowed  map[check.Code]uint64
	refused  bool // before already, by the rules that QEMU opens by
	aborted  bool
	old, new fingerprint
}

// JudgeOptions steer a judge.
type JudgeOptions struct {
	Check check.Options
	// Guest is how many bytes of guest data are compared in each state, about; 0 means all.
	Guest int64
}

// NewJudge looks at the image before and after a change. The plans are ways to make the same
// change: the plan itself, and redirected. An error is one of reading, or says that one of
// the images does not open.
func NewJudge(ctx context.Context, src source.Source, opt JudgeOptions, plans ...*patch.Plan) (*Judge, error) {
	j := &Judge{ctx: ctx, opt: opt, allowed: map[check.Code]uint64{}}
	var err error
	if j.old, err = j.look(src); err != nil {
		return nil, err
	}
	for i, p := range plans {
		if p.SizeAfter > p.SizeBefore {
			// A pointer past the end of the file leads into it when it becomes longer.
			longer := patch.New(src.Size())
			longer.SizeAfter = p.SizeAfter
			if _, err := j.with(src, longer); err != nil {
				return nil, err
			}
		}
		if i == 0 {
			if j.new, err = j.with(src, p); err != nil {
				return nil, err
			}
		}
	}
	return j, nil
}

// with takes the image as the plan makes it as one that may be.
func (j *Judge) with(src source.Source, p *patch.Plan) (fingerprint, error) {
	over := patch.NewOverlay(src)
	if err := over.Apply(p); err != nil {
		return nil, err
	}
	return j.look(over)
}

// look takes the image as one that may be.
func (j *Judge) look(src source.Source) (fingerprint, error) {
	rep, print, err := j.examine(src)
	if err != nil {
		return nil, err
	}
	j.refused, j.aborted = j.refused || rep.Refused, j.aborted || rep.Aborted
	for code, n := range troubles(rep) {
		j.allowed[code] = max(j.allowed[code], n)
	}
	return print, nil
}

func (j *Judge) examine(src source.Source) (*check.Report, fingerprint, error) {
	img, err := image.Open(j.ctx, src)
	if err != nil {
		return nil, nil, err
	}
	rep, err := check.Run(j.ctx, img, j.opt.Check)
	if err != nil {
		return nil, nil, err
	}
	print, err := printGuest(j.ctx, img, rep.Snapshots, j.opt.Guest)
	return rep, print, err
}

// troubles counts what makes using the image dangerous, or loses data. Leaks do neither, and
// lost mappings are guessed from leaks.
func troubles(r *check.Report) map[check.Code]uint64 {
	all := map[check.Code]uint64{}
	for _, g := range r.Groups {
		if g.Code != check.LostMapping && (g.Class == check.Corruption || g.Class == check.CheckError || g.Class == check.Beyond && g.Code.Severity() >= check.Damage) {
			all[g.Code] = g.Times
		}
	}
	return all
}

// In is the judge with another context: for one that judges longer than the call it was made in.
func (j *Judge) In(ctx context.Context) *Judge {
	in := *j
	in.ctx = ctx
	return &in
}

// Look judges a state. The error is one of reading, or the context's.
func (j *Judge) Look(s State) (Verdict, error) {
	rep, print, err := j.examine(s.Image)
	var read *source.ReadError
	if errors.As(err, &read) || j.ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return Verdict{}, err
	}
	if err != nil {
		return Verdict{Guest: ReadsNeither}, nil
	}
	v := Verdict{Opens: true, Guest: ReadsNeither, Leaks: rep.Leaks}
	switch {
	case print.equal(j.old):
		v.Guest = ReadsOld
	case print.equal(j.new):
		v.Guest = ReadsNew
	}
	for code, n := range troubles(rep) {
		if n > j.allowed[code] {
			v.Worse = append(v.Worse, code)
		}
	}
	slices.Sort(v.Worse)
	v.Opens = (!rep.Refused || j.refused) && (!rep.Aborted || j.aborted)
	return v, nil
}
