package service

import (
	"context"
	encoding "encoding/hex"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/anatomy"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

func hexOf(t *testing.T, s *Session, req HexRequest) HexReply {
	t.Helper()
	r, err := s.Hex(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fieldOf(t *testing.T, s *Session, offset string, other bool) HexFieldReply {
	t.Helper()
	r, err := s.HexField(context.Background(), HexFieldRequest{Offset: offset, Other: other})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHexFollowsPointers(t *testing.T) {
	s, _ := checked(t, recipe(t, "refcount_zero_data"))
	pointer := fieldOf(t, s, "0x30", false)
	if !pointer.Found || pointer.Field.Name != "refcount_table_offset" || pointer.Field.To != "0x10000" || pointer.ToLength != "0x10000" ||
		pointer.Structure != "header" || pointer.Bytes != "0000000000010000" || pointer.Twin != "" {
		t.Errorf("%+v", pointer)
	}
	entry := fieldOf(t, s, pointer.Field.To, false)
	if entry.Field.Name != "reftable[0]" || len(entry.From) != 1 || entry.From[0].Offset != "0x30" || len(entry.Bits) != 2 || entry.Cluster != 1 {
		t.Errorf("%+v", entry)
	}
	refcount := fieldOf(t, s, "0x2000c", false)
	if refcount.Field.Name != "refcount[6]" || refcount.Field.Severity != "danger" || len(refcount.Findings) != 1 || refcount.Findings[0].Code != "refcount-zero" {
		t.Errorf("%+v", refcount)
	}
	if r := fieldOf(t, s, "0x7fffffffffffffff", false); r.Found {
		t.Errorf("far past the end: %+v", r)
	}
}

// The bytes and the fields of a page are those of the file.
func TestHexPage(t *testing.T) {
	file := recipe(t, "healthy_snapshot_and_bitmap")
	s, _ := checked(t, file)
	r := hexOf(t, s, HexRequest{Offset: "0x20", Length: 64})
	b, err := encoding.DecodeString(r.Bytes)
	if err != nil || len(b) != 64 || r.Plan != "" || r.Twin != "" || r.Size != hex(file.Size()) {
		t.Fatalf("%v, %+v", err, r)
	}
	want := make([]byte, 64)
	if err := source.ReadFull(file, want, 0x20); err != nil || string(want) != string(b) {
		t.Error("these are not the bytes of the file")
	}
	if !slices.Equal(HexKinds, anatomy.Kinds()) {
		t.Errorf("the kinds are %q", anatomy.Kinds())
	}
	end := int64(0x20)
	for _, f := range r.Fields {
		off, err := hexOffset(f.Offset)
		if err != nil || off != end || !slices.Contains(HexKinds, f.Kind) || f.Name == "" {
			t.Errorf("%+v should be at 0x%x", f, end)
		}
		end = off + int64(f.Length)
	}
	if end != 0x60 {
		t.Errorf("the fields end at 0x%x", end)
	}
	last := hexOf(t, s, HexRequest{Offset: hex(file.Size() - 8), Length: 4096})
	if len(last.Bytes) != 16 || len(last.Fields) != 1 {
		t.Errorf("%+v", last)
	}
}

// Before and after are what the file holds and what the plan makes, planned and applied.
func TestHexBeforeAndAfter(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "leaked_cluster"))
	if c, err := s.HexChange(ctx, HexChangeRequest{Offset: "0x0", Step: 1}); err != nil || c.Count != 0 || c.Index != 0 {
		t.Errorf("without a plan: %+v, %v", c, err)
	}
	if _, err := s.Plan(ctx, PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"planned", "applied"} {
		if state == "applied" {
			if _, err := s.Apply(ctx); err != nil {
				t.Fatal(err)
			}
		}
		c, err := s.HexChange(ctx, HexChangeRequest{Offset: "0x0"})
		if err != nil || c.Count != 1 || c.Index != 1 || c.More {
			t.Fatalf("%s: %+v, %v", state, c, err)
		}
		now, other := fieldOf(t, s, c.Offset, false), fieldOf(t, s, c.Offset, true)
		before, after := now, other
		if state == "applied" {
			before, after = other, now
		}
		if after.Field.Value != "0" || before.Field.Value != "1" || after.Bytes != "0000" || after.Twin != "0001" || before.Bytes != "0001" || before.Twin != "0000" {
			t.Errorf("%s: after %+v, before %+v", state, after, before)
		}
		if len(after.Reasons) == 0 || len(before.Findings) != 1 || before.Findings[0].Code != "leaked-cluster" || len(after.Findings) != 0 {
			t.Errorf("%s: reasons %q, findings %+v and %+v", state, after.Reasons, before.Findings, after.Findings)
		}
		page := hexOf(t, s, HexRequest{Offset: c.Offset, Length: 16})
		if page.Plan != state || page.Bytes == page.Twin || len(page.Bytes) != len(page.Twin) {
			t.Errorf("%+v", page)
		}
		if back, err := s.HexChange(ctx, HexChangeRequest{Offset: hex(int64(1) << 40), Step: -1}); err != nil || back.Index != 1 {
			t.Errorf("%s: %+v, %v", state, back, err)
		}
	}
	if _, err := s.Undo(ctx); err != nil {
		t.Fatal(err)
	}
	if page := hexOf(t, s, HexRequest{Offset: "0x0", Length: 16}); page.Plan != "" || page.Twin != "" {
		t.Errorf("undone: %+v", page)
	}
}

// A file that a plan makes longer has bytes on one side only.
func TestHexOfAFileThatGrows(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "truncated_l2"))
	if _, err := s.Plan(ctx, PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	x, err := s.sides(ctx)
	if err != nil || x.after.src.Size() <= x.before.src.Size() {
		t.Fatalf("%v: the plan does not extend the file", err)
	}
	end := hex(x.before.src.Size())
	if page := hexOf(t, s, HexRequest{Offset: end, Length: 16, Other: true}); len(page.Bytes) != 32 || page.Twin != "" || page.Size != hex(x.after.src.Size()) {
		t.Errorf("%+v", page)
	}
	if page := hexOf(t, s, HexRequest{Offset: end, Length: 16}); page.Bytes != "" || len(page.Twin) != 32 || len(page.Fields) != 0 {
		t.Errorf("%+v", page)
	}
	last, err := s.HexChange(ctx, HexChangeRequest{Offset: hex(x.after.src.Size()), Step: -1})
	if err != nil || last.Index != last.Count || last.Index == 0 {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestHostileHexRequests(t *testing.T) {
	ctx := context.Background()
	s, _ := checked(t, recipe(t, "healthy_v3"))
	for _, off := range []string{"", "0x", "0x-1", "12", "0x8000000000000000", "0xfffffffffffffffff", "zz"} {
		if _, err := s.Hex(ctx, HexRequest{Offset: off, Length: 16}); err == nil {
			t.Errorf("%q was read", off)
		}
		if _, err := s.HexField(ctx, HexFieldRequest{Offset: off}); err == nil {
			t.Errorf("the field at %q was named", off)
		}
		if _, err := s.HexChange(ctx, HexChangeRequest{Offset: off}); err == nil {
			t.Errorf("a change at %q was looked for", off)
		}
	}
	for _, n := range []int{-5, 0, 1 << 40} {
		if r := hexOf(t, s, HexRequest{Offset: "0x0", Length: n}); len(r.Bytes) > 2*maxHexBytes {
			t.Errorf("length %d: %d digits", n, len(r.Bytes))
		}
	}
	if r := hexOf(t, s, HexRequest{Offset: "0x7fffffffffffffff", Length: 16}); r.Bytes != "" || len(r.Fields) != 0 {
		t.Errorf("%+v", r)
	}
	var none Session
	if _, err := none.Hex(ctx, HexRequest{Offset: "0x0", Length: 16}); err == nil {
		t.Error("there is hex of no image")
	}
}

// A name may be anything: it crosses as it stands, cut where it is too long.
func TestHexOfHostileNames(t *testing.T) {
	name := `<img/src=x/onerror=alert(1)>`
	b := testimages.MakeLines(t, "image version=3 size=1M cluster=64K\nsnapshot name="+name)
	s, _ := checked(t, source.Bytes(b.Image))
	table := fieldOf(t, s, "0x40", false).Field.To
	page := hexOf(t, s, HexRequest{Offset: table, Length: 256})
	found := false
	for _, f := range page.Fields {
		found = found || strings.HasSuffix(f.Name, ".name") && f.IsText && f.Value == name
	}
	if !found {
		t.Errorf("%+v", page.Fields)
	}
}
