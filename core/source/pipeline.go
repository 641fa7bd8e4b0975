package source

import "context"

// Pipeline reads batches ahead of their use, so that reading and computing overlap. Batches
// come out in the order in which they went in.
type Pipeline struct {
	ctx      context.Context
	src      Source
	depth    int
	bytes    int64
	inFlight []*Batch
	spare    []*Batch
}

// Batch is requests that are read together. Its buffer is reused once it is done with.
type Batch struct {
	Reqs []Request
	Jobs []int  // index of each request's job, for the caller
	buf  []byte // made by the first request: a walk that reads nothing costs nothing
	room int    // how long buf is to be
	used int
	err  error
	use  Use
	done chan struct{}
}

// Use is called with a batch that was read. err is the batch's read error: its requests
// can then be tried one by one.
type Use func(b *Batch, err error) error

// NewPipeline keeps at most depth batches of about bytes bytes in flight, less when the
// source has less.
func NewPipeline(ctx context.Context, src Source, depth int, bytes int64) *Pipeline {
	return &Pipeline{ctx: ctx, src: src, depth: depth, bytes: min(bytes, src.Size())}
}

// Next is an empty batch to fill. It must be handed to Submit before another is taken.
func (p *Pipeline) Next() *Batch {
	b := &Batch{}
	if n := len(p.spare); n > 0 {
		b, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		b.room = int(p.bytes)
	}
	b.Reqs, b.Jobs, b.used, b.err = b.Reqs[:0], b.Jobs[:0], 0, nil
	b.done = make(chan struct{})
	return b
}

// Add asks for n bytes from off on. It is false when the batch has no room left; a batch
// always has room for its first request.
func (b *Batch) Add(off int64, n int, job int) bool {
	if b.used > 0 && b.used+n > len(b.buf) {
		return false
	}
	if n > len(b.buf) || b.buf == nil {
		b.buf = make([]byte, max(n, b.room))
	}
	b.Reqs = append(b.Reqs, Request{off, b.buf[b.used : b.used+n]})
	b.Jobs = append(b.Jobs, job)
	b.used += n
	return true
}

// Submit starts reading the batch, which use is then called with. When enough batches are
// in flight it waits for the oldest.
func (p *Pipeline) Submit(b *Batch, use Use) error {
	b.use = use
	p.inFlight = append(p.inFlight, b)
	go func() {
		b.err = ReadBatch(p.ctx, p.src, b.Reqs)
		close(b.done)
	}()
	if len(p.inFlight) < p.depth {
		return nil
	}
	return p.finishOldest()
}

// Drain finishes all batches in flight.
func (p *Pipeline) Drain() error {
	for len(p.inFlight) > 0 {
		if err := p.finishOldest(); err != nil {
			p.wait()
			return err
		}
	}
	return nil
}

// wait lets reads in flight end: their buffers must not be written to later.
func (p *Pipeline) wait() {
	for _, b := range p.inFlight {
		<-b.done
	}
	p.inFlight = nil
}

func (p *Pipeline) finishOldest() error {
	b := p.inFlight[0]
	<-b.done
	p.inFlight = p.inFlight[1:]
	if err := p.ctx.Err(); err != nil {
		p.wait()
		return err
	}
	if err := b.use(b, b.err); err != nil {
		p.wait()
		return err
	}
	p.spare = append(p.spare, b)
	return nil
}
