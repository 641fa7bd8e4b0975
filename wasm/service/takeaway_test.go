package service

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/skeleton"
	"qcowscope/core/source"
)

// taken is all that a request gives, holes as zeros.
func taken(t *testing.T, s *Session, req TakeRequest) (TakeView, []byte) {
	t.Helper()
	view, err := s.Take(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for {
		piece, err := s.TakeNext(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(piece.Starts) == 0 {
			return view, out
		}
		data := piece.Patch
		for i, start := range piece.Starts {
			n := int(piece.Lengths[i])
			if start == -1 {
				out, data = append(out, data[:n]...), data[n:]
			} else {
				out = append(out, make([]byte, n)...)
			}
		}
		if len(data) > 0 {
			t.Fatalf("%d bytes of a piece belong to no segment", len(data))
		}
	}
}

func TestTakePatches(t *testing.T) {
	file := recipe(t, "truncated_to_half")
	s, _ := checked(t, file)
	var p *ProblemError
	if _, err := s.Take(context.Background(), TakeRequest{What: "patch"}); !errors.As(err, &p) || p.Problem.Title != errNoPlan.Problem.Title {
		t.Errorf("without a plan: %v", err)
	}
	if _, err := s.Plan(context.Background(), PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	plan := s.outcome.Plan
	var there, back bytes.Buffer
	if err := errors.Join(plan.WriteVCDIFF(&there, file, patch.VCDIFFOptions{}), plan.WriteUndoVCDIFF(&back, file, patch.VCDIFFOptions{})); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the plan, and then the plan that is applied
		for what, want := range map[string][]byte{"patch": there.Bytes(), "undo-patch": back.Bytes()} {
			if view, got := taken(t, s, TakeRequest{What: what}); !bytes.Equal(got, want) || view.Size != -1 {
				t.Errorf("%s: %d bytes, want %d", what, len(got), len(want))
			}
		}
		if s.outcome != nil {
			if _, err := s.Apply(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A skeleton is of the file as it was dropped, also while a repair is applied over it.
func TestTakeSkeleton(t *testing.T) {
	file := recipe(t, "refcount_zero_data")
	s, found := checked(t, file)
	if _, err := s.Plan(context.Background(), PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	view, got := taken(t, s, TakeRequest{What: "skeleton"})
	if view.Size != float64(len(file)) || len(got) != len(file) || !view.Skeleton.Same || view.Skeleton.Data == 0 || view.Skeleton.Tables >= view.Size {
		t.Errorf("%d bytes of %+v", len(got), view)
	}
	_, again := checked(t, source.Bytes(got))
	if again.Corruptions != found.Corruptions || again.Leaks != found.Leaks || again.Corruptions == 0 {
		t.Errorf("the skeleton has %v corruptions and %v leaks, the file %v and %v", again.Corruptions, again.Leaks, found.Corruptions, found.Leaks)
	}
	packed, tar := taken(t, s, TakeRequest{What: "skeleton", Tar: "copy.qcow2"})
	if packed.Size != float64(len(tar)) || len(tar)%512 != 0 || !bytes.Contains(tar[:4096], []byte("GNUSparseFile.0/copy.qcow2")) {
		t.Errorf("an archive of %d bytes, said %v", len(tar), packed.Size)
	}
}

func TestSkeletonKeepsWhatIsChosen(t *testing.T) {
	all := []string{"snapshots", "bitmaps", "backing", "data-file", "extensions", "bitmap-data", "luks"}
	if got := kept(all); got != (skeleton.Keep{Snapshots: true, Bitmaps: true, Backing: true, DataFile: true, Extensions: true, BitmapData: true, LUKS: true}) {
		t.Errorf("all: %+v", got)
	}
	file := recipe(t, "healthy_snapshot_and_bitmap")
	s, _ := checked(t, file)
	for _, c := range []struct {
		keep             []string
		snapshot, bitmap bool
	}{{nil, false, false}, {[]string{"snapshots", "everything"}, true, false}, {all, true, true}} {
		_, got := taken(t, s, TakeRequest{What: "skeleton", Keep: c.keep})
		if bytes.Contains(got, []byte("keep-me")) != c.snapshot || bytes.Contains(got, []byte("backup")) != c.bitmap {
			t.Errorf("keep %v: other names are in the copy", c.keep)
		}
	}
}

func TestTakeEnds(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_snapshots"))
	var p *ProblemError
	if _, err := s.TakeNext(context.Background()); !errors.As(err, &p) {
		t.Errorf("nothing was begun: %v", err)
	}
	for _, end := range []func() error{
		func() error { _, err := s.TakeEnd(context.Background()); return err },
		func() error {
			stopped, cancel := context.WithCancel(context.Background())
			cancel()
			if _, err := s.TakeNext(stopped); !errors.As(err, &p) || p.Problem.Kind != "cancelled" {
				return errors.New("it was not cancelled")
			}
			return nil
		},
	} {
		if _, err := s.Take(context.Background(), TakeRequest{What: "skeleton"}); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Error(err)
		}
		if _, err := s.TakeNext(context.Background()); !errors.As(err, &p) || p.Problem.Kind != "internal" {
			t.Errorf("after its end: %v", err)
		}
	}
}

// A read that fails in the middle is said, with its place.
func TestTakeSaysWhatFails(t *testing.T) {
	file := recipe(t, "healthy_snapshots")
	img, err := image.Open(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	broken := &breaking{Bytes: file, at: int64(img.L1.Off)}
	s, _ := checked(t, broken)
	if _, err := s.Take(context.Background(), TakeRequest{What: "skeleton"}); err != nil {
		t.Fatal(err)
	}
	broken.now = true
	var p *ProblemError
	if _, err := s.TakeNext(context.Background()); !errors.As(err, &p) || p.Problem.Kind != "read" {
		t.Errorf("%v", err)
	}
}

// breaking is a medium of which a place becomes unreadable.
type breaking struct {
	source.Bytes
	at  int64
	now bool
}

func (b *breaking) ReadAt(p []byte, off int64) (int, error) {
	if b.now && off <= b.at && off+int64(len(p)) > b.at {
		return 0, source.ErrFaulty
	}
	return b.Bytes.ReadAt(p, off)
}

func TestReportFiles(t *testing.T) {
	s, _ := openedSession(t, recipe(t, "leaked_cluster"))
	if _, err := s.ReportFile(context.Background(), ReportFileRequest{Form: "html"}); !errors.Is(err, errNotChecked) {
		t.Errorf("before the check: %v", err)
	}
	s, _ = checked(t, recipe(t, "leaked_cluster"))
	text, err := s.ReportFile(context.Background(), ReportFileRequest{Form: "text"})
	if err != nil || !strings.Contains(string(text), "1 leaked clusters were found on the image.") || !strings.Contains(string(text), string(check.LeakedCluster)) {
		t.Errorf("%v\n%s", err, text)
	}
	if _, err := s.Plan(context.Background(), PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Repair plan, not applied", "What was changed before this check"} {
		page, err := s.ReportFile(context.Background(), ReportFileRequest{Form: "html", When: "some day"})
		if err != nil || !bytes.Contains(page, []byte(want)) || !bytes.Contains(page, []byte("some day")) || !bytes.Contains(page, []byte("disk.qcow2")) {
			t.Errorf("%v: the page does not say %q", err, want)
		}
		if s.outcome != nil {
			if _, err := s.Apply(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
}
