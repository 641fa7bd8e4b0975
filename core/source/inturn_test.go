package source_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"qcowscope/core/source"
)

// inTurn reads the bytes 0 to n-1 of src, two at a time, and tells the jobs that were used
// and those of them whose bytes could not be read.
func inTurn(t *testing.T, src source.Source, a source.Ahead, n int) (jobs, failed []int) {
	t.Helper()
	r := source.NewInTurn(context.Background(), src, a, func(job int, r source.Request, err error) error {
		jobs = append(jobs, job)
		if err != nil {
			failed = append(failed, job)
		} else if want := []byte(counting(n))[r.Off : r.Off+2]; !slices.Equal(r.Buf, want) {
			t.Errorf("at %d it reads %v, want %v", r.Off, r.Buf, want)
		}
		return nil
	})
	for off := 0; off < n; off += 2 {
		if err := r.Add(int64(off), 2, off); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil {
		t.Fatal(err)
	}
	return jobs, failed
}

// Whatever makes a batch full: all is used, in order, in as many batches as it takes.
func TestInTurnKeepsTheOrder(t *testing.T) {
	for _, c := range []struct {
		ahead   source.Ahead
		batches int
	}{
		{source.Ahead{Batches: 2, Bytes: 8}, 5},
		{source.Ahead{Batches: 3, Bytes: 8, Most: 3}, 7},
		{source.Ahead{Batches: 1, Bytes: 1}, 20},
	} {
		batches := 0
		src := &tracked{Bytes: counting(40)}
		src.read = func(context.Context, []source.Request) error {
			src.mu.Lock()
			batches++
			src.mu.Unlock()
			return nil
		}
		jobs, failed := inTurn(t, src, c.ahead, 40)
		if len(jobs) != 20 || !slices.IsSorted(jobs) || len(failed) > 0 || batches != c.batches {
			t.Errorf("%+v: %d batches, jobs %v, failed %v", c.ahead, batches, jobs, failed)
		}
	}
}

// Of a batch that cannot be read, only what cannot be read is lost.
func TestInTurnLosesOnlyTheUnreadable(t *testing.T) {
	src := source.Faulty{Source: counting(40), BadOff: 13, BadLen: 2}
	jobs, failed := inTurn(t, src, source.Ahead{Batches: 2, Bytes: 10}, 40)
	if len(jobs) != 20 || !slices.Equal(failed, []int{12, 14}) {
		t.Errorf("jobs %v, failed %v", jobs, failed)
	}
}

// Nothing is used after an error of use, nor after the end of the context.
func TestInTurnEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, want := range []error{broken, context.Canceled} {
		ctx, cancel := context.WithCancel(context.Background())
		src := &tracked{Bytes: counting(100)}
		used := 0
		r := source.NewInTurn(ctx, src, source.Ahead{Batches: 2, Bytes: 4}, func(int, source.Request, error) error {
			used++
			if want == broken {
				return broken
			}
			cancel()
			return nil
		})
		var err error
		for off := 0; off < 100 && err == nil; off++ {
			err = r.Add(int64(off), 1, off)
		}
		if !errors.Is(err, want) || used > 4 || src.now() != 0 {
			t.Errorf("%v, want %v; %d used, %d reads in flight", err, want, used, src.now())
		}
		cancel()
	}
}
