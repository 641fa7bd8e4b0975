// Package anatomy tells what the bytes of a file are: for any range of it the fields that
// lie there, each with its name, what it holds, what that means, where it points, who
// points to it, and what is wrong with it.
//
// What a cluster is comes from the recount. A structure that the header leads to is known
// without it; L2 tables and guest data are not.
package anatomy

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// MaxRange is how many bytes can be asked for at a time. There are at most as many fields.
const MaxRange = 64 << 10

// Kind is the structure that a field belongs to.
type Kind uint8

// The kinds.
const (
	Header Kind = iota
	Extension
	BackingName
	Reftable
	Refblock
	L1
	L2
	SnapshotTable
	SnapshotL1
	SnapshotL2
	BitmapDirectory
	BitmapTable
	BitmapData
	Crypto
	Data
	Compressed
	Zero // preallocated, reads as zeros
	SnapshotData
	Free
	Leaked
	Padding // belongs to the cluster's structure and means nothing
	Unknown // not walked yet
)

var kindNames = [...]string{"header", "extension", "backing-name", "reftable", "refblock", "l1", "l2", "snapshot-table", "snapshot-l1",
	"snapshot-l2", "bitmap-directory", "bitmap-table", "bitmap-data", "crypto", "data", "compressed", "zero", "snapshot-data",
	"free", "leaked", "padding", "unknown"}

func (k Kind) String() string { return kindNames[k] }

// Kinds are the names of all kinds.
func Kinds() []string { return append([]string(nil), kindNames[:]...) }

// Ref is a place in the file that a field leads to, or that leads to it.
type Ref struct {
	Name string
	Host qcow2.Range[qcow2.HostOff] // Len 0 when there is none
}

// Field is one run of bytes with one meaning. A field never crosses the border of a
// cluster: what does is two fields of the same name.
type Field struct {
	Host  qcow2.Range[qcow2.HostOff]
	Kind  Kind
	Name  string // as the specification spells it: "l1_table_offset", "l2[0][5]", "refcount[7]"
	Value string // what it holds: a number, a text that stands in the image, or "" for plain bytes
	// IsText tells that Value is a text from the image; it may be anything, and was cut when
	// it is longer than MaxText.
	IsText  bool
	Meaning string // in words
	// Guest is the part of the disk that it serves; Len 0 when it serves none.
	Guest qcow2.Range[qcow2.GuestOff]
	To    Ref   // where it points
	In    Ref   // the structure that it is a part of
	From  []Ref // the pointers that lead to that structure, at most MaxFrom
	// MoreFrom tells that there are more, or that they could not all be looked up.
	MoreFrom bool
	Wrong    []check.Code

	shape shape
	raw   uint64
	first int64 // the first cluster whose refcount it is
}

// Bounds of what a field holds.
const (
	MaxText = 1023 // bytes of a text
	MaxFrom = 16
)

// Anatomy answers for one image. It keeps what it looked up, is bounded by that, and is not
// safe for concurrent use.
type Anatomy struct {
	img    *image.Image
	geo    qcow2.Geometry
	size   int64 // of the file
	report *check.Report
	snaps  *image.SnapshotTable
	wrongs wrongs
	claims claimCache
	bits   bitmapIndex
}

// New takes the image and its check, which may be nil before there is one. The error is one
// of reading.
func New(img *image.Image, report *check.Report) (*Anatomy, error) {
	a := &Anatomy{img: img, geo: img.Geo, size: img.Src.Size(), report: report}
	if report != nil {
		a.snaps = report.Snapshots
		a.wrongs = newWrongs(img.Geo, report)
		return a, nil
	}
	var err error
	a.snaps, err = img.ReadSnapshots()
	return a, err
}

// ErrRange says that a range lies outside of the file or is too long.
var ErrRange = errors.New("anatomy: the range is not one of the file, or is too long")

// Fields are the fields that touch the range, in order and without gaps; the first may begin
// before it and the last may end after it. What lies past the end of the file is left out.
// The error is ErrRange, the context's or one of reading.
func (a *Anatomy) Fields(ctx context.Context, r qcow2.Range[qcow2.HostOff]) ([]Field, error) {
	if r.Start < 0 || r.Len < 0 || r.Len > MaxRange || int64(r.Start) > a.size {
		return nil, fmt.Errorf("%w: %v", ErrRange, r)
	}
	r.Len = min(r.Len, qcow2.HostOff(a.size)-r.Start)
	if r.Empty() {
		return nil, nil
	}
	plan, err := a.plan(ctx, r)
	if err != nil {
		return nil, err
	}
	s := &sink{want: r}
	for _, seg := range plan {
		from, more := a.pointers(seg.region, a.geo.Cluster(seg.host.Start))
		s.within(seg, from, more)
		if err := seg.region.fields(a, s); err != nil {
			return nil, err
		}
		if s.err != nil {
			return nil, s.err
		}
	}
	for i := range s.out {
		a.judge(&s.out[i])
	}
	return s.out, ctx.Err()
}

// read is n bytes from off on; bytes past the end of the file are zero.
func (a *Anatomy) read(off qcow2.HostOff, n int64) ([]byte, error) {
	b := make([]byte, n)
	return b, source.ReadFull(a.img.Src, b, int64(off))
}

// role is what the cluster is used for; known is false before the check.
func (a *Anatomy) role(c qcow2.HostCluster) (role refcount.Role, known bool) {
	if a.report == nil {
		return refcount.Free, false
	}
	return a.report.Refcounts.Role(c), true
}
