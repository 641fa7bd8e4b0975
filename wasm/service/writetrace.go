package service

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"qcowscope/core/cow"
)

// maxTraceText bounds the trace that the page gives.
const maxTraceText = 64 << 20

// WriteTrace compares what a trace of writes costs with every cluster size, with and without
// subclusters. It needs no image.
func (s *Session) WriteTrace(ctx context.Context, req WriteTraceRequest) (WriteTraceReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(cow.Initials(), func(i cow.Initial) bool { return i.String() == req.Initial })
	if at < 0 || len(req.Text) > maxTraceText {
		return WriteTraceReply{}, impossibleWrite(req.Initial)
	}
	t, err := cow.ParseTrace(ctx, strings.NewReader(req.Text))
	if err != nil {
		return traceTrouble(err)
	}
	c, err := cow.Compare(ctx, t, cow.Initials()[at], s.tellTrace)
	if err != nil {
		return traceTrouble(err)
	}
	return traceReply(t, c), nil
}

// tellTrace lets the page speak, so that it can cancel.
func (s *Session) tellTrace(done, total int) {
	if s.progress != nil && time.Since(s.lastTold) >= progressEvery {
		s.lastTold = time.Now()
		s.progress(Progress{Phase: "trace", Done: float64(done), Total: float64(total)})
	}
}

// traceTrouble is what the user can mend in a trace.
func traceTrouble(err error) (WriteTraceReply, error) {
	var line *cow.TraceError
	if errors.As(err, &line) || errors.Is(err, cow.ErrTraceEmpty) || errors.Is(err, cow.ErrSpread) {
		return WriteTraceReply{Trouble: reasonText(err)}, nil
	}
	return WriteTraceReply{}, problemError(err)
}

func traceReply(t *cow.Trace, c *cow.Comparison) WriteTraceReply {
	r := WriteTraceReply{Format: t.Format, Writes: float64(len(t.Writes)), Other: float64(t.Other), Written: float64(c.Costs[0].Written), Advice: c.Advice}
	advised := c.Best
	if c.Extended {
		advised = c.BestExtended
	}
	for i, k := range c.Costs {
		r.Setups = append(r.Setups, WriteSetup{Cluster: float64(k.Geometry().ClusterSize()), Extended: k.ExtendedL2, Advised: i == advised,
			Copied: float64(k.Copied), Zeroed: float64(k.Zeroed), Metadata: float64(k.Metadata), Structures: float64(k.Structures),
			Allocated: float64(k.Allocated), Factor: k.Factor()})
	}
	return r
}
