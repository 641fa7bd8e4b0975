package alloc_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// wanted are refcounts by cluster.
type wanted map[int64]uint64

func (w wanted) Len() int64 {
	n := int64(0)
	for c := range w {
		n = max(n, c+1)
	}
	return n
}

func (w wanted) Each(from, to int64, visit func(c int64, n uint64) bool) {
	for c := from; c < min(to, w.Len()); c++ {
		if n := w[c]; n != 0 && !visit(c, n) {
			return
		}
	}
}

// Every act has a name and words, each its own.
func TestEveryActHasWords(t *testing.T) {
	seen := map[string]bool{}
	for act := alloc.BeginWalk; act <= alloc.Recount; act++ {
		e := alloc.Event{Act: act, Walk: 1, Block: 2, From: 128, To: 192, At: 150, N: 3}
		if name, words := act.String(), e.Words(); name == "" || !strings.HasSuffix(words, ".") || seen[name] || seen[words] {
			t.Errorf("act %d is called %q and says %q", act, name, words)
		} else {
			seen[name], seen[words] = true, true
		}
	}
	for _, c := range []struct {
		e    alloc.Event
		says string
	}{
		{alloc.Event{Act: alloc.PlaceBlock, From: 128, To: 192, At: 150}, "in its own range"},
		{alloc.Event{Act: alloc.SkipEmpty, Block: 7, N: 1}, "refblock 7 is not"},
		{alloc.Event{Act: alloc.SkipEmpty, Block: 7, N: 3}, "refblocks 7 to 9 are not"},
		{alloc.Event{Act: alloc.PlaceTable, At: 5, N: 1}, "to cluster 5."},
		{alloc.Event{Act: alloc.EndWalk}, "next walk writes"},
		{alloc.Event{Act: alloc.EndWalk, N: 1}, "one refblock got"},
	} {
		if !strings.Contains(c.e.Words(), c.says) {
			t.Errorf("%+v does not say %q: %s", c.e, c.says, c.e.Words())
		}
	}
}

// What Each tells cluster by cluster, and what is filled in whole, gives the same bytes; the
// structure's own clusters count in both.
func TestFilledIsAsToldOneByOne(t *testing.T) {
	g := qcow2.Geometry{Version: 3, ClusterBits: 9, RefcountOrder: 6}
	want := wanted{0: 1, 1: 3, 63: 1, 64: 2, 700: 9}
	s := alloc.Structure{Table: 70, TableLen: 1, Blocks: map[int64]qcow2.HostCluster{0: 2, 1: 71, 10: 690}}
	one, whole := patch.New(1<<20), patch.New(1<<20)
	if err := s.AddTo(context.Background(), one, 0, g, want, nil); err != nil {
		t.Fatal(err)
	}
	var acts []string
	err := s.AddFilled(context.Background(), whole, 0, g, func(from int64, block qcow2.Refblock) {
		for c, n := range want {
			if from <= c && c < from+64 {
				block.Set(6, c-from, n)
			}
		}
	}, func(e alloc.Event) { acts = append(acts, fmt.Sprintf("%v %d@%d", e.Act, e.Block, e.At)) })
	if err != nil {
		t.Fatal(err)
	}
	if len(one.Batches[0]) != 4 || len(whole.Batches[0]) != 4 {
		t.Fatalf("%d and %d writes", len(one.Batches[0]), len(whole.Batches[0]))
	}
	for i, w := range one.Batches[0] {
		if v := whole.Batches[0][i]; v.Off != w.Off || !bytes.Equal(v.Data, w.Data) {
			t.Errorf("write %d differs:\n%v\n%v", i, one, whole)
		}
	}
	block := qcow2.Refblock(one.Batches[0][1].Data) // of clusters 64 to 127
	if block.At(6, 0) != 2 || block.At(6, 70-64) != 1 || block.At(6, 71-64) != 1 {
		t.Error("the structure does not count itself")
	}
	if got := strings.Join(acts, ", "); got != "write-block 0@2, write-block 1@71, write-block 10@690, write-table -1@70" {
		t.Error(got)
	}
}
