package anatomy

import (
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/qcow2"
)

// shape is how the bits of a field are divided.
type shape uint8

const (
	blob shape = iota // no number
	plain
	number // better read in decimal
	incompatible
	compatible
	autoclear
	l1Shape
	l2Standard
	l2Extended
	l2Compressed
	subclusterBits
	reftableShape
	refcounts
	bitmapFlags
	bitmapTableShape
)

// Part is some bits of a field and what they say.
type Part struct {
	High, Low uint8 // the first and last bit, 0 is the lowest
	Name      string
	Value     uint64
	Wrong     bool // must be zero and is not
}

// number64 is a big-endian number of at most 8 bytes.
func number64(b []byte) uint64 {
	v := uint64(0)
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v
}

// valueText is a number as people know it: counts in decimal, offsets and bits in hex.
func valueText(s shape, v uint64) string {
	if s == number {
		return strconv.FormatUint(v, 10)
	}
	return hexText(v)
}

// partList cuts a number into named runs of bits, given from the highest down.
type partList struct {
	raw   uint64
	parts []Part
}

func (p *partList) add(high, low uint8, name string) {
	p.parts = append(p.parts, Part{high, low, name, p.raw << (63 - high) >> (63 - high + low), false})
}

func (p *partList) reserved(high, low uint8) {
	p.add(high, low, "reserved")
	p.parts[len(p.parts)-1].Wrong = p.parts[len(p.parts)-1].Value != 0
}

// Parts are the bits of the field from the highest down, none when they mean nothing one by
// one.
func (a *Anatomy) Parts(f *Field) []Part {
	p := &partList{raw: f.raw}
	switch f.shape {
	case incompatible:
		p.features("dirty", "corrupt", "external data file", "compression type", "extended L2 entries")
	case compatible:
		p.features("lazy refcounts")
	case autoclear:
		p.features("bitmaps", "raw external data")
	case l1Shape:
		p.entry("COPIED", "L2 table offset")
		p.reserved(8, 0)
	case l2Standard, l2Extended:
		p.l2(a.geo, f.shape)
	case l2Compressed:
		p.compressed(a.geo)
	case subclusterBits:
		p.add(63, 32, "reads as zeros, a bit a subcluster")
		p.add(31, 0, "allocated, a bit a subcluster")
	case reftableShape:
		p.add(63, 9, "refcount block offset")
		p.reserved(8, 0)
	case refcounts:
		p.narrow(a.geo.RefcountBits(), f.first)
	case bitmapFlags:
		p.reserved(31, 3)
		p.add(2, 2, "extra_data_compatible")
		p.add(1, 1, "auto")
		p.add(0, 0, "in_use")
	case bitmapTableShape:
		p.reserved(63, 56)
		p.add(55, 9, "bitmap data offset")
		p.reserved(8, 1)
		p.add(0, 0, "all ones")
	}
	for i := range p.parts {
		if part := &p.parts[i]; part.Low == 9 {
			part.Value <<= part.Low // an offset is the bits where they stand
		}
	}
	return p.parts
}

func (p *partList) features(names ...string) {
	p.add(63, uint8(len(names)), "unknown to this program")
	if top := &p.parts[0]; top.Value != 0 {
		top.Name = "unknown to this program: " + bitNumbers(top.Value<<top.Low)
	}
	for i := len(names) - 1; i >= 0; i-- {
		p.add(uint8(i), uint8(i), names[i])
	}
}

// entry is what L1 and L2 entries begin with.
func (p *partList) entry(flag, offset string) {
	p.add(63, 63, flag)
	p.reserved(62, 56)
	p.add(55, 9, offset)
}

func (p *partList) l2(g qcow2.Geometry, s shape) {
	p.add(63, 63, "COPIED")
	p.add(62, 62, "compressed")
	p.reserved(61, 56)
	p.add(55, 9, "host cluster offset")
	p.reserved(8, 1)
	p.add(0, 0, "reads as zeros")
	if last := &p.parts[len(p.parts)-1]; s == l2Extended || g.Version < 3 {
		last.Name, last.Wrong = "reserved", last.Value != 0
	}
}

func (p *partList) compressed(g qcow2.Geometry) {
	x := uint8(62 - (g.ClusterBits - 8))
	p.add(63, 63, "COPIED, never set for compressed clusters")
	p.parts[0].Wrong = p.parts[0].Value != 0
	p.add(62, 62, "compressed")
	p.add(61, x, "further sectors of 512 bytes")
	p.add(x-1, 0, "host offset, any byte")
}

// narrow is the refcounts that share a byte, the highest first.
func (p *partList) narrow(width uint, first int64) {
	if width >= 8 {
		return
	}
	for i := int(8/width) - 1; i >= 0; i-- {
		low := uint8(uint(i) * width)
		p.add(low+uint8(width)-1, low, fmt.Sprintf("refcount[%d]", first+int64(i)))
	}
}

// bitNumbers lists the bits that are set: "bit 5", "bits 5, 9 to 12".
func bitNumbers(v uint64) string {
	var runs []string
	n := 0
	for i := 0; i < 64; i++ {
		if v>>i&1 == 0 {
			continue
		}
		first := i
		for i < 63 && v>>(i+1)&1 != 0 {
			i++
		}
		n += i - first + 1
		runs = append(runs, runText(first, i))
	}
	if n == 1 {
		return "bit " + runs[0]
	}
	return "bits " + strings.Join(runs, ", ")
}

func runText(first, last int) string {
	switch last {
	case first:
		return strconv.Itoa(first)
	case first + 1:
		return fmt.Sprintf("%d, %d", first, last)
	}
	return fmt.Sprintf("%d to %d", first, last)
}
