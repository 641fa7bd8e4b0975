package service

import (
	"bytes"
	"context"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/source"
)

// TestUndoOneByOne: changes stack, and are taken back in the reverse order, each to the
// bytes and the verdict that were there before it.
func TestUndoOneByOne(t *testing.T) {
	ctx := context.Background()
	file := recipe(t, "size_top_bit")
	s, found := checked(t, file)
	images := [][]byte{assembled(t, s, file)}
	verdicts := []Verdict{found}
	for _, req := range []PlanRequest{{Scope: "all", Accept: []string{string(check.DiskSizeImpossible)}}, {Scope: "rebuild"}, {Scope: "rebuild"}} {
		if plan, err := s.Plan(ctx, req); err != nil || plan.Empty {
			t.Fatalf("plan %+v, %v", plan, err)
		}
		v, err := s.Apply(ctx)
		if err != nil {
			t.Fatal(err)
		}
		images, verdicts = append(images, assembled(t, s, file)), append(verdicts, v)
	}
	for i := len(images) - 2; i >= 0; i-- {
		v, err := s.Undo(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(assembled(t, s, file), images[i]) {
			t.Errorf("with %d changes the image is another than before", i)
		}
		was := verdicts[i]
		if v.ExitCode != was.ExitCode || v.ImageEnd != was.ImageEnd || v.Headline != was.Headline || v.Applied != (i > 0) {
			t.Errorf("with %d changes the verdict is %+v, it was %+v", i, v, was)
		}
	}
	if v, err := s.Undo(ctx); err != nil || v.Applied {
		t.Errorf("undo without a change: %+v, %v", v, err)
	}
}

// TestUndoThatFails keeps the change: what is shown is whole, and undo can be tried again.
func TestUndoThatFails(t *testing.T) {
	file := &failing{Bytes: recipe(t, "size_top_bit")}
	s, _ := checked(t, file)
	for range 2 {
		if _, err := s.Plan(context.Background(), PlanRequest{Scope: "rebuild", Accept: nil}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	shown := assembled(t, s, file.Bytes)
	file.fails = true
	if _, err := s.Undo(context.Background()); err == nil {
		t.Fatal("undone without reading the image again")
	}
	if !bytes.Equal(assembled(t, s, file.Bytes), shown) || len(s.changes) != 2 {
		t.Error("a failed undo changed what is shown")
	}
	file.fails = false
	if _, err := s.Undo(context.Background()); err != nil || len(s.changes) != 1 {
		t.Errorf("the next undo: %v, %d changes left", err, len(s.changes))
	}
}

// failing is a file that cannot be read for a while.
type failing struct {
	source.Bytes
	fails bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.fails {
		return 0, &source.ReadError{Off: off, Err: context.DeadlineExceeded}
	}
	return f.Bytes.ReadAt(p, off)
}
