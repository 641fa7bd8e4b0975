package image

import "math/bits"

// Limits of deflate's codes, and of the tables that decode them: a first level looked up by
// so many bits, and the most entries that it and its second levels can need together.
const (
	maxLitlen    = 288
	maxDist      = 32
	maxCodeBits  = 15
	litlenBits   = 11
	litlenEnough = 2342
	distBits     = 8
	distEnough   = 402
	lengthsBits  = 7 // of the code that codes the lengths of the others
	endSymbol    = 256
)

// An entry of a code table: bits 0 to 3 say how many bits of the input it takes, 4 to 7 how
// many extra bits follow, 8 to 10 its kind; bits 16 to 31 are its value.
const (
	kindLiteral = iota << 8 // the value is the byte
	kindMatch               // the value is the base of a length or distance
	kindEnd
	kindLink // the value is where the second level begins, the extra bits are what it looks at
	kindBad
	kindMask = 7 << 8
)

// The bases and extra bits of lengths (RFC 1951, 3.2.5).
var (
	lengthBase = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59,
		67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
)

func litlenEntry(symbol uint16) uint32 {
	i := int(symbol) - endSymbol - 1
	switch {
	case symbol < endSymbol:
		return uint32(symbol)<<16 | kindLiteral
	case symbol == endSymbol:
		return kindEnd
	case i < len(lengthBase):
		return uint32(lengthBase[i])<<16 | uint32(lengthExtra[i])<<4 | kindMatch
	}
	return kindBad
}

func distEntry(symbol uint16) uint32 {
	s := uint32(symbol)
	switch {
	case s < 2:
		return (s+1)<<16 | kindMatch
	case s < 30:
		extra := s/2 - 1
		return ((2+s&1)<<extra+1)<<16 | extra<<4 | kindMatch
	}
	return kindBad
}

func lengthEntry(symbol uint16) uint32 { return uint32(symbol) << 16 }

// loadFixed makes the tables of the fixed codes.
func (f *inflater) loadFixed() {
	if f.fixedLoaded {
		return
	}
	for i := range f.lens {
		switch {
		case i < 144:
			f.lens[i] = 8
		case i < 256:
			f.lens[i] = 9
		case i < 280:
			f.lens[i] = 7
		case i < maxLitlen:
			f.lens[i] = 8
		default:
			f.lens[i] = 5
		}
	}
	f.fixedLoaded = buildCodes(f.litlen[:], litlenBits, f.lens[:maxLitlen], litlenEntry) &&
		buildCodes(f.dist[:], distBits, f.lens[maxLitlen:], distEntry)
}

// lengthsOrder is the order in which a block has the lengths of the code of lengths.
var lengthsOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// loadDynamic makes the tables of the codes that the block brings.
func (f *inflater) loadDynamic(b *bitReader) ending {
	f.fixedLoaded = false
	head, ok := b.take(14)
	if !ok {
		return endOfInput
	}
	litlens, dists, lengths := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if litlens > 286 || dists > 30 {
		return endBroken
	}
	var lens [len(lengthsOrder)]uint8
	for _, i := range lengthsOrder[:lengths] {
		v, ok := b.take(3)
		if !ok {
			return endOfInput
		}
		lens[i] = uint8(v)
	}
	var table [1 << lengthsBits]uint32
	if !buildCodes(table[:], lengthsBits, lens[:], lengthEntry) || table[0]&kindMask == kindBad || table[1<<lengthsBits-1]&kindMask == kindBad {
		return endBroken // of all codes, this one must be whole
	}
	if end := f.readLengths(b, table[:], litlens+dists); end != endOfBlock {
		return end
	}
	if f.lens[endSymbol] == 0 || !buildCodes(f.litlen[:], litlenBits, f.lens[:litlens], litlenEntry) ||
		!buildCodes(f.dist[:], distBits, f.lens[litlens:litlens+dists], distEntry) {
		return endBroken
	}
	return endOfBlock
}

// readLengths reads n code lengths, which are themselves coded by the table.
func (f *inflater) readLengths(b *bitReader, table []uint32, n int) ending {
	for i := 0; i < n; {
		e, end := nextSymbol(b, table, lengthsBits)
		if end != endOfBlock {
			return end
		}
		symbol := e >> 16
		if symbol < 16 {
			f.lens[i] = uint8(symbol)
			i++
			continue
		}
		run := [...]struct{ extra, base uint32 }{{2, 3}, {3, 3}, {7, 11}}[symbol-16]
		extra, ok := b.take(uint(run.extra))
		if !ok {
			return endOfInput
		}
		times := int(run.base + extra)
		if times > n-i || symbol == 16 && i == 0 {
			return endBroken
		}
		var value uint8
		if symbol == 16 {
			value = f.lens[i-1]
		}
		for range times {
			f.lens[i] = value
			i++
		}
	}
	return endOfBlock
}

// buildCodes makes the table of the canonical code with these lengths, with root bits in
// its first level. It is false for codes that zlib rejects: more than there is space for,
// or fewer, unless it is a single one of one bit, or none at all.
func buildCodes(table []uint32, root uint, lens []uint8, entry func(uint16) uint32) bool {
	var c codeOrder
	if !c.sort(lens) {
		return false
	}
	if !c.complete {
		for i := range 1 << root {
			table[i] = kindBad | 1
		}
	}
	free, prefix := 1<<root, -1
	var second []uint32
	for i, symbol := range c.symbols[:c.n] {
		code, l := c.code(i)
		at := int(bits.Reverse16(code) >> (16 - l))
		if l <= root {
			for k := at; k < 1<<root; k += 1 << l {
				table[k] = entry(symbol) | uint32(l)
			}
			continue
		}
		if p := at & (1<<root - 1); p != prefix {
			prefix = p
			width := c.secondBits(i, root)
			table[p] = uint32(free)<<16 | uint32(width)<<4 | kindLink | uint32(root)
			second = table[free : free+1<<width]
			free += 1 << width
		}
		for k := at >> root; k < len(second); k += 1 << (l - root) {
			second[k] = entry(symbol) | uint32(l-root)
		}
	}
	return true
}

// codeOrder is the symbols of a canonical code in the order of their codes.
type codeOrder struct {
	symbols  [maxLitlen]uint16
	n        int
	complete bool
	ends     [maxCodeBits + 1]int // in symbols, of those of each length
	longest  uint
	// state of code: the length of the last symbol, and the code that follows it
	length uint
	next   uint16
}

// sort is false when there can be no such code.
func (c *codeOrder) sort(lens []uint8) bool {
	var count [maxCodeBits + 1]int
	for _, l := range lens {
		count[l]++
	}
	space := 1
	for l := uint(1); l <= maxCodeBits; l++ {
		if space = space<<1 - count[l]; space < 0 {
			return false
		}
		c.ends[l] = c.ends[l-1] + count[l]
		if count[l] > 0 {
			c.longest = l
		}
	}
	c.complete, c.n = space == 0, c.ends[maxCodeBits]
	if !c.complete && c.longest > 1 {
		return false
	}
	at := c.ends
	for symbol, l := range lens {
		if l != 0 {
			c.symbols[at[l-1]] = uint16(symbol)
			at[l-1]++
		}
	}
	return true
}

// code is the code of symbol i and its length; i must count up from 0.
func (c *codeOrder) code(i int) (uint16, uint) {
	for i >= c.ends[c.length] {
		c.length++
		c.next <<= 1
	}
	c.next++
	return c.next - 1, c.length
}

// secondBits is what the second level looks at that begins with symbol i: codes that follow
// each other share it until it is full.
func (c *codeOrder) secondBits(i int, root uint) uint {
	width := c.length - root
	space := 1 << width
	for l := c.length; ; l++ {
		if space -= c.ends[l] - i; space <= 0 || l == c.longest {
			return width
		}
		i = c.ends[l]
		width++
		space <<= 1
	}
}
