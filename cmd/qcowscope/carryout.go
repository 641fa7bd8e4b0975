package main

import (
	"context"
	"fmt"
	"io"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// disk is a file that is changed in place. Those of tests fail, or lose what was not flushed.
type disk interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
}

// stage is how far a change in place has come.
type stage uint8

const (
	stageFree   stage = iota // only free clusters were written
	stageSwitch              // the header is being written
	stageDone                // the new header is durable; what is left are free clusters and the end of the file
	stageRead                // all was written, and is not there
)

// stoppedError is why a change in place stopped on the way.
type stoppedError struct {
	stage stage
	err   error
	what  string // to do about it, set by who knows the names
}

func (e *stoppedError) Error() string { return e.err.Error() + e.what }
func (e *stoppedError) Unwrap() error { return e.err }

// carryOut makes the change of a plan that is safe in place: each batch is durable before the
// next begins. It can be cancelled until the header is written. Errors are *stoppedError.
func carryOut(ctx context.Context, d disk, plan *patch.Plan) error {
	at := stageFree
	stopped := func(err error) error { return &stoppedError{stage: at, err: plainError(err)} }
	if plan.SizeAfter > plan.SizeBefore { // at once: a crash leaves the old length or the new one
		if err := d.Truncate(plan.SizeAfter); err != nil {
			return stopped(err)
		}
	}
	last := lastSwitch(plan)
	for i, batch := range plan.Batches {
		if at == stageFree && ctx.Err() != nil {
			return stopped(ctx.Err())
		}
		if at == stageFree && switches(batch) {
			at = stageSwitch
		}
		for _, w := range batch {
			if at == stageFree && ctx.Err() != nil {
				return stopped(ctx.Err())
			}
			if _, err := d.WriteAt(w.Data, w.Off); err != nil {
				return stopped(err)
			}
		}
		if err := d.Sync(); err != nil {
			return stopped(fmt.Errorf("what was written did not reach the disk: %w", plainError(err)))
		}
		if i >= last {
			at = stageDone
		}
	}
	if plan.SizeAfter < plan.SizeBefore {
		if err := cut(d, plan.SizeAfter); err != nil {
			return stopped(err)
		}
	}
	return nil
}

// cut ends the file at size, durably.
func cut(d disk, size int64) error {
	if err := d.Truncate(size); err != nil {
		return err
	}
	return d.Sync()
}

// switches tells whether the batch is a step of the header.
func switches(batch []patch.Write) bool { return len(batch) > 0 && batch[0].Off < qcow2.SectorSize }

// lastSwitch is the last batch that is one.
func lastSwitch(plan *patch.Plan) int {
	last := len(plan.Batches)
	for i, b := range plan.Batches {
		if switches(b) {
			last = i
		}
	}
	return last
}
