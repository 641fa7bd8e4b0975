package cow_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/cow"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// fuzzBases are small healthy images with something of everything.
var fuzzBases = []string{
	"image version=3 size=64K cluster=512\nwrite guest=0 len=12K fill=0x11\nwrite guest=40K len=2K fill=0x22\nzero guest=20K len=2K\n",
	"image version=2 size=64K cluster=512\nwrite guest=0 len=10K fill=0x11\nsnapshot name=one\nwrite guest=2K len=2K fill=0x22\n",
	"image version=3 size=128K cluster=512 refcount_bits=64\nwrite guest=0 len=20K fill=0x11\nzero guest=30K len=2K prealloc\n",
	"image version=3 size=64K cluster=512 refcount_bits=1\nwrite guest=0 len=8K fill=0x11\n",
	"image version=3 size=256K cluster=4K\nwrite guest=0 len=16K fill=0x11\ncompress guest=32K len=40K fill=0x22\n",
	"image version=3 size=64K cluster=512\nwrite guest=0 len=8K fill=0x11\nbitmap name=b granularity=512 dirty=0 dirty_len=4K auto\n",
	"image version=3 size=128K cluster=16K extended_l2\nwrite guest=0 len=16K fill=0x11\nwrite guest=18K len=1K fill=0x22\nzero guest=40K len=4K\nsnapshot name=one\n",
	"image version=3 size=64K cluster=1K lazy_refcounts compression=zstd\ncompress guest=0 len=8K fill=0x11\nwrite guest=16K len=8K fill=0x22\n",
}

// fuzzImage builds a base and damages it: edits are an offset and eight bytes, of which a
// few are turned into pointers.
func fuzzImage(t *testing.T, base byte, edits []byte) source.Bytes {
	t.Helper()
	b := testimages.MakeLines(t, fuzzBases[int(base)%len(fuzzBases)])
	file := source.Bytes(b.Image)
	cs := uint64(1) << file[23]
	for ; len(edits) >= 4; edits = edits[4:] {
		at := int64(binary.BigEndian.Uint16(edits)) * 8 % (file.Size() &^ 7)
		word := file[at : at+8]
		switch edits[2] % 4 {
		case 0:
			binary.BigEndian.PutUint64(word, uint64(edits[3])*cs|uint64(edits[2]>>6)<<62)
		case 1:
			binary.BigEndian.PutUint64(word, binary.BigEndian.Uint64(word)^1<<(edits[3]%64))
		case 2:
			word[edits[2]>>5] = edits[3]
		case 3:
			clear(file[uint64(at)&^(cs-1):][:min(cs, uint64(file.Size())-uint64(at)&^(cs-1))])
		}
	}
	return file
}

// FuzzWrite: whatever the image and the request, a write ends with a plan that can be applied
// and undone, or with an error. On an image without corruption the guest then reads what it
// should, and there is still none.
func FuzzWrite(f *testing.F) {
	for base := range byte(len(fuzzBases)) {
		for kind := range byte(3) {
			f.Add(base, []byte{}, uint32(700), uint32(3000), kind)
			f.Add(base, []byte{0, 6, 1, 62, 1, 0, 0x40, 3}, uint32(0), uint32(60000), kind)
			f.Add(base, []byte{2, 0, 3, 0}, uint32(512), uint32(512), kind)
		}
	}
	f.Fuzz(func(t *testing.T, base byte, edits []byte, off, n uint32, kind byte) {
		file := fuzzImage(t, base, edits)
		img, err := image.Open(context.Background(), file)
		if err != nil {
			return
		}
		rep, err := check.Run(context.Background(), img, check.Options{Limit: 1})
		if err != nil {
			return
		}
		opt := cow.Options{MaxClusters: 4096}
		if kind&4 != 0 {
			opt.Counts = rep.Refcounts.Table
		}
		w, err := cow.Open(context.Background(), img, opt)
		if err != nil {
			return
		}
		r := cow.Request{Offset: qcow2.GuestOff(off % (1 << 18)), Length: int64(n % (1 << 18)), Kind: cow.Kind(kind % 3), Unmap: kind&8 != 0, Fill: 0x77}
		o, err := w.Plan(context.Background(), r)
		if err != nil {
			sound(t, rep, err)
			return
		}
		if o.String() == "" {
			t.Error("nothing is said")
		}
		p, err := o.Plans(context.Background())
		if err != nil {
			sound(t, rep, err)
			return
		}
		applied(t, file, p.Image, rep, r)
	})
}

// sound fails the test when a request fails on an image that has nothing wrong.
func sound(t *testing.T, rep *check.Report, err error) {
	t.Helper()
	var stop *cow.StopError
	if rep.Worst() <= check.Note && errors.As(err, &stop) {
		t.Errorf("nothing is wrong with the image, but %v", err)
	}
}

func applied(t *testing.T, file source.Bytes, p *patch.Plan, rep *check.Report, r cow.Request) {
	t.Helper()
	if p.SizeAfter > 1<<30 {
		return // refcounts that lie send it far away, as they would QEMU
	}
	after := patch.NewOverlay(file)
	if err := after.Apply(p); err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	undo, err := p.Undo(file)
	if err != nil {
		t.Fatal(err)
	}
	back := patch.NewOverlay(after)
	if err := back.Apply(undo); err != nil {
		t.Fatal(err)
	}
	again := make([]byte, back.Size())
	if _, err := back.ReadAt(again, 0); err != nil && err != io.EOF || !bytes.Equal(again, file) {
		t.Errorf("undone it is not what it was: %v", err)
	}
	if rep.Worst() > check.Note || rep.Corruptions > 0 || rep.Leaks > 0 {
		return
	}
	img, err := image.Open(context.Background(), after)
	if err != nil {
		t.Fatal(err)
	}
	now, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Refcounts past the end of the file are no leaks until it grows.
	if now.Corruptions > 0 || now.Leaks > uint64(strayCounts(t, file)) || now.CheckErrors > 0 {
		t.Errorf("%d corruptions, %d leaks after\n%s", now.Corruptions, now.Leaks, p)
	}
	reads(t, img, file, r)
}

// strayCounts is how many refcounts past the end of the file are not 0.
func strayCounts(t *testing.T, file source.Bytes) (n int) {
	t.Helper()
	img, err := image.Open(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	for k, e := range img.Reftable {
		if e.Refblock() == 0 {
			continue
		}
		block := make(qcow2.Refblock, img.Geo.ClusterSize())
		if err := source.ReadFull(file, block, int64(e.Refblock())); err != nil {
			t.Fatal(err)
		}
		for i := range img.Geo.RefblockEntries() {
			if int64(k)*img.Geo.RefblockEntries()+i >= img.HostClusters() && block.At(img.Geo.RefcountOrder, i) > 0 {
				n++
			}
		}
	}
	return n
}

// reads holds that the guest reads what it wrote, and the rest as before.
func reads(t *testing.T, img *image.Image, before source.Bytes, r cow.Request) {
	t.Helper()
	disk := func(img *image.Image) []byte {
		b := make([]byte, img.VirtualSize())
		_, err := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{}).ReadAt(b, 0)
		if err != nil && err != io.EOF {
			return nil
		}
		return b
	}
	old, err := image.Open(context.Background(), before)
	if err != nil {
		t.Fatal(err)
	}
	want, got := disk(old), disk(img)
	if want == nil || img.VirtualSize() > 1<<20 {
		return
	}
	cs := img.Geo.ClusterSize()
	for i := range int64(len(want)) {
		in := i >= int64(r.Offset) && i < int64(r.Offset)+r.Length
		switch {
		case in && r.Kind == cow.Data:
			want[i] = r.Fill
		case in && (r.Kind == cow.Zero || wholeCluster(i, cs, r, int64(len(want)))):
			want[i] = 0
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%v: the guest reads something else", r)
	}
}

// wholeCluster tells whether the cluster of a byte is discarded as a whole.
func wholeCluster(i, cs int64, r cow.Request, size int64) bool {
	start := i - i%cs
	return start >= int64(r.Offset) && min(start+cs, size) <= int64(r.Offset)+r.Length
}
