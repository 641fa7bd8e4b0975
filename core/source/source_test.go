package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"qcowscope/core/source"
)

// counting is n bytes of which byte i is i+1, so that no byte of the first 255 is zero.
func counting(n int) source.Bytes {
	b := make(source.Bytes, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return b
}

// filled is a buffer of n bytes that a read must overwrite.
func filled(n int) []byte { return bytes.Repeat([]byte{0xee}, n) }

func TestReadFullZeroFillsPastTheEnd(t *testing.T) {
	src := counting(10)
	for _, c := range []struct {
		name string
		off  int64
		n    int
		want []byte
	}{
		{"inside", 2, 3, []byte{3, 4, 5}},
		{"to the end", 7, 3, []byte{8, 9, 10}},
		{"across the end", 8, 5, []byte{9, 10, 0, 0, 0}},
		{"from the end on", 10, 4, []byte{0, 0, 0, 0}},
		{"far past the end", math.MaxInt64 - 2, 4, []byte{0, 0, 0, 0}},
		{"nothing", 3, 0, []byte{}},
		{"nothing past the end", 30, 0, []byte{}},
	} {
		buf := filled(c.n)
		if err := source.ReadFull(src, buf, c.off); err != nil || !bytes.Equal(buf, c.want) {
			t.Errorf("%s: %x, %v, want %x", c.name, buf, err, c.want)
		}
	}
	buf := filled(4)
	if err := source.ReadFull(source.Bytes(nil), buf, 0); err != nil || !bytes.Equal(buf, make([]byte, 4)) {
		t.Errorf("empty source: %x, %v", buf, err)
	}
}

// shrunk says that it is longer than it is, like a file that was cut while it was open.
type shrunk struct {
	source.Bytes
	size int64
}

func (s shrunk) Size() int64 { return s.size }

func TestReadErrorsCarryTheOffset(t *testing.T) {
	bad := source.Faulty{Source: counting(64), BadOff: 20, BadLen: 2}
	for _, c := range []struct {
		name  string
		src   source.Source
		off   int64
		n     int
		cause error
		len   int64
	}{
		{"bad sector", bad, 16, 8, source.ErrFaulty, 8},
		{"bad sector, read across the end", bad, 21, 100, source.ErrFaulty, 43},
		{"file that became shorter", shrunk{counting(10), 100}, 4, 16, io.ErrUnexpectedEOF, 16},
		{"file that became empty", shrunk{nil, 100}, 0, 16, io.ErrUnexpectedEOF, 16},
		{"negative offset", counting(64), -1, 4, nil, 4},
	} {
		err := source.ReadFull(c.src, filled(c.n), c.off)
		var re *source.ReadError
		if !errors.As(err, &re) || re.Off != c.off || re.Len != c.len {
			t.Errorf("%s: %v, want a ReadError at %d+%d", c.name, err, c.off, c.len)
		}
		if c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("%s: %v, want the cause %v", c.name, err, c.cause)
		}
	}
}

func TestFaultyFailsOnlyWhereItIsBad(t *testing.T) {
	src := source.Faulty{Source: counting(64), BadOff: 20, BadLen: 2}
	for _, c := range []struct {
		off  int64
		n    int
		fail bool
	}{
		{0, 20, false}, {0, 21, true}, {19, 1, false}, {20, 1, true}, {21, 1, true}, {22, 42, false}, {0, 64, true},
	} {
		buf := filled(c.n)
		n, err := src.ReadAt(buf, c.off)
		if c.fail != (err == source.ErrFaulty) {
			t.Errorf("read of %d at %d: %v, fail should be %v", c.n, c.off, err, c.fail)
		}
		if !c.fail && (n != c.n || buf[0] != byte(c.off+1)) {
			t.Errorf("read of %d at %d: %d bytes, %x", c.n, c.off, n, buf)
		}
	}
}

func TestBytesReadsLikeBytesReader(t *testing.T) {
	src, model := counting(10), bytes.NewReader(counting(10))
	for off := int64(0); off < 13; off++ {
		for n := range 13 {
			got, want := filled(n), filled(n)
			gn, gerr := src.ReadAt(got, off)
			wn, werr := model.ReadAt(want, off)
			if gn != wn || gerr != werr || !bytes.Equal(got, want) {
				t.Errorf("%d bytes at %d: %d %v, bytes.Reader gives %d %v", n, off, gn, gerr, wn, werr)
			}
		}
	}
	if n, err := src.ReadAt(make([]byte, 1), -1); n != 0 || err == nil {
		t.Errorf("negative offset: %d, %v", n, err)
	}
}

// ordered notes the offsets that are read.
type ordered struct {
	source.Source
	offs *[]int64
}

func (o ordered) ReadAt(p []byte, off int64) (int, error) {
	*o.offs = append(*o.offs, off)
	return o.Source.ReadAt(p, off)
}

func TestReadBatchReadsInFileOrder(t *testing.T) {
	var offs []int64
	reqs := []source.Request{{Off: 30, Buf: filled(2)}, {Off: 4, Buf: filled(2)}, {Off: 62, Buf: filled(4)}, {Off: 5, Buf: filled(1)}}
	given := slices.Clone(reqs)
	if err := source.ReadBatch(context.Background(), ordered{counting(64), &offs}, reqs); err != nil {
		t.Fatal(err)
	}
	if want := []int64{4, 5, 30, 62}; !slices.Equal(offs, want) {
		t.Errorf("read in the order %v, want %v", offs, want)
	}
	for i, want := range [][]byte{{31, 32}, {5, 6}, {63, 64, 0, 0}, {6}} {
		if reqs[i].Off != given[i].Off || !bytes.Equal(reqs[i].Buf, want) {
			t.Errorf("request %d at %d holds %x, want %x", i, reqs[i].Off, reqs[i].Buf, want)
		}
	}
}

// batcher serves batches itself.
type batcher struct {
	source.Bytes
	batches int
}

func (b *batcher) ReadBatch(_ context.Context, reqs []source.Request) error {
	b.batches++
	for _, r := range reqs {
		if err := source.ReadFull(b.Bytes, r.Buf, r.Off); err != nil {
			return err
		}
	}
	return nil
}

func TestReadBatchLeavesBatchesToABatcher(t *testing.T) {
	b := &batcher{Bytes: counting(64)}
	reqs := []source.Request{{Off: 3, Buf: filled(1)}, {Off: 1, Buf: filled(1)}}
	if err := source.ReadBatch(context.Background(), b, reqs); err != nil || b.batches != 1 {
		t.Errorf("%d batches, %v", b.batches, err)
	}
	if reqs[0].Buf[0] != 4 || reqs[1].Buf[0] != 2 {
		t.Errorf("read %x and %x", reqs[0].Buf, reqs[1].Buf)
	}
}

func TestReadBatchStopsAtAnError(t *testing.T) {
	var offs []int64
	src := ordered{source.Faulty{Source: counting(64), BadOff: 10, BadLen: 1}, &offs}
	reqs := []source.Request{{Off: 0, Buf: filled(1)}, {Off: 10, Buf: filled(1)}, {Off: 20, Buf: filled(1)}}
	err := source.ReadBatch(context.Background(), src, reqs)
	var re *source.ReadError
	if !errors.As(err, &re) || re.Off != 10 {
		t.Errorf("%v, want a ReadError at 10", err)
	}
	if !slices.Equal(offs, []int64{0, 10}) {
		t.Errorf("read %v after the error", offs)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := source.ReadBatch(ctx, src, reqs); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if len(offs) != 2 {
		t.Error("a cancelled batch was read")
	}
}
