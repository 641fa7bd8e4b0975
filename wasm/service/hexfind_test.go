package service

import (
	"context"
	"testing"

	"qcowscope/core/source"
	"qcowscope/testimages"
)

func find(t *testing.T, s *Session, req HexFindRequest) HexFindReply {
	t.Helper()
	r, err := s.HexFind(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Forward and back through the file: every field, those that are used, and those with a
// finding.
func TestHexFind(t *testing.T) {
	file := recipe(t, "refcount_zero_data")
	s, _ := checked(t, file)
	last := fieldOf(t, s, hex(file.Size()-1), false).Field.Offset
	for _, c := range []struct {
		what, from string
		step       int
		want       string // "" for none
	}{
		{"field", "0x2a", 1, "0x30"},
		{"field", "0x30", -1, "0x28"},
		{"field", "0x0", -1, ""},
		{"field", last, 1, ""},
		// Only the first of the reftable's entries is used.
		{"set", "0x10000", 1, "0x20000"},
		{"set", "0x20000", -1, "0x10000"},
		{"set", "0x0", -1, ""},
		{"wrong", "0x0", 1, "0x2000c"},
		{"wrong", "0x2000c", 1, "0x40008"},
		{"wrong", "0x40008", 1, ""},
		{"wrong", "0x2000d", -1, ""},
		{"wrong", "0x7fffffffffffffff", -1, "0x40008"},
		{"field", "0x7fffffffffffffff", 1, ""},
		{"field", "0x7fffffffffffffff", -1, last},
	} {
		r := find(t, s, HexFindRequest{Offset: c.from, Step: c.step, What: c.what})
		if r.Offset != c.want || r.Found != (c.want != "") || r.Stopped != "" {
			t.Errorf("%s from %s by %d: %+v, want %s", c.what, c.from, c.step, r, c.want)
		}
	}
	for _, req := range []HexFindRequest{{Offset: "12", What: "set"}, {Offset: "0x0", What: "anything"}} {
		if _, err := s.HexFind(context.Background(), req); err == nil {
			t.Errorf("%+v was looked for", req)
		}
	}
}

// A search through nothing but zeros ends after a while and tells how far it came.
func TestHexFindIsBounded(t *testing.T) {
	b := testimages.MakeLines(t, "image version=3 size=1M cluster=64K")
	s, _ := checked(t, zerosAfter{source.Bytes(b.Image), 1 << 36})
	far := int64(1) << 34
	for step, want := range map[int]int64{1: far + maxFindBytes, -1: far - maxFindBytes} {
		r := find(t, s, HexFindRequest{Offset: hex(far), Step: step, What: "set"})
		got, err := hexOffset(r.Stopped)
		if r.Found || err != nil || got < want-(64<<10) || got > want+(64<<10) {
			t.Errorf("by %d: %+v", step, r)
		}
	}
	if r := find(t, s, HexFindRequest{Offset: hex(int64(1)<<36 - 4096), Step: 1, What: "set"}); r.Found || r.Stopped != "" {
		t.Errorf("at the end: %+v", r)
	}
}

// zerosAfter is a file that goes on as a hole.
type zerosAfter struct {
	source.Source
	size int64
}

func (z zerosAfter) Size() int64 { return z.size }

func (z zerosAfter) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	if off < z.Source.Size() {
		n := min(int64(len(b)), z.Source.Size()-off)
		if _, err := z.Source.ReadAt(b[:n], off); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
