package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Page is images of a run that are listed, sent and counted together.
type Page struct {
	Images []Listed `json:"images"`
	Next   string   `json:"next,omitempty"` // behind which key the next page begins
	Last   bool     `json:"last"`

	object Object
}

// Listed is an image as it was found.
type Listed struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
	ETag string `json:"etag"`
}

// maxPageBody bounds what is read of a page: keys have at most 1,024 bytes, six times that
// where JSON escapes them.
const maxPageBody = 4 << 20

func pageKey(id string, n int) string { return fmt.Sprintf("%s%s/page/%06d", fleetPrefix, id, n) }

// putPage stores a page whose messages are not sent yet.
func (s *Service) putPage(ctx context.Context, id string, n int, p *Page, only string) error {
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return s.Store.Put(ctx, pageKey(id, n), body, pageMeta(p, time.Time{}), only)
}

// pageMeta is what is known of a page without reading it. queued is when its messages were
// sent last.
func pageMeta(p *Page, queued time.Time) map[string]string {
	meta := map[string]string{"images": strconv.Itoa(len(p.Images))}
	if p.Last {
		meta["last"] = "1"
	}
	if !queued.IsZero() {
		meta["queued"] = strconv.FormatInt(queued.UnixMilli(), 10)
	}
	return meta
}

func (s *Service) page(ctx context.Context, id string, n int) (*Page, error) {
	o, err := s.Store.Head(ctx, pageKey(id, n))
	if err != nil {
		return nil, err
	}
	body, err := s.read(ctx, o, maxPageBody)
	if err != nil {
		return nil, err
	}
	p := &Page{object: o}
	return p, json.Unmarshal(body, p)
}

// queuePage sends the messages for what is not done of a page, and notes when.
func (s *Service) queuePage(ctx context.Context, id string, n int) error {
	p, err := s.page(ctx, id, n)
	if err != nil {
		return err
	}
	_, done, err := s.donePage(ctx, id, n)
	if err != nil {
		return err
	}
	var messages []Message
	for _, i := range p.Images {
		if _, ok := done[hashOf(i.Key)]; ok {
			continue
		}
		if why := checkKey(i.Key); why != nil {
			r := s.begin(Object{Key: i.Key, Size: i.Size, ETag: i.ETag})
			r.fail(fmt.Errorf("its name cannot be that of an image here: %w", why))
			if err := s.done(ctx, id, n, i.Key, r.summary()); err != nil {
				return err
			}
			continue
		}
		messages = append(messages, Message{Kind: Check, Fleet: id, Page: n, Key: i.Key})
	}
	if err := s.send(ctx, messages); err != nil {
		return err
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	err = s.Store.Put(ctx, p.object.Key, body, pageMeta(p, s.now()), p.object.ETag)
	if errors.Is(err, ErrCondition) {
		return nil // somebody else has just sent them, too
	}
	return err
}

// list handles a message that asks for the next page of a run.
func (s *Service) list(ctx context.Context, m Message) error {
	p, err := s.page(ctx, m.Fleet, m.Page)
	if errors.Is(err, ErrNotFound) {
		p, err = s.find(ctx, m)
	}
	if err != nil || p == nil {
		return err
	}
	if p.object.Meta["queued"] == "" {
		if err := s.queuePage(ctx, m.Fleet, m.Page); err != nil {
			return err
		}
	}
	if p.Last || m.Page == maxPages {
		return nil
	}
	next := m
	next.Page, next.After = m.Page+1, p.Next
	if _, err := s.Store.Head(ctx, pageKey(m.Fleet, next.Page)); !errors.Is(err, ErrNotFound) {
		return err // it is there: another message has gone on from here
	}
	return s.send(ctx, []Message{next})
}

// find looks for the images of a page and stores it. It is nil when there is no image in
// what one message looks at; the next message then looks on from there.
func (s *Service) find(ctx context.Context, m Message) (*Page, error) {
	p, err := s.look(ctx, m)
	if err != nil {
		return nil, err
	}
	if len(p.Images) == 0 && !p.Last {
		m.After = p.Next
		return nil, s.send(ctx, []Message{m})
	}
	if m.Changed && m.Page == 0 {
		if len(p.Images) == 0 {
			return nil, nil // nothing has changed: no run
		}
		if err := s.create(ctx, &Run{ID: m.Fleet, Prefix: m.Prefix, Changed: true, Created: s.now()}); err != nil {
			return nil, err
		}
	}
	err = s.putPage(ctx, m.Fleet, m.Page, p, Absent)
	if err != nil && !errors.Is(err, ErrCondition) {
		return nil, err
	}
	return s.page(ctx, m.Fleet, m.Page) // perhaps that of another message, which came first
}

// maxLooked is how many objects one message looks at to find those that have changed.
const maxLooked = 2000

// look finds images behind the message's key.
func (s *Service) look(ctx context.Context, m Message) (*Page, error) {
	p := &Page{Last: true}
	candidates, err := s.candidates(ctx, m, p)
	if err != nil {
		return nil, err
	}
	is, err := s.areImages(ctx, candidates)
	if err != nil {
		return nil, err
	}
	for i, o := range candidates {
		if is[i] {
			p.Images = append(p.Images, Listed{Key: o.Key, Size: o.Size, ETag: o.ETag})
		}
	}
	return p, nil
}

// candidates are the objects that one message looks at. Where there are more, the page is
// told that it is not the last one, and where the next one begins.
func (s *Service) candidates(ctx context.Context, m Message, p *Page) (found []Object, err error) {
	looked := 0
	for c, err := range s.pairs(ctx, m.Prefix, m.After, m.Changed) {
		if err != nil {
			return nil, err
		}
		if c.object.ETag == "" {
			continue
		}
		if looked == maxLooked || len(found) == s.Limits.Page {
			p.Last = false
			return found, nil
		}
		looked++
		p.Next = c.object.Key
		if !m.Changed || c.changed() {
			found = append(found, c.object)
		}
	}
	return found, nil
}

const imageSuffix = ".qcow2"

// areImages tells which objects are images: by their names, as the command line does, or by
// their first bytes.
func (s *Service) areImages(ctx context.Context, objects []Object) ([]bool, error) {
	is := make([]bool, len(objects))
	errs := make([]error, len(objects))
	slots := make(chan struct{}, readFlights)
	var wg sync.WaitGroup
	for i, o := range objects {
		if is[i] = strings.HasSuffix(o.Key, imageSuffix); is[i] || o.Size < int64(len(magic)) {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			head := make([]byte, len(magic))
			err := s.Store.ReadRange(ctx, o.Key, o.ETag, head, 0)
			if !errors.Is(err, ErrChanged) && !errors.Is(err, ErrNotFound) {
				errs[i] = err
			}
			is[i] = err == nil && string(head) == magic
		})
	}
	wg.Wait()
	return is, errors.Join(errs...)
}

const magic = "QFI\xfb"
