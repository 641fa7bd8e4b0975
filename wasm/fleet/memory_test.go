package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is a store in memory, which can fail.
type memory struct {
	mu      sync.Mutex
	objects map[string]memoryObject
	version int
	clock   func() time.Time
	// before is asked before each call; its error is the call's.
	before func(op, key string) error
	calls  map[string]int
}

type memoryObject struct {
	Object
	body []byte
}

func newMemory() *memory {
	m := &memory{objects: map[string]memoryObject{}, calls: map[string]int{}}
	m.clock = func() time.Time { return time.UnixMilli(0) }
	return m
}

func (m *memory) enter(op, key string) error {
	m.mu.Lock()
	m.calls[op]++
	before := m.before
	m.mu.Unlock()
	if before != nil {
		return before(op, key)
	}
	return nil
}

func (m *memory) Head(_ context.Context, key string) (Object, error) {
	if err := m.enter("head", key); err != nil {
		return Object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return Object{}, ErrNotFound
	}
	return o.Object, nil
}

func (m *memory) ReadRange(_ context.Context, key, etag string, p []byte, off int64) error {
	if err := m.enter("read", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	switch {
	case !ok:
		return ErrNotFound
	case o.ETag != etag:
		return ErrChanged
	case off < 0 || off+int64(len(p)) > o.Size:
		return errors.New("a range outside the object")
	}
	copy(p, o.body[off:])
	return nil
}

func (m *memory) Put(_ context.Context, key string, body []byte, meta map[string]string, only string) error {
	if err := m.enter("put", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if only == Absent && ok || only != Absent && only != Always && o.ETag != only {
		return ErrCondition
	}
	size := 0
	for k, v := range meta {
		size += len(k) + len(v)
		for _, c := range v {
			if c < ' ' || c > '~' {
				return errors.New("metadata that is not printable ASCII: " + k)
			}
		}
	}
	if size > 8192 || len(key) > 1024 {
		return errors.New("more than R2 takes")
	}
	m.put(key, body, maps.Clone(meta))
	return nil
}

func (m *memory) put(key string, body []byte, meta map[string]string) {
	m.version++
	sum := sha256.Sum256(body)
	// As in R2, what is written again unchanged keeps its etag.
	m.objects[key] = memoryObject{Object{key, int64(len(body)), hex.EncodeToString(sum[:16]), m.clock(), meta}, slices.Clone(body)}
}

// upload is what somebody else does.
func (m *memory) upload(key string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, body, nil)
}

func (m *memory) Delete(_ context.Context, keys ...string) error {
	if err := m.enter("delete", ""); err != nil {
		return err
	}
	if len(keys) > 1000 {
		return errors.New("more than R2 takes")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range keys {
		delete(m.objects, key)
	}
	return nil
}

func (m *memory) List(_ context.Context, prefix, after string, limit int) ([]Object, bool, error) {
	if err := m.enter("list", prefix); err != nil {
		return nil, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Object
	for key, o := range m.objects {
		if strings.HasPrefix(key, prefix) && key > after {
			found = append(found, o.Object)
		}
	}
	slices.SortFunc(found, func(a, b Object) int { return cmp.Compare(a.Key, b.Key) })
	// R2 gives fewer than were asked for when there are many metadata.
	n := min(len(found), limit, 7)
	return found[:n], n < len(found), nil
}

// under lists the keys under a prefix, without it.
func (m *memory) under(prefix string) (keys []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.objects {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			keys = append(keys, rest)
		}
	}
	slices.Sort(keys)
	return keys
}

// queue is a queue in memory that behaves as badly as a queue may.
type queue struct {
	mu      sync.Mutex
	pending []letter
	dead    []letter
	rand    *rand.Rand
	retries int
	// twice is the chance that a message is delivered twice, batch how many come together.
	twice float64
	batch int
	sent  int
}

type letter struct {
	body     []byte
	attempts int
}

func newQueue(seed uint64) *queue {
	return &queue{rand: rand.New(rand.NewPCG(seed, 77)), retries: 5, batch: 10}
}

func (q *queue) Send(_ context.Context, bodies [][]byte) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	size := 0
	for _, body := range bodies {
		size += len(body)
		q.pending = append(q.pending, letter{body: body})
		q.sent++
		if q.rand.Float64() < q.twice {
			q.pending = append(q.pending, letter{body: body})
		}
	}
	if len(bodies) > 100 || size > 256_000 {
		return errors.New("more than the platform takes")
	}
	return nil
}

// take takes a few letters out of a box, from anywhere in it.
func (q *queue) take(box *[]letter) (batch []*letter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rand.Shuffle(len(*box), func(i, j int) { (*box)[i], (*box)[j] = (*box)[j], (*box)[i] })
	n := min(len(*box), 1+q.rand.IntN(q.batch))
	for _, l := range (*box)[:n] {
		l.attempts++
		batch = append(batch, &l)
	}
	*box = (*box)[n:]
	return batch
}

// deliver hands a batch to the consumer. What is not done comes again, until it is dead.
func (q *queue) deliver(t *testing.T, batch []*letter, consume func([]Delivery)) {
	done := make([]bool, len(batch))
	var deliveries []Delivery
	for i, l := range batch {
		deliveries = append(deliveries, Delivery{Body: l.body, Attempts: l.attempts,
			Done:  func() { done[i] = true },
			Again: func(after time.Duration) { checkWait(t, after) }})
	}
	consume(deliveries)
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, l := range batch {
		switch {
		case done[i]:
		case l.attempts > q.retries:
			q.dead = append(q.dead, letter{body: l.body})
		default:
			q.pending = append(q.pending, *l)
		}
	}
}

func checkWait(t *testing.T, after time.Duration) {
	if after < time.Second || after > 12*time.Hour {
		t.Errorf("a message is to come again after %v", after)
	}
}

// world is a service and what it lives in.
type world struct {
	t *testing.T
	*Service
	store *memory
	queue *queue
	time  time.Time
	logs  []string
	mu    sync.Mutex
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, store: newMemory(), queue: newQueue(seed), time: time.UnixMilli(1_800_000_000_000)}
	clock := func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.time
	}
	w.store.clock = clock
	w.Service = &Service{Store: w.store, Queue: w.queue, Clock: clock, Limits: DefaultLimits(), Build: "test", Token: "a token of the test",
		Log: func(line string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.logs = append(w.logs, line)
		}}
	w.Limits.Page = 20
	return w
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// work delivers messages until there are none left.
func (w *world) work() {
	for len(w.queue.pending)+len(w.queue.dead) > 0 {
		w.deliver()
	}
}

func (w *world) deliver() {
	w.pass(time.Second)
	if len(w.queue.pending) > 0 {
		w.queue.deliver(w.t, w.queue.take(&w.queue.pending), func(d []Delivery) { w.Consume(context.Background(), d) })
	}
	if len(w.queue.dead) > 0 {
		w.queue.deliver(w.t, w.queue.take(&w.queue.dead), func(d []Delivery) { w.Dead(context.Background(), d) })
	}
}

// begin begins a run over a prefix.
func (w *world) begin(prefix string) Run {
	w.t.Helper()
	run, _, err := w.beginRun(context.Background(), prefix)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}
