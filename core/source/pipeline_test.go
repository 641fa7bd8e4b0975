package source_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"qcowscope/core/source"
)

// tracked counts the batches that are being read.
type tracked struct {
	source.Bytes
	mu       sync.Mutex
	inFlight int
	most     int
	read     func(ctx context.Context, reqs []source.Request) error // called while in flight; may be nil
}

func (s *tracked) ReadBatch(ctx context.Context, reqs []source.Request) error {
	s.mu.Lock()
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if s.read != nil {
		if err := s.read(ctx, reqs); err != nil {
			return err
		}
	}
	for _, r := range reqs {
		if err := source.ReadFull(s.Bytes, r.Buf, r.Off); err != nil {
			return err
		}
	}
	return nil
}

func (s *tracked) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inFlight
}

// run submits n batches of two requests each through the pipeline.
func run(p *source.Pipeline, n int, use source.Use) error {
	for i := range n {
		b := p.Next()
		b.Add(int64(2*i), 1, 10*i)
		b.Add(int64(2*i+1), 1, 10*i+1)
		if err := p.Submit(b, use); err != nil {
			return err
		}
	}
	return p.Drain()
}

func TestPipelineKeepsTheOrder(t *testing.T) {
	for _, depth := range []int{1, 2, 5} {
		src := &tracked{Bytes: counting(100)}
		p := source.NewPipeline(context.Background(), src, depth, 8)
		var jobs []int
		var bytes []byte
		err := run(p, 20, func(b *source.Batch, err error) error {
			for i, r := range b.Reqs {
				jobs, bytes = append(jobs, b.Jobs[i]), append(bytes, r.Buf...)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(jobs) || len(jobs) != 40 || !slices.Equal(bytes, []byte(counting(40))) {
			t.Errorf("depth %d: jobs %v, bytes %v", depth, jobs, bytes)
		}
		if src.most > depth {
			t.Errorf("depth %d: %d batches in flight", depth, src.most)
		}
	}
}

// A batch is read while the one before is still being read: each read waits for the other.
func TestPipelineReadsOverlap(t *testing.T) {
	meet := make(chan struct{})
	src := &tracked{Bytes: counting(100)}
	src.read = func(_ context.Context, reqs []source.Request) error {
		if reqs[0].Off == 0 {
			<-meet
		} else {
			meet <- struct{}{}
		}
		return nil
	}
	p := source.NewPipeline(context.Background(), src, 2, 8)
	used := 0
	if err := run(p, 2, func(_ *source.Batch, err error) error { used++; return err }); err != nil || used != 2 {
		t.Errorf("%d used, %v", used, err)
	}
}

func TestPipelineGivesReadErrorsToUse(t *testing.T) {
	src := source.Faulty{Source: counting(100), BadOff: 5, BadLen: 1}
	p := source.NewPipeline(context.Background(), src, 2, 8)
	var failed, good []int
	err := run(p, 6, func(b *source.Batch, err error) error {
		if err != nil {
			failed = append(failed, b.Jobs[0])
		} else {
			good = append(good, b.Jobs[0])
		}
		return nil
	})
	if err != nil || !slices.Equal(failed, []int{20}) || !slices.Equal(good, []int{0, 10, 30, 40, 50}) {
		t.Errorf("failed %v, good %v, %v", failed, good, err)
	}
}

// When use fails the pipeline ends, and no read is left that could still write to a buffer.
func TestPipelineEndsWithoutReadsInFlight(t *testing.T) {
	broken := errors.New("broken")
	for stop := range 8 {
		src := &tracked{Bytes: counting(100)}
		p := source.NewPipeline(context.Background(), src, 3, 8)
		used := 0
		err := run(p, 8, func(*source.Batch, error) error {
			if used++; used > stop {
				return broken
			}
			return nil
		})
		if err != broken || used != stop+1 {
			t.Errorf("stop %d: %v after %d batches", stop, err, used)
		}
		if n := src.now(); n != 0 {
			t.Errorf("stop %d: %d reads in flight", stop, n)
		}
	}
}

func TestPipelineCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	src := &tracked{Bytes: counting(100)}
	src.read = func(ctx context.Context, _ []source.Request) error {
		<-ctx.Done()
		return ctx.Err()
	}
	p := source.NewPipeline(ctx, src, 3, 8)
	use := func(*source.Batch, error) error { t.Error("a cancelled batch was used"); return nil }
	for i := range 2 {
		b := p.Next()
		b.Add(int64(i), 1, i)
		if err := p.Submit(b, use); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := p.Drain(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := src.now(); n != 0 {
		t.Errorf("%d reads in flight", n)
	}
}

func TestBatchRoom(t *testing.T) {
	p := source.NewPipeline(context.Background(), counting(100), 1, 8)
	b := p.Next()
	if !b.Add(0, 0, 0) || !b.Add(0, 5, 1) || b.Add(5, 4, 2) || !b.Add(5, 3, 3) || b.Add(8, 1, 4) {
		t.Error("a batch of 8 bytes takes 0+5+3 bytes and neither 4 more nor 1 more")
	}
	if len(b.Reqs) != 3 || !slices.Equal(b.Jobs, []int{0, 1, 3}) {
		t.Errorf("requests %v, jobs %v", b.Reqs, b.Jobs)
	}
	use := func(b *source.Batch, err error) error {
		if err == nil && b.Reqs[len(b.Reqs)-1].Buf[0] != byte(b.Reqs[len(b.Reqs)-1].Off+1) {
			t.Errorf("read %x", b.Reqs[len(b.Reqs)-1].Buf)
		}
		return err
	}
	if err := p.Submit(b, use); err != nil {
		t.Fatal(err)
	}
	big := p.Next()
	if len(big.Reqs) != 0 || len(big.Jobs) != 0 {
		t.Error("a reused batch is not empty")
	}
	if !big.Add(10, 50, 0) || big.Add(60, 1, 1) {
		t.Error("a batch takes its first request, however large, and then no more")
	}
	if err := p.Submit(big, use); err != nil {
		t.Fatal(err)
	}
	if err := p.Drain(); err != nil {
		t.Fatal(err)
	}
}
