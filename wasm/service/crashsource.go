package service

import (
	"context"
	"sync"

	"qcowscope/core/source"
)

const (
	recalledBlock = 64 << 10
	// recalledBytes bounds what is kept of a file: all of a small one; the tables, and what is
	// compared of the disk, of a large one.
	recalledBytes = 64 << 20
)

// recalled keeps what was read of a source. Each crash state is opened, checked and read
// anew, and nearly all of it is the file: asking the browser again takes longer than judging.
type recalled struct {
	src source.Source

	mu     sync.Mutex
	blocks map[int64][]byte
}

func newRecalled(src source.Source) *recalled {
	return &recalled{src: src, blocks: map[int64][]byte{}}
}

// Size is that of the source.
func (r *recalled) Size() int64 { return r.src.Size() }

// ReadAt reads through the kept blocks.
func (r *recalled) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= r.Size() || len(p) == 0 {
		return r.src.ReadAt(p, off)
	}
	want := p[:min(int64(len(p)), r.Size()-off)]
	if err := r.ReadBatch(context.Background(), []source.Request{{Off: off, Buf: want}}); err != nil {
		return 0, err
	}
	if len(want) < len(p) {
		n, err := r.src.ReadAt(p[len(want):], r.Size())
		return len(want) + n, err
	}
	return len(p), nil
}

// ReadBatch reads what is not kept in one go.
func (r *recalled) ReadBatch(ctx context.Context, reqs []source.Request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.fetch(ctx, reqs); err != nil {
		return err
	}
	for _, req := range reqs {
		for done := 0; done < len(req.Buf); {
			at := req.Off + int64(done)
			block := r.blocks[at/recalledBlock]
			in := at % recalledBlock
			if in >= int64(len(block)) {
				clear(req.Buf[done:]) // behind the end of the file
				break
			}
			done += copy(req.Buf[done:], block[in:])
		}
	}
	return nil
}

// fetch makes sure that all blocks of the requests are kept.
func (r *recalled) fetch(ctx context.Context, reqs []source.Request) error {
	missing := r.missing(reqs)
	if len(missing) == 0 {
		return ctx.Err()
	}
	if int64(len(r.blocks)+len(missing))*recalledBlock > recalledBytes {
		clear(r.blocks) // blocks of these requests may be among them
		missing = r.missing(reqs)
	}
	var asked []source.Request
	for _, at := range missing {
		asked = append(asked, source.Request{Off: at * recalledBlock, Buf: make([]byte, min(recalledBlock, r.Size()-at*recalledBlock))})
	}
	if err := source.ReadBatch(ctx, r.src, asked); err != nil {
		return err
	}
	for i, at := range missing {
		r.blocks[at] = asked[i].Buf
	}
	return nil
}

// missing are the blocks of the requests that are not kept.
func (r *recalled) missing(reqs []source.Request) []int64 {
	var missing []int64
	seen := map[int64]bool{}
	for _, req := range reqs {
		end := min(r.Size(), req.Off+int64(len(req.Buf)))
		for at := req.Off / recalledBlock; at*recalledBlock < end; at++ {
			if r.blocks[at] == nil && !seen[at] {
				seen[at] = true
				missing = append(missing, at)
			}
		}
	}
	return missing
}
