package qcow2

import "encoding/binary"

// Refblock is the bytes of a refcount block. Entries narrower than a byte are packed from
// the lowest bits on: the lowest bits of a byte belong to the lowest cluster.
type Refblock []byte

// At is refcount i at width 1<<order bits; i must be in range.
func (b Refblock) At(order uint, i int64) uint64 {
	switch order {
	case 3:
		return uint64(b[i])
	case 4:
		return uint64(binary.BigEndian.Uint16(b[2*i:]))
	case 5:
		return uint64(binary.BigEndian.Uint32(b[4*i:]))
	case 6:
		return binary.BigEndian.Uint64(b[8*i:])
	}
	bit := uint64(i) << order
	return uint64(b[bit>>3]) >> (bit & 7) & (1<<(1<<order) - 1)
}

// Set stores v, which must fit the width.
func (b Refblock) Set(order uint, i int64, v uint64) {
	switch order {
	case 3:
		b[i] = byte(v)
	case 4:
		binary.BigEndian.PutUint16(b[2*i:], uint16(v))
	case 5:
		binary.BigEndian.PutUint32(b[4*i:], uint32(v))
	case 6:
		binary.BigEndian.PutUint64(b[8*i:], v)
	default:
		bit := uint64(i) << order
		shift, mask := bit&7, byte(1<<(1<<order)-1)
		b[bit>>3] = b[bit>>3]&^(mask<<shift) | byte(v)<<shift
	}
}
