package service

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

func sampleImage(t *testing.T, name string) source.Bytes {
	t.Helper()
	return testimages.MakeSample(t, name).Image
}

func traced(t *testing.T, s *Session, req LabRequest) LabReply {
	t.Helper()
	r, err := s.LabTrace(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// placements are the refblocks and tables that a stage gives places to, as "block@cluster".
func placements(t *testing.T, s *Session, st LabStage) (blocks, tables []string) {
	t.Helper()
	steps, err := s.LabSteps(context.Background(), LabStepsRequest{From: st.First, Count: st.Kept})
	if err != nil || len(steps) != st.Kept*stepNumbers {
		t.Fatalf("%d numbers for %d steps, %v", len(steps), st.Kept, err)
	}
	for e := range slices.Chunk(steps, stepNumbers) {
		switch LabActs[int(e[1])] {
		case "place-block":
			blocks = append(blocks, strconv.Itoa(int(e[3]))+"@"+strconv.Itoa(int(e[6])))
		case "place-table":
			tables = append(tables, strconv.Itoa(int(e[6])))
		}
	}
	return blocks, tables
}

// TestTheHole is the scenario of the sample: QEMU needs three walks to place four refblocks,
// the direct way one.
func TestTheHole(t *testing.T) {
	s, _ := checked(t, sampleImage(t, "hole_in_the_middle"))
	r := traced(t, s, LabRequest{Kind: "width", Bits: 64, LikeQemu: true})
	want := []struct{ blocks, tables string }{{"0@126 1@127 3@128", "129"}, {"2@130", "129"}, {"", ""}}
	var walks []LabStage
	for _, st := range r.Stages {
		if st.Name == "walk" {
			walks = append(walks, st)
		}
	}
	if len(walks) != len(want) {
		t.Fatalf("%d walks: %+v", len(walks), r.Stages)
	}
	for i, w := range want {
		blocks, tables := placements(t, s, walks[i])
		if strings.Join(blocks, " ") != w.blocks || strings.Join(tables, " ") != w.tables || int(walks[i].Placed) != len(blocks) {
			t.Errorf("walk %d places %v, the table at %v", i+1, blocks, tables)
		}
	}
	if r.Before.Refblocks != 2 || r.After.Refblocks != 4 || r.After.Bits != 64 || r.Clusters != 201 || r.FileAfter != r.FileBefore || r.Written == 0 {
		t.Errorf("summary %+v", r)
	}
	direct := traced(t, s, LabRequest{Kind: "width", Bits: 64})
	if direct.After != r.After || direct.Steps >= r.Steps {
		t.Errorf("direct %+v, like QEMU %+v", direct, r)
	}
}

// TestEverySteps: whatever the image, a rebuild and a change of width either have steps, all
// with words, or say why not; and the plan makes what was announced.
func TestEverySteps(t *testing.T) {
	shown := 0
	for _, name := range shareOf(t) {
		s, reply := openedSession(t, recipe(t, name))
		if !reply.Opened {
			continue
		}
		if _, err := s.Check(context.Background(), CheckRequest{}); err != nil {
			t.Fatal(err)
		}
		for _, req := range []LabRequest{{Kind: "rebuild"}, {Kind: "width", Bits: 64}, {Kind: "width", Bits: 8, LikeQemu: true}} {
			r := traced(t, s, req)
			if len(r.Blocked) > 0 {
				for _, b := range r.Blocked {
					if b.What == "" || b.Why == "" || r.Steps > 0 {
						t.Errorf("%s, %+v: blocked by %+v", name, req, b)
					}
				}
				continue
			}
			shown++
			checkSteps(t, s, name, r)
		}
	}
	if shown < 200/shareEach() {
		t.Errorf("only %d traces were made", shown)
	}
}

func checkSteps(t *testing.T, s *Session, name string, r LabReply) {
	t.Helper()
	ctx := context.Background()
	numbers, err := s.LabSteps(ctx, LabStepsRequest{Count: 1 << 20})
	if err != nil || len(numbers) != r.Kept*stepNumbers {
		t.Fatalf("%s: %d numbers for %d steps, %v", name, len(numbers), r.Kept, err)
	}
	var words []string
	for len(words) < r.Kept {
		page, err := s.LabWords(ctx, LabWordsRequest{From: len(words), Count: 100})
		if err != nil || len(page.Words) == 0 {
			t.Fatalf("%s: %d words of %d, %v", name, len(words), r.Kept, err)
		}
		words = append(words, page.Words...)
	}
	if slices.Contains(words, "") {
		t.Errorf("%s: a step without words: %q", name, words)
	}
	kept, steps := 0, 0.0
	for _, st := range r.Stages {
		if st.First != kept {
			t.Errorf("%s: stage %+v begins at %d", name, st, kept)
		}
		kept, steps = kept+st.Kept, steps+st.Steps
	}
	if kept != r.Kept || steps != r.Steps {
		t.Errorf("%s: the stages have %d and %v steps, together there are %d and %v", name, kept, steps, r.Kept, r.Steps)
	}
	written, switched := 0.0, 0
	for e := range slices.Chunk(numbers, stepNumbers) {
		switch LabActs[int(e[1])] {
		case "write-block":
			written++
		case "switch-header":
			switched++
		}
	}
	if switched != 1 || written != r.After.Refblocks {
		t.Errorf("%s: %d switches, %v refblocks written, %v afterwards", name, switched, written, r.After.Refblocks)
	}
}

// TestLabActs: the page's names of the acts are those of the core, in its order.
func TestLabActs(t *testing.T) {
	for i, name := range LabActs {
		if alloc.Act(i).String() != name {
			t.Errorf("act %d is %s, not %s", i, alloc.Act(i), name)
		}
	}
	if int(alloc.Recount) != len(LabActs)-1 {
		t.Errorf("%d acts, the last of the core is %d", len(LabActs), alloc.Recount)
	}
}

// TestWidthIsApplied: the change is laid over a repair, verified, saved, and undone alone.
func TestWidthIsApplied(t *testing.T) {
	ctx := context.Background()
	file := recipe(t, "leaked_cluster")
	s, _ := checked(t, file)
	if _, err := s.LabApply(ctx); err == nil {
		t.Error("applied without a plan")
	}
	if _, err := s.Plan(ctx, PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Apply(ctx); err != nil || v.ExitCode != 0 {
		t.Fatalf("%+v, %v", v, err)
	}
	repaired := assembled(t, s, file)
	if r := traced(t, s, LabRequest{Kind: "width", Bits: 64}); len(r.Blocked) > 0 {
		t.Fatalf("blocked: %+v", r.Blocked)
	}
	v, err := s.LabApply(ctx)
	if err != nil || v.ExitCode != 0 || v.Info.RefcountBits != 64 || !v.Applied {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := s.LabWords(ctx, LabWordsRequest{Count: 1}); err == nil {
		t.Error("the steps were for an image that has changed")
	}
	saved := assembled(t, s, file)
	if _, again := checked(t, source.Bytes(saved)); again.ExitCode != 0 || again.Info.RefcountBits != 64 {
		t.Errorf("the saved image: %+v", again)
	}
	if !bytes.Equal(patched(t, s, file, PlanFileRequest{}), saved) {
		t.Error("the plan file makes another image than the page shows")
	}
	if v, err := s.Undo(ctx); err != nil || v.Info.RefcountBits != 16 || !bytes.Equal(assembled(t, s, file), repaired) {
		t.Errorf("undo: %+v, %v", v, err)
	}
}

// TestWidthBlocked: everything that forbids a change is said, with places and owners, and
// nothing is planned.
func TestWidthBlocked(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_v2"))
	if r := traced(t, s, LabRequest{Kind: "width", Bits: 64}); len(r.Blocked) != 1 || !strings.Contains(r.Blocked[0].Why, "version 2") || r.Steps != 0 {
		t.Errorf("version 2: %+v", r.Blocked)
	}
	if r := traced(t, s, LabRequest{Kind: "width", Bits: 16}); len(r.Blocked) != 1 || r.Blocked[0].What != "nothing to change" {
		t.Errorf("the same width: %+v", r.Blocked)
	}
	s, _ = checked(t, recipe(t, "healthy_snapshots"))
	r := traced(t, s, LabRequest{Kind: "width", Bits: 1})
	if len(r.Blocked) != 1 || r.Blocked[0].Count == 0 || len(r.Blocked[0].Places) == 0 {
		t.Fatalf("shared clusters: %+v", r.Blocked)
	}
	if place := r.Blocked[0].Places[0]; !strings.Contains(place, "has refcount") || !strings.Contains(place, "snapshot 1 (before-upgrade) l2[0][0], snapshot 2") {
		t.Errorf("the owners are not named: %s", place)
	}
	if greatest, err := strconv.Atoi(r.Greatest); err != nil || greatest < 2 {
		t.Errorf("greatest refcount %s at %v", r.Greatest, r.GreatestAt)
	}
	for _, req := range []LabRequest{{Kind: "width", Bits: 3}, {Kind: "width", Bits: -1}, {Kind: "other"}} {
		if _, err := s.LabTrace(context.Background(), req); err == nil {
			t.Errorf("%+v was planned", req)
		}
	}
}

// TestLabCounts: the refcounts before and after, and the references counted.
func TestLabCounts(t *testing.T) {
	s, _ := checked(t, sampleImage(t, "hole_in_the_middle"))
	ctx := context.Background()
	if _, err := s.LabCounts(ctx, LabCountsRequest{Count: 10}); err == nil {
		t.Error("counts without a plan")
	}
	traced(t, s, LabRequest{Kind: "width", Bits: 64, LikeQemu: true})
	table, err := s.LabOldTable(ctx)
	if err != nil || !slices.Equal(table, []float64{2, 192}) {
		t.Errorf("old table %v, %v", table, err)
	}
	r, err := s.LabCounts(ctx, LabCountsRequest{First: 124, Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Stored, ""); got != "1100000000" || strings.Join(r.Counted, "") != got {
		t.Errorf("stored %v, counted %v", r.Stored, r.Counted)
	}
	if got := strings.Join(r.After, ""); got != "1111111000" {
		t.Errorf("after: %v", r.After)
	}
	if r.Owners[0] != "data" || r.Owners[5] != "free" {
		t.Errorf("owners %v", r.Owners)
	}
	for _, first := range []float64{-1, 1e15, math.NaN()} {
		if r, err := s.LabCounts(ctx, LabCountsRequest{First: first, Count: 1 << 30}); err != nil || len(r.Stored) > 0 {
			t.Errorf("from %v: %+v, %v", first, r, err)
		}
	}
	if steps, err := s.LabSteps(ctx, LabStepsRequest{From: -3, Count: -1}); err != nil || len(steps) != 0 {
		t.Errorf("%d numbers, %v", len(steps), err)
	}
}

// TestLabLane: each cell says how many of its clusters have a refcount and a reference,
// whether these differ, and where the old structure is.
func TestLabLane(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "refcount_zero_data"))
	traced(t, s, LabRequest{Kind: "rebuild"})
	n := int(s.now.img.HostClusters())
	fine, err := s.LabLane(ctx, LabLaneRequest{PerCell: 1, Cells: n + 1})
	if err != nil || len(fine) != n+1 || fine[n] != 0 {
		t.Fatalf("%v, %v", fine, err)
	}
	differ, all := 0, laneCell{}
	for c := range n {
		cell := laneCell{}
		cell.add(decimal(t, s.stored(qcow2.HostCluster(c))), s.now.report.Refcounts.Count(qcow2.HostCluster(c)), s.now.report.Refcounts.Role(qcow2.HostCluster(c)), false)
		if fine[c] != cell.pack() {
			t.Errorf("cluster %d is %07b, not %07b", c, fine[c], cell.pack())
		}
		if cell.differ {
			differ++
		}
		all = laneCell{all.clusters + 1, all.stored + cell.stored, all.counted + cell.counted, all.structure + cell.structure, all.differ || cell.differ, false}
	}
	if differ != 1 || fine[1]>>5&1 != 1 || fine[2]>>5&1 != 1 {
		t.Errorf("%d cells differ; reftable %07b, refblock %07b", differ, fine[1], fine[2])
	}
	if coarse, err := s.LabLane(ctx, LabLaneRequest{PerCell: float64(n), Cells: 1}); err != nil || coarse[0] != all.pack() {
		t.Errorf("all in one cell: %07b, not %07b, %v", coarse, all.pack(), err)
	}
	for _, req := range []LabLaneRequest{{PerCell: 0, Cells: 1}, {PerCell: math.NaN(), Cells: 1}, {PerCell: 1, Cells: -1}, {PerCell: 1, Cells: 1 << 20}} {
		if _, err := s.LabLane(ctx, req); err == nil {
			t.Errorf("%+v was answered", req)
		}
	}
}

func decimal(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAbridged: of too many steps each stage keeps both ends and what is no routine.
func TestAbridged(t *testing.T) {
	for _, places := range []int64{10, 95, 96, 5000} {
		l := &labSteps{most: 100, ends: 10}
		tell := func(a alloc.Act, walk int, block int64) { l.tell(alloc.Event{Act: a, Walk: walk, Block: block}) }
		tell(alloc.CountReferences, 0, -1)
		for k := range places {
			tell(alloc.PlaceBlock, 1, k)
			if k == places/2 {
				tell(alloc.GrowOldTable, 1, -1)
			}
		}
		tell(alloc.WriteBlock, 0, 0)
		tell(alloc.SwitchHeader, 0, -1)
		steps, stages := l.flat()
		if l.n != places+4 || stages[1].Steps != float64(places+1) || stages[1].Placed != float64(places) || len(stages) != 4 {
			t.Fatalf("%d places: %d steps, %+v", places, l.n, stages)
		}
		if !slices.IsSortedFunc(steps, func(a, b labStep) int { return int(a.seq - b.seq) }) {
			t.Errorf("%d places: out of order", places)
		}
		if l.n <= 100 && len(steps) != int(l.n) {
			t.Errorf("%d of %d steps, though they are few", len(steps), l.n)
		}
		if l.n <= 100 {
			continue
		}
		if len(steps) != 1+10+1+10+2 || steps[1].Block != 0 || steps[10].Block != 9 || steps[11].Act != alloc.GrowOldTable || steps[21].Block != places-1 {
			t.Errorf("%d places: %d steps kept, %+v", places, len(steps), steps)
		}
	}
}
