// Package image is an opened qcow2 image: its header judged by the rules that QEMU opens
// by, and its tables read lazily and within bounds. What QEMU would refuse is listed, not
// fatal: a damaged image is what this program is for.
package image

import (
	"context"
	"fmt"
	"math"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Refusal is a rule by which QEMU will not open the image, `qemu-img check` included.
type Refusal struct {
	Field string // as the specification spells it
	Off   int64  // of the field in the file
	Value uint64
	Rule  string // what it must be
	QEMU  string // what QEMU says of it, where the field alone does not tell which of its messages
}

func (r Refusal) String() string {
	return fmt.Sprintf("%s at 0x%x is 0x%x: %s", r.Field, r.Off, r.Value, r.Rule)
}

// Image is an opened image. Its tables are read on demand; it never changes.
type Image struct {
	Src        source.Source
	Header     qcow2.Header
	Geo        qcow2.Geometry
	Extensions []qcow2.Extension
	Refusals   []Refusal // in the order in which QEMU tests them; empty if it would open

	BackingFile   string // names as they stand in the image, never resolved
	BackingFormat string
	DataFile      string

	// Reftable is the refcount table. It is empty when the header's fields do not describe
	// a possible one.
	Reftable []qcow2.ReftableEntry
	// L1 is the active L1 table; Entries is 0 when the header's fields are impossible.
	L1 L1Table
	// LUKS is the area of the LUKS header, empty if there is none.
	LUKS qcow2.Range[qcow2.HostOff]
	// BitmapsExt is set when the bitmaps are to be believed (autoclear bit 0 is set).
	BitmapsExt *qcow2.BitmapsExtension
	// Bitmaps are the directory's entries, as far as they could be read; BitmapsErr says why no further.
	Bitmaps    []qcow2.Bitmap
	BitmapsErr error
}

// L1Table says where an L1 table lies.
type L1Table struct {
	Off     qcow2.HostOff
	Entries int64
}

// Bytes is the table's length.
func (t L1Table) Bytes() int64 { return t.Entries * qcow2.L1EntrySize }

// Open reads the header and the reftable. It fails when nothing can be read: with a
// *NotQcow2Error, a *qcow2.FieldError or a *source.ReadError.
func Open(ctx context.Context, src source.Source) (*Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	head := make([]byte, min(src.Size(), 1<<qcow2.MaxClusterBits))
	first := min(int64(len(head)), 64<<10)
	if err := source.ReadFull(src, head[:first], 0); err != nil {
		// What is unreadable may lie behind the first cluster, where it does no harm here.
		first = min(first, 1<<qcow2.MinClusterBits)
		if err := source.ReadFull(src, head[:first], 0); err != nil {
			return nil, err
		}
	}
	h, err := qcow2.DecodeHeader(head[:first])
	if err == qcow2.ErrNotQcow2 || err != nil && h.Version < 2 {
		return nil, recognize(src, head[:first])
	}
	if err != nil {
		return nil, err
	}
	img := &Image{Src: src, Header: h, Geo: h.Geometry()}
	head = head[:min(int64(len(head)), img.Geo.ClusterSize())]
	if int64(len(head)) > first {
		if err := source.ReadFull(src, head[first:], first); err != nil {
			return nil, err
		}
	}
	img.judgeHeader()
	img.readExtensions(head)
	img.judgeBacking(head)
	img.locateL1()
	if err := img.readReftable(); err != nil {
		return nil, err
	}
	img.readBitmapDirectory()
	return img, nil
}

func (img *Image) refuse(field string, off int64, value uint64, rule string) {
	img.Refusals = append(img.Refusals, Refusal{Field: field, Off: off, Value: value, Rule: rule})
}

// HostClusters is how many clusters the file has; the last may be cut short.
func (img *Image) HostClusters() int64 { return img.Geo.Clusters(img.Src.Size()) }

// VirtualSize is the disk's size in bytes, whole sectors, as QEMU takes it.
func (img *Image) VirtualSize() uint64 { return img.Header.Size &^ (qcow2.SectorSize - 1) }

// readReftable loads the table that the header describes. Entries past the end of the
// file are zero.
func (img *Image) readReftable() error {
	h := &img.Header
	if !img.reftablePossible() {
		return nil
	}
	buf := make([]byte, int64(h.RefcountTableClusters)<<img.Geo.ClusterBits)
	if err := source.ReadFull(img.Src, buf, int64(h.RefcountTableOffset)); err != nil {
		return err
	}
	img.Reftable = make([]qcow2.ReftableEntry, len(buf)/qcow2.ReftableEntrySize)
	for i := range img.Reftable {
		img.Reftable[i] = qcow2.ReftableEntry(be64(buf[8*i:]))
	}
	return nil
}

func (img *Image) reftablePossible() bool {
	h := &img.Header
	bytes := uint64(h.RefcountTableClusters) << img.Geo.ClusterBits
	return bytes <= qcow2.MaxReftableBytes && img.tableOffsetOK(h.RefcountTableOffset, bytes)
}

// maxReadEnd is the offset behind which QEMU reads nothing from any file.
const maxReadEnd = math.MaxInt64 &^ (1<<30 - 1)

// Readable tells whether QEMU can read n bytes, more than 0, from off on. Bytes past the end
// of the file can be read, and are zero.
func Readable(off qcow2.HostOff, n int64) bool {
	return off >= 0 && int64(off) <= maxReadEnd-n
}

// tableOffsetOK is QEMU's test of a table's place: aligned, and its end within 2^63 or,
// where there is something to read, within what it can read.
func (img *Image) tableOffsetOK(off, bytes uint64) bool {
	end := uint64(math.MaxInt64)
	if bytes > 0 {
		end = maxReadEnd
	}
	return off&uint64(img.Geo.ClusterSize()-1) == 0 && off <= end && bytes <= end-off
}

// ReftableBytes is the length of the reftable in the file.
func (img *Image) ReftableBytes() int64 {
	return int64(len(img.Reftable)) * qcow2.ReftableEntrySize
}
