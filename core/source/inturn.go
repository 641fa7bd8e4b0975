package source

import "context"

// InTurn reads places one after the other: those that are added together make batches,
// which are read ahead of their use. Where a batch cannot be read, its places are tried one
// by one.
type InTurn struct {
	ctx   context.Context
	src   Source
	most  int
	use   UseOne
	pipe  *Pipeline
	batch *Batch
}

// Ahead is how much is read ahead of its use.
type Ahead struct {
	Batches int   // in flight at once
	Bytes   int64 // of a batch
	Most    int   // requests of a batch; 0 for as many as have room
}

// UseOne is called with each job in the order in which they were added. err is that of its
// own request, of whose bytes nothing is known then. An error that it returns ends the
// reading.
type UseOne func(job int, r Request, err error) error

// NewInTurn begins with nothing to read.
func NewInTurn(ctx context.Context, src Source, a Ahead, use UseOne) *InTurn {
	t := &InTurn{ctx: ctx, src: src, most: a.Most, use: use, pipe: NewPipeline(ctx, src, a.Batches, a.Bytes)}
	t.batch = t.pipe.Next()
	return t
}

// Add asks for n bytes from off on. The error is one of use or the context's.
func (t *InTurn) Add(off int64, n int, job int) error {
	full := t.most > 0 && len(t.batch.Reqs) >= t.most
	if !full && t.batch.Add(off, n, job) {
		return nil
	}
	if err := t.pipe.Submit(t.batch, t.useBatch); err != nil {
		return err
	}
	t.batch = t.pipe.Next()
	t.batch.Add(off, n, job)
	return nil
}

// Finish waits until all that was added is used; nothing may be added then. The error is one
// of use or the context's.
func (t *InTurn) Finish() error {
	if err := t.pipe.Submit(t.batch, t.useBatch); err != nil {
		return err
	}
	return t.pipe.Drain()
}

func (t *InTurn) useBatch(b *Batch, err error) error {
	for i, r := range b.Reqs {
		var own error
		if err != nil {
			own = ReadFull(t.src, r.Buf, r.Off)
		}
		if err := t.use(b.Jobs[i], r, own); err != nil {
			return err
		}
	}
	return t.ctx.Err()
}
