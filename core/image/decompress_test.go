package image

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"

	"qcowscope/core/qcow2"
)

// decompressorFor decodes clusters of the size, which is a power of 2 from 512 on.
func decompressorFor(t testing.TB, typ uint8, size int) *Decompressor {
	t.Helper()
	h := qcow2.Header{Version: 3, Tail: []byte{typ}}
	for 1<<h.ClusterBits < size {
		h.ClusterBits++
	}
	d, err := NewDecompressor(&h)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// clusterOf is size bytes of one of several kinds: noise, runs, and what lies between.
func clusterOf(noise *rand.Rand, size int) []byte {
	b := make([]byte, size)
	kind := noise.IntN(4)
	for i := 0; i < size; {
		switch {
		case kind == 0:
			b[i] = byte(noise.Uint32())
			i++
		case kind == 1:
			b[i] = byte(noise.IntN(3)) * 17
			i++
		case i < 8 || noise.IntN(4) == 0:
			b[i] = byte(noise.NormFloat64()*10 + 60)
			i++
		default:
			distance, length := 1+noise.IntN(i), 3+noise.IntN(100)
			if kind == 3 {
				distance, length = 1+noise.IntN(min(i, 12)), 3+noise.IntN(400)
			}
			for ; length > 0 && i < size; length-- {
				b[i] = b[i-distance]
				i++
			}
		}
	}
	return b
}

// deflated is a raw deflate stream with blocks of several kinds.
func deflated(t testing.TB, noise *rand.Rand, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, []int{flate.HuffmanOnly, flate.NoCompression, flate.BestSpeed, 6, flate.BestCompression}[noise.IntN(5)])
	if err != nil {
		t.Fatal(err)
	}
	for rest := b; len(rest) > 0; {
		n := 1 + noise.IntN(len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		if rest = rest[n:]; noise.IntN(2) == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstded(t testing.TB, b []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append(opts, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.EncodeAll(b, nil)
}

// TestStreamsDecode: the bytes come back, and it is known where the stream ends, whatever
// follows it; cut anywhere it does not decode.
func TestStreamsDecode(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		size := 512 << noise.IntN(8)
		want, got := clusterOf(noise, size), make([]byte, size)
		for typ, stream := range [][]byte{deflated(t, noise, want), zstded(t, want, zstd.WithEncoderCRC(round%2 == 0))} {
			d := decompressorFor(t, uint8(typ), size)
			tail := make([]byte, noise.IntN(600))
			for i := range tail {
				tail[i] = byte(noise.Uint32())
			}
			used, err := d.Decode(got, append(bytes.Clone(stream), tail...))
			if err != nil || used != len(stream) || !bytes.Equal(got, want) {
				t.Fatalf("type %d, %d bytes: used %d of %d, %v, same %v", typ, size, used, len(stream), err, bytes.Equal(got, want))
			}
			for range 20 {
				cut := noise.IntN(len(stream))
				used, err := d.Decode(got, stream[:cut])
				// Deflate may have given all its bytes before its end.
				if err == nil && (typ == qcow2.CompressionZstd || used > cut || !bytes.Equal(got, want)) {
					t.Fatalf("type %d: cut to %d of %d bytes it decodes", typ, cut, len(stream))
				}
			}
		}
	}
}

// TestDeflateLikeTheStandardLibrary: of streams with flipped bits both make the same bytes,
// or nothing.
func TestDeflateLikeTheStandardLibrary(t *testing.T) {
	noise := rand.New(rand.NewPCG(3, 4))
	accepted, rejected := 0, 0
	for range 4000 {
		size := 512 << noise.IntN(5)
		stream := deflated(t, noise, clusterOf(noise, size))
		for range 1 + noise.IntN(3) {
			stream[noise.IntN(min(len(stream), 1+noise.IntN(len(stream))))] ^= 1 << noise.IntN(8)
		}
		got, want := make([]byte, size), make([]byte, size)
		_, err := decompressorFor(t, qcow2.CompressionZlib, size).Decode(got, stream)
		theirs := inflateStandard(want, stream)
		if (err == nil) != (theirs == nil) {
			t.Fatalf("%d bytes, % x: %v, the standard library %v", size, stream, err, theirs)
		}
		if err != nil {
			rejected++
			continue
		}
		if accepted++; !bytes.Equal(got, want) {
			t.Fatalf("%d bytes, % x: other bytes", size, stream)
		}
	}
	if accepted < 500 || rejected < 500 {
		t.Errorf("%d accepted, %d rejected", accepted, rejected)
	}
}

// inflateStandard fills dst by the rule of Decode: what comes after it is only held to be
// no broken bits.
func inflateStandard(dst, stream []byte) error {
	r := flate.NewReader(bytes.NewReader(stream))
	if _, err := io.ReadFull(r, dst); err != nil {
		return err
	}
	var corrupt flate.CorruptInputError
	if _, err := r.Read(make([]byte, 1)); errors.As(err, &corrupt) {
		return err
	}
	return nil
}

func TestStreamErrors(t *testing.T) {
	const size = 64 << 10
	noise := rand.New(rand.NewPCG(5, 6))
	whole, dst := clusterOf(noise, size), make([]byte, size)
	long, short := append(bytes.Clone(whole), 1), whole[:size-1]
	frame := zstded(t, whole, zstd.WithEncoderCRC(true))
	wrongSum := bytes.Clone(frame)
	wrongSum[len(wrongSum)-1] ^= 1
	for _, c := range []struct {
		name   string
		typ    uint8
		stream []byte
		want   error
	}{
		{"zlib", 0, deflated(t, noise, whole), nil},
		{"zlib, too long", 0, deflated(t, noise, long), nil},
		{"zlib, too short", 0, deflated(t, noise, short), ErrStreamShort},
		{"zlib, no bytes", 0, nil, ErrStreamCut},
		{"zlib, zeros", 0, make([]byte, 512), ErrStreamBroken},
		{"zlib, block type 3", 0, []byte{7}, ErrStreamBroken},
		{"zlib, distance before the start", 0, []byte{3, 2, 0, 0, 0, 0, 0, 0}, ErrStreamBroken},
		{"zstd", 1, frame, nil},
		{"zstd, two frames", 1, append(zstded(t, whole[:1000]), zstded(t, whole[1000:])...), nil},
		{"zstd, skippable frame first", 1, append([]byte{0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9}, frame...), nil},
		{"zstd, too long", 1, zstded(t, long), ErrStreamLong},
		{"zstd, too long in two frames", 1, append(zstded(t, whole[:1000]), frame...), ErrStreamLong},
		{"zstd, too short", 1, zstded(t, short), ErrStreamShort},
		{"zstd, wrong checksum", 1, wrongSum, ErrStreamBroken},
		{"zstd, no bytes", 1, nil, ErrStreamShort},
		{"zstd, zeros", 1, make([]byte, 512), ErrStreamBroken},
		{"zstd, cut in the magic", 1, frame[:3], ErrStreamCut},
		{"zstd, skippable frame past the end", 1, []byte{0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff}, ErrStreamCut},
		{"zstd, a window of 3.75 TiB", 1, []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0}, ErrStreamBroken},
		{"zstd, a bomb", 1, bomb(), ErrStreamLong},
	} {
		if _, err := decompressorFor(t, c.typ, size).Decode(dst, c.stream); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want == nil && !bytes.Equal(dst, whole) {
			t.Errorf("%s: other bytes", c.name)
		}
	}
	h := qcow2.Header{Version: 3, ClusterBits: 16, Tail: []byte{2}}
	if _, err := NewDecompressor(&h); !errors.Is(err, ErrCompressionUnknown) {
		t.Errorf("compression type 2: %v", err)
	}
}

// bomb is a frame of 5000 blocks that say a byte 128 Ki times.
func bomb() []byte {
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 0x58}
	for range 5000 {
		frame = append(frame, 1<<1, 0, 0x10, 'x')
	}
	return append(frame, 1, 0, 0)
}

// FuzzDecompress: no stream makes it panic, read past its end or give other bytes than the
// standard library.
func FuzzDecompress(f *testing.F) {
	noise := rand.New(rand.NewPCG(7, 8))
	for range 4 {
		whole := clusterOf(noise, 4096)
		f.Add(uint8(3), deflated(f, noise, whole), false)
		f.Add(uint8(3), zstded(f, whole), true)
	}
	f.Add(uint8(7), bomb(), true)
	f.Fuzz(func(t *testing.T, bits uint8, stream []byte, isZstd bool) {
		size, typ := 512<<(bits%13), uint8(qcow2.CompressionZlib)
		if isZstd {
			typ = qcow2.CompressionZstd
		}
		d := decompressorFor(t, typ, size)
		got := make([]byte, size)
		used, err := d.Decode(got, stream)
		if used < 0 || used > len(stream) {
			t.Fatalf("used %d of %d bytes", used, len(stream))
		}
		if err != nil {
			return
		}
		again := make([]byte, size)
		if n, err := d.Decode(again, stream[:used]); err != nil || n != used || !bytes.Equal(got, again) {
			t.Errorf("the part that was used does not decode to the same: %d, %v", n, err)
		}
		if want := make([]byte, size); !isZstd && (inflateStandard(want, stream) != nil || !bytes.Equal(got, want)) {
			t.Error("the standard library has other bytes")
		}
	})
}
