package service

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/source"
)

// leakyImage is a file of small clusters of which all but its tables are leaked, each a
// finding of its own: their refcounts are 1 and 2 in turn.
func leakyImage(leaks int) []byte {
	const bits, cluster, per = 9, 512, 256
	be := binary.BigEndian
	blocks := (leaks + leaks/100 + 64 + per - 1) / per
	reftable := (blocks*8 + cluster - 1) / cluster
	tables := 2 + reftable + blocks // header, L1, then these
	b := make([]byte, (tables+leaks)*cluster)
	copy(b, "QFI\xfb")
	be.PutUint32(b[4:], 3)
	be.PutUint32(b[20:], bits)
	be.PutUint64(b[24:], 32<<10)
	be.PutUint32(b[36:], 1)                // l1_size
	be.PutUint64(b[40:], cluster)          // l1_table_offset
	be.PutUint64(b[48:], 2*cluster)        // refcount_table_offset
	be.PutUint32(b[56:], uint32(reftable)) // refcount_table_clusters
	be.PutUint32(b[96:], 4)                // refcount_order
	be.PutUint32(b[100:], 104)             // header_length
	for k := range blocks {
		off := (2 + reftable + k) * cluster
		be.PutUint64(b[2*cluster+8*k:], uint64(off))
		for i := range per {
			if c := k*per + i; c < tables {
				be.PutUint16(b[off+2*i:], 1)
			} else if c < tables+leaks {
				be.PutUint16(b[off+2*i:], uint16(1+c%2))
			}
		}
	}
	return b
}

// However many findings there are, each can be asked for.
func TestEveryFindingCanBeAskedFor(t *testing.T) {
	const leaks = 30001
	s, v := checked(t, source.Bytes(leakyImage(leaks)))
	i := slices.IndexFunc(v.Groups, func(g FindingGroup) bool { return g.Code == "leaked-cluster" })
	if i < 0 || v.Groups[i].Kept != leaks || v.Groups[i].Places != leaks {
		t.Fatalf("groups %+v", v.Groups)
	}
	ctx := context.Background()
	first := 0
	for _, at := range []int{0, 9950, 9999, 10000, 20000, leaks - 1} {
		page, err := s.Findings(ctx, FindingsRequest{Code: "leaked-cluster", From: at, Count: 100})
		if err != nil || len(page.Findings) != min(100, leaks-at) {
			t.Fatalf("from %d: %d findings, %v", at, len(page.Findings), err)
		}
		var cluster int
		if _, err := fmt.Sscanf(page.Findings[0].Field, "refcount[%d]", &cluster); err != nil || at > 0 && cluster != first+at {
			t.Errorf("finding %d is %+v", at, page.Findings[0])
		}
		if at == 0 {
			first = cluster
		}
		picked, err := s.Findings(ctx, FindingsRequest{Code: "leaked-cluster", Picks: []int{at, leaks - 1, leaks}})
		if err != nil || len(picked.Findings) != 2 || picked.Findings[0].ID != page.Findings[0].ID {
			t.Errorf("picked %d: %+v, %v", at, picked, err)
		}
	}
	past, err := s.Findings(ctx, FindingsRequest{From: leaks - 5, Count: 100})
	if err != nil || len(past.Findings) < 5 {
		t.Errorf("over the border of groups: %d, %v", len(past.Findings), err)
	}
}

func TestFindingsAtAPlace(t *testing.T) {
	const leaks = 20000
	s, _ := checked(t, source.Bytes(leakyImage(leaks)))
	page, err := s.Findings(context.Background(), FindingsRequest{Code: "leaked-cluster", From: 15000, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := page.Findings[0]
	var cluster int
	if _, err := fmt.Sscanf(f.Field, "refcount[%d]", &cluster); err != nil {
		t.Fatal(err)
	}
	inside := fmt.Sprintf("0x%x", cluster*512+7)
	for _, words := range [][]string{{f.Host}, {inside}, {strings.ToUpper(f.Field)}, {fmt.Sprint(cluster)}, {f.At}, {f.Host, fmt.Sprint(cluster)}} {
		reply, err := s.FindingsAt(context.Background(), FindingsAtRequest{Words: words})
		if err != nil || len(reply.Groups) != 1 || !slices.Equal(reply.Groups[0].Indices, []int{15000}) || reply.Groups[0].More {
			t.Errorf("%q: %+v, %v", words, reply, err)
		}
	}
	for _, words := range [][]string{{"0xffffffffffff"}, {"99999999999999"}, {"l2[0][1]"}, {f.Host, "3"}, {"refcount[x]"}} {
		if reply, err := s.FindingsAt(context.Background(), FindingsAtRequest{Words: words}); err != nil || len(reply.Groups) > 0 {
			t.Errorf("%q: %+v, %v", words, reply, err)
		}
	}
	all, err := s.FindingsAt(context.Background(), FindingsAtRequest{})
	if err != nil || len(all.Groups) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, g := range all.Groups {
		if g.Code == "leaked-cluster" && (len(g.Indices) != maxIndices || !g.More) {
			t.Errorf("%d found, more %v", len(g.Indices), g.More)
		}
	}
}

func TestJudge(t *testing.T) {
	s, v := checked(t, recipe(t, "data_unaligned"))
	judged := 0
	for _, g := range v.Groups {
		reply, err := s.Judge(context.Background(), JudgeRequest{Code: g.Code})
		if err != nil {
			t.Fatal(err)
		}
		if reply.Judged != (g.Code == "data-unaligned") || reply.Judged && (reply.Verdict == "" || len(reply.Tries) == 0 || len(reply.Tries[0].Facts) == 0) {
			t.Errorf("%s: %+v", g.Code, reply)
		}
		if reply.Judged {
			judged++
		}
	}
	if judged != 1 {
		t.Errorf("%d kinds were judged", judged)
	}
	if reply, err := s.Judge(context.Background(), JudgeRequest{Code: "data-unaligned", Index: 99}); err != nil || reply.Judged {
		t.Errorf("no such finding: %+v, %v", reply, err)
	}
}
