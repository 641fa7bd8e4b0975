package service

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/source"
)

// maxTestDisk is the largest disk that is read as a whole here.
const maxTestDisk = 80 << 20

// diskOf is what the guest reads, sector by sector; nil stands for a sector that cannot be
// read. Nothing is said of where there is no L1 entry: QEMU does not open such an image.
func diskOf(t *testing.T, src source.Source) ([][]byte, *image.Image) {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	if img.VirtualSize() > maxTestDisk {
		return nil, img
	}
	r := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{})
	sectors := make([][]byte, r.Size()/512)
	for i := range sectors {
		b := make([]byte, 512)
		if int64(i)*512 >= img.L1.Entries*img.Geo.L2Span() {
			continue
		}
		if _, err := r.ReadAt(b, int64(i)*512); err == nil {
			sectors[i] = b
		} else if broken := (*image.UnreadableError)(nil); !errors.As(err, &broken) {
			t.Fatal(err)
		}
	}
	return sectors, img
}

// TestEffectIsWhatReadsOtherwise holds the effect of the fullest repair of every recipe
// against both disks, read sector by sector.
func TestEffectIsWhatReadsOtherwise(t *testing.T) {
	ctx := context.Background()
	var accept []string
	for _, c := range check.Codes() {
		if c.Consent() != "" {
			accept = append(accept, string(c))
		}
	}
	changed, same := 0, 0
	for _, name := range shareOf(t) {
		file := recipe(t, name)
		s, opened := openedSession(t, file)
		if !opened.Opened {
			continue
		}
		if v, err := s.Check(ctx, CheckRequest{}); err != nil || v.Incomplete {
			continue
		}
		plan, err := s.Plan(ctx, PlanRequest{Scope: "all", Accept: accept})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if plan.Empty {
			continue
		}
		effect, err := s.Effect(ctx)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, img := diskOf(t, s.overlay)
		if _, err := s.Apply(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		after, _ := diskOf(t, s.overlay)
		if before == nil || after == nil || img.Header.BackingFileOffset != 0 || img.DataFile != "" || img.Header.CryptMethod != 0 {
			continue
		}
		if diff := wrongEffect(effect, before, after, img.Geo.ClusterSize()/512); diff >= 0 {
			t.Errorf("%s: sector %d is not told rightly: %+v", name, diff, effect)
		}
		if again, err := s.Effect(ctx); err != nil || again.Bytes != effect.Bytes || len(again.Ranges) != len(effect.Ranges) {
			t.Errorf("%s: applied it is %+v, %v, but planned it was %+v", name, again, err, effect)
		}
		if effect.Bytes > 0 {
			changed++
		} else {
			same++
		}
	}
	if changed < 10/shareEach() || same < 30/shareEach() {
		t.Errorf("%d repairs changed what is read, %d did not", changed, same)
	}
}

// wrongEffect is the first sector that is not in a range although it reads otherwise, or lies
// in a range of clusters none of which does; -1 when there is none.
func wrongEffect(e EffectReply, before, after [][]byte, perCluster int64) int64 {
	told := make([]bool, min(len(before), len(after)))
	for _, r := range e.Ranges {
		from, err := strconv.ParseInt(r.Guest[2:], 16, 64)
		if err != nil {
			return 0
		}
		for i := from / 512; i < (from+int64(r.Length))/512 && i < int64(len(told)); i++ {
			told[i] = true
		}
	}
	for i := range told {
		otherwise := (before[i] == nil) != (after[i] == nil) || !bytes.Equal(before[i], after[i])
		if otherwise && !told[i] {
			return int64(i)
		}
	}
	for c := int64(0); c < int64(len(told)); c += perCluster {
		sectors := told[c:min(c+perCluster, int64(len(told)))]
		if !slices.Contains(sectors, true) {
			continue
		}
		otherwise := false
		for k := range sectors {
			i := c + int64(k)
			otherwise = otherwise || (before[i] == nil) != (after[i] == nil) || !bytes.Equal(before[i], after[i])
		}
		if !otherwise {
			return c
		}
	}
	return -1
}

func TestVerifyChecksTheChangedImage(t *testing.T) {
	ctx := context.Background()
	s, v := checked(t, recipe(t, "refcount_zero_data"))
	if _, err := s.Effect(ctx); err == nil {
		t.Error("an effect without a plan")
	}
	if _, err := s.Plan(ctx, PlanRequest{Scope: "all"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	reply, err := s.Verify(ctx)
	if err != nil || reply.Before.Corruptions != v.Corruptions || reply.Before.ExitCode != 2 || reply.After != (CheckCounts{}) {
		t.Errorf("%+v, %v", reply, err)
	}
}

// The clusters that are said to be written are those in which the bytes differ.
func TestWrittenClusters(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"refcount_zero_data", "reftable_zeroed", "truncated_l2", "refblock_zeroed"} {
		file := recipe(t, name)
		s, v := checked(t, file)
		if none, err := s.Written(ctx, WrittenRequest{Count: 1 << 40}); err != nil || len(none) > 0 {
			t.Errorf("%s: without a plan %v, %v", name, none, err)
		}
		if _, err := s.Plan(ctx, PlanRequest{Scope: "all"}); err != nil {
			t.Fatal(err)
		}
		runs, err := s.Written(ctx, WrittenRequest{Count: 1 << 40})
		if err != nil || len(runs) == 0 {
			t.Fatalf("%s: %v, %v", name, runs, err)
		}
		if _, err := s.Apply(ctx); err != nil {
			t.Fatal(err)
		}
		saved, size := assembled(t, s, file), int(v.Info.ClusterSize)
		written := map[int]bool{}
		for i := 0; i < len(runs); i += 2 {
			for c := range int(runs[i+1]) {
				written[int(runs[i])+c] = true
			}
		}
		for c := 0; c*size < max(len(saved), len(file)); c++ {
			if !bytes.Equal(part(saved, c, size), part(file, c, size)) && !written[c] {
				t.Errorf("%s: cluster %d differs and is not told", name, c)
			}
		}
		if few, err := s.Written(ctx, WrittenRequest{First: runs[0], Count: 1}); err != nil || len(few) != 2 || few[0] != runs[0] || few[1] != 1 {
			t.Errorf("%s: of one cluster %v, %v", name, few, err)
		}
	}
}

func part(b []byte, c, size int) []byte {
	return b[min(len(b), c*size):min(len(b), (c+1)*size)]
}
