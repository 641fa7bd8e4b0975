package fleet

import (
	"context"
	"errors"
	"strings"
	"time"
)

// Resume sends again what was not done within a lease: messages that were lost, and images
// whose parts were. It also notes which runs are finished.
func (s *Service) Resume(ctx context.Context) error {
	var errs []error
	for o, err := range s.all(ctx, activePrefix, "") {
		if err != nil {
			return err
		}
		run, ok := runOf(o)
		if !ok {
			continue
		}
		// One run that fails must not keep the others from going on.
		errs = append(errs, s.resume(ctx, &run))
	}
	return errors.Join(errs...)
}

func (s *Service) resume(ctx context.Context, run *Run) error {
	p, err := s.progressOf(ctx, run.ID)
	if err != nil {
		return err
	}
	if p.finished() {
		run.Counts = p.counts
		return s.finish(ctx, run)
	}
	late := s.now().Add(-s.Limits.Lease).UnixMilli()
	queued := run.Created.UnixMilli()
	for _, h := range p.open {
		if h.queued < late {
			if err := s.queuePage(ctx, run.ID, h.n); err != nil {
				return err
			}
		}
	}
	if p.listed {
		return nil
	}
	next := Message{Kind: List, Fleet: run.ID, Prefix: run.Prefix, Changed: run.Changed}
	if p.pages > 0 {
		last, err := s.page(ctx, run.ID, p.last.n)
		if err != nil {
			return err
		}
		next.Page, next.After, queued = p.last.n+1, last.Next, p.last.queued
	}
	if queued >= late {
		return nil
	}
	return s.send(ctx, []Message{next})
}

// Recheck looks for images that have changed since they were checked, under all prefixes
// that a run was begun for.
func (s *Service) Recheck(ctx context.Context) error {
	busy := map[string]bool{}
	for o, err := range s.all(ctx, activePrefix, "") {
		if err != nil {
			return err
		}
		if run, ok := runOf(o); ok {
			busy[run.Prefix] = true
		}
	}
	var messages []Message
	for o, err := range s.all(ctx, watchPrefix, "") {
		if err != nil {
			return err
		}
		prefix := unescaped(o.Meta["prefix"])
		if !busy[prefix] {
			messages = append(messages, Message{Kind: List, Fleet: newID(s.now()), Prefix: prefix, Changed: true})
		}
	}
	return s.send(ctx, messages)
}

// maxSwept bounds what one sweep deletes.
const maxSwept = 5000

// Sweep deletes what is not needed any more: runs that were finished long ago, parts that
// nobody put together, results of images that are gone.
func (s *Service) Sweep(ctx context.Context) error {
	old := s.now().Add(-s.Limits.Kept)
	var gone []string
	for o, err := range s.all(ctx, fleetsPrefix, "") {
		if err != nil {
			return err
		}
		if run, ok := runOf(o); !ok || run.Finished == nil || run.Finished.After(old) || len(gone) >= maxSwept {
			continue
		}
		for part, err := range s.all(ctx, fleetPrefix+strings.TrimPrefix(o.Key, fleetsPrefix)+"/", "") {
			if err != nil {
				return err
			}
			gone = append(gone, part.Key)
		}
		gone = append(gone, o.Key)
	}
	parts, err := s.olderThan(ctx, partsPrefix, old)
	if err != nil {
		return err
	}
	orphans, err := s.orphans(ctx)
	if err != nil {
		return err
	}
	return s.remove(ctx, append(append(gone, parts...), orphans...))
}

func (s *Service) olderThan(ctx context.Context, prefix string, old time.Time) (keys []string, err error) {
	for o, err := range s.all(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		if o.Uploaded.Before(old) && len(keys) < maxSwept {
			keys = append(keys, o.Key)
		}
	}
	return keys, nil
}

// orphans are the results of images that are not there any more.
func (s *Service) orphans(ctx context.Context) (keys []string, err error) {
	for p, err := range s.pairs(ctx, "", "", true) {
		if err != nil {
			return nil, err
		}
		if p.object.ETag == "" && len(keys) < maxSwept {
			keys = append(keys, latestPrefix+p.key)
		}
	}
	return keys, nil
}
