package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"qcowscope/core/report"
)

// Consume handles messages, a few at the same time. Each is taken off the queue when what it
// wishes for is in the store, and left to come again when that failed.
func (s *Service) Consume(ctx context.Context, messages []Delivery) {
	room := newRoom(s.Limits.Room)
	slots := make(chan struct{}, s.Limits.AtOnce)
	var wg sync.WaitGroup
	for _, d := range messages {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			s.consume(ctx, d, room)
		})
	}
	wg.Wait()
}

func (s *Service) consume(ctx context.Context, d Delivery, room *room) {
	m, err := decode(d.Body)
	if err != nil {
		s.Log(fmt.Sprintf("a message was thrown away: %q: %v", d.Body[:min(200, len(d.Body))], err))
		d.Done()
		return
	}
	if d.Attempts > 1 {
		// If this attempt ends the host, the dead letter's reader learns it from here.
		err = s.tried(ctx, m, "")
	}
	if err == nil {
		err = s.guarded(ctx, m, room)
	}
	if err == nil {
		d.Done()
		return
	}
	s.Log(fmt.Sprintf("%s %q, attempt %d: %q", m.Kind, m.Key+m.After, d.Attempts, err))
	if err := s.tried(ctx, m, err.Error()); err != nil {
		s.Log(fmt.Sprintf("the reason could not be stored: %q", err))
	}
	d.Again(s.patience(d.Attempts))
}

// guarded does what a message wishes for. A panic is our own bug, which an image has brought
// to light: it must not end the other messages.
func (s *Service) guarded(ctx context.Context, m Message, room *room) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the checker itself failed: %v", p)
		}
	}()
	switch m.Kind {
	case List:
		return s.list(ctx, m)
	case Check:
		return s.check(ctx, m, room)
	case Count:
		return s.count(ctx, m, room)
	}
	return s.mergeParts(ctx, m, room)
}

// maxChanges is how often an image is begun again at once because it changed meanwhile.
const maxChanges = 3

// check handles a message for an image.
func (s *Service) check(ctx context.Context, m Message, room *room) error {
	done, err := s.isDone(ctx, m.Fleet, m.Page, m.Key)
	if done || err != nil {
		return err
	}
	for range maxChanges {
		if err = s.checkNow(ctx, m, room); !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return err
}

// checkNow checks the image as it is now.
func (s *Service) checkNow(ctx context.Context, m Message, room *room) error {
	o, err := s.Store.Head(ctx, m.Key)
	if errors.Is(err, ErrNotFound) {
		r := s.begin(Object{Key: m.Key})
		r.fail(err)
		return s.done(ctx, m.Fleet, m.Page, m.Key, r.summary())
	}
	if err != nil {
		return err
	}
	sum, _, ok, err := s.latest(ctx, m.Key)
	if err != nil {
		return err
	}
	if !ok || !s.known(sum, o) {
		r, shares, err := s.judge(ctx, o, judging{most: s.Limits.Inline, room: room})
		if err != nil {
			return err
		}
		if shares != nil {
			return s.share(ctx, o, shares, m)
		}
		if err := s.save(ctx, &r); err != nil {
			return err
		}
		sum = r.summary()
	}
	return s.done(ctx, m.Fleet, m.Page, m.Key, sum)
}

func (s *Service) triedKey(m Message) string {
	return fleetPrefix + m.Fleet + "/tried/" + m.name()
}

// tried notes that a message is being handled once more, or why it failed.
func (s *Service) tried(ctx context.Context, m Message, why string) error {
	meta := map[string]string{"reason": escaped(why[:min(maxReason, len(why))])}
	return s.Store.Put(ctx, s.triedKey(m), nil, meta, Always)
}

// Dead handles messages that failed too often: the image gets a result that says why it has
// none.
func (s *Service) Dead(ctx context.Context, messages []Delivery) {
	for _, d := range messages {
		m, err := decode(d.Body)
		if err != nil || m.Kind == List {
			d.Done() // a list is begun again by the clock
			continue
		}
		if err := s.bury(ctx, m, d.Attempts); err != nil {
			s.Log(fmt.Sprintf("dead letter %q: %q", m.Key, err))
			d.Again(s.patience(d.Attempts))
			continue
		}
		d.Done()
	}
}

// bury gives an image up. One that only was in the same batch as whatever ended the host is
// not to blame: where no reason is known it is first tried once more, alone.
func (s *Service) bury(ctx context.Context, m Message, attempts int) error {
	if done, err := s.isDone(ctx, m.Fleet, m.Page, m.Key); done || err != nil {
		return err
	}
	tried, err := s.Store.Head(ctx, s.triedKey(m))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	reason := unescaped(tried.Meta["reason"])
	if reason == "" && attempts == 1 {
		if err = s.guarded(ctx, m, nil); err == nil {
			return nil
		}
		reason = err.Error()
	}
	o, err := s.Store.Head(ctx, m.Key)
	if errors.Is(err, ErrNotFound) {
		return s.checkNow(ctx, m, nil)
	}
	if err != nil {
		return err
	}
	if reason == "" {
		reason = "the host was ended while it was checked, which takes too much memory or time"
	}
	s.Log(fmt.Sprintf("given up: %q: %q", m.Key, reason))
	r := s.begin(o)
	r.Ended = true
	r.Problem = &report.Problem{What: fmt.Sprintf("%s could not be checked: %s", m.Key, reason),
		Advice: "Check it with the command line, which reads it by ranges too: qcowscope check https://..."}
	if err := s.save(ctx, &r); err != nil {
		return err
	}
	if err := s.done(ctx, m.Fleet, m.Page, m.Key, r.summary()); err != nil {
		return err
	}
	return s.release(ctx, versionDir(m.Key, o.ETag), m.Key, r.summary())
}
