package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// inflater decodes raw deflate (RFC 1951) streams, one after the other.
type inflater struct {
	in     bytes.Reader // a ByteReader: no more of it is taken than the stream needs
	stream io.ReadCloser
}

// decode fills dst from the stream at the start of src and tells how much of src it took.
// As for QEMU, the stream may go on or be cut off when dst is full, but what comes before
// its next byte of output may not be broken.
func (f *inflater) decode(dst, src []byte) (used int, err error) {
	f.in.Reset(src)
	if f.stream == nil {
		f.stream = flate.NewReader(&f.in)
	} else if err := f.stream.(flate.Resetter).Reset(&f.in, nil); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrStreamBroken, err)
	}
	for n := 0; n < len(dst); {
		m, err := f.stream.Read(dst[n:])
		n += m
		switch {
		case n == len(dst) || err == nil:
		case errors.Is(err, io.ErrUnexpectedEOF):
			return 0, ErrStreamCut
		case errors.Is(err, io.EOF):
			return 0, ErrStreamShort
		default:
			return 0, fmt.Errorf("%w: %w", ErrStreamBroken, err)
		}
	}
	var corrupt flate.CorruptInputError
	if _, err := f.stream.Read(make([]byte, 1)); errors.As(err, &corrupt) {
		return 0, fmt.Errorf("%w: %w", ErrStreamBroken, err)
	}
	return len(src) - f.in.Len(), nil
}
