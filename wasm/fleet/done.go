package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strconv"

	"qcowscope/core/report"
)

func donePrefix(id string, page int) string {
	return fmt.Sprintf("%s%s/done/%06d/", fleetPrefix, id, page)
}

// rank sorts results, the worst first.
func rank(exit int) int {
	r := report.Image{Exit: exit}
	return r.Badness()
}

// done notes that an image of a run is done. What is noted first stays, so that a run has
// one verdict for each image, whatever comes twice.
func (s *Service) done(ctx context.Context, id string, page int, key string, sum Summary) error {
	meta := maps.Clone(sum.meta())
	meta["key"] = escaped(key)
	name := donePrefix(id, page) + hashOf(key)
	err := s.Store.Put(ctx, name, nil, meta, Absent)
	if errors.Is(err, ErrCondition) {
		var o Object
		if o, err = s.Store.Head(ctx, name); err == nil {
			meta = o.Meta
		}
	}
	if err != nil {
		return err
	}
	return s.order(ctx, id, key, meta)
}

// order puts what was noted into the list that is in the order of the verdicts.
func (s *Service) order(ctx context.Context, id, key string, meta map[string]string) error {
	sum, ok := summaryOf(meta)
	if !ok {
		return fmt.Errorf("fleet: the marker of %q is none", key)
	}
	name := fmt.Sprintf("%s%s/worst/%d-%s", fleetPrefix, id, rank(sum.Exit), hashOf(key))
	return s.Store.Put(ctx, name, nil, meta, Always)
}

// isDone tells whether an image of a run is done. If the note was made just before the end
// of a host, the rest of the work is done now.
func (s *Service) isDone(ctx context.Context, id string, page int, key string) (bool, error) {
	o, err := s.Store.Head(ctx, donePrefix(id, page)+hashOf(key))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, s.order(ctx, id, key, o.Meta)
}

// donePage counts what is done of a page, and tells which images, by their hashes.
func (s *Service) donePage(ctx context.Context, id string, page int) (c Counts, hashes map[string]bool, err error) {
	hashes = map[string]bool{}
	for o, err := range s.all(ctx, donePrefix(id, page), "") {
		if err != nil {
			return c, nil, err
		}
		if sum, ok := summaryOf(o.Meta); ok {
			c.add(sum.Exit)
			hashes[path.Base(o.Key)] = true
		}
	}
	return c, hashes, nil
}

// pageHead is a page of a run as a listing shows it.
type pageHead struct {
	n, images int
	last      bool
	queued    int64 // ms, 0 if never
}

func pageHeadOf(o Object) (h pageHead) {
	h.n, _ = strconv.Atoi(path.Base(o.Key))
	h.images, _ = strconv.Atoi(o.Meta["images"])
	h.queued, _ = strconv.ParseInt(o.Meta["queued"], 10, 64)
	h.last = o.Meta["last"] != ""
	return h
}

// progress is how far a run is.
type progress struct {
	counts Counts
	listed bool       // all its pages are known
	open   []pageHead // the pages that are not done
	pages  int
	last   pageHead
}

// maxTallied bounds the pages whose markers are counted by one call.
const maxTallied = 40

// progressOf counts what is done of a run. A page that is found to be done is tallied, so
// that it is not counted again. Of a very large run only some of the pages are counted at a
// time; the others are taken for open.
func (s *Service) progressOf(ctx context.Context, id string) (p progress, err error) {
	tallies := map[int]Counts{}
	for o, err := range s.all(ctx, fleetPrefix+id+"/tally/", "") {
		if err != nil {
			return p, err
		}
		n, _ := strconv.Atoi(path.Base(o.Key))
		tallies[n] = countsOf(o.Meta)
	}
	counted := 0
	for o, err := range s.all(ctx, fleetPrefix+id+"/page/", "") {
		if err != nil {
			return p, err
		}
		h := pageHeadOf(o)
		p.pages, p.last = p.pages+1, h
		p.counts.Images += h.images
		p.listed = p.listed || h.last
		tally, ok := tallies[h.n]
		if !ok && counted < maxTallied {
			counted++
			if tally, ok, err = s.tally(ctx, id, h); err != nil {
				return p, err
			}
		}
		p.counts.sum(tally)
		if !ok {
			p.open = append(p.open, h)
		}
	}
	return p, nil
}

// finished tells whether all is done.
func (p *progress) finished() bool { return p.listed && len(p.open) == 0 }

// tally counts a page and stores the counts when all of it is done.
func (s *Service) tally(ctx context.Context, id string, h pageHead) (c Counts, all bool, err error) {
	if c, _, err = s.donePage(ctx, id, h.n); err != nil || c.Done < h.images || h.queued == 0 {
		return c, false, err
	}
	return c, true, s.Store.Put(ctx, fmt.Sprintf("%s%s/tally/%06d", fleetPrefix, id, h.n), nil, c.meta(), Always)
}

func (c *Counts) meta() map[string]string {
	return map[string]string{"counts": fmt.Sprintf("%d %d %d %d %d %d", c.Done, c.Corrupt, c.Unreadable, c.Other, c.Leaks, c.Clean)}
}

func countsOf(meta map[string]string) (c Counts) {
	// A tally that cannot be read is all zeros: nothing is done then that was not counted.
	_, _ = fmt.Sscanf(meta["counts"], "%d %d %d %d %d %d", &c.Done, &c.Corrupt, &c.Unreadable, &c.Other, &c.Leaks, &c.Clean)
	return c
}
