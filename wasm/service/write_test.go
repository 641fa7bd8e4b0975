package service

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"qcowscope/core/source"
	"qcowscope/testimages"
)

const writeKiB = 1 << 10

func dataWrite(offset, length float64, fill int) WriteRequest {
	return WriteRequest{Offset: offset, Length: length, Kind: "write", Fill: fill}
}

func planned(t *testing.T, s *Session, r WriteRequest, first float64) WritePlanReply {
	t.Helper()
	reply, err := s.WritePlan(context.Background(), WritePlanRequest{Write: r, First: first, Count: 32})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func appliedWrite(t *testing.T, s *Session, r WriteRequest) Verdict {
	t.Helper()
	if p := planned(t, s, r, 0); p.Barred != "" || p.Stop.Title != "" {
		t.Fatalf("%+v: barred %q, stop %+v", r, p.Barred, p.Stop)
	}
	v, err := s.WriteApply(context.Background(), WriteApplyRequest{Write: r})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// built is an image of a few lines.
func built(t *testing.T, text string) source.Bytes {
	t.Helper()
	return testimages.MakeLines(t, text).Image
}

const (
	subclustered = "image version=3 size=1M cluster=64K extended_l2\n"
	unclustered  = "image version=3 size=1M cluster=64K\n"
)

// TestWritePlan: from the middle of subcluster 3 to the end of 4, over a cluster of which
// subclusters 0 to 3 hold data and a snapshot has it, too.
func TestWritePlan(t *testing.T) {
	s, _ := checked(t, built(t, subclustered+"write guest=0 len=8K fill=0x11\nzero guest=16K len=2K\nsnapshot name=one\n"))
	p := planned(t, s, dataWrite(7*writeKiB, 3*writeKiB, 0x5a), 0)
	if len(p.Clusters) != 1 || p.Touched != 1 || p.Barred != "" {
		t.Fatalf("%+v", p)
	}
	c := p.Clusters[0]
	deeds := "01010111" + "10" + strings.Repeat("00", 27)
	if c.Deeds != deeds || !strings.HasPrefix(c.Before, "4444") || !strings.HasPrefix(c.After, "44444") || c.After[8] != c.Before[8] {
		t.Errorf("before %s\ndeeds %s\nafter %s", c.Before, c.Deeds, c.After)
	}
	if c.EntryBefore.Copied || !c.EntryAfter.Copied || c.EntryBefore.Alloc != "0000000f" || c.EntryAfter.Alloc != "0000001f" ||
		c.EntryAfter.Zero != "00000100" || c.EntryBefore.Host == c.EntryAfter.Host {
		t.Errorf("entries %+v, %+v", c.EntryBefore, c.EntryAfter)
	}
	if len(p.Pieces) == 0 || p.Pieces[0].Deed != "copied" || p.Pieces[0].Guest != 0 || p.Pieces[0].Length != 7*writeKiB || p.Pieces[0].Host != c.EntryBefore.Host {
		t.Errorf("pieces %+v", p.Pieces)
	}
	if last := p.Pieces[len(p.Pieces)-1]; last.Deed != "skipped" || !strings.Contains(last.Why, "unallocated") {
		t.Errorf("the last piece is %+v", last)
	}
	if p.Totals.Written != 3*writeKiB || p.Totals.Copied != 7*writeKiB || p.Totals.Tables != 1 || p.Totals.Allocated != 64*writeKiB {
		t.Errorf("totals %+v", p.Totals)
	}
	whats := map[string]int{}
	for _, e := range p.Extents {
		whats[e.What]++
	}
	if whats["data"] != 1 || whats["l2-table"] != 1 {
		t.Errorf("extents %+v", p.Extents)
	}
	if len(p.Counts) == 0 || len(p.Steps) == 0 || !strings.Contains(p.Steps[0].Text, "is shared: it is copied") {
		t.Errorf("refcounts %+v, steps %+v", p.Counts, p.Steps)
	}
}

// TestWriteInPlace: data over data changes no entry.
func TestWriteInPlace(t *testing.T) {
	s, _ := checked(t, built(t, subclustered+"write guest=0 len=64K fill=0x11\n"))
	p := planned(t, s, dataWrite(5000, 10000, 1), 0)
	if p.Totals.Entries != 0 || len(p.Counts) != 0 || p.Clusters[0].Before != p.Clusters[0].After || len(p.Extents) != 1 || p.Extents[0].What != "in-place" || p.Extents[0].Linked {
		t.Errorf("%+v", p)
	}
}

// TestWriteShown: only the clusters that are asked for are shown, of the plan that was made last.
func TestWriteShown(t *testing.T) {
	s, _ := checked(t, built(t, unclustered))
	r := dataWrite(1000, 600*writeKiB, 1)
	all := planned(t, s, r, 0)
	if all.Touched != 10 || len(all.Clusters) != 10 || len(all.Clusters[0].Before) != 1 {
		t.Fatalf("%+v", all)
	}
	if some := planned(t, s, r, 8); len(some.Clusters) != 2 || some.Clusters[0].Cluster != 8 || some.Touched != 10 {
		t.Errorf("%+v", some.Clusters)
	}
}

// TestWriteStops: what QEMU stops at is explained, with the repair.
func TestWriteStops(t *testing.T) {
	s, _ := checked(t, sampleImage(t, "torn_subclusters"))
	stop := planned(t, s, dataWrite(17*writeKiB*64, 100, 1), 0).Stop // guest cluster 68, healthy
	if stop.Title != "" {
		t.Errorf("a healthy cluster: %+v", stop)
	}
	p := planned(t, s, dataWrite(65*16*writeKiB, 100, 1), 0)
	if p.Stop.Title != "The subcluster bitmap contradicts itself." || !strings.Contains(p.Stop.Why, "Subcluster 8 is invalid: zero and allocated") ||
		!strings.Contains(p.Stop.Cure, "Proposed repair: keep the host cluster") || p.Stop.At == "" || len(p.Stop.Bitmap) != 16 || p.Stop.Guest != "0x104000" {
		t.Errorf("%+v", p.Stop)
	}
	if p := planned(t, s, dataWrite(3<<20, 100, 1), 0); !strings.Contains(p.Barred, "Repair it first") {
		t.Errorf("a damaged image is written to: %q", p.Barred)
	}
	if p := planned(t, s, dataWrite(4<<20, 1, 1), 0); !strings.HasPrefix(p.Stop.Title, "The range is not on the disk") {
		t.Errorf("past the end: %+v", p.Stop)
	}
	for _, bad := range []WriteRequest{{Kind: "erase"}, {Kind: "write", Fill: 256}, {Kind: "write", Offset: -1}, {Kind: "write", Offset: 0.5}, {Kind: "write", Length: 1e300}} {
		if _, err := s.WritePlan(context.Background(), WritePlanRequest{Write: bad}); err == nil {
			t.Errorf("%+v was planned", bad)
		}
	}
}

// TestWriteMarked: an image that QEMU would not write to.
func TestWriteMarked(t *testing.T) {
	s, _ := checked(t, recipe(t, "dirty_bit"))
	open, err := s.WriteOpen(context.Background())
	if err != nil || !strings.Contains(open.Stop.Title, "mend its refcounts") {
		t.Errorf("%+v, %v", open, err)
	}
	if p := planned(t, s, dataWrite(0, 1, 1), 0); p.Stop != open.Stop {
		t.Errorf("%+v", p.Stop)
	}
}

// TestWriteBarred: what the page cannot do it says before it is tried.
func TestWriteBarred(t *testing.T) {
	for _, c := range []struct {
		image string
		r     WriteRequest
		want  string
	}{
		{"healthy_data_file", dataWrite(0, 100, 1), "external data file"},
		{"healthy_extended_l2_backing", dataWrite(300*writeKiB+100, 100, 1), "backing file"},
		{"healthy_extended_l2_backing", dataWrite(300*writeKiB, 4*writeKiB, 1), ""},
		{"healthy_v3", WriteRequest{Kind: "discard", Length: 100}, "Nothing changes"},
		{"healthy_size_1t", dataWrite(1<<30, 65<<20, 1), "More than 64 MiB"},
	} {
		s, _ := checked(t, recipe(t, c.image))
		p := planned(t, s, c.r, 0)
		if c.want == "" && p.Barred != "" || !strings.Contains(p.Barred, c.want) {
			t.Errorf("%s, %+v: barred %q (%+v)", c.image, c.r, p.Barred, p.Stop)
		}
		if _, err := s.WriteApply(context.Background(), WriteApplyRequest{Write: c.r}); (err == nil) != (c.want == "") {
			t.Errorf("%s, %+v: %v", c.image, c.r, err)
		}
	}
}

// TestWriteApply: writes stack, are taken back one by one, and give the same plan again.
func TestWriteApply(t *testing.T) {
	file := built(t, subclustered+"write guest=0 len=8K fill=0x11\nsnapshot name=one\n")
	s, _ := checked(t, file)
	first, second := dataWrite(7*writeKiB, 3*writeKiB, 0x5a), dataWrite(200*writeKiB, 100*writeKiB, 0x77)
	p1 := planned(t, s, first, 0)
	if v := appliedWrite(t, s, first); v.ExitCode != 0 || !v.Applied {
		t.Fatalf("%+v", v)
	}
	after := assembled(t, s, file)
	p2 := planned(t, s, second, 0)
	appliedWrite(t, s, second)
	if _, err := s.Undo(context.Background()); err != nil || !bytes.Equal(assembled(t, s, file), after) {
		t.Fatalf("undone to something else, %v", err)
	}
	if again := planned(t, s, second, 0); again.Extents[0] != p2.Extents[0] {
		t.Errorf("after an undo: %+v, it was %+v", again.Extents, p2.Extents)
	}
	if _, err := s.Undo(context.Background()); err != nil || !bytes.Equal(assembled(t, s, file), file) {
		t.Fatalf("undone to something else, %v", err)
	}
	if again := planned(t, s, first, 0); again.Clusters[0] != p1.Clusters[0] {
		t.Errorf("after an undo: %+v, it was %+v", again.Clusters, p1.Clusters)
	}
}

func queued(t *testing.T, s *Session, events ...WriteEvent) WriteQueueReply {
	t.Helper()
	r, err := s.WriteQueue(context.Background(), WriteQueueRequest{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func added(offset, length float64, fill int) WriteEvent {
	return WriteEvent{Write: dataWrite(offset, length, fill)}
}

// TestWriteQueue: the second write is shortened where the first allocates a cluster, and goes
// on when that is written.
func TestWriteQueue(t *testing.T) {
	s, _ := checked(t, built(t, subclustered))
	a, b := added(64*writeKiB, 4*writeKiB, 1), added(60*writeKiB, 80*writeKiB, 2)
	r := queued(t, s, a, b)
	if len(r.Writes) != 2 || r.Writes[0].State != "flying" || r.Done {
		t.Fatalf("%+v", r)
	}
	if p := r.Writes[0].Parts[0]; p.KeepsFrom != 64*writeKiB || p.Keeps != 64*writeKiB || p.InPlace {
		t.Errorf("the first keeps %+v", p)
	}
	second := r.Writes[1]
	if len(second.Cuts) == 0 || second.Cuts[0].At != 64*writeKiB || second.Waits.With != 1 || second.Waits.At != 64*writeKiB {
		t.Errorf("the second: %+v", second)
	}
	if n := len(second.Parts); n != 2 || second.Parts[0].Length != 4*writeKiB || second.Parts[1].State != "waits" || second.Parts[1].Length != 76*writeKiB {
		t.Errorf("its parts: %+v", second.Parts)
	}
	if _, err := s.WriteQueueApply(context.Background(), WriteQueueRequest{Events: []WriteEvent{a, b}}); err == nil {
		t.Error("applied while in flight")
	}
	all := []WriteEvent{a, b, {Finish: 1}, {Finish: 2}}
	r = queued(t, s, all...)
	if !r.Done || r.Barred != "" {
		t.Fatalf("%+v", r)
	}
	if v, err := s.WriteQueueApply(context.Background(), WriteQueueRequest{Events: all}); err != nil || v.ExitCode != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	zero := a
	zero.Write.Kind = "zero"
	if r := queued(t, s, zero); !strings.HasPrefix(r.Stop.Title, "Only data writes") {
		t.Errorf("%+v", r.Stop)
	}
	if _, err := s.WriteQueue(context.Background(), WriteQueueRequest{Events: []WriteEvent{{Finish: 1}}}); err == nil {
		t.Error("a write finished that was never begun")
	}
}

// TestWriteStates counts what the recipe of the sample says.
func TestWriteStates(t *testing.T) {
	s, _ := checked(t, sampleImage(t, "torn_subclusters"))
	r, err := s.WriteStates(context.Background(), WriteStatesRequest{})
	if err != nil || len(r.States) != 8 || !r.Counted {
		t.Fatalf("%+v, %v", r, err)
	}
	total := 0.0
	for _, st := range r.States {
		total += st.Count
		if (st.Count > 0) != (st.Example >= 0) || st.Valid != (st.Repair == "") {
			t.Errorf("%+v", st)
		}
	}
	if both := r.States[7]; both.Count != 8 || both.Example != 65*16*writeKiB+8*512 {
		t.Errorf("zero and allocated: %+v", both)
	}
	if want := 256.0*32 - 2*32; total != want { // all but the compressed clusters
		t.Errorf("%v subclusters, want %v", total, want)
	}
	plain, _ := checked(t, built(t, unclustered+"write guest=64K len=64K fill=1\nzero guest=128K len=64K\n"))
	r, err = plain.WriteStates(context.Background(), WriteStatesRequest{Count: true})
	if err != nil || len(r.States) != 4 || r.States[0].Count != 14 || r.States[1].Count+r.States[3].Count != 1 || r.States[2].Count != 1 || r.States[2].Example != 64*writeKiB {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestWriteTrace: the comparison of the core, and what is said of a line that is none.
func TestWriteTrace(t *testing.T) {
	s, _ := checked(t, built(t, unclustered))
	r, err := s.WriteTrace(context.Background(), WriteTraceRequest{Text: "0 4K\n1M 4K\n64M 4K\n", Initial: "backed"})
	if err != nil || r.Trouble != "" || r.Writes != 3 || r.Written != 12*writeKiB || len(r.Setups) != 18 || r.Advice == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	advised := 0
	for _, k := range r.Setups {
		if k.Advised {
			advised++
		}
		if k.Cluster == 64*writeKiB && !k.Extended && k.Copied != 3*60*writeKiB {
			t.Errorf("64 KiB: %+v", k)
		}
	}
	if advised != 1 {
		t.Errorf("%d setups are advised", advised)
	}
	if r, err := s.WriteTrace(context.Background(), WriteTraceRequest{Text: "0 4K\nhello world\n", Initial: "empty"}); err != nil || !strings.HasPrefix(r.Trouble, "Line 2") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := s.WriteTrace(context.Background(), WriteTraceRequest{Text: "0 1", Initial: "half"}); err == nil {
		t.Error("an initial state that does not exist")
	}
}
