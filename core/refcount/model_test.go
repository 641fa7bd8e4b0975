package refcount_test

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

var be = binary.BigEndian

// model recounts references the plain way: bytes and a map, one reference at a time, as
// the specification tells it. It shares nothing with the package but the opened image's
// verdict on which tables are possible.
type model struct {
	file   []byte
	bits   uint
	ext    bool
	data   bool
	counts map[int64]uint64
}

func (m *model) word(off int64) uint64 {
	var b [8]byte
	if off >= 0 && off < int64(len(m.file)) {
		copy(b[:], m.file[off:])
	}
	return be.Uint64(b[:])
}

func (m *model) region(off, n int64) {
	cs := int64(1) << m.bits
	if n <= 0 || off < 0 || off+n < off || off+n-int64(len(m.file)) >= cs {
		return
	}
	for c := off / cs; c <= (off+n-1)/cs; c++ {
		m.counts[c]++
	}
}

func (m *model) l1(off, entries int64) {
	m.region(off, 8*entries)
	for i := range min(entries, int64(len(m.file))) { // past the end all are zero
		if e := m.word(off + 8*i); e != 0 {
			table := int64(e & 0x00fffffffffffe00)
			m.region(table, 1<<m.bits)
			m.l2(table)
		}
	}
}

func (m *model) l2(table int64) {
	step := int64(8)
	if m.ext {
		step = 16
	}
	for off := table; off < table+1<<m.bits; off += step {
		e, bitmap := m.word(off), uint64(0)
		if m.ext {
			bitmap = m.word(off + 8)
		}
		host := int64(e & 0x00fffffffffffe00)
		switch {
		case m.data:
		case e>>62&1 == 1:
			x := 62 - (m.bits - 8)
			start := e & (1<<x - 1)
			end := start&^511 + (e>>x&(1<<(m.bits-8)-1)+1)*512
			if bitmap == 0 {
				m.region(int64(start), int64(end-start))
			}
		case host != 0:
			m.region(host, 1<<m.bits)
		}
	}
}

// recount is the model's count of an opened image.
func recount(img *image.Image, snaps *image.SnapshotTable, file []byte) map[int64]uint64 {
	m := &model{file: file, bits: uint(be.Uint32(file[20:])), counts: map[int64]uint64{}}
	if be.Uint32(file[4:]) == 3 {
		m.ext, m.data = file[79]&16 != 0, file[79]&4 != 0
	}
	m.region(0, 1<<m.bits)
	m.l1(int64(img.L1.Off), img.L1.Entries)
	for _, s := range snaps.Snapshots {
		if off := int64(s.L1TableOffset); s.L1Size <= 4<<20 && off&(1<<m.bits-1) == 0 && off >= 0 {
			m.l1(off, int64(s.L1Size))
		}
	}
	m.region(int64(snaps.Off), snaps.Bytes)
	m.region(int64(be.Uint64(file[48:])), 8*int64(len(img.Reftable)))
	m.region(int64(img.LUKS.Start), int64(img.LUKS.Len))
	if img.BitmapsExt != nil {
		m.region(int64(img.BitmapsExt.DirectoryOffset), int64(img.BitmapsExt.DirectorySize))
		for _, b := range img.Bitmaps {
			m.region(int64(b.TableOffset), 8*int64(b.TableSize))
			for i := range min(int64(b.TableSize), int64(len(file))) {
				e := m.word(int64(b.TableOffset) + 8*i)
				if host := int64(e & 0x00fffffffffffe00); host != 0 && e&0xff000000000001fe == 0 && host&(1<<m.bits-1) == 0 && e&1 == 0 {
					m.region(host, 1<<m.bits)
				}
			}
		}
	}
	ncl := (int64(len(file)) + 1<<m.bits - 1) >> m.bits
	limit := ncl
	if m.counts[ncl] > 0 {
		limit = ncl + 1 // a region reached past the end
	}
	for _, e := range img.Reftable {
		if off := int64(e); off > 0 && off&(1<<m.bits-1) == 0 && off>>m.bits < limit {
			m.region(off, 1<<m.bits)
		}
	}
	return m.counts
}

func sameCounts(t *testing.T, what string, file []byte) *refcount.Result {
	t.Helper()
	img, snaps := opened(t, source.Bytes(file))
	if img == nil {
		return nil
	}
	res, err := refcount.Calculate(context.Background(), img, snaps, refcount.Options{})
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	want := recount(img, snaps, file)
	bad := 0
	for c := qcow2.HostCluster(0); int64(c) <= res.Len(); c++ {
		if res.Count(c) != want[int64(c)] {
			if bad++; bad < 4 {
				t.Errorf("%s: cluster %d has %d references, the model counts %d", what, c, res.Count(c), want[int64(c)])
			}
		}
		delete(want, int64(c))
	}
	for c, n := range want {
		if n != 0 {
			t.Errorf("%s: cluster %d is not in the table, the model counts %d", what, c, n)
		}
	}
	return res
}

// opened is an image and its snapshots, nil when there is no geometry.
func opened(t testing.TB, src source.Source) (*image.Image, *image.SnapshotTable) {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		return nil, nil
	}
	snaps, err := img.ReadSnapshots()
	if err != nil {
		t.Fatal(err)
	}
	return img, snaps
}

func TestCountsOfAllRecipes(t *testing.T) {
	counted := 0
	for _, name := range testimages.Names() {
		if sameCounts(t, name, testimages.Make(t, name).Image) != nil {
			counted++
		}
	}
	if counted < 180 {
		t.Errorf("only %d recipes counted", counted)
	}
}

// Recipes with a few words of their tables overwritten, by noise or by other words of the
// file, which makes references meet in unexpected places.
func TestCountsOfDamagedRecipes(t *testing.T) {
	for _, name := range []string{"healthy_cluster_512", "healthy_snapshots_many", "healthy_compressed_straddling", "healthy_extended_l2_snapshot",
		"healthy_bitmaps_cluster_512", "healthy_snapshot_and_bitmap", "healthy_v2_cluster_512", "healthy_refcount_bits_1"} {
		whole := testimages.Make(t, name).Image
		for seed := range uint64(15) {
			r := rand.New(rand.NewPCG(seed, 5))
			file := append([]byte(nil), whole...)
			words := nonzeroWords(file)
			for range 1 + r.IntN(12) {
				at := words[r.IntN(len(words))]
				switch r.IntN(4) {
				case 0:
					be.PutUint64(file[at:], r.Uint64())
				case 1:
					be.PutUint64(file[at:], be.Uint64(file[at:])^1<<r.IntN(64))
				default:
					copy(file[at:at+8], file[words[r.IntN(len(words))]:])
				}
			}
			sameCounts(t, name, file)
		}
	}
}

// nonzeroWords are the offsets behind the header's first fields of words that are not zero
// and look like pointers: their lowest byte or their first one is zero or a flag.
func nonzeroWords(file []byte) (offs []int) {
	for off := 24; off+8 <= len(file); off += 8 {
		if v := be.Uint64(file[off:]); v != 0 && v&^(3<<62) < uint64(4*len(file)) {
			offs = append(offs, off)
		}
	}
	return offs
}
