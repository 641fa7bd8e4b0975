package testimages

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// sectorSize is the grain of everything a recipe writes.
const sectorSize = 512

// Extent is a run of guest bytes that one verb wrote. Fill 0 reads as zeros; any
// other fill reads as Pattern.
type Extent struct {
	Off, Len int64 // bytes, multiples of 512
	Fill     byte
}

// Guest is what a guest should read from an undamaged image: the extents written,
// over the backing file if there is one, over zeros.
type Guest struct {
	// Size is the virtual size in bytes.
	Size    int64
	extents []Extent // ascending, not overlapping
	base    *Guest
}

// Extents lists what was written to this layer, ascending and not overlapping.
func (g *Guest) Extents() []Extent { return slices.Clone(g.extents) }

// ReadAt reads guest bytes; io.EOF at the virtual size.
func (g *Guest) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= g.Size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), g.Size-off))
	g.read(p[:n], off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// read fills p with what lies at off; also beyond Size, where VM state lives.
func (g *Guest) read(p []byte, off int64) {
	clear(p)
	if g.base != nil && off < g.base.Size {
		g.base.read(p[:min(int64(len(p)), g.base.Size-off)], off)
	}
	end := off + int64(len(p))
	for _, e := range g.extents {
		lo, hi := max(off, e.Off), min(end, e.Off+e.Len)
		if lo < hi {
			Pattern(p[lo-off:hi-off], e.Fill, lo)
		}
	}
}

// put records that [off, off+n) now reads as fill.
func (g *Guest) put(off, n int64, fill byte) {
	g.remove(off, n)
	g.extents = append(g.extents, Extent{off, n, fill})
	slices.SortFunc(g.extents, func(a, b Extent) int { return cmp.Compare(a.Off, b.Off) })
}

// remove makes [off, off+n) unwritten: the backing file or zeros show through.
func (g *Guest) remove(off, n int64) {
	var out []Extent
	for _, e := range g.extents {
		if head := min(e.Off+e.Len, off) - e.Off; head > 0 {
			out = append(out, Extent{e.Off, head, e.Fill})
		}
		if tail := e.Off + e.Len - max(e.Off, off+n); tail > 0 {
			out = append(out, Extent{e.Off + e.Len - tail, tail, e.Fill})
		}
	}
	g.extents = out
}

// clone is a copy whose extents no longer follow the original's.
func (g *Guest) clone() *Guest {
	return &Guest{Size: g.Size, extents: slices.Clone(g.extents), base: g.base}
}

// Pattern fills p with the bytes that fill means at guest offset off: each sector
// begins with its own guest offset in letters, so that a misplaced one shows.
func Pattern(p []byte, fill byte, off int64) {
	if fill == 0 {
		clear(p)
		return
	}
	var sector [sectorSize]byte
	for i := range sector {
		sector[i] = fill
	}
	for len(p) > 0 {
		start := off % sectorSize
		copy(sector[:], fmt.Sprintf("guest 0x%012x, fill 0x%02x\n", off-start, fill))
		n := copy(p, sector[start:])
		p = p[n:]
		off += int64(n)
	}
}
