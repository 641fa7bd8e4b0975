//go:build !js

package differential

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"qcowscope/core/qcow2"
)

// kind is how a field is made wrong.
type kind string

const (
	bitFlip      kind = "bit flip"
	random       kind = "random value"
	plus512      kind = "plus 512"
	minus512     kind = "minus 512"
	plusCluster  kind = "plus a cluster"
	minusCluster kind = "minus a cluster"
	plusOne      kind = "plus 1"
	minusOne     kind = "minus 1"
	zero         kind = "zero"
	ones         kind = "all ones"
	crossLink    kind = "another structure's offset"
	nearEOF      kind = "just past the end"
	farEOF       kind = "far past the end"
	flagSet      kind = "flag set"
	flagClear    kind = "flag cleared"
	tableZero    kind = "table zeroed"
	tableRandom  kind = "table random"
	tableCopy    kind = "table overwritten by another"
	truncated    kind = "file truncated"
	extended     kind = "file extended"
)

// kindsOf says what can happen to a field of each sort.
var kindsOf = map[sort][]kind{
	entry:    {bitFlip, random, plus512, minus512, plusCluster, minusCluster, zero, crossLink, crossLink, nearEOF, farEOF, flagSet, flagClear},
	offset:   {bitFlip, random, plus512, minus512, plusCluster, minusCluster, zero, crossLink, nearEOF, farEOF},
	count:    {bitFlip, random, zero, plusOne, minusOne, ones},
	flags:    {bitFlip, random, zero, flagSet, flagClear},
	refcount: {bitFlip, random, zero, plusOne, minusOne, ones},
	text:     {bitFlip, random, zero},
}

// mutation is one damage: bytes that are overwritten, and perhaps another file size.
type mutation struct {
	class string
	kind  kind
	off   int64
	bytes []byte
	size  int64 // of the file, -1 if it stays
}

func (m mutation) String() string {
	if m.size >= 0 {
		return fmt.Sprintf("%s: %s to %d bytes", m.class, m.kind, m.size)
	}
	if len(m.bytes) > 16 {
		return fmt.Sprintf("%s: %s, %d bytes at 0x%x", m.class, m.kind, len(m.bytes), m.off)
	}
	return fmt.Sprintf("%s: %s, 0x%x = %x", m.class, m.kind, m.off, m.bytes)
}

// damage applies the mutations to a copy of the image.
func damage(image []byte, ms []mutation) []byte {
	image = slices.Clone(image)
	for _, m := range ms {
		if m.off < int64(len(image)) {
			copy(image[m.off:], m.bytes)
		}
		if m.size >= 0 {
			if grown := m.size - int64(len(image)); grown > 0 {
				image = append(image, make([]byte, grown)...)
			}
			image = image[:m.size]
		}
	}
	return image
}

// weights say how often each group of fields is drawn, when a base has it.
var weights = []struct {
	group  string
	weight int
}{
	{"header", 14}, {"extension", 5}, {"reftable", 8}, {"refblock", 12}, {"l1", 11}, {"l2", 20}, {"snapshot", 14},
	{"snapshot_l1", 6}, {"snapshot_l2", 8}, {"bitmap", 40}, {"luks", 40}, {"table", 8}, {"file", 5},
}

// mutator draws mutations of one base.
type mutator struct {
	b     *Base
	noise *rand.Rand
	g     qcow2.Geometry
}

// draw makes one to three mutations.
func (b *Base) draw(noise *rand.Rand) []mutation {
	m := mutator{b: b, noise: noise, g: b.geo}
	ms := make([]mutation, []int{1, 1, 1, 2, 2, 3}[noise.IntN(6)])
	for i := range ms {
		ms[i] = m.one()
	}
	return ms
}

func (m *mutator) one() mutation {
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	for {
		n := m.noise.IntN(total)
		for _, w := range weights {
			if n -= w.weight; n >= 0 {
				continue
			}
			switch fields := m.b.fields[w.group]; {
			case w.group == "table":
				return m.table()
			case w.group == "file":
				return m.file()
			case len(fields) > 0:
				return m.field(m.pick(fields))
			}
			break
		}
	}
}

// pick draws a class first, since a few classes have most of the fields.
func (m *mutator) pick(fields []field) field {
	var classes []string
	for _, f := range fields {
		if !slices.Contains(classes, f.class) {
			classes = append(classes, f.class)
		}
	}
	class := classes[m.noise.IntN(len(classes))]
	for {
		if f := fields[m.noise.IntN(len(fields))]; f.class == class {
			return f
		}
	}
}

func (m *mutator) field(f field) mutation {
	kinds := kindsOf[f.sort]
	k := kinds[m.noise.IntN(len(kinds))]
	out := mutation{class: f.class, kind: k, off: f.off, size: -1}
	if f.sort == refcount {
		return m.refcount(f, out)
	}
	old := m.b.Image[f.off:][:f.size]
	out.bytes = make([]byte, f.size)
	if f.sort == text {
		copy(out.bytes, old)
		m.text(k, out.bytes)
		return out
	}
	wide := make([]byte, 8)
	copy(wide[8-f.size:], old)
	bits := f.size * 8
	v := m.value(k, f.sort, binary.BigEndian.Uint64(wide), bits)
	binary.BigEndian.PutUint64(wide, v)
	copy(out.bytes, wide[8-f.size:])
	return out
}

func (m *mutator) text(k kind, b []byte) {
	switch k {
	case bitFlip:
		b[m.noise.IntN(len(b))] ^= 1 << m.noise.IntN(8)
	case zero:
		clear(b)
	default:
		for i := range b {
			b[i] = byte(m.noise.Uint32())
		}
	}
}

func (m *mutator) refcount(f field, out mutation) mutation {
	block := qcow2.Refblock(slices.Clone(m.b.Image[f.off:][:f.size]))
	bits := 1 << f.order
	limit := ^uint64(0) >> (64 - bits)
	block.Set(f.order, f.index, m.value(out.kind, refcount, block.At(f.order, f.index), bits)&limit)
	first := f.index << f.order / 8
	out.off, out.bytes = f.off+first, block[first:][:max(1, bits/8)]
	return out
}

// value is what the field of so many bits holds after the damage.
func (m *mutator) value(k kind, s sort, v uint64, bits int) uint64 {
	cs := uint64(m.g.ClusterSize())
	switch k {
	case bitFlip:
		return v ^ 1<<m.noise.IntN(bits)
	case random:
		if s == count && m.noise.IntN(2) == 0 {
			return m.noise.Uint64N(2*min(v, 1<<40) + 8)
		}
		return m.noise.Uint64() >> m.noise.IntN(bits)
	case plus512:
		return v + 512
	case minus512:
		return v - 512
	case plusCluster:
		return v + cs
	case minusCluster:
		return v - cs
	case plusOne:
		return v + 1
	case minusOne:
		return v - 1
	case ones:
		return ^uint64(0)
	case zero:
		return 0
	case flagSet:
		return v | 1<<m.flag(s, bits)
	case flagClear:
		if s == flags && v != 0 {
			return m.clearOne(v)
		}
		return v &^ (1 << m.flag(s, bits))
	}
	if s == offset {
		return m.elsewhere(k, []uint64{1 << 32, 1 << 40, 1 << 55, 1 << 62, 1<<63 - 1<<30, 1<<63 - cs, 1 << 63})
	}
	return v&^qcow2.OffsetMask | m.elsewhere(k, []uint64{1 << 32, 1 << 40, 1 << 50, 1 << 55, 1<<56 - cs})
}

// clearOne clears one of the bits that are set.
func (m *mutator) clearOne(v uint64) uint64 {
	for {
		if bit := uint64(1) << m.noise.IntN(64); v&bit != 0 {
			return v &^ bit
		}
	}
}

// flag is a bit that means something.
func (m *mutator) flag(s sort, bits int) int {
	if s == entry {
		return []int{63, 63, 62, 62, 0, 1, 8, 56, 61}[m.noise.IntN(9)]
	}
	if m.noise.IntN(3) == 0 {
		return m.noise.IntN(bits)
	}
	return m.noise.IntN(6)
}

// elsewhere is an offset at which the field should not point.
func (m *mutator) elsewhere(k kind, far []uint64) uint64 {
	cs, end := uint64(m.g.ClusterSize()), uint64(len(m.b.Image))
	clusters := (end + cs - 1) / cs
	switch k {
	case nearEOF:
		return (clusters + m.noise.Uint64N(3) - m.noise.Uint64N(2)) * cs
	case farEOF:
		return far[m.noise.IntN(len(far))]
	}
	if m.noise.IntN(2) == 0 {
		return m.noise.Uint64N(clusters) * cs
	}
	return uint64(m.b.tables[m.noise.IntN(len(m.b.tables))].off) &^ (cs - 1)
}

// table damages a whole table, or a part of it.
func (m *mutator) table() mutation {
	t := m.b.tables[m.noise.IntN(len(m.b.tables))]
	out := mutation{class: t.class, kind: []kind{tableZero, tableRandom, tableCopy}[m.noise.IntN(3)], off: t.off, size: -1}
	n := t.n
	if m.noise.IntN(3) == 0 {
		n = 1 + m.noise.Int64N(n)
	}
	out.bytes = make([]byte, n)
	switch out.kind {
	case tableRandom:
		m.text(random, out.bytes)
	case tableCopy:
		copy(out.bytes, m.b.Image[m.b.tables[m.noise.IntN(len(m.b.tables))].off:])
	}
	return out
}

// file changes the length of the file.
func (m *mutator) file() mutation {
	cs, n := m.g.ClusterSize(), int64(len(m.b.Image))
	out := mutation{class: "file.length", kind: truncated}
	switch m.noise.IntN(6) {
	case 0:
		out.size = m.noise.Int64N(n)
	case 1:
		out.size = m.noise.Int64N(n) &^ (cs - 1)
	case 2:
		out.size = max(0, n-1-m.noise.Int64N(2*cs))
	case 3:
		out.size = m.noise.Int64N(min(n, 2*cs))
	default:
		out.kind, out.size = extended, n+1+m.noise.Int64N(4*cs)
	}
	return out
}
