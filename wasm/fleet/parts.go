package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"path"
	"strconv"
	"strings"

	"qcowscope/core/image"
	"qcowscope/core/refcount"
)

// A very large image is counted in parts, each by a message of its own, and checked with
// their sum. See refcount.Part for why that is exact, and when it cannot be done: then one
// message checks the whole image.

// sharing is how a version of an image is cut.
type sharing struct {
	Key  string  `json:"key"`
	ETag string  `json:"etag"`
	Ends []int64 `json:"ends"` // the L1 index at which each part ends

	dir string
}

// versionDir is where the parts of a version of an image lie.
func versionDir(key, etag string) string {
	return partsPrefix + hashOf(key) + "/" + hashOf(etag) + "/"
}

func (sh *sharing) part(first int64) string { return fmt.Sprintf("%spart/%012d", sh.dir, first) }

// maxSharing bounds what is read of a plan.
const maxSharing = 1 << 20

// share plans the parts of an image, unless that is done, and sends what is missing.
func (s *Service) share(ctx context.Context, o Object, ends []int64, m Message) error {
	sh := &sharing{Key: o.Key, ETag: o.ETag, Ends: ends, dir: versionDir(o.Key, o.ETag)}
	if err := s.leaveOthers(ctx, sh); err != nil {
		return err
	}
	if err := s.wait(ctx, sh.dir, m.Fleet, m.Page); err != nil {
		return err
	}
	body, err := json.Marshal(sh)
	if err != nil {
		return err
	}
	if err := s.Store.Put(ctx, sh.dir+"plan", body, nil, Absent); err != nil && !errors.Is(err, ErrCondition) {
		return err
	}
	if sh, err = s.sharing(ctx, o.Key, o.ETag); err != nil {
		return err
	}
	return s.sendParts(ctx, sh, m)
}

// sharing is the plan as it is stored.
func (s *Service) sharing(ctx context.Context, key, etag string) (*sharing, error) {
	sh := &sharing{dir: versionDir(key, etag)}
	o, err := s.Store.Head(ctx, sh.dir+"plan")
	if err != nil {
		return nil, err
	}
	body, err := s.read(ctx, o, maxSharing)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, sh); err != nil || sh.Key != key || sh.ETag != etag {
		return nil, fmt.Errorf("fleet: the plan of %q is none: %w", key, err)
	}
	return sh, nil
}

// wait notes that a run waits for the parts.
func (s *Service) wait(ctx context.Context, dir, id string, page int) error {
	return s.Store.Put(ctx, fmt.Sprintf("%sfor/%s.%d", dir, id, page), nil, nil, Always)
}

// leaveOthers removes parts of other versions of the image. Who waits for them waits for
// this one now.
func (s *Service) leaveOthers(ctx context.Context, sh *sharing) error {
	var old []string
	for o, err := range s.all(ctx, partsPrefix+hashOf(sh.Key)+"/", "") {
		if err != nil {
			return err
		}
		if strings.HasPrefix(o.Key, sh.dir) {
			continue
		}
		old = append(old, o.Key)
		if id, page, ok := waiting(o.Key); ok {
			if err := s.wait(ctx, sh.dir, id, page); err != nil {
				return err
			}
		}
	}
	return s.remove(ctx, old)
}

// waiting reads the name of a marker that says who waits.
func waiting(key string) (id string, page int, ok bool) {
	id, number, found := strings.Cut(path.Base(key), ".")
	if page, err := strconv.Atoi(number); found && err == nil && validID(id) && path.Base(path.Dir(key)) == "for" {
		return id, page, true
	}
	return "", 0, false
}

// counted is which parts are there.
type counted struct {
	objects  map[int64]Object // by their first L1 index
	notPlain bool             // one of them cannot be counted by itself
}

func (s *Service) counted(ctx context.Context, sh *sharing) (c counted, err error) {
	c.objects = map[int64]Object{}
	for o, err := range s.all(ctx, sh.dir+"part/", "") {
		if err != nil {
			return c, err
		}
		first, err := strconv.ParseInt(path.Base(o.Key), 10, 64)
		if err != nil {
			continue
		}
		c.objects[first] = o
		c.notPlain = c.notPlain || o.Meta["plain"] != "1"
	}
	return c, nil
}

// sendParts sends a message for each part that is missing, or the one that puts them together.
func (s *Service) sendParts(ctx context.Context, sh *sharing, m Message) error {
	c, err := s.counted(ctx, sh)
	if err != nil {
		return err
	}
	m.Kind, m.ETag = Count, sh.ETag
	var messages []Message
	first := int64(0)
	for _, end := range sh.Ends {
		if _, ok := c.objects[first]; !ok {
			m.First, m.End = first, end
			messages = append(messages, m)
		}
		first = end
	}
	if len(messages) == 0 || c.notPlain {
		m.Kind, m.First, m.End = Merge, 0, 0
		messages = []Message{m}
	}
	return s.send(ctx, messages)
}

// current is the image of the message, if it is still the version that the message is about.
// If not, it is to be checked anew.
func (s *Service) current(ctx context.Context, m Message) (o Object, ok bool, err error) {
	o, err = s.Store.Head(ctx, m.Key)
	if err == nil && o.ETag == m.ETag {
		return o, true, nil
	}
	if err == nil || errors.Is(err, ErrNotFound) {
		err = s.send(ctx, []Message{{Kind: Check, Fleet: m.Fleet, Page: m.Page, Key: m.Key}})
	}
	return o, false, err
}

// count handles a message for a part.
func (s *Service) count(ctx context.Context, m Message, room *room) error {
	sh, err := s.sharing(ctx, m.Key, m.ETag)
	if errors.Is(err, ErrNotFound) {
		return nil // put together, or another version, since
	}
	if err != nil {
		return err
	}
	c, err := s.counted(ctx, sh)
	if err != nil || c.notPlain {
		return err
	}
	if _, ok := c.objects[m.First]; !ok {
		o, ok, err := s.current(ctx, m)
		if err != nil || !ok {
			return err
		}
		if err := s.countPart(ctx, sh, o, m, room); err != nil {
			return err
		}
		if c, err = s.counted(ctx, sh); err != nil {
			return err
		}
	}
	if len(c.objects) < len(sh.Ends) && !c.notPlain {
		return nil
	}
	return s.send(ctx, []Message{{Kind: Merge, Fleet: m.Fleet, Page: m.Page, Key: m.Key, ETag: m.ETag}})
}

// countPart counts the part and stores it.
func (s *Service) countPart(ctx context.Context, sh *sharing, o Object, m Message, room *room) error {
	src, end := s.open(ctx, o)
	defer end()
	packed, err := s.packPart(src, m, room)
	if trouble := src.trouble(); trouble != nil && !final(trouble) {
		if errors.Is(trouble, ErrChanged) {
			_, _, err := s.current(ctx, m)
			return err
		}
		return trouble
	}
	meta := map[string]string{"plain": "1"}
	if err != nil {
		// Whatever it is, a check of the whole image says it as it should be said.
		packed, meta["plain"] = nil, "0"
	}
	return s.Store.Put(ctx, sh.part(m.First), packed, meta, Always)
}

func (s *Service) packPart(src *stored, m Message, room *room) ([]byte, error) {
	img, err := image.Open(src.ctx, src)
	if err != nil {
		return nil, err
	}
	snaps, err := img.ReadSnapshots()
	if err != nil {
		return nil, err
	}
	defer room.take(memoryOf(img))()
	part, err := refcount.CountPart(src.ctx, img, snaps, refcount.Options{MaxClusters: s.Limits.Clusters}, m.First, m.End)
	if err != nil {
		return nil, err
	}
	return part.MarshalBinary()
}

// merge handles the message that puts the parts together.
func (s *Service) mergeParts(ctx context.Context, m Message, room *room) error {
	sh, err := s.sharing(ctx, m.Key, m.ETag)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	o, ok, err := s.current(ctx, m)
	if err != nil || !ok {
		return err
	}
	sum, _, ok, err := s.latest(ctx, m.Key)
	if err != nil {
		return err
	}
	if !ok || !s.known(sum, o) {
		if sum, err = s.sumUp(ctx, sh, o, room); err != nil || sum.ETag == "" {
			return err
		}
	}
	return s.release(ctx, sh.dir, m.Key, sum)
}

// sumUp checks the image with the counts of its parts, or wholly where these do not add up,
// and stores the result. The summary is empty if parts are missing.
func (s *Service) sumUp(ctx context.Context, sh *sharing, o Object, room *room) (sum Summary, err error) {
	c, err := s.counted(ctx, sh)
	if err != nil || len(c.objects) < len(sh.Ends) && !c.notPlain {
		return sum, err
	}
	how := judging{room: room}
	if !c.notPlain {
		how.parts = s.readParts(ctx, sh, c)
	}
	r, _, err := s.judge(ctx, o, how)
	if errors.Is(err, refcount.ErrPartsClash) {
		r, _, err = s.judge(ctx, o, judging{room: room})
	}
	var gone *partError
	if errors.As(err, &gone) && errors.Is(err, ErrNotFound) {
		return sum, nil // another message has put them together meanwhile
	}
	if err != nil {
		return sum, err
	}
	return r.summary(), s.save(ctx, &r)
}

// maxPart bounds what is read of a part.
const maxPart = 32 << 20

// partError says that a part cannot be read, which says nothing about the image.
type partError struct{ err error }

func (e *partError) Error() string { return "fleet: a part of an image: " + e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// readParts reads the parts one by one: together they may be larger than the memory.
func (s *Service) readParts(ctx context.Context, sh *sharing, c counted) iter.Seq2[*refcount.Part, error] {
	return func(yield func(*refcount.Part, error) bool) {
		first := int64(0)
		for _, end := range sh.Ends {
			part := &refcount.Part{}
			body, err := s.read(ctx, c.objects[first], maxPart)
			if err != nil {
				err = &partError{err}
			} else {
				err = part.UnmarshalBinary(body)
			}
			if !yield(part, err) || err != nil {
				return
			}
			first = end
		}
	}
}

// release tells all who wait for the parts the result, and removes these, the plan last: as
// long as it is there, a message that comes twice does the rest.
func (s *Service) release(ctx context.Context, dir, key string, sum Summary) error {
	var parts []string
	for o, err := range s.all(ctx, dir, "") {
		if err != nil {
			return err
		}
		if id, page, ok := waiting(o.Key); ok {
			if err := s.done(ctx, id, page, key, sum); err != nil {
				return err
			}
		}
		if o.Key != dir+"plan" {
			parts = append(parts, o.Key)
		}
	}
	return s.remove(ctx, append(parts, dir+"plan"))
}

// remove deletes any number of objects.
func (s *Service) remove(ctx context.Context, keys []string) error {
	for len(keys) > 0 {
		n := min(listed, len(keys))
		if err := s.Store.Delete(ctx, keys[:n]...); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}
