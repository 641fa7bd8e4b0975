package repair_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/repair"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// fuzzBases are small healthy images with something of everything.
var fuzzBases = []string{
	"image version=3 size=64K cluster=512\nwrite guest=0 len=12K fill=0x11\nwrite guest=40K len=2K fill=0x22\nzero guest=20K len=2K\n",
	"image version=2 size=64K cluster=512\nwrite guest=0 len=10K fill=0x11\nsnapshot name=one\nwrite guest=2K len=2K fill=0x22\n",
	"image version=3 size=128K cluster=512 refcount_bits=64\nwrite guest=0 len=20K fill=0x11\nzero guest=30K len=2K prealloc\n",
	"image version=3 size=64K cluster=512 refcount_bits=1\nwrite guest=0 len=8K fill=0x11\nwrite guest=33K len=1K fill=0x22\n",
	"image version=3 size=64K cluster=512 refcount_bits=2\nwrite guest=0 len=6K fill=0x11\nsnapshot name=one\nwrite guest=1K len=1K fill=0x22\nsnapshot name=two\n",
	"image version=3 size=256K cluster=4K\nwrite guest=0 len=16K fill=0x11\ncompress guest=32K len=40K fill=0x22\n",
	"image version=3 size=64K cluster=512\nwrite guest=0 len=8K fill=0x11\nbitmap name=b granularity=512 dirty=0 dirty_len=4K auto\n",
	"image version=3 size=128K cluster=16K extended_l2\nwrite guest=0 len=16K fill=0x11\nwrite guest=18K len=1K fill=0x22\nzero guest=40K len=4K\n",
	"image version=3 size=64K cluster=1K lazy_refcounts compression=zstd\ncompress guest=0 len=8K fill=0x11\nwrite guest=16K len=8K fill=0x22\nsnapshot name=one\nwrite guest=16K len=1K fill=0x33\n",
}

// wounded is a healthy image with some damage.
type wounded struct {
	*testimages.Built
	words []int64 // where its tables hold something: what is worth damaging
}

func fuzzBase(t testing.TB, n int) wounded {
	t.Helper()
	b := testimages.MakeLines(t, fuzzBases[n%len(fuzzBases)])
	w := wounded{Built: b}
	img, err := image.Open(context.Background(), source.Bytes(b.Image))
	if err != nil {
		t.Fatal(err)
	}
	roles := examine(t, source.Bytes(b.Image)).Refcounts
	for off := int64(0); off < int64(len(b.Image)); off += 8 {
		switch roles.Role(img.Geo.Cluster(qcow2.HostOff(off))) {
		case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData:
			continue
		}
		if be.Uint64(b.Image[off:]) != 0 {
			w.words = append(w.words, off)
		}
	}
	return w
}

// damage reads edits of five bytes each: what to do, to which word, and with what.
func (w *wounded) damage(edits []byte) {
	cs := int64(1) << w.Image[23]
	for ; len(edits) >= 5; edits = edits[5:] {
		at := w.words[(int(edits[1])<<8|int(edits[2]))%len(w.words)]
		if at+8 > int64(len(w.Image)) {
			continue
		}
		word, a, b := w.Image[at:at+8], edits[3], edits[4]
		cluster := w.Image[at&^(cs-1) : min(at&^(cs-1)+cs, int64(len(w.Image)))]
		switch edits[0] % 10 {
		case 0: // points elsewhere
			be.PutUint64(word, uint64(a)*uint64(cs)|uint64(b>>6)<<62|uint64(b&1))
		case 1:
			be.PutUint64(word, be.Uint64(word)^1<<(a%64))
		case 2: // is what another word is
			other := w.words[(int(a)<<8|int(b))%len(w.words)]
			if other+8 <= int64(len(w.Image)) {
				copy(word, w.Image[other:])
			}
		case 3:
			word[a%8] = b
		case 4:
			be.PutUint64(word, be.Uint64(word)+uint64(a)*uint64(cs)+uint64(b&3)*512)
		case 5:
			be.PutUint64(word, 0)
		case 6:
			clear(cluster)
		case 7:
			noise := rand.New(rand.NewPCG(uint64(a), uint64(b)))
			for i := range cluster {
				cluster[i] = byte(noise.Uint32())
			}
		case 8: // is cut off
			w.Image = w.Image[:min(max(512, int64(len(w.Image))*int64(a)/256+int64(b)), int64(len(w.Image)))]
		case 9: // grows, with something at the end
			w.Image = append(w.Image, bytes.Repeat([]byte{b}, int(a)*4)...)
		}
	}
}

// seeds adds edits that make each kind of damage, alone and two at a time.
func seeds(f *testing.F) {
	f.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	for n := range len(fuzzBases) {
		f.Add(byte(n), []byte{})
		for op := range byte(10) {
			f.Add(byte(n), []byte{op, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
			f.Add(byte(n), []byte{op, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()),
				byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		}
	}
}

const maxEdits = 5 * 5

// maxRead bounds what a check reads of these images, which have at most 512 KiB: each table
// a few times, and tables that lie across each other as often as there are pointers to them.
const maxRead = 256 << 20

// allocated is how many bytes a function allocates in all, an upper bound of what it holds.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// mayAllocate is the bound for a file of the size with clusters of cs bytes: what is fixed
// (read buffers, the findings that a report keeps), two bytes for each cluster of the table
// and what growing it copies, and each table of the file a few times.
func mayAllocate(size, cs int64) uint64 {
	const fixed, perCluster, perByte = 96 << 20, 16, 64
	return uint64(fixed + perCluster*(size/cs+1) + perByte*size)
}

// Whatever the damage, an image is opened or refused, without a panic, and its tables are
// read within bounds.
func FuzzOpen(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, n byte, edits []byte) {
		w := fuzzBase(t, int(n))
		w.damage(edits[:min(len(edits), maxEdits)])
		src := &source.Counted{Source: source.Bytes(w.Image)}
		var img *image.Image
		var err error
		if used := allocated(func() { img, err = image.Open(context.Background(), src) }); used > mayAllocate(int64(len(w.Image)), 512) {
			t.Errorf("%d bytes allocated to open a file of %d bytes", used, len(w.Image))
		}
		if err != nil {
			var ne *image.NotQcow2Error
			var fe *qcow2.FieldError
			if !errors.As(err, &ne) && !errors.As(err, &fe) {
				t.Fatalf("a file in memory cannot be opened: %v", err)
			}
			return
		}
		if _, err := img.ReadSnapshots(); err != nil {
			t.Fatalf("a file in memory cannot be read: %v", err)
		}
		if src.Read > maxRead {
			t.Errorf("%d bytes read", src.Read)
		}
	})
}

// Whatever the damage, a check ends, finds the same each time, and every finding can be told.
func FuzzCheck(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, n byte, edits []byte) {
		w := fuzzBase(t, int(n))
		w.damage(edits[:min(len(edits), maxEdits)])
		src := &source.Counted{Source: source.Bytes(w.Image)}
		img, err := image.Open(context.Background(), src)
		if err != nil {
			return
		}
		var rep *check.Report
		used := allocated(func() { rep, err = check.Run(context.Background(), img, check.Options{}) })
		if err != nil {
			t.Fatal(err)
		}
		if may := mayAllocate(int64(len(w.Image)), img.Geo.ClusterSize()); used > may {
			t.Errorf("%d bytes allocated for a file of %d bytes, may be %d", used, len(w.Image), may)
		}
		for _, g := range rep.Groups {
			if len(g.Findings) == 0 || g.Places < len(g.Findings) || g.Times == 0 {
				t.Errorf("%s: %d times, %d places, %d findings", g.Code, g.Times, g.Places, len(g.Findings))
			}
			for _, f := range g.Findings {
				if f.String() == "" || f.ID() == "" {
					t.Errorf("a finding of %s cannot be told", g.Code)
				}
			}
		}
		if _, err := rep.Claimants(context.Background(), img, 50); err != nil {
			t.Error(err)
		}
		if again := examine(t, source.Bytes(w.Image)); summary(again) != summary(rep) {
			t.Errorf("checked again it says\n%safter\n%s", summary(again), summary(rep))
		}
		if src.Read > maxRead {
			t.Errorf("%d bytes read", src.Read)
		}
	})
}

// maxChecks bounds how often a repair checks what it would make: after each stage, and for
// each correction that it tries.
const maxChecks = 64

// Whatever the damage, a repair keeps its promises, whole, undone and interrupted.
func FuzzRepair(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, n byte, edits []byte) {
		w := fuzzBase(t, int(n))
		w.damage(edits[:min(len(edits), maxEdits)])
		src := source.Bytes(w.Image)
		img, err := image.Open(context.Background(), src)
		if err != nil {
			return
		}
		before := examine(t, src)
		for _, how := range ways() {
			var out *repair.Outcome
			used := allocated(func() { out, err = repair.Plan(context.Background(), img, before, how.options()) })
			if may := maxChecks * mayAllocate(int64(len(w.Image)), img.Geo.ClusterSize()); used > may {
				t.Errorf("%v: %d bytes allocated for a file of %d bytes, may be %d", how, used, len(w.Image), may)
			}
			if errors.Is(err, alloc.ErrReftableTooLarge) {
				continue
			}
			if err != nil {
				t.Fatalf("%v: %v", how, err)
			}
			promisesKept(t, how, w.Built, out)
			if !how.accept {
				after := apply(t, src, out.Plan)
				nothingFreedAmidDamage(t, how, w.Built, before, out, after)
			}
			if len(edits) < 10 && !how.accept {
				harmless(t, how, w.Built, out)
			}
		}
	})
}

// promisesKept holds that the plan does what its outcome says, and that it can be undone.
func promisesKept(t *testing.T, how way, b *testimages.Built, out *repair.Outcome) {
	t.Helper()
	src := source.Bytes(b.Image)
	after := apply(t, src, out.Plan)
	if got, want := summary(out.After), summary(examine(t, source.Bytes(after))); got != want {
		t.Errorf("%v: the outcome says\n%sthe image is\n%s", how, got, want)
	}
	undo, err := out.Plan.Undo(src)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(apply(t, source.Bytes(after), undo), src) {
		t.Errorf("%v: undone it is another file", how)
	}
}

// harmless holds, for a single damage, that nothing which reads right is lost, at no time of
// the plan. Of several damages one can make another look like something else.
func harmless(t *testing.T, how way, b *testimages.Built, out *repair.Outcome) {
	t.Helper()
	src := source.Bytes(b.Image)
	for n := 1; n <= len(out.Plan.Batches); n++ {
		cut := part(out.Plan, n, func(int) bool { return false })
		guestKeepsItsBytes(t, how, b, out, cut, apply(t, src, cut))
	}
}
