package skeleton

import (
	"fmt"
	"strconv"
)

// A copy is as long as its image and almost empty. Where no sparse file can be made, as for
// a download, it goes into a tar archive that says where the holes are (PAX format, GNU
// sparse files 1.0): GNU tar and bsdtar, which is the tar of macOS and Windows, make the
// sparse file of it again.

const tarBlock = 512

// TarHead is what stands before the bytes of Segments in a tar archive with the copy as its
// only file. name is that file's: ASCII, no folder.
func (c *Copy) TarHead(name string) []byte {
	holes := c.tarMap()
	var records []byte
	for _, r := range [][2]string{{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.name", name},
		{"GNU.sparse.realsize", strconv.FormatInt(c.Size(), 10)}, {"size", strconv.FormatInt(int64(len(holes))+c.Summary.Tables, 10)}} {
		records = append(records, paxRecord(r[0], r[1])...)
	}
	head := tarHeader("PaxHeaders/"+name, 'x', int64(len(records)))
	head = append(head, padded(records)...)
	head = append(head, tarHeader("GNUSparseFile.0/"+name, '0', min(int64(len(holes))+c.Summary.Tables, 1<<33-1))...)
	return append(head, holes...)
}

// TarTail is what stands behind those bytes: padding and the end of the archive.
func (c *Copy) TarTail() []byte {
	return make([]byte, (tarBlock-c.Summary.Tables%tarBlock)%tarBlock+2*tarBlock)
}

// tarMap lists the ranges that have bytes, in whole blocks.
func (c *Copy) tarMap() []byte {
	ranges := c.Ranges()
	last := int64(0)
	var list []byte
	for _, r := range ranges {
		list = fmt.Appendf(list, "%d\n%d\n", int64(r.Start), int64(r.Len))
		last = int64(r.End())
	}
	n := len(ranges)
	if last < c.Size() { // a hole at the end is told by a range of no bytes
		list = fmt.Appendf(list, "%d\n0\n", c.Size())
		n++
	}
	return padded(append(fmt.Appendf(nil, "%d\n", n), list...))
}

// paxRecord is "length key=value\n", of which the length is of all of it.
func paxRecord(key, value string) string {
	rest := " " + key + "=" + value + "\n"
	n := len(rest)
	for n != len(rest)+len(strconv.Itoa(n)) {
		n = len(rest) + len(strconv.Itoa(n))
	}
	return strconv.Itoa(n) + rest
}

func padded(b []byte) []byte { return append(b, make([]byte, (tarBlock-len(b)%tarBlock)%tarBlock)...) }

// tarHeader is a ustar header.
func tarHeader(name string, kind byte, size int64) []byte {
	var b [tarBlock]byte
	copy(b[:100], name)
	copy(b[100:], "0000644\x00")
	copy(b[108:], "0000000\x00")
	copy(b[116:], "0000000\x00")
	copy(b[124:], fmt.Sprintf("%011o\x00", size))
	copy(b[136:], "00000000000\x00")
	copy(b[148:], "        ") // the sum is taken over blanks
	b[156] = kind
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, v := range b {
		sum += int(v)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b[:]
}
