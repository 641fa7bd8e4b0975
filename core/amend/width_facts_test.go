package amend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// names are what blocks a change.
func names(blockers []amend.Blocker) (all []string) {
	for _, b := range blockers {
		all = append(all, b.What)
	}
	return all
}

// Whatever the recipe: a change of width is refused with all its reasons, or keeps
// everything, the disks and the snapshots included.
func TestWidthOfAllRecipes(t *testing.T) {
	const short = 3
	done, refused, overflown := 0, 0, 0
	eachOpened(t, short, func(t *testing.T, _ *testimages.Built, s subject) {
		for _, bits := range []uint{1, 64} {
			for _, likeQEMU := range []bool{false, true} {
				if runtime.GOOS == "js" && (likeQEMU || bits == 64) {
					continue
				}
				r, err := s.width(t, amend.WidthOptions{Bits: bits, LikeQEMU: likeQEMU})
				var blocked *amend.BlockedError
				var overflow *amend.OverflowError
				switch {
				case errors.As(err, &blocked):
					refused++
				case errors.As(err, &overflow):
					overflown++
				case err != nil:
					t.Fatal(err)
				case !r.Plan.Empty():
					done++
					sameDisks(t, fmt.Sprintf("%d bits, like QEMU: %v", bits, likeQEMU), s.widened(t, r).disks(t), s.disks(t))
				}
			}
		}
	})
	if each := testimages.Each(short, jsEach); done < 15/each || refused < 50/each || overflown < 5/each {
		t.Errorf("%d done, %d refused, %d overflown: not much was tried", done, refused, overflown)
	}
}

// What forbids a change of width, by the recipe's name.
func TestWidthBlockers(t *testing.T) {
	for name, want := range map[string]string{
		"healthy_v2":                      amend.BlockedByVersion,
		"dirty_bit":                       amend.BlockedByDirtyBit,
		"corrupt_bit":                     amend.BlockedByCorruptBit,
		"reftable_entries_share_refblock": amend.BlockedByDamage,
		"refblock_unaligned":              amend.BlockedByDamage,
		"refcount_zero_data":              amend.BlockedByDamage,
		"reftable_reserved_bits":          amend.BlockedByDamage,
	} {
		_, err := subjectOf(t, testimages.Make(t, name)).width(t, amend.WidthOptions{Bits: 8})
		var blocked *amend.BlockedError
		if !errors.As(err, &blocked) || !slices.Contains(names(blocked.Blockers), want) {
			t.Errorf("%s: want %q, got %v", name, want, err)
		}
	}
}

// A width that it has already is no change; one that there is not is an error.
func TestWidthAsItIs(t *testing.T) {
	s := made(t, plain)
	r := s.mustWidth(t, 16, false)
	if !r.Plan.Empty() || r.Cost.StructureBefore != 2 || r.Cost.StructureAfter != 2 || r.Cost.BitsAfter != 16 {
		t.Errorf("a change where there is none: %+v\n%v", r.Cost, r.Plan)
	}
	for _, bits := range []uint{0, 3, 65, 128} {
		if _, err := s.width(t, amend.WidthOptions{Bits: bits}); err == nil || !strings.Contains(err.Error(), "not") {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	img, report := s.open(t), s.check(t)
	cancel()
	if _, err := amend.Width(ctx, img, report, amend.WidthOptions{Bits: 8}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, it says %v", err)
	}
}

// All refcounts that do not fit are named before anything is placed: the first of them with
// who points to the cluster.
func TestWidthOverflow(t *testing.T) {
	s := made(t, "image version=3 size=1M cluster=512 refcount_bits=16\nwrite guest=0 len=64K fill=0x11\nsnapshot name=one\n"+
		"write guest=0 len=512 fill=0x12\nsnapshot name=two\nwrite guest=0 len=512 fill=0x13\n")
	_, err := s.width(t, amend.WidthOptions{Bits: 1})
	var overflow *amend.OverflowError
	if !errors.As(err, &overflow) {
		t.Fatal(err)
	}
	want := map[int64]uint64{}
	for c, n := range structureOf(t, s.src).refcounts {
		if n > 1 {
			want[c] = n
		}
	}
	if len(want) < 110 || overflow.Count != uint64(len(want)) || len(overflow.Clusters) != 100 || overflow.Bits != 1 || overflow.Enough != 2 {
		t.Fatalf("%d overflow, named are %d of %d; %d bits are enough", len(want), len(overflow.Clusters), overflow.Count, overflow.Enough)
	}
	for i, o := range overflow.Clusters {
		if want[int64(o.Cluster)] != o.Refcount || i > 0 && o.Cluster <= overflow.Clusters[i-1].Cluster {
			t.Errorf("cluster %d has refcount %d, said is %d", o.Cluster, want[int64(o.Cluster)], o.Refcount)
		}
		owned := func(k refcount.Claim) bool {
			return k.Cluster == o.Cluster && s.open(t).Geo.Cluster(qcow2.HostOff(k.Entry&qcow2.OffsetMask)) == o.Cluster
		}
		if len(o.Owners) == 0 || o.Role == refcount.Free || !owned(o.Owners[0]) {
			t.Errorf("cluster %d: %v, owned by %+v", o.Cluster, o.Role, o.Owners)
		}
	}
	if text := overflow.Error(); !strings.Contains(text, "cannot hold") || !strings.Contains(text, "2 bits") {
		t.Error(text)
	}
	s.widened(t, s.mustWidth(t, overflow.Enough, false))
}

// Refcounts of leaked clusters, and of what lies far past the end, are carried over; no such
// cluster is taken.
func TestWidthKeepsLeaks(t *testing.T) {
	l := &layout{bits: 9, order: 4, table: 1, tableLen: 1, blocks: map[int64]int64{0: 2, 1: 3, 60: 10}, l1: 4, l2: []int64{5}, data: []int64{8}, clusters: 20}
	l.stale = map[int64]uint64{6: 1, 7: 3, 21: 1, 22: 2, 300: 1, 60*256 + 5: 9}
	s := subject{src: l.source(t)}
	for _, likeQEMU := range []bool{false, true} {
		r := s.mustWidth(t, 64, likeQEMU)
		s.widened(t, r)
		s.untouched(t, r.Plan)
	}
	_, err := s.width(t, amend.WidthOptions{Bits: 2})
	var overflow *amend.OverflowError
	if !errors.As(err, &overflow) || overflow.Count != 1 || overflow.Enough != 4 || len(overflow.Clusters[0].Owners) != 0 {
		t.Errorf("the leak's refcount of 9 in 2 bits: %v", err)
	}
}

// A stale refcount so far out that no reftable could hold it at the new width.
func TestWidthBeyondTheLargestTable(t *testing.T) {
	l := &layout{bits: 9, order: 0, table: 20, tableLen: 16384, l1: 1, l2: []int64{2}, data: []int64{3}}
	const far = 1 << 20
	l.blocks = map[int64]int64{0: 4, 1: 5, 2: 6, 3: 7, 4: 8, far - 1: 9}
	l.stale = map[int64]uint64{(far-1)*4096 + 1: 1}
	l.clusters = 20 + 16384
	s := subject{src: l.source(t)}
	for _, likeQEMU := range []bool{false, true} {
		_, err := s.width(t, amend.WidthOptions{Bits: 64, LikeQEMU: likeQEMU})
		var blocked *amend.BlockedError
		if !errors.As(err, &blocked) || !slices.Equal(names(blocked.Blockers), []string{amend.BlockedByReftable}) {
			t.Errorf("like QEMU %v: %v", likeQEMU, err)
		}
	}
}

// Random bytes in small images: whatever they mean now, a change is refused, or makes nothing
// worse.
func TestWidthOfRandomDamage(t *testing.T) {
	done, refused := 0, 0
	for _, name := range []string{"healthy_cluster_512", "healthy_cluster_512_refcount_64", "healthy_snapshots", "healthy_refcount_bits_1"} {
		b := testimages.Make(t, name)
		for seed := range uint64(60) {
			r := rand.New(rand.NewPCG(seed, 23))
			damaged := bytes.Clone(b.Image)
			for range 1 + r.IntN(3) {
				damaged[r.IntN(min(len(damaged), 64<<10>>r.IntN(8)))] = byte(r.IntN(256)) >> r.IntN(8)
			}
			s := subject{src: source.Bytes(damaged)}
			img, err := image.Open(context.Background(), s.src)
			if err != nil {
				continue
			}
			before := s.check(t)
			res, err := amend.Width(context.Background(), img, before, amend.WidthOptions{Bits: otherWidth(r, img.Geo.RefcountOrder), LikeQEMU: seed%2 == 0})
			if err != nil {
				refused++
				continue
			}
			done++
			after := s.after(t, res.Plan).check(t)
			if after.Corruptions > before.Corruptions || after.Leaks > before.Leaks || after.CheckErrors > before.CheckErrors || after.Worst() > before.Worst() {
				t.Errorf("%s, seed %d: %d corruptions, %d leaks; there were %d and %d", name, seed, after.Corruptions, after.Leaks, before.Corruptions, before.Leaks)
			}
		}
	}
	if done < 40 || refused < 40 {
		t.Errorf("%d done, %d refused", done, refused)
	}
}
