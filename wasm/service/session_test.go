package service

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// shareEach is of how many recipes a test that takes long takes one. TestEveryRecipe takes all.
func shareEach() int { return testimages.Each(2, 3) }

// shareOf are the recipes that the test takes.
func shareOf(t *testing.T) (names []string) {
	t.Helper()
	for i, name := range testimages.Names() {
		if testimages.Taken(t.Name(), i, shareEach()) {
			names = append(names, name)
		}
	}
	return names
}

func recipe(t *testing.T, name string) source.Bytes {
	t.Helper()
	return testimages.Make(t, name).Image
}

func openedSession(t *testing.T, src source.Source) (*Session, OpenReply) {
	t.Helper()
	s := New(func() (source.Source, error) { return src, nil }, nil)
	reply, err := s.Open(context.Background(), OpenRequest{Name: "disk.qcow2"})
	if err != nil {
		t.Fatal(err)
	}
	return s, reply
}

func checked(t *testing.T, src source.Source) (*Session, Verdict) {
	t.Helper()
	s, reply := openedSession(t, src)
	if !reply.Opened {
		t.Fatalf("not opened: %+v", reply.Problem)
	}
	v, err := s.Check(context.Background(), CheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

// assembled is the image that the page would save.
func assembled(t *testing.T, s *Session, file []byte) []byte {
	t.Helper()
	seg, err := s.Segments(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	patch := seg.Patch
	for i, start := range seg.Starts {
		n := int(seg.Lengths[i])
		switch {
		case start >= 0:
			out = append(out, file[int(start):int(start)+n]...)
		case start == -1:
			out, patch = append(out, patch[:n]...), patch[n:]
		default:
			out = append(out, make([]byte, n)...)
		}
	}
	if len(patch) != 0 {
		t.Errorf("%d bytes of the patch belong to no segment", len(patch))
	}
	return out
}

// TestTheWholeRoad drops a damaged image, checks, plans, applies and assembles it: what
// would be saved is clean for a fresh session, the file is untouched, and undo gives it back.
func TestTheWholeRoad(t *testing.T) {
	for _, name := range []string{"refblock_zeroed", "reftable_zeroed", "reftable_beyond_eof", "leaked_cluster", "refcount_zero_data", "copied_missing_data"} {
		t.Run(name, func(t *testing.T) {
			file := recipe(t, name)
			before := sha256.Sum256(file)
			s, v := checked(t, file)
			if v.ExitCode == 0 || len(v.Groups) == 0 || !v.Repairable {
				t.Fatalf("nothing to repair: %+v", v)
			}
			plan, err := s.Plan(context.Background(), PlanRequest{Scope: "all"})
			if err != nil || plan.Empty || plan.Writes == 0 || len(plan.Steps) == 0 {
				t.Fatalf("plan %+v, %v", plan, err)
			}
			writes, err := s.Writes(context.Background(), WritesRequest{Count: 100})
			if err != nil || len(writes.Writes) != min(plan.Writes, 100) {
				t.Fatalf("%d writes of %d, %v", len(writes.Writes), plan.Writes, err)
			}
			for _, w := range writes.Writes {
				if w.New == w.Old && plan.SizeAfter == plan.SizeBefore || w.Why == "" {
					t.Errorf("write %+v changes nothing or has no reason", w)
				}
			}
			after, err := s.Apply(context.Background())
			if err != nil || after.ExitCode != 0 || !after.Applied || after.State != "healthy" {
				t.Fatalf("after: %+v, %v", after, err)
			}
			saved := assembled(t, s, file)
			if _, again := checked(t, source.Bytes(saved)); again.ExitCode != 0 {
				t.Errorf("the saved image is not clean: %+v", again)
			}
			if undone, err := s.Undo(context.Background()); err != nil || undone.ExitCode != v.ExitCode || undone.Applied {
				t.Errorf("undo: %+v, %v", undone, err)
			}
			if string(assembled(t, s, file)) != string(file) || sha256.Sum256(file) != before {
				t.Error("undo does not give the file back, or the file was changed")
			}
		})
	}
}

// TestEveryRecipe asks every question about every recipe: no error, no panic, and all words there.
func TestEveryRecipe(t *testing.T) {
	for _, name := range testimages.Names() {
		t.Run(name, func(t *testing.T) {
			s, reply := openedSession(t, recipe(t, name))
			if !reply.Opened {
				if p := reply.Problem; p.Kind == "" || p.Title == "" || p.Advice == "" {
					t.Errorf("problem without words: %+v", p)
				}
				return
			}
			v, err := s.Check(context.Background(), CheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if v.State == "" || v.Headline == "" || v.Advice == "" {
				t.Errorf("verdict without words: %+v", v)
			}
			if v.ExitCode != 0 && v.State == "healthy" {
				t.Errorf("healthy, although qemu-img check would exit with %d", v.ExitCode)
			}
			found, err := s.Findings(context.Background(), FindingsRequest{Count: 100})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found.Findings {
				if f.What == "" || f.Where == "" || f.Severity == "" {
					t.Errorf("finding without words: %+v", f)
				}
			}
			for c := range min(int64(reply.Info.HostClusters), 40) {
				if _, err := s.Cluster(context.Background(), ClusterRequest{Cluster: float64(c)}); err != nil {
					t.Errorf("cluster %d: %v", c, err)
				}
			}
			if b, err := s.Report(context.Background()); err != nil || !json.Valid(b) {
				t.Errorf("report: %v", err)
			}
		})
	}
}

func TestClusterTellsWhoPointsToIt(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_v3"))
	kinds := map[string]bool{}
	for c := range int64(s.now.img.HostClusters()) {
		v, err := s.Cluster(context.Background(), ClusterRequest{Cluster: float64(c)})
		if err != nil {
			t.Fatal(err)
		}
		kinds[v.Owner] = true
		if v.Stored != v.Counted || (v.Counted != "0") != (len(v.Claims) > 0) {
			t.Errorf("cluster %d: stored %s, counted %s, %d claims", c, v.Stored, v.Counted, len(v.Claims))
		}
	}
	for _, owner := range []string{"header", "l1", "l2", "reftable", "refblock", "data"} {
		if !kinds[owner] {
			t.Errorf("no cluster of owner %s", owner)
		}
	}
}

func TestMapKeepsABadClusterVisible(t *testing.T) {
	s, _ := checked(t, recipe(t, "refcount_zero_data"))
	for level, last := 0, 1<<20; last > 1; level++ {
		cells, err := s.MapTile(context.Background(), MapTileRequest{Space: "host", Order: "along", Level: level})
		if err != nil || len(cells) == 0 {
			t.Fatalf("level %d: %d bytes, %v", level, len(cells), err)
		}
		worst := byte(0)
		for i := 0; i < len(cells); i += 2 {
			worst = max(worst, cells[i]>>5)
		}
		if last = len(cells) / 2; worst != 5 {
			t.Errorf("level %d: the worst of %d cells is %d", level, last, worst)
		}
	}
}

func TestNotQcow2IsExplained(t *testing.T) {
	for magic, looks := range map[string]string{"KDMV": "VMDK", "vhdxfile": "VHDX", "QFI\xfb\x00\x00\x00\x01": "version 1", "\x1f\x8b": "gzip", "": "empty"} {
		file := []byte(magic)
		if magic != "" {
			file = append(file, make([]byte, 4096)...)
		}
		_, reply := openedSession(t, source.Bytes(file))
		if reply.Opened || reply.Problem.Kind != "not-qcow2" || !strings.Contains(reply.Problem.Title, looks) || reply.Problem.Advice == "" {
			t.Errorf("%q: %+v", magic, reply.Problem)
		}
	}
}

func TestAReadErrorKeepsWhatWasFound(t *testing.T) {
	file := recipe(t, "leaked_cluster")
	s, _ := checked(t, file)
	l2 := int64(s.now.report.Refcounts.Tree.Tables[0].Off)
	_, v := checked(t, source.Faulty{Source: file, BadOff: l2, BadLen: 512})
	if !v.Incomplete || v.Problem.Kind != "read" || v.Problem.Where == "" || v.ExitCode != 1 || v.State != "unreadable" {
		t.Errorf("verdict %+v", v)
	}
	if len(v.Groups) == 0 || v.Repairable {
		t.Errorf("groups %v, repairable %v", v.Groups, v.Repairable)
	}
}

func TestCancelledIsSaid(t *testing.T) {
	s, _ := openedSession(t, recipe(t, "healthy_v3"))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Check(ctx, CheckRequest{})
	var p *ProblemError
	if !errors.As(err, &p) || p.Problem.Kind != "cancelled" {
		t.Errorf("got %v", err)
	}
}

// TestDeepCheck: a deep check says what it decoded, and what it saw stays known through a
// plan, its application and its undoing.
func TestDeepCheck(t *testing.T) {
	ctx := context.Background()
	broken := func(groups []FindingGroup) bool {
		return slices.ContainsFunc(groups, func(g FindingGroup) bool { return g.Code == string(check.CompressedBroken) })
	}
	s, plain := checked(t, recipe(t, "compressed_stream_garbage"))
	if plain.Streams != -1 || broken(plain.Groups) {
		t.Errorf("a plain check: %v streams, %+v", plain.Streams, plain.Groups)
	}
	deep, err := s.Check(ctx, CheckRequest{Deep: true})
	if err != nil || deep.Streams != 1 || !broken(deep.Groups) || deep.State != "damaged" {
		t.Errorf("a deep check: %v, %+v", err, deep)
	}
	text := "image version=3 size=1M cluster=64K\ncompress guest=64K len=64K fill=0x22\nset refcount[0] = 2\n" +
		"fill bytes[l2[0][1] & 0xffffff] len=200 with=random seed=8\nset l2[0][1] = value | copied"
	b := testimages.MakeLines(t, text)
	s, _ = openedSession(t, source.Bytes(b.Image))
	if v, err := s.Check(ctx, CheckRequest{Deep: true}); err != nil || !broken(v.Groups) {
		t.Fatalf("%v, %+v", err, v)
	}
	plan, err := s.Plan(ctx, PlanRequest{Scope: "all"})
	if err != nil || plan.Empty || !broken(plan.Left) {
		t.Errorf("%v, %+v", err, plan)
	}
	for _, step := range []func(context.Context) (Verdict, error){s.Apply, s.Undo} {
		if v, err := step(ctx); err != nil || v.Streams != 1 || !broken(v.Groups) {
			t.Errorf("%v, %+v", err, v)
		}
	}
}

func TestHostileRequests(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_v3"))
	ctx := context.Background()
	for _, r := range []MapTileRequest{{}, {Space: "host"}, {Space: "host", Order: "rows", Level: -1}, {Space: "host", Order: "rows", Level: 99},
		{Space: "host", Order: "along", X: -1}, {Space: "host", Order: "along", Y: 1e300}, {Space: "guest", Order: "rows", Layer: 7}, {Space: "host", Order: "rows", Clusters: 1e15}} {
		if _, err := s.MapTile(ctx, r); err == nil {
			t.Errorf("tile %+v was painted", r)
		}
	}
	for _, c := range []float64{-1, 1e15, 1e300} {
		if _, err := s.Cluster(ctx, ClusterRequest{Cluster: c}); err == nil {
			t.Errorf("cluster %v was described", c)
		}
	}
	if r, err := s.Findings(ctx, FindingsRequest{From: -7, Count: 1 << 30}); err != nil || len(r.Findings) > 100 {
		t.Errorf("%d findings, %v", len(r.Findings), err)
	}
	if b, err := s.Bytes(ctx, BytesRequest{Offset: -1, Length: 10}); err != nil || len(b) != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// What can only be mended by consent can be planned, too.
func TestConsentAloneIsRepairable(t *testing.T) {
	s, v := checked(t, recipe(t, "size_top_bit"))
	asking := slices.ContainsFunc(v.Groups, func(g FindingGroup) bool { return g.Code == string(check.DiskSizeImpossible) && g.Consent != "" })
	if !v.Repairable || !asking {
		t.Errorf("repairable %v, asks for consent %v", v.Repairable, asking)
	}
	for _, accept := range [][]string{nil, {string(check.DiskSizeImpossible)}} {
		plan, err := s.Plan(context.Background(), PlanRequest{Scope: "all", Accept: accept})
		if err != nil || plan.Empty != (accept == nil) {
			t.Errorf("accepting %v: %v, empty %v", accept, err, plan.Empty)
		}
	}
}

// The plan file is the way from the dropped file to what is shown, the undo plan the way
// back, also after a second repair.
func TestPlanFiles(t *testing.T) {
	ctx := context.Background()
	file := recipe(t, "size_top_bit")
	s, _ := checked(t, file)
	if _, err := s.PlanFile(ctx, PlanFileRequest{}); err == nil {
		t.Error("there is a plan file without a plan")
	}
	for _, accept := range [][]string{{string(check.DiskSizeImpossible)}, nil} {
		scope := "all"
		if accept == nil {
			scope = "rebuild"
		}
		if _, err := s.Plan(ctx, PlanRequest{Scope: scope, Accept: accept}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Apply(ctx); err != nil {
			t.Fatal(err)
		}
	}
	shown := make([]byte, s.overlay.Size())
	if err := source.ReadFull(s.overlay, shown, 0); err != nil {
		t.Fatal(err)
	}
	there := patched(t, s, file, PlanFileRequest{})
	if !bytes.Equal(there, shown) {
		t.Error("the plan file makes another image than the page shows")
	}
	original := make([]byte, file.Size())
	if err := source.ReadFull(file, original, 0); err != nil {
		t.Fatal(err)
	}
	if back := patched(t, s, source.Bytes(there), PlanFileRequest{Undo: true}); !bytes.Equal(back, original) {
		t.Error("the undo plan makes another image than was dropped")
	}
}

// patched is the file with a plan file applied.
func patched(t *testing.T, s *Session, file source.Source, req PlanFileRequest) []byte {
	t.Helper()
	text, err := s.PlanFile(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := patch.DecodeJSON(text, file)
	if err != nil {
		t.Fatal(err)
	}
	over := patch.NewOverlay(file)
	if err := over.Apply(plan); err != nil {
		t.Fatal(err)
	}
	after := make([]byte, over.Size())
	if err := source.ReadFull(over, after, 0); err != nil {
		t.Fatal(err)
	}
	return after
}
