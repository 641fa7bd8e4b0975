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
	over := patch.NewOverlay(src)
	for _, batch := range append(p.Batches, nil) {
		ok, err := safeBatch(ctx, over, p, batch, opt)
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

// safeBatch judges a batch in the image before it. No writes at all stand for the end of the
// plan, when the file is cut.
func safeBatch(ctx context.Context, src source.Source, p *patch.Plan, batch []patch.Write, opt check.Options) (bool, error) {
	if len(batch) == 1 && batch[0].End() <= qcow2.SectorSize || len(batch) == 0 && p.SizeAfter >= p.SizeBefore {
		return true, nil
	}
	img, err := image.Open(ctx, src)
	if err != nil {
		return false, nil // what is free is not known
	}
	rep, err := check.Run(ctx, img, opt)
	if err != nil {
		return false, err
	}
	live, err := liveIn(ctx, img, rep, img.Geo.ClusterBits, danglingRoom)
	if err != nil {
		return false, err
	}
	live.all = false // the plan has chosen its places: it is to break nothing that is referred to or kept
	g := img.Geo
	free := func(from, to int64) bool {
		for c := g.Cluster(qcow2.HostOff(from)); c <= g.Cluster(qcow2.HostOff(to-1)); c++ {
			if c > 0 && live.has(c) {
				return false
			}
		}
		return true
	}
	if len(batch) == 0 {
		return safeCut(src, g, live, p)
	}
	for _, w := range batch {
		head := min(w.End(), g.ClusterSize())
		if w.Off < head {
			now := make([]byte, head-w.Off)
			if err := source.ReadFull(src, now, w.Off); err != nil {
				return false, err
			}
			if w.Off < qcow2.SectorSize || anyRead(now, w.Data[:len(now)], w.Off, headerParts(img)) {
				return false, nil
			}
		}
		if !free(w.Off, max(w.End(), w.Off+1)) {
			return false, nil
		}
	}
	return true, nil
}

// safeCut tells whether nothing that is live is in the tail that is cut off, but zeros: those
// are read behind the end as well.
func safeCut(src source.Source, g qcow2.Geometry, live *liveness, p *patch.Plan) (bool, error) {
	for off := p.SizeAfter; off < p.SizeBefore; {
		c := g.Cluster(qcow2.HostOff(off))
		end := min(p.SizeBefore, int64(g.Offset(c+1)))
		if c == 0 || live.has(c) {
			b := make([]byte, (end-off+7)&^7)
			if err := source.ReadFull(src, b[:end-off], off); err != nil || !zero(b) {
				return false, err
			}
		}
		off = end
	}
	return true, nil
}
