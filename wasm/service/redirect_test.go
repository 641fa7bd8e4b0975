package service

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/redirect"
	"qcowscope/core/source"
)

// kindsOf are what the batches are for.
func kindsOf(r Redirected) (kinds []string) {
	for _, b := range r.Batches {
		kinds = append(kinds, b.Kind)
	}
	return kinds
}

// A repair that is redirected: what is shown, written to the plan file and applied is the same,
// is safe in place, and can be taken back.
func TestRedirectedRepair(t *testing.T) {
	file := recipe(t, "refcount_too_low_shared")
	s, _ := checked(t, file)
	ctx := context.Background()
	plain, err := s.Plan(ctx, PlanRequest{Scope: "all"})
	if err != nil || plain.Redirected.On || plain.Redirected.Records != 0 {
		t.Fatalf("%+v, %v", plain, err)
	}
	view, err := s.Plan(ctx, PlanRequest{Scope: "all", Redirect: true})
	r := view.Redirected
	if err != nil || !r.On || r.Cannot != "" || len(r.Unsafe) > 0 || !slices.Equal(kindsOf(r), []string{"free", "header"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Moved == 0 || r.Clusters == 0 || r.TableBytes == 0 || r.DataBytes != 0 || view.Batches != 2 || r.Batches[1].Bytes != 512 || view.Bytes != r.Batches[0].Bytes+512 {
		t.Errorf("%+v", view)
	}
	safeInPlace(t, s, file)
	if v, err := s.Apply(ctx); err != nil || v.ExitCode != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	if v, err := s.Undo(ctx); err != nil || v.ExitCode == 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := assembled(t, s, file); !bytes.Equal(got, file) {
		t.Error("undone it is another file")
	}
}

// safeInPlace holds that the plan file is one that no crash can harm, and that its undo file
// leads back.
func safeInPlace(t *testing.T, s *Session, file source.Bytes) {
	t.Helper()
	ctx := context.Background()
	text, err := s.PlanFile(ctx, PlanFileRequest{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := patch.DecodeJSON(text, file)
	if err != nil {
		t.Fatal(err)
	}
	if safe, err := redirect.Safe(ctx, file, plan, check.Options{}); err != nil || !safe {
		t.Errorf("the plan file is not safe in place: %v\n%v", err, plan)
	}
	over := patch.NewOverlay(file)
	if err := over.Apply(plan); err != nil {
		t.Fatal(err)
	}
	back, err := s.PlanFile(ctx, PlanFileRequest{Undo: true})
	if err != nil {
		t.Fatal(err)
	}
	undo, err := patch.DecodeJSON(back, over)
	if err != nil {
		t.Fatal(err)
	}
	again := patch.NewOverlay(over)
	if err := again.Apply(undo); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, again.Size())
	if err := source.ReadFull(again, got, 0); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the undo file does not lead back: %v", err)
	}
}

func TestRedirectLog(t *testing.T) {
	s, _ := checked(t, recipe(t, "refcount_too_low_shared"))
	ctx := context.Background()
	view, err := s.Plan(ctx, PlanRequest{Scope: "all", Redirect: true})
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for from := 0; ; {
		reply, err := s.RedirectLog(ctx, RedirectLogRequest{Of: "repair", From: from, Count: 4})
		if err != nil {
			t.Fatal(err)
		}
		if len(reply.Records) == 0 {
			break
		}
		from += len(reply.Records)
		for _, r := range reply.Records {
			ops = append(ops, r.Op)
			if r.Text == "" || (r.At == "") != (r.Op == "commit") || strings.Contains(r.Text, "%!") {
				t.Errorf("%+v", r)
			}
		}
	}
	if len(ops) != view.Redirected.Records || ops[0] != "alloc" || ops[len(ops)-1] != "commit" || !slices.Contains(ops, "free") || !slices.Contains(ops, "update") {
		t.Errorf("%d records: %v", view.Redirected.Records, ops)
	}
	if _, err := s.RedirectLog(ctx, RedirectLogRequest{Of: "lab", Count: 4}); err == nil {
		t.Error("the Lab has no plan")
	}
}

// A change of width that is redirected is the one that is applied.
func TestRedirectedWidth(t *testing.T) {
	file := recipe(t, "healthy_snapshots")
	s, _ := checked(t, file)
	ctx := context.Background()
	reply, err := s.LabTrace(ctx, LabRequest{Kind: "width", Bits: 64, LikeQemu: true, Redirect: true})
	if err != nil || !reply.Redirected.On || !slices.Contains(kindsOf(reply.Redirected), "header") {
		t.Fatalf("%+v, %v", reply, err)
	}
	if log, err := s.RedirectLog(ctx, RedirectLogRequest{Of: "lab", Count: 1}); err != nil || len(log.Records) != 1 {
		t.Errorf("%+v, %v", log, err)
	}
	if v, err := s.LabApply(ctx); err != nil || v.ExitCode != 0 || v.Info.RefcountBits != 64 {
		t.Fatalf("%+v, %v", v, err)
	}
	safeInPlace(t, s, file)
}

// A plan that cannot be redirected stays as it is and says why.
func TestNotRedirected(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_data_file"))
	plan := patch.New(512)
	plan.File = patch.TargetDataFile
	plan.Add(0, 0, []byte("data"), "data")
	r, err := s.redirect(context.Background(), plan, nil)
	if err != nil || r.view.On || !strings.HasPrefix(r.view.Cannot, "it changes the external data file") || r.plan != plan {
		t.Errorf("%+v, %v", r, err)
	}
}

// All repairs of the recipes can be asked to be redirected.
func TestRedirectEveryRecipe(t *testing.T) {
	ctx := context.Background()
	redirected := 0
	for _, name := range shareOf(t) {
		s, reply := openedSession(t, recipe(t, name))
		if !reply.Opened {
			continue
		}
		if _, err := s.Check(ctx, CheckRequest{}); err != nil {
			t.Fatal(err)
		}
		plain, err := s.Plan(ctx, PlanRequest{Scope: "all"})
		if err != nil {
			t.Fatal(err)
		}
		view, err := s.Plan(ctx, PlanRequest{Scope: "all", Redirect: true})
		switch r := view.Redirected; {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case r.On == (r.Cannot != ""):
			t.Errorf("%s: %+v", name, r)
		case !r.On:
			if view.Writes != plain.Writes || view.Bytes != plain.Bytes {
				t.Errorf("%s: not redirected, but another plan", name)
			}
		case !plain.Empty:
			redirected++
		}
	}
	if redirected < 100/shareEach() {
		t.Errorf("only %d are redirected", redirected)
	}
}

// A write of the guest that is redirected is the one that is applied, and is taken back.
func TestRedirectedWrite(t *testing.T) {
	file := recipe(t, "healthy_v3")
	s, _ := checked(t, file)
	ctx := context.Background()
	write := WriteRequest{Offset: 0, Length: 4096, Kind: "write", Fill: 0x5a}
	r, err := s.RedirectWrite(ctx, write)
	if err != nil || !r.On || r.DataBytes == 0 || !slices.Contains(kindsOf(r), "header") {
		t.Fatalf("%+v, %v", r, err)
	}
	if log, err := s.RedirectLog(ctx, RedirectLogRequest{Of: "write", Count: 1}); err != nil || len(log.Records) != 1 {
		t.Errorf("%+v, %v", log, err)
	}
	if v, err := s.WriteApply(ctx, WriteApplyRequest{Write: write, Redirect: true}); err != nil || v.ExitCode != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	safeInPlace(t, s, file)
	if v, err := s.Undo(ctx); err != nil || v.Applied {
		t.Fatalf("%+v, %v", v, err)
	}
	if got := assembled(t, s, file); !bytes.Equal(got, file) {
		t.Error("undone it is another file")
	}
}
