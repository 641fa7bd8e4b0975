package source

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sync"
)

// Ranges is a Batcher over something that is asked for one range at a time, each at a high
// fixed cost: a web server, an object store. Neighbouring ranges are read as one, and a few
// are under way at once.
type Ranges struct {
	Ctx     context.Context // of ReadAt, which is given none
	Length  int64           // bytes of the whole
	Gap     int64           // ranges nearer than this are read as one
	Most    int64           // bytes of one joined range
	Flights int             // ranges under way at once
	// Read fills p from off on, where all of it lies in the whole. It is called concurrently.
	Read func(ctx context.Context, p []byte, off int64) error
}

// Size is the number of bytes.
func (r *Ranges) Size() int64 { return r.Length }

// ReadAt reads len(p) bytes, less at the end.
func (r *Ranges) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), r.Length-off)
	if off < 0 || n <= 0 {
		return 0, io.EOF
	}
	if err := r.Read(r.Ctx, p[:n], off); err != nil {
		return 0, err
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// ReadBatch serves all requests. An error is a *ReadError or the context's.
func (r *Ranges) ReadBatch(ctx context.Context, reqs []Request) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, r.Flights)
	for _, run := range r.join(reqs) {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			if err := r.readRun(ctx, run); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// join groups requests by nearness. A group never asks for more than Most, except a single
// request that does.
func (r *Ranges) join(reqs []Request) (runs [][]Request) {
	sorted := slices.SortedFunc(slices.Values(reqs), func(a, b Request) int { return cmp.Compare(a.Off, b.Off) })
	end := int64(0)
	for _, q := range sorted {
		to := q.Off + int64(len(q.Buf))
		last := len(runs) - 1
		if last >= 0 && q.Off < r.Length && q.Off <= end+r.Gap && to-runs[last][0].Off <= r.Most {
			runs[last] = append(runs[last], q)
			end = max(end, to)
			continue
		}
		runs, end = append(runs, []Request{q}), to
	}
	return runs
}

// readRun reads one joined range and hands its bytes to the requests.
func (r *Ranges) readRun(ctx context.Context, run []Request) error {
	from, to := run[0].Off, int64(0)
	for _, q := range run {
		to = max(to, min(q.Off+int64(len(q.Buf)), r.Length))
	}
	n := max(0, to-from)
	buf := run[0].Buf[:min(n, int64(len(run[0].Buf)))]
	if int64(len(buf)) < n {
		buf = make([]byte, n)
	}
	if n > 0 {
		if err := r.Read(ctx, buf, from); err != nil {
			return &ReadError{Off: from, Len: n, Err: err}
		}
	}
	for _, q := range run {
		in := 0
		if at := q.Off - from; at < n {
			in = copy(q.Buf, buf[at:])
		}
		clear(q.Buf[in:])
	}
	return nil
}
