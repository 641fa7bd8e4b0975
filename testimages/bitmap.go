package testimages

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// bitmap is one persistent dirty bitmap and where its parts lie.
type bitmap struct {
	name            string
	granularityBits int
	flags           uint32
	table           hostOff
	tableLen        int64   // entries
	entry           hostOff // in the directory
}

const (
	bitmapInUse = 1 << 0
	bitmapAuto  = 1 << 1
)

// bitmapDirRoom is how many bytes are set aside for the directory: it is placed
// with the first bitmap and grows in place.
const bitmapDirRoom = 512

var bitmapVerb = verb{
	keys: map[string]kind{"name": text, "granularity": num, "dirty": num, "dirty_len": num,
		"ones": flag, "in_use": flag, "auto": flag},
	required: []string{"name", "granularity"},
	run:      (*builder).runBitmap,
}

func (b *builder) runBitmap(a args) error {
	if b.opt.version == 2 {
		return fmt.Errorf("version 2 has no persistent bitmaps")
	}
	granularity, err := a.num(b, "granularity", 0)
	if err != nil {
		return err
	}
	if granularity < 512 || granularity > 1<<31 || bits.OnesCount64(uint64(granularity)) != 1 {
		return fmt.Errorf("granularity must be a power of two from 512 to 2G")
	}
	if b.bitmapDir == 0 {
		c, err := b.alloc(b.clustersFor(bitmapDirRoom))
		if err != nil {
			return err
		}
		b.bitmapDir = b.host(c)
	}
	m := bitmap{name: a.texts["name"], granularityBits: bits.TrailingZeros64(uint64(granularity))}
	if a.flags["in_use"] {
		m.flags |= bitmapInUse
	}
	if a.flags["auto"] {
		m.flags |= bitmapAuto
	}
	if err := b.layBitmapTable(&m, a.flags["ones"]); err != nil {
		return err
	}
	if err := b.markDirty(&m, a); err != nil {
		return err
	}
	b.bitmaps = append(b.bitmaps, m)
	return b.writeBitmapDirectory()
}

// layBitmapTable allocates the table; each entry covers one cluster of bits and
// says "all zeros", or "all ones" when asked.
func (b *builder) layBitmapTable(m *bitmap, ones bool) error {
	granules := (b.opt.size + 1<<m.granularityBits - 1) >> m.granularityBits
	m.tableLen = b.clustersFor((granules + 7) / 8)
	c, err := b.alloc(b.clustersFor(m.tableLen * 8))
	if err != nil {
		return err
	}
	m.table = b.host(c)
	for i := range m.tableLen {
		if ones {
			b.putWord(m.table+hostOff(8*i), 1)
		}
	}
	return nil
}

// markDirty sets the bits of the dirty range, in data clusters made for them.
func (b *builder) markDirty(m *bitmap, a args) error {
	dirty, err := a.num(b, "dirty", 0)
	if err != nil {
		return err
	}
	n, err := a.num(b, "dirty_len", 0)
	if err != nil || n == 0 {
		return err
	}
	if dirty > b.opt.size || n > b.opt.size-dirty {
		return fmt.Errorf("dirty range %#x+%#x is not on the disk", dirty, n)
	}
	for bit := dirty >> m.granularityBits; bit <= (dirty+n-1)>>m.granularityBits; bit++ {
		at := m.table + hostOff(bit/8/b.cs*8)
		if b.word(at) < sectorSize {
			c, err := b.alloc(1)
			if err != nil {
				return err
			}
			b.putWord(at, uint64(b.host(c)))
		}
		b.file[int64(b.word(at))+bit/8%b.cs] |= 1 << (bit % 8)
	}
	return nil
}

// appendTo adds the bitmap's directory entry to dir.
func (m *bitmap) appendTo(dir []byte) []byte {
	be := binary.BigEndian
	dir = be.AppendUint64(dir, uint64(m.table))
	dir = be.AppendUint32(dir, uint32(m.tableLen))
	dir = be.AppendUint32(dir, m.flags)
	dir = append(dir, 1, byte(m.granularityBits)) // type: dirty tracking
	dir = be.AppendUint16(dir, uint16(len(m.name)))
	dir = be.AppendUint32(dir, 0) // extra data
	dir = append(dir, m.name...)
	return append(dir, make([]byte, -len(dir)&7)...)
}

func (b *builder) bitmapDirLen() int64 {
	var dir []byte
	for i := range b.bitmaps {
		dir = b.bitmaps[i].appendTo(dir)
	}
	return int64(len(dir))
}

func (b *builder) writeBitmapDirectory() error {
	var dir []byte
	for i := range b.bitmaps {
		b.bitmaps[i].entry = b.bitmapDir + hostOff(len(dir))
		dir = b.bitmaps[i].appendTo(dir)
	}
	if int64(len(dir)) > b.clustersFor(bitmapDirRoom)*b.cs {
		return fmt.Errorf("the bitmap directory is full")
	}
	copy(b.file[b.bitmapDir:], dir)
	return nil
}
