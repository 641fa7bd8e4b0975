package check

import (
	"math/bits"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// tailBytes bounds what is read of bitmaps to look for bits behind the end of the disk.
const tailBytes = 64 << 20

// bitmaps notes what QEMU's check does not say about bitmaps: those that it will not use,
// and bits that stand for nothing.
func (c *checker) bitmaps() error {
	if c.img.BitmapsExt == nil {
		c.unvouched()
		return nil
	}
	at := int64(c.img.BitmapsExt.DirectoryOffset)
	left := int64(tailBytes)
	for i := range c.img.Bitmaps {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		m := &c.img.Bitmaps[i]
		place := Place{Kind: FieldBitmap, Name: string(m.Name), Role: refcount.BitmapData, Root: -1, L1Index: int64(i), L2Index: -1, Off: qcow2.HostOff(at + qcow2.OffBitmapFlags)}
		if m.Flags&qcow2.BitmapInUse != 0 {
			c.add(Finding{Code: BitmapInUse, At: place, Got: uint64(m.Flags), Times: 1})
		} else if c.img.BitmapsErr == nil {
			left -= c.tail(m, place, left)
		}
		at += m.Bytes()
	}
	return nil
}

// unvouched notes a bitmaps extension without the autoclear bit that vouches for it.
func (c *checker) unvouched() {
	e := qcow2.FindExtension(c.img.Extensions, qcow2.ExtBitmaps)
	if e == nil || c.img.Header.AutoclearFeatures&qcow2.AutoclearBitmaps != 0 {
		return
	}
	place := Place{Kind: FieldHeader, Name: "bitmaps extension", Role: refcount.Header, Root: -1, L1Index: -1, L2Index: -1, Off: qcow2.HostOff(e.Off)}
	c.add(Finding{Code: BitmapsUnvouched, At: place, Got: c.img.Header.AutoclearFeatures, Times: 1})
}

// tail counts the bits behind the end of the disk in the bitmap's last cluster. It returns
// how many bytes it read, at most limit.
func (c *checker) tail(m *qcow2.Bitmap, at Place, limit int64) int64 {
	granules := (c.img.VirtualSize() + 1<<m.GranularityBits - 1) >> m.GranularityBits
	cs := c.img.Geo.ClusterSize()
	used := int64(granules % uint64(8*cs)) // bits of the last cluster that stand for something
	var last [8]byte
	if used == 0 || source.ReadFull(c.img.Src, last[:], int64(m.TableOffset)+8*(int64(m.TableSize)-1)) != nil {
		return 0
	}
	data := int64(be64(last[:]) & qcow2.OffsetMask)
	n := cs - used/8
	if data == 0 || n > limit {
		return 0
	}
	buf := make([]byte, n)
	if source.ReadFull(c.img.Src, buf, data+used/8) != nil {
		return n
	}
	buf[0] &^= 1<<(used%8) - 1 // the lowest bits belong to the disk's last granules
	stray := uint64(0)
	for _, b := range buf {
		stray += uint64(bits.OnesCount8(b))
	}
	if stray > 0 {
		at.Off = qcow2.HostOff(data + used/8)
		c.add(Finding{Code: BitmapTailBits, At: at, Count: stray, Times: 1, Host: qcow2.Range[qcow2.HostOff]{Start: at.Off, Len: qcow2.HostOff(n)}})
	}
	return n
}
