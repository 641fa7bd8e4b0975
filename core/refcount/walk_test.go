package refcount_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// threeTables is an image of 4 KiB clusters with L2 tables in clusters 2 to 4 that map
// four clusters each, from 10, 20 and 30 on.
func threeTables() made {
	m := made{size: 64 * 4096, bits: 12, order: 4, l1: 4096, l1Entries: 3, data: map[int64][]byte{
		4096: table(3, func(i int64) uint64 { return qcow2.FlagCopied | uint64(4096*(2+i)) }),
	}}
	for k := range int64(3) {
		m.data[4096*(2+k)] = table(4, func(i int64) uint64 { return qcow2.FlagCopied | uint64(4096*(10*(k+1)+i)) })
	}
	return m
}

// What was found before and after an unreadable table stays.
func TestUnreadableTables(t *testing.T) {
	for _, c := range []struct {
		name   string
		bad    int64
		lost   []qcow2.HostCluster
		role   refcount.Role
		index  int64
		during qcow2.Range[qcow2.HostOff]
	}{
		{"first L2 table", 2 * 4096, []qcow2.HostCluster{10, 11, 12, 13}, refcount.L2, 0, qcow2.Range[qcow2.HostOff]{Start: 2 * 4096, Len: 4096}},
		{"middle L2 table", 3*4096 + 100, []qcow2.HostCluster{20, 21, 22, 23}, refcount.L2, 1, qcow2.Range[qcow2.HostOff]{Start: 3 * 4096, Len: 4096}},
		{"L1 table", 4096, []qcow2.HostCluster{2, 3, 4, 10, 13, 20, 30}, refcount.L1, -1, qcow2.Range[qcow2.HostOff]{Start: 4096, Len: 24}},
	} {
		src := source.Faulty{Source: threeTables().source(t), BadOff: c.bad, BadLen: 1}
		img, snaps := opened(t, src)
		var troubles []refcount.Trouble
		res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{Visit: func(tr refcount.Trouble) { troubles = append(troubles, tr) }})
		if err != nil {
			t.Fatal(err)
		}
		if len(troubles) != 1 || !res.Aborted {
			t.Fatalf("%s: aborted %v, %+v", c.name, res.Aborted, troubles)
		}
		if tr := troubles[0]; tr.Kind != refcount.TableReadError || !errors.Is(tr.Err, source.ErrFaulty) || tr.Role != c.role || tr.L1Index != c.index || tr.Host != c.during {
			t.Errorf("%s: %+v", c.name, tr)
		}
		for k := range int64(3) {
			for i := range int64(4) {
				hc := qcow2.HostCluster(10*(k+1) + i)
				lost := slices.Contains(c.lost, hc) || c.role == refcount.L1
				if (res.Count(hc) == 0) != lost {
					t.Errorf("%s: cluster %d has %d references, lost should be %v", c.name, hc, res.Count(hc), lost)
				}
			}
		}
		if res.Count(0) != 1 || res.Count(1) != 1 {
			t.Errorf("%s: header and L1 table are counted whatever they hold", c.name)
		}
	}
}

func TestCancelledWalk(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	img, snaps := opened(t, threeTables().source(t))
	cancel()
	if _, err := refcount.Calculate(ctx, img, snaps, refcount.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	stopped := false
	_, err := refcount.Calculate(ctx, img, snaps, refcount.Options{Progress: func(int64, int64) { stopped = true; cancel() }})
	if !stopped || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v, %v", stopped, err)
	}
}

func TestProgressGrows(t *testing.T) {
	m := threeTables()
	m.l1Entries = 400
	m.data[4096] = table(400, func(i int64) uint64 { return uint64(4096 * (2 + i%3)) })
	m.data[4096] = m.data[4096][:3*8]
	img, snaps := opened(t, m.source(t))
	last := int64(-1)
	_, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{Progress: func(done, total int64) {
		if done < last || done > total || total <= 0 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil || last < 1 {
		t.Errorf("%d, %v", last, err)
	}
}

func TestTree(t *testing.T) {
	m := threeTables()
	m.data[3*4096] = nil // an empty table
	img, snaps := opened(t, m.source(t))
	res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range res.Tree.Tables {
		got += fmt.Sprintf("%d:0x%x empty=%v [%d,%d]; ", r.L1Index, r.Off, r.Empty, r.Lo, r.Hi)
	}
	want := "0:0x2000 empty=false [10,13]; 1:0x3000 empty=true [4294967295,0]; 2:0x4000 empty=false [30,33]; "
	if got != want || !res.Tree.Complete {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// claim is the essence of a Claim, for tables of expectations.
func claim(k refcount.Claim) string {
	return fmt.Sprintf("%v root %d [%d][%d] at 0x%x holds 0x%x", k.Role, k.Root, k.L1Index, k.L2Index, int64(k.At), k.Entry)
}

func claimsOf(t *testing.T, src source.Source, want refcount.Want) (list []refcount.Claim, complete bool) {
	t.Helper()
	img, snaps := opened(t, src)
	res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
	if err != nil {
		t.Fatal(err)
	}
	complete, err = refcount.Claimants(context.Background(), img, snaps, res, want, func(k refcount.Claim) bool {
		list = append(list, k)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, complete
}

// The places and values are read off the recipes: 64 KiB clusters, header 0, reftable 1,
// refblock 2, L1 3, L2 4, data from 5 on.
func TestClaimsOfRecipes(t *testing.T) {
	for _, c := range []struct {
		recipe  string
		cluster qcow2.HostCluster
		want    []string
	}{
		{"healthy_v3", 0, []string{"header root -1 [-1][-1] at 0x-1 holds 0x0"}},
		{"healthy_v3", 1, []string{"refcount table root -1 [-1][-1] at 0x30 holds 0x10000"}},
		{"healthy_v3", 2, []string{"refcount block root -1 [0][-1] at 0x10000 holds 0x20000"}},
		{"healthy_v3", 3, []string{"L1 table root 0 [-1][-1] at 0x28 holds 0x30000"}},
		{"healthy_v3", 4, []string{"L2 table root 0 [0][-1] at 0x30000 holds 0x8000000000040000"}},
		{"data_cross_linked", 6, []string{"data root 0 [0][1] at 0x40008 holds 0x8000000000060000", "data root 0 [0][2] at 0x40010 holds 0x8000000000060000"}},
		{"data_cross_linked", 7, nil},
		{"data_points_at_l1", 3, []string{"L1 table root 0 [-1][-1] at 0x28 holds 0x30000", "data root 0 [0][1] at 0x40008 holds 0x8000000000030000"}},
		{"data_points_at_own_l2", 4, []string{"L2 table root 0 [0][-1] at 0x30000 holds 0x8000000000040000", "data root 0 [0][1] at 0x40008 holds 0x8000000000040000"}},
		{"data_unaligned", 7, []string{"data root 0 [0][1] at 0x40008 holds 0x8000000000060200", "data root 0 [0][2] at 0x40010 holds 0x8000000000070000"}},
		{"compressed_points_at_header", 0, []string{"header root -1 [-1][-1] at 0x-1 holds 0x0", "compressed data root 0 [0][1] at 0x40008 holds 0x4000000000000400"}},
		{"data_file_misplaced", 2, []string{"refcount block root -1 [0][-1] at 0x10000 holds 0x20000"}},
	} {
		list, complete := claimsOf(t, source.Bytes(testimages.Make(t, c.recipe).Image), refcount.Want{Lo: c.cluster, Hi: c.cluster})
		var got []string
		for _, k := range list {
			if k.Cluster != c.cluster {
				t.Errorf("%s: asked for cluster %d, told of %d", c.recipe, c.cluster, k.Cluster)
			}
			got = append(got, claim(k))
		}
		if !complete || !slices.Equal(got, c.want) {
			t.Errorf("%s, cluster %d:\n got %q\nwant %q", c.recipe, c.cluster, got, c.want)
		}
	}
}

// Where no snapshot shares a table there are as many claims on a cluster as references,
// and each stands where it says that it stands.
func TestClaimsAreTheReferences(t *testing.T) {
	for _, name := range []string{"reftable_zeroed_cluster_512", "healthy_compressed_straddling", "healthy_extended_l2", "healthy_bitmaps_cluster_512",
		"healthy_luks", "data_cross_linked", "data_unaligned", "bitmap_data_cross_linked", "refcount_overflow", "last_cluster_short"} {
		b := testimages.Make(t, name)
		img, snaps := opened(t, source.Bytes(b.Image))
		res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
		if err != nil {
			t.Fatal(err)
		}
		claims := map[qcow2.HostCluster]uint64{}
		odd := func(c qcow2.HostCluster) bool { return c%2 == 1 }
		list, _ := claimsOf(t, source.Bytes(b.Image), refcount.Want{Lo: 0, Hi: qcow2.HostCluster(res.Len())})
		onlyOdd, _ := claimsOf(t, source.Bytes(b.Image), refcount.Want{Lo: 0, Hi: qcow2.HostCluster(res.Len()), Has: odd})
		for _, k := range list {
			claims[k.Cluster]++
			if k.At >= 0 && be.Uint64(b.Image[k.At:]) != k.Entry {
				t.Errorf("%s: %s, but 0x%x stands there", name, claim(k), be.Uint64(b.Image[k.At:]))
			}
			if odd(k.Cluster) {
				if len(onlyOdd) == 0 || claim(onlyOdd[0]) != claim(k) {
					t.Fatalf("%s: claim %s is missing when only odd clusters are asked for", name, claim(k))
				}
				onlyOdd = onlyOdd[1:]
			}
		}
		for c := range qcow2.HostCluster(res.Len()) {
			if claims[c] != res.Count(c) {
				t.Errorf("%s: cluster %d has %d references and %d claims", name, c, res.Count(c), claims[c])
			}
		}
	}
}

func TestClaimsGoPastWhatIsUnreadable(t *testing.T) {
	src := threeTables().source(t)
	for _, c := range []struct {
		bad   int64
		found int
	}{{0, 12}, {3 * 4096, 8}, {4096, 12}} {
		img, snaps := opened(t, src)
		res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
		if err != nil {
			t.Fatal(err)
		}
		img.Src = source.Faulty{Source: src, BadOff: c.bad, BadLen: 1} // the medium fails later
		found := 0
		complete, err := refcount.Claimants(context.Background(), img, snaps, res, refcount.Want{Lo: 10, Hi: 40}, func(refcount.Claim) bool { found++; return true })
		if err != nil || found != c.found || complete != (c.bad == 0) {
			t.Errorf("bad sector at 0x%x: %d claims, complete %v, %v", c.bad, found, complete, err)
		}
	}
}

func TestClaimsStopWhenAsked(t *testing.T) {
	img, snaps := opened(t, threeTables().source(t))
	res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop < 18; stop++ {
		n := 0
		if _, err := refcount.Claimants(context.Background(), img, snaps, res, refcount.Want{Lo: 0, Hi: 63}, func(refcount.Claim) bool { n++; return n < stop }); err != nil {
			t.Fatal(err)
		}
		if n != min(stop, 17) { // header, L1, 3 L2 tables, 12 data clusters
			t.Errorf("asked to stop after %d, got %d", stop, n)
		}
	}
}
