package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"qcowscope/core/report"
)

// now is the time, in what metadata keep of it.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

// A fleet's name begins with the time that is left until the year 5138, so that the newest
// is listed first.
const (
	idTime   = 9
	idRandom = 11
	idEpoch  = 36*36*36*36*36*36*36*36*36 - 1
)

var idPattern = regexp.MustCompile(`^[0-9a-z]{20}$`)

func validID(id string) bool { return idPattern.MatchString(id) }

func newID(now time.Time) string {
	left := strconv.FormatInt(max(0, idEpoch-now.UnixMilli()), 36)
	random := make([]byte, idRandom)
	rand.Read(random) // never fails
	for i := range random {
		random[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[random[i]%36]
	}
	return fmt.Sprintf("%0*s%s", idTime, left, random)
}

// maxPages bounds the pages of a fleet.
const maxPages = 999999

// Run is a run over the images under a prefix.
type Run struct {
	ID       string     `json:"id"`
	Prefix   string     `json:"prefix"`
	Changed  bool       `json:"only-changed"` // begun by the clock, for images that have changed
	Created  time.Time  `json:"created"`
	Finished *time.Time `json:"finished,omitempty"`
	Counts   Counts     `json:"counts"`
}

// Counts are the images of a run by their exit codes.
type Counts struct {
	Images     int `json:"images"` // found so far
	Done       int `json:"done"`
	Corrupt    int `json:"corrupt"`
	Unreadable int `json:"unreadable"`
	Other      int `json:"other-files"` // called like images, but are none
	Leaks      int `json:"leaks"`
	Clean      int `json:"clean"`
}

// add counts an image that is done.
func (c *Counts) add(exit int) {
	c.Done++
	switch exit {
	case report.ExitCorrupt:
		c.Corrupt++
	case report.ExitLeaks:
		c.Leaks++
	case report.ExitClean:
		c.Clean++
	case report.ExitNotQcow2:
		c.Other++
	default:
		c.Unreadable++
	}
}

// sum adds the images that are done of another part of the run.
func (c *Counts) sum(d Counts) {
	c.Done += d.Done
	c.Corrupt += d.Corrupt
	c.Unreadable += d.Unreadable
	c.Other += d.Other
	c.Leaks += d.Leaks
	c.Clean += d.Clean
}

// The metadata of a run is its JSON, which the platform limits to 8 KiB: a prefix of 1,024
// bytes is at most a third of that when it is escaped.
func (r *Run) meta() (map[string]string, error) {
	text, err := json.Marshal(r)
	return map[string]string{"run": escaped(string(text))}, err
}

func runOf(o Object) (r Run, ok bool) {
	err := json.Unmarshal([]byte(unescaped(o.Meta["run"])), &r)
	return r, err == nil && validID(r.ID)
}

// errBusy says that as many fleets are running as may.
var errBusy = errors.New("as many fleets are running as may run at the same time: wait until one is finished")

// begin starts a run over a prefix, unless one is under way: that one is returned then.
func (s *Service) beginRun(ctx context.Context, prefix string) (run Run, fresh bool, err error) {
	running := 0
	for o, err := range s.all(ctx, activePrefix, "") {
		if err != nil {
			return run, false, err
		}
		if r, ok := runOf(o); ok && r.Prefix == prefix && !r.Changed {
			return r, false, nil
		}
		running++
	}
	if running >= s.Limits.Active {
		return run, false, errBusy
	}
	run = Run{ID: newID(s.now()), Prefix: prefix, Created: s.now()}
	if err := s.create(ctx, &run); err != nil {
		return run, false, err
	}
	watch := map[string]string{"prefix": escaped(prefix)}
	if err := s.Store.Put(ctx, watchPrefix+hashOf(prefix), nil, watch, Always); err != nil {
		return run, false, err
	}
	return run, true, s.send(ctx, []Message{{Kind: List, Fleet: run.ID, Prefix: prefix}})
}

// create stores a run that begins. It is known as active first: what is not, nobody resumes.
func (s *Service) create(ctx context.Context, run *Run) error {
	meta, err := run.meta()
	if err != nil {
		return err
	}
	if err := s.Store.Put(ctx, activePrefix+run.ID, nil, meta, Always); err != nil {
		return err
	}
	return s.Store.Put(ctx, fleetsPrefix+run.ID, nil, meta, Always)
}

// finish notes that all images of a run are done.
func (s *Service) finish(ctx context.Context, run *Run) error {
	now := s.now()
	run.Finished = &now
	meta, err := run.meta()
	if err != nil {
		return err
	}
	if err := s.Store.Put(ctx, fleetsPrefix+run.ID, nil, meta, Always); err != nil {
		return err
	}
	return s.Store.Delete(ctx, activePrefix+run.ID)
}

// run is the run with the name, as it was stored.
func (s *Service) run(ctx context.Context, id string) (Run, error) {
	o, err := s.Store.Head(ctx, fleetsPrefix+id)
	if err != nil {
		return Run{}, err
	}
	r, ok := runOf(o)
	if !ok {
		return r, ErrNotFound
	}
	return r, nil
}

// beginOne starts a run over a single image.
func (s *Service) beginOne(ctx context.Context, o Object) (Run, error) {
	run := Run{ID: newID(s.now()), Prefix: o.Key, Created: s.now()}
	if err := s.create(ctx, &run); err != nil {
		return run, err
	}
	page := Page{Images: []Listed{{Key: o.Key, Size: o.Size, ETag: o.ETag}}, Last: true}
	if err := s.putPage(ctx, run.ID, 0, &page, Absent); err != nil {
		return run, err
	}
	return run, s.queuePage(ctx, run.ID, 0)
}
