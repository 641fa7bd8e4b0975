package amend_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/amend"
)

// holed is the image of 512-byte clusters whose guest discarded what lay in clusters 126 to
// 191: tables and data before, the second refblock and more data behind.
func holed() *layout {
	l := &layout{bits: 9, order: 5, table: 1, tableLen: 1, blocks: map[int64]int64{0: 2, 1: 192}, l1: 3, l2: []int64{4, 5, 6, 7}, clusters: 201}
	for c := int64(8); c <= 200; c++ {
		if c < 126 || c > 192 {
			l.data = append(l.data, c)
		}
	}
	return l
}

// steps is the trace of a change of width: a line a walk, without what is only read or kept.
func steps(t *testing.T, l *layout, bits uint, likeQEMU bool) (lines []string, all []alloc.Event) {
	t.Helper()
	var line strings.Builder
	_, err := subject{src: l.source(t)}.width(t, amend.WidthOptions{Bits: bits, LikeQEMU: likeQEMU, Trace: func(e alloc.Event) {
		all = append(all, e)
		switch e.Act {
		case alloc.BeginWalk, alloc.BeginWriteWalk:
			lines = append(lines, line.String())
			line.Reset()
			fmt.Fprintf(&line, "%d:", e.Walk)
		case alloc.PlaceBlock:
			fmt.Fprintf(&line, " %d@%d", e.Block, e.At)
		case alloc.WriteBlock:
			fmt.Fprintf(&line, " write %d", e.Block)
		case alloc.SkipEmpty:
			fmt.Fprintf(&line, " %dx%d empty", e.Block, e.N)
		case alloc.FreeTable:
			fmt.Fprintf(&line, " table@%d free", e.At)
		case alloc.PlaceTable:
			fmt.Fprintf(&line, " table@%dx%d", e.At, e.N)
		case alloc.WriteTable:
			fmt.Fprintf(&line, " write table")
		case alloc.SwitchHeader, alloc.DropBlock:
			fmt.Fprintf(&line, " %v", e.Act)
		case alloc.FreeOldBlock, alloc.FreeOldTable:
			fmt.Fprintf(&line, " -%d", e.At)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return append(lines, line.String())[1:], all
}

// The walks of the hole scenario, as QEMU makes them: refblock 2 is empty when the first walk
// passes it, and is not any more when the second comes.
func TestWalksOfTheHole(t *testing.T) {
	got, events := steps(t, holed(), 64, true)
	want := []string{
		"1: 0@126 1@127 2x1 empty 3@128 4x124 empty table@129x1",
		"2: 2@130 4x124 empty table@129 free table@129x1",
		"3: 4x124 empty",
		"4: write 0 write 1 write 2 write 3 write table switch-header -2 -192 -1",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the walks are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, e := range events {
		if e.Words() == "" || e.Act.String() == "" {
			t.Errorf("no words for %+v", e)
		}
	}
}

// 63 used clusters take three walks before the one that writes: each new block or table opens
// a new range, until one lies in a range that has its block.
func TestWalksOf63Clusters(t *testing.T) {
	got, _ := steps(t, packed(9, 0, 63), 64, true)
	want := []string{"1: 0@63 1x4095 empty table@64x1", "2: 1@65 2x4094 empty table@64 free table@64x1", "3: 2x4094 empty"}
	if strings.Join(got[:3], "\n") != strings.Join(want, "\n") || len(got) != 4 {
		t.Errorf("the walks are\n%s", strings.Join(got, "\n"))
	}
}

// One cluster more or less makes another number of walks: three are not enough for anybody.
func TestWalksOf253984Clusters(t *testing.T) {
	if runtime.GOOS == "js" {
		return // minutes there; the walks are the same code
	}
	for n, walks := range map[int64]int{253983: 4, 253984: 5, 253985: 4} {
		l := packedTable(9, 5, n, 64)
		r, err := subject{src: l.source(t)}.width(t, amend.WidthOptions{Bits: 64, LikeQEMU: true})
		if err != nil {
			t.Fatal(err)
		}
		if r.Cost.Walks != walks+1 {
			t.Errorf("%d clusters: %d walks and one that writes, want %d", n, r.Cost.Walks-1, walks)
		}
		if n != 253984 {
			continue
		}
		s := structureOf(t, subject{src: l.source(t)}.after(t, r.Plan).src)
		if s.table != 258112 || s.tableLen != 64 || s.blocks[4031] != 258046 || s.blocks[4032] != 258111 || s.blocks[4033] != 258176 || s.blocks[4034] != 258178 {
			t.Errorf("the table is at %d, %d clusters, the last refblocks at %d, %d, %d, %d", s.table, s.tableLen,
				s.blocks[4031], s.blocks[4032], s.blocks[4033], s.blocks[4034])
		}
	}
}

// What holds nothing but the old structure is left out, and told.
func TestOldStructureAloneIsDropped(t *testing.T) {
	l := &layout{bits: 9, order: 4, table: 130, tableLen: 1, blocks: map[int64]int64{0: 131}, l1: 1, l2: []int64{2}, data: []int64{3, 4, 200}, clusters: 201}
	got, events := steps(t, l, 64, false)
	if len(got) != 0 {
		t.Errorf("walks where there are none: %v", got)
	}
	var acts []string
	for _, e := range events {
		acts = append(acts, fmt.Sprintf("%v %d@%d", e.Act, e.Block, e.At))
	}
	want := []string{"read-entries 0@0", "read-entries 2@0", "read-entries 3@0", "drop-block 2@0",
		"place-table -1@5", "place-block 0@6", "place-block 3@7",
		"write-block 0@6", "write-block 3@7", "write-table -1@5", "switch-header -1@5", "free-old-block 0@131", "free-old-table -1@130"}
	if strings.Join(acts, "\n") != strings.Join(want, "\n") {
		t.Errorf("the steps are\n%s", strings.Join(acts, "\n"))
	}
	s := subject{src: l.source(t)}
	direct, like := s.mustWidth(t, 64, false), s.mustWidth(t, 64, true)
	s.widened(t, direct)
	if direct.Cost.StructureAfter != 3 || like.Cost.StructureAfter != 4 {
		t.Errorf("the structure has %d clusters, QEMU's %d", direct.Cost.StructureAfter, like.Cost.StructureAfter)
	}
	if c := direct.Cost; c.Greatest != 1 || c.LimitBefore != math.MaxUint16 || c.LimitAfter != math.MaxUint64 || c.StructureBefore != 2 || c.Walks != 1 ||
		c.BitsBefore != 16 || c.BitsAfter != 64 || c.Written != 3*512+52 || c.FileBefore != 201*512 || c.FileAfter != 201*512 {
		t.Errorf("the cost is %+v", c)
	}
}
