package repair

import (
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
)

// trial checks the image as it would be with the writes: the surest evidence for a
// correction is that what it explains is wrong no more.
func (r *repairer) trial(ws ...patch.Write) (*image.Image, *check.Report, error) {
	p := patch.New(r.over.Size())
	for _, w := range ws {
		p.Add(0, w.Off, w.Data, w.Why)
	}
	over := patch.NewOverlay(r.over)
	if err := over.Apply(p); err != nil {
		return nil, nil, err
	}
	img, err := image.Open(r.ctx, over)
	if err != nil {
		return nil, nil, err
	}
	opt := r.opt.Check
	opt.OnFinding, opt.Progress = nil, nil
	rep, err := check.Run(r.ctx, img, opt)
	return img, rep, err
}

// betters tells whether the writes mend something and harm nothing: no kind of finding
// becomes more, and one becomes less.
func (r *repairer) betters(ws ...patch.Write) (bool, error) {
	_, after, err := r.trial(ws...)
	return err == nil && r.better(after), err
}

func (r *repairer) better(after *check.Report) bool {
	if after.Refused && !r.report.Refused || after.Aborted && !r.report.Aborted {
		return false
	}
	before := map[check.Code]uint64{}
	for _, g := range r.report.Groups {
		before[g.Code] = g.Times
	}
	less := false
	for _, g := range after.Groups {
		if g.Times > before[g.Code] && g.Code.Severity() > check.Note {
			return false
		}
		less = less || g.Times < before[g.Code]
		delete(before, g.Code)
	}
	return less || len(before) > 0
}

// explains tells whether the writes mend something, harm nothing, and leave no other broken
// pointer that the same evidence could be about.
func (r *repairer) explains(ws ...patch.Write) (bool, error) {
	_, after, err := r.trial(ws...)
	if err != nil || !r.better(after) {
		return false, err
	}
	return !r.anyOf(after, brokenPointers), nil
}

// without looks at the image as it would be with the writes: what a broken pointer makes of
// other structures is not there then. look must only read.
func (r *repairer) without(ws []patch.Write, look func() error) error {
	img, rep, err := r.trial(ws...)
	if err != nil {
		return err
	}
	was, report := r.img, r.report
	defer func() { r.img, r.report = was, report }()
	r.img, r.report = img, rep
	return look()
}

// nowhere is an offset past the end of the file: a table there is not counted, and empty.
func (r *repairer) nowhere() []byte {
	g := r.img.Geo
	return be64bytes(uint64((g.Clusters(r.img.Src.Size()) + 1) << g.ClusterBits))
}
