package fleet

import (
	"context"
	"errors"
	"fmt"
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

func worstPrefix(id string) string { return fleetPrefix + id + "/worst/" }

// done notes that an image of a run is done. What is noted first stays, so that a run has
// one verdict for each image, whatever comes twice.
func (s *Service) done(ctx context.Context, id string, page int, key string, sum Summary) error {
	meta := sum.meta()
	meta["key"] = escaped(key)
	err := s.Store.Put(ctx, donePrefix(id, page)+hashOf(key), nil, meta, Absent)
	if errors.Is(err, ErrCondition) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Store.Put(ctx, worstName(id, page, sum.Exit, hashOf(key)), nil, meta, Always)
}

// worstName is where an image that is done stands in the order of the verdicts.
func worstName(id string, page, exit int, hash string) string {
	return fmt.Sprintf("%s%d-%06d-%s", worstPrefix(id), rank(exit), page, hash)
}

// order puts the images of a page into the order of the verdicts that are not there because
// a host ended between their two notes.
func (s *Service) order(ctx context.Context, id string, page int, done map[string]Object) error {
	there := map[string]bool{}
	for rank := range len(ranks) - 1 {
		for o, err := range s.all(ctx, fmt.Sprintf("%s%d-%06d-", worstPrefix(id), rank, page), "") {
			if err != nil {
				return err
			}
			there[o.Key] = true
		}
	}
	for hash, o := range done {
		sum, _ := summaryOf(o.Meta)
		if name := worstName(id, page, sum.Exit, hash); !there[name] {
			if err := s.Store.Put(ctx, name, nil, o.Meta, Always); err != nil {
				return err
			}
		}
	}
	return nil
}

// isDone tells whether an image of a run is done.
func (s *Service) isDone(ctx context.Context, id string, page int, key string) (bool, error) {
	_, err := s.Store.Head(ctx, donePrefix(id, page)+hashOf(key))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// donePage counts what is done of a page, and gives the notes by the hashes of the images.
func (s *Service) donePage(ctx context.Context, id string, page int) (c Counts, notes map[string]Object, err error) {
	notes = map[string]Object{}
	for o, err := range s.all(ctx, donePrefix(id, page), "") {
		if err != nil {
			return c, nil, err
		}
		if sum, ok := summaryOf(o.Meta); ok {
			c.add(sum.Exit)
			notes[path.Base(o.Key)] = o
		}
	}
	return c, notes, nil
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
	c, notes, err := s.donePage(ctx, id, h.n)
	if err != nil || c.Done < h.images || h.queued == 0 {
		return c, false, err
	}
	if err := s.order(ctx, id, h.n, notes); err != nil {
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
