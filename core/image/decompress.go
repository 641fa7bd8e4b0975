package image

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"qcowscope/core/qcow2"
)

// Why a compressed cluster cannot be decoded.
var (
	ErrStreamBroken       = errors.New("image: the compressed stream is damaged")
	ErrStreamCut          = errors.New("image: the compressed stream goes on past its sectors")
	ErrStreamShort        = errors.New("image: the compressed stream ends before the cluster is full")
	ErrStreamLong         = errors.New("image: the compressed stream holds more than a cluster")
	ErrCompressionUnknown = errors.New("image: the compression type is not known")
)

// Decompressor decodes compressed clusters, one at a time. It holds a few hundred KiB and
// never more than a cluster and a zstd block of output, whatever the stream says.
type Decompressor struct {
	cluster int64
	zlib    *inflater
	zstd    *zstd.Decoder
	scratch []byte // room for a cluster and what its last zstd block may have too much
}

// The largest block of a zstd frame, with the room that its decoder likes to have behind
// it, and the largest window that QEMU's library takes. None is kept here: the output is it.
const (
	zstdBlock     = 128<<10 + 64
	zstdMaxWindow = 1<<27 + 1
)

// NewDecompressor decodes what the header says that streams are. The error is
// ErrCompressionUnknown.
func NewDecompressor(h *qcow2.Header) (*Decompressor, error) {
	d := &Decompressor{cluster: h.Geometry().ClusterSize()}
	switch h.CompressionType() {
	case qcow2.CompressionZlib:
		d.zlib = &inflater{}
	case qcow2.CompressionZstd:
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdMaxWindow),
			zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, fmt.Errorf("image: zstd: %w", err)
		}
		d.zstd, d.scratch = z, make([]byte, 0, d.cluster+zstdBlock)
	default:
		return nil, ErrCompressionUnknown
	}
	return d, nil
}

// Decode fills dst, which must be a cluster, from the stream at the start of src, and tells
// how much of src belongs to it. It takes what QEMU takes: zlib's raw deflate may go on
// after the cluster is full, zstd's frames must end there. The error is one of the above.
func (d *Decompressor) Decode(dst, src []byte) (used int, err error) {
	if d.zlib != nil {
		return d.zlib.decode(dst, src)
	}
	return d.frames(dst, src)
}

// frames decodes one zstd frame after the other until dst is full. What follows in src is
// the next cluster's.
func (d *Decompressor) frames(dst, src []byte) (used int, err error) {
	for out := 0; out < len(dst); {
		n, skippable, err := zstdFrame(src[used:])
		if err != nil {
			return 0, err
		}
		frame := src[used : used+n]
		if used += n; skippable {
			continue
		}
		b, err := d.zstd.DecodeAll(frame, d.scratch)
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return 0, ErrStreamLong
		case err != nil:
			return 0, fmt.Errorf("%w: %w", ErrStreamBroken, err)
		case len(b) > len(dst)-out:
			return 0, ErrStreamLong
		}
		out += copy(dst[out:], b)
	}
	return used, nil
}

// Parts of a zstd frame (RFC 8878, 3.1).
const (
	zstdMagic         = 0xfd2fb528
	zstdSkippable     = 0x184d2a50
	zstdSkippableMask = 0xfffffff0
	zstdReserved      = 1 << 3 // of the frame header's descriptor
	zstdChecksum      = 1 << 2
	zstdSingleSegment = 1 << 5
	zstdBlockRLE      = 1
	zstdBlockReserved = 3
)

// zstdFrame is how long the frame at the start of b is. The decoder does not say where a
// frame ended, but the lengths of its blocks do.
func zstdFrame(b []byte) (n int, skippable bool, err error) {
	if len(b) == 0 {
		return 0, false, ErrStreamShort
	}
	if len(b) < 8 {
		return 0, false, ErrStreamCut
	}
	le := binary.LittleEndian
	if magic := le.Uint32(b); magic&zstdSkippableMask == zstdSkippable {
		size := int64(le.Uint32(b[4:])) + 8
		if size > int64(len(b)) {
			return 0, true, ErrStreamCut
		}
		return int(size), true, nil
	} else if magic != zstdMagic {
		return 0, false, fmt.Errorf("%w: no zstd frame begins here", ErrStreamBroken)
	}
	descriptor := b[4]
	if descriptor&zstdReserved != 0 {
		return 0, false, fmt.Errorf("%w: the zstd frame has a reserved bit set", ErrStreamBroken)
	}
	n = 5 + zstdHeaderFields(descriptor)
	for last := false; !last; {
		if n+3 > len(b) {
			return 0, false, ErrStreamCut
		}
		block := uint32(b[n]) | uint32(b[n+1])<<8 | uint32(b[n+2])<<16
		n += 3
		last = block&1 != 0
		switch size := int(block >> 3); block >> 1 & 3 {
		case zstdBlockReserved:
			return 0, false, fmt.Errorf("%w: the zstd frame has a block of an unknown kind", ErrStreamBroken)
		case zstdBlockRLE:
			n++
		default:
			n += size
		}
	}
	if descriptor&zstdChecksum != 0 {
		n += 4
	}
	if n > len(b) {
		return 0, false, ErrStreamCut
	}
	return n, false, nil
}

// zstdHeaderFields is how many bytes of window, dictionary and content size follow the
// descriptor.
func zstdHeaderFields(descriptor byte) int {
	window, content := 1, 0
	if size := descriptor >> 6; size > 0 {
		content = 1 << size
	}
	if descriptor&zstdSingleSegment != 0 {
		window, content = 0, max(1, content)
	}
	return window + [...]int{0, 1, 2, 4}[descriptor&3] + content
}
