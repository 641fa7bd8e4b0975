package fleet

import (
	"context"
	"errors"
	"iter"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/refcount"
	"qcowscope/core/report"
)

// kept is how many findings of each code a result has, as on the command line where many
// images are checked.
const kept = 100

// judging is how an image is to be checked.
type judging struct {
	most  int64 // of bytes in tables; when there are more they are only shared out. 0: any
	parts iter.Seq2[*refcount.Part, error]
	room  *room
}

// judge checks a version of an image. Either there is a result, which may be that it cannot
// be checked; or shares, the ends of the parts into which it is too large not to be cut; or
// an error: ErrChanged, refcount.ErrPartsClash, or one that may be over soon.
func (s *Service) judge(ctx context.Context, o Object, how judging) (r Result, shares []int64, err error) {
	r = s.begin(o)
	src, end := s.open(ctx, o)
	defer end()
	img, err := image.Open(src.ctx, src)
	if err == nil && how.most > 0 {
		shares, err = s.shares(img, how.most)
	}
	if err != nil || shares != nil || src.trouble() != nil {
		return r, shares, r.settle(src, err)
	}
	defer how.room.take(memoryOf(img))()
	rep, err := check.Run(src.ctx, img, check.Options{Limit: kept, MaxClusters: s.Limits.Clusters, Parts: how.parts})
	if err != nil || src.trouble() != nil {
		return r, nil, r.settle(src, err)
	}
	r.Set(report.New(src.ctx, o.Key, report.Result{Report: rep, Image: img}), rep.ExitCode())
	// The pointers to clusters in conflict are looked up last. They may be left out, but not
	// be those of another version.
	if err := src.trouble(); err != nil && !final(err) {
		return r, nil, err
	}
	return r, nil, nil
}

// settle makes a result of an error that says something about the image; others it returns.
func (r *Result) settle(src *stored, err error) error {
	trouble := src.trouble()
	var part *partError
	switch {
	case trouble != nil && !final(trouble):
		return trouble
	case trouble != nil:
		r.fail(trouble)
	case errors.Is(err, refcount.ErrPartsClash), errors.Is(err, refcount.ErrNotPlain), errors.As(err, &part):
		return err
	case err != nil:
		r.fail(err)
	}
	return nil
}

// final tells of what reading an image met whether it will meet that again.
func final(err error) bool {
	var dear *errCost
	return errors.As(err, &dear) || errors.Is(err, ErrNotFound)
}

// shares cuts the L1 indices of an image whose tables have more than most bytes into parts,
// each with at most as many L2 tables as a message counts. They are nil for a smaller image,
// and for one that is too large in any case.
func (s *Service) shares(img *image.Image, most int64) ([]int64, error) {
	snaps, err := img.ReadSnapshots()
	if err != nil || img.HostClusters() > s.Limits.Clusters {
		return nil, err
	}
	roots := []image.L1Table{img.L1}
	for i := range snaps.Snapshots {
		if l1, err := img.SnapshotL1(&snaps.Snapshots[i]); err == nil {
			roots = append(roots, l1)
		}
	}
	longest := int64(0)
	var used []uint32 // L2 tables at each L1 index
	total := int64(0)
	for _, l1 := range roots {
		longest = max(longest, l1.Entries)
		err := eachL1(img, l1, func(i int64) {
			for int64(len(used)) <= i {
				used = append(used, 0)
			}
			used[i]++
			total++
		})
		if err != nil {
			return nil, err
		}
	}
	for _, e := range img.Reftable {
		if e != 0 {
			total++
		}
	}
	if total<<img.Geo.ClusterBits <= most {
		return nil, nil
	}
	per := max(1, min(int64(s.Limits.PartMost), s.Limits.PartBytes>>img.Geo.ClusterBits))
	return cut(used, per, longest), nil
}

// cut ends a part where it has per tables.
func cut(used []uint32, per, end int64) (ends []int64) {
	tables := int64(0)
	for i, n := range used {
		if n > 0 && tables > 0 && tables+int64(n) > per {
			ends, tables = append(ends, int64(i)), 0
		}
		tables += int64(n)
	}
	return append(ends, end)
}
