package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	copyBytes = 1 << 20
	holeBytes = 64 << 10 // runs of zeros this long are not written
)

// copySparse copies the image into an empty file. What are holes stay holes; where the
// file system can, both files share their blocks.
func copySparse(ctx context.Context, dst *os.File, src *file, p *progress) error {
	if src.info.Mode().IsRegular() && cloneFile(dst, src.File) == nil {
		return nil
	}
	for off := int64(0); off < src.size; {
		start, end, err := src.nextData(off)
		if err != nil {
			return fmt.Errorf("%s: %w", src.path, err)
		}
		if err := copyRange(ctx, dst, src, start, end, p); err != nil {
			return err
		}
		off = end
	}
	return plainError(dst.Truncate(src.size))
}

func copyRange(ctx context.Context, dst *os.File, src *file, start, end int64, p *progress) error {
	buf := make([]byte, min(copyBytes, end-start))
	for off := start; off < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), end-off)]
		if _, err := io.ReadFull(io.NewSectionReader(src, off, int64(len(b))), b); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
				err = errors.New("it is shorter than it was")
			}
			return fmt.Errorf("%s could not be read at 0x%x: %w", src.path, off, plainError(err))
		}
		if err := writeNonzero(dst, b, off); err != nil {
			return err
		}
		off += int64(len(b))
		p.show("copying", off, src.size)
	}
	return nil
}

var zeros [holeBytes]byte

// writeNonzero leaves out pieces that are all zero: the file is empty there and reads so.
func writeNonzero(dst *os.File, b []byte, off int64) error {
	for len(b) > 0 {
		n, data := 0, 0
		for n < len(b) {
			piece := b[n:min(n+holeBytes, len(b))]
			if bytes.Equal(piece, zeros[:len(piece)]) {
				break
			}
			n += len(piece)
			data = n
		}
		if data > 0 {
			if _, err := dst.WriteAt(b[:data], off); err != nil {
				return plainError(err)
			}
		}
		skip := min(data+holeBytes, len(b)) // the piece that stopped the run is zero
		b, off = b[skip:], off+int64(skip)
	}
	return nil
}
