package image

import "encoding/binary"

// inflater decodes raw deflate (RFC 1951) from one buffer into another. QEMU hands a whole
// stream and a whole cluster to zlib in one call; this does the same, so that there is no
// window to keep, and it accepts and rejects what zlib then does. It is about twice as fast
// as the standard library's reader. The zero value is ready; it holds its code tables.
type inflater struct {
	litlen      [litlenEnough]uint32
	dist        [distEnough]uint32
	lens        [maxLitlen + maxDist]uint8
	fixedLoaded bool // the tables are those of the fixed codes
}

// bitReader takes bits from the low end on. buf holds n of them.
type bitReader struct {
	in  []byte
	pos int
	buf uint64
	n   uint
}

func (b *bitReader) fill() {
	for b.n <= 56 && b.pos < len(b.in) {
		b.buf |= uint64(b.in[b.pos]) << b.n
		b.pos++
		b.n += 8
	}
}

// take is the next n bits, at most 32; false when the input has fewer.
func (b *bitReader) take(n uint) (v uint32, ok bool) {
	if b.n < n {
		if b.fill(); b.n < n {
			return 0, false
		}
	}
	v = uint32(b.buf & (1<<n - 1))
	b.buf >>= n
	b.n -= n
	return v, true
}

// used is how many bytes were taken, a byte of which some bits were taken counts.
func (b *bitReader) used() int { return b.pos - int(b.n/8) }

// unread gives whole bytes back to the input.
func (b *bitReader) unread() {
	b.pos, b.n = b.used(), b.n&7
	b.buf &= 1<<b.n - 1
}

// ending is why a block of a stream was left.
type ending uint8

const (
	endOfBlock ending = iota
	endOfRoom         // the output is full and the stream goes on
	endOfInput
	endBroken
)

// decode fills dst. A stream that goes on, or is cut off, when dst is full is accepted;
// broken bits before the next byte of output are not. used is how much of src it took.
func (f *inflater) decode(dst, src []byte) (used int, err error) {
	b := bitReader{in: src}
	for out, last := 0, false; ; {
		end := endOfInput
		if head, ok := b.take(3); ok {
			last = head&1 != 0
			out, end = f.block(&b, head>>1, dst, out)
		}
		switch {
		case end == endBroken:
			return 0, ErrStreamBroken
		case end == endOfBlock && !last:
			continue
		case out == len(dst):
			return b.used(), nil
		case end == endOfInput:
			return 0, ErrStreamCut
		}
		return 0, ErrStreamShort
	}
}

// The types of a block.
const (
	blockStored = iota
	blockFixed
	blockDynamic
)

func (f *inflater) block(b *bitReader, kind uint32, dst []byte, out int) (int, ending) {
	switch kind {
	case blockStored:
		return storedBlock(b, dst, out)
	case blockFixed:
		f.loadFixed()
	case blockDynamic:
		if end := f.loadDynamic(b); end != endOfBlock {
			return out, end
		}
	default:
		return out, endBroken
	}
	return f.run(b, dst, out)
}

func storedBlock(b *bitReader, dst []byte, out int) (int, ending) {
	b.take(b.n & 7)
	size, ok := b.take(32)
	if !ok {
		return out, endOfInput
	}
	if uint16(size) != ^uint16(size>>16) {
		return out, endBroken
	}
	b.unread()
	n := int(uint16(size))
	copied := copy(dst[out:], b.in[b.pos:min(len(b.in), b.pos+n)])
	b.pos += copied
	out += copied
	switch {
	case copied == n:
		return out, endOfBlock
	case out == len(dst):
		return out, endOfRoom
	}
	return out, endOfInput
}

// What the fast loop needs ahead: two fills of the bits; two literals and the longest match,
// with what copying by words may write past its end.
const (
	fastInput  = 16
	fastOutput = 2 + maxMatch + 8
	maxMatch   = 258
)

// run decodes literals and matches until the block ends.
func (f *inflater) run(b *bitReader, dst []byte, out int) (int, ending) {
	if len(b.in)-b.pos >= fastInput && len(dst)-out >= fastOutput {
		var end ending
		if out, end = f.runFast(b, dst, out); end != endOfRoom {
			return out, end
		}
	}
	return f.runSlowly(b, dst, out)
}

// runFast decodes while there is enough of input and output ahead that neither needs to be
// looked at for each symbol; then it leaves with endOfRoom. A fill gives at least 56 bits:
// three literals, or a literal and a match, which takes at most 48.
func (f *inflater) runFast(b *bitReader, dst []byte, out int) (int, ending) {
	in, pos, buf, n := b.in, b.pos, b.buf, b.n
	for pos <= len(in)-fastInput && out <= len(dst)-fastOutput {
		buf |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
		pos += int((63 - n) >> 3)
		n |= 56
		e := f.litlen[buf&(1<<litlenBits-1)]
		if e&kindMask == kindLiteral {
			dst[out] = byte(e >> 16)
			out++
			buf, n = buf>>(e&15), n-uint(e&15)
			if e = f.litlen[buf&(1<<litlenBits-1)]; e&kindMask == kindLiteral {
				dst[out] = byte(e >> 16)
				out++
				buf, n = buf>>(e&15), n-uint(e&15)
				if e = f.litlen[buf&(1<<litlenBits-1)]; e&kindMask == kindLiteral {
					dst[out] = byte(e >> 16)
					out++
					buf, n = buf>>(e&15), n-uint(e&15)
					continue
				}
			}
			buf |= binary.LittleEndian.Uint64(in[pos:]) << (n & 63)
			pos += int((63 - n) >> 3)
			n |= 56
		}
		if e&kindMask == kindLink {
			buf, n = buf>>litlenBits, n-litlenBits
			e = f.litlen[(e>>16)+uint32(buf&(1<<(e>>4&15)-1))]
		}
		buf, n = buf>>(e&15), n-uint(e&15)
		if e&kindMask == kindLiteral {
			dst[out] = byte(e >> 16)
			out++
			continue
		}
		if e&kindMask != kindMatch {
			*b = bitReader{in, pos, buf & (1<<n - 1), n}
			if e&kindMask == kindEnd {
				return out, endOfBlock
			}
			return out, endBroken
		}
		length := int(e>>16) + int(buf&(1<<(e>>4&15)-1))
		buf, n = buf>>(e>>4&15), n-uint(e>>4&15)
		d := f.dist[buf&(1<<distBits-1)]
		if d&kindMask == kindLink {
			buf, n = buf>>distBits, n-distBits
			d = f.dist[(d>>16)+uint32(buf&(1<<(d>>4&15)-1))]
		}
		buf, n = buf>>(d&15), n-uint(d&15)
		distance := int(d>>16) + int(buf&(1<<(d>>4&15)-1))
		buf, n = buf>>(d>>4&15), n-uint(d>>4&15)
		if d&kindMask != kindMatch || distance > out {
			return out, endBroken
		}
		copyMatch(dst[out-distance:out+length+8], distance, length)
		out += length
	}
	*b = bitReader{in, pos, buf & (1<<n - 1), n}
	b.unread()
	return out, endOfRoom
}

// copyMatch copies length bytes from the start of p to distance, in words: it may write 8
// bytes more. Bytes that repeat with a period repeat with its multiples, too, so that short
// distances become words after the first one.
func copyMatch(p []byte, distance, length int) {
	to := distance
	if distance < 8 {
		for i := range 8 {
			p[to+i] = p[i]
		}
		distance *= (7 + distance) / distance
		to, length = to+8, length-8
	}
	for end := to + length; to < end; to += 8 {
		binary.LittleEndian.PutUint64(p[to:], binary.LittleEndian.Uint64(p[to-distance:]))
	}
}

// runSlowly decodes where input or output come to their end.
func (f *inflater) runSlowly(b *bitReader, dst []byte, out int) (int, ending) {
	for {
		e, end := nextSymbol(b, f.litlen[:], litlenBits)
		if end != endOfBlock || e&kindMask == kindEnd {
			return out, end
		}
		if e&kindMask == kindLiteral {
			if out == len(dst) {
				return out, endOfRoom
			}
			dst[out] = byte(e >> 16)
			out++
			continue
		}
		length, ok := b.take(uint(e >> 4 & 15))
		if !ok {
			return out, endOfInput
		}
		d, end := nextSymbol(b, f.dist[:], distBits)
		if end != endOfBlock {
			return out, end
		}
		distance, ok := b.take(uint(d >> 4 & 15))
		if !ok {
			return out, endOfInput
		}
		if out, end = copySlowly(dst, out, int(d>>16+distance), int(e>>16+length)); end != endOfBlock {
			return out, end
		}
	}
}

func copySlowly(dst []byte, out, distance, length int) (int, ending) {
	if out == len(dst) {
		return out, endOfRoom
	}
	if distance > out {
		return out, endBroken
	}
	for range length {
		if out == len(dst) {
			return out, endOfRoom
		}
		dst[out] = dst[out-distance]
		out++
	}
	return out, endOfBlock
}

// nextSymbol decodes by a table; the ending is endOfBlock when there is a symbol.
func nextSymbol(b *bitReader, table []uint32, root uint) (uint32, ending) {
	b.fill()
	e, n := table[b.buf&(1<<root-1)], uint(0)
	if e&kindMask == kindLink {
		e, n = table[(e>>16)+uint32(b.buf>>root&(1<<(e>>4&15)-1))], root
	}
	if _, ok := b.take(n + uint(e&15)); !ok {
		return 0, endOfInput
	}
	if e&kindMask == kindBad {
		return 0, endBroken
	}
	return e, endOfBlock
}
