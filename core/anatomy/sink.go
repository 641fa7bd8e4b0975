package anatomy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// sink takes the fields of one segment after the other.
type sink struct {
	want   qcow2.Range[qcow2.HostOff] // fields that touch this are kept
	clip   qcow2.Range[qcow2.HostOff] // the segment: what fields have outside of it is cut off
	region *region
	from   []Ref // the pointers that lead to the segment
	more   bool
	out    []Field
	err    error
}

// within begins a segment.
func (s *sink) within(seg segment, from []Ref, more bool) {
	if len(from) > MaxFrom {
		from, more = from[:MaxFrom], true
	}
	s.clip, s.region, s.from, s.more = seg.host, seg.region, from, more
}

// touches tells whether a field there would be kept, so that its words need not be made if
// not.
func (s *sink) touches(off qcow2.HostOff, n int64) bool {
	f := clip(qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(n)}, s.clip)
	return !f.Empty() && !clip(f, s.want).Empty()
}

// add keeps the field if it is wanted. Kind and In are the region's where they are not set.
func (s *sink) add(f Field) {
	if f.Host = clip(f.Host, s.clip); f.Host.Empty() || clip(f.Host, s.want).Empty() {
		return
	}
	g := s.region
	if f.Kind == Header {
		f.Kind = g.kind
	}
	if f.In.Name == "" {
		f.In = g.in
	}
	f.From, f.MoreFrom = s.from, s.more
	s.out = append(s.out, f)
}

// entries visits the indices of a table's entries, each of size bytes, that may be wanted.
// The table begins at off.
func (s *sink) entries(off qcow2.HostOff, size int64) (first, end int64) {
	r := clip(s.clip, s.want)
	if r.Empty() {
		return 0, 0
	}
	return int64(r.Start-off) / size, (int64(r.End()-off) + size - 1) / size
}

func at(off qcow2.HostOff, n int64) qcow2.Range[qcow2.HostOff] {
	return qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(n)}
}

func hexText(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

func hexOff[T ~int64](v T) string { return hexText(uint64(v)) }

func clusterName(c qcow2.HostCluster) string { return fmt.Sprintf("cluster %d", c) }

// guestText is a part of the disk in words.
func guestText(r qcow2.Range[qcow2.GuestOff]) string {
	return fmt.Sprintf("guest %s to %s", hexOff(r.Start), hexOff(r.End()-1))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func unusedText(r refcount.Role) string {
	return fmt.Sprintf("The cluster belongs to the %s, which does not use these bytes.", r)
}

// rootName is the prefix of what belongs to a snapshot, "" for the active layer.
func rootName(root int) string {
	if root <= 0 {
		return ""
	}
	return fmt.Sprintf("snapshot[%d].", root-1)
}

func plural(n uint64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// paddedText is a text in a field of fixed size, without the zeros that fill it.
func paddedText(b []byte) string { return text(bytes.TrimRight(b, "\x00")) }

// text is a text from the image as a field's value: cut, with what is no UTF-8 replaced.
func text(b []byte) string {
	if len(b) > MaxText {
		b = b[:MaxText]
	}
	return string([]rune(string(b)))
}
