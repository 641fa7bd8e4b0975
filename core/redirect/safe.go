package redirect

import (
	"context"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Safe tells whether a plan can be carried out in place as it is: between any two flushes
// it writes either the first sector and nothing else, or only what is free in the image that
// the batches before have made. So are redirected plans, and the plans that undo them.
func Safe(ctx context.Context, src source.Source, p *patch.Plan, opt check.Options) (bool, error) {
	if err := p.Check(src.Size()); err != nil || p.File != patch.TargetImage {
		return false, err
	}
	s := safety{ctx: ctx, plan: p, opt: opt, src: src}
	over := patch.NewOverlay(src)
	for _, batch := range append(p.Batches, nil) {
		ok, err := s.batch(over, batch)
		if err != nil || !ok {
			return false, err
		}
		step := patch.New(over.Size())
		step.Batches = [][]patch.Write{batch}
		step.SizeAfter = max(p.SizeAfter, p.SizeBefore)
		if err := over.Apply(step); err != nil {
			return false, err
		}
	}
	return true, nil
}

// safety judges the batches of a plan.
type safety struct {
	ctx   context.Context
	plan  *patch.Plan
	opt   check.Options
	src   source.Source
	began *liveness // of the image before the plan, when it is first asked for
}

// look is what lives in an image, nil if it does not open.
func (s *safety) look(src source.Source) (*image.Image, *liveness, error) {
	img, err := image.Open(s.ctx, src)
	if err != nil {
		return nil, nil, nil // what is free is not known
	}
	rep, err := check.Run(s.ctx, img, s.opt)
	if err != nil {
		return nil, nil, err
	}
	live, err := liveIn(s.ctx, img, rep, img.Geo.ClusterBits, danglingRoom)
	if err != nil {
		return nil, nil, err
	}
	live.all = false // the plan has chosen its places: it is to break nothing that is referred to or kept
	return img, live, nil
}

// left tells whether the cluster is only kept because it has a refcount, and that since the
// plan itself took away the last pointer to it: then it is no lost mapping.
func (s *safety) left(live *liveness, c qcow2.HostCluster) (bool, error) {
	if live.table.Count(c) > 0 || live.past[c] {
		return false, nil
	}
	if s.began == nil {
		_, began, err := s.look(s.src)
		if err != nil || began == nil {
			return false, err
		}
		s.began = began
	}
	return s.began.table.Count(c) > 0, nil
}

// free tells whether nothing is live in [from, to) but the header.
func (s *safety) free(g qcow2.Geometry, live *liveness, from, to int64) (bool, error) {
	for c := g.Cluster(qcow2.HostOff(from)); c <= g.Cluster(qcow2.HostOff(to-1)); c++ {
		if c == 0 || !live.has(c) {
			continue
		}
		if ok, err := s.left(live, c); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// batch judges a batch in the image before it. No writes at all stand for the end of the
// plan, when the file is cut.
func (s *safety) batch(src source.Source, batch []patch.Write) (bool, error) {
	if len(batch) == 1 && batch[0].End() <= qcow2.SectorSize || len(batch) == 0 && s.plan.SizeAfter >= s.plan.SizeBefore {
		return true, nil
	}
	img, live, err := s.look(src)
	if err != nil || img == nil {
		return false, err
	}
	if len(batch) == 0 {
		return s.cut(src, img.Geo, live)
	}
	for _, w := range batch {
		head := min(w.End(), img.Geo.ClusterSize())
		if w.Off < head {
			now := make([]byte, head-w.Off)
			if err := source.ReadFull(src, now, w.Off); err != nil {
				return false, err
			}
			if w.Off < qcow2.SectorSize || anyRead(now, w.Data[:len(now)], w.Off, headerParts(img)) {
				return false, nil
			}
		}
		if ok, err := s.free(img.Geo, live, w.Off, max(w.End(), w.Off+1)); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// cut tells whether nothing that is live is in the tail that is cut off, but zeros: those are
// read behind the end as well.
func (s *safety) cut(src source.Source, g qcow2.Geometry, live *liveness) (bool, error) {
	for off := s.plan.SizeAfter; off < s.plan.SizeBefore; {
		c := g.Cluster(qcow2.HostOff(off))
		end := min(s.plan.SizeBefore, int64(g.Offset(c+1)))
		free, err := s.free(g, live, off, end)
		if err != nil {
			return false, err
		}
		if c == 0 || !free {
			b := make([]byte, (end-off+7)&^7)
			if err := source.ReadFull(src, b[:end-off], off); err != nil || !zero(b) {
				return false, err
			}
		}
		off = end
	}
	return true, nil
}
