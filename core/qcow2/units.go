// Package qcow2 is the qcow2 format as values: the header and its extensions, L1 and L2
// entries, refcount tables and blocks, the snapshot table, the bitmap directory, and the
// arithmetic between them. It keeps raw bits and judges nothing; decoding a structure and
// encoding it again gives the same bytes.
//
// Section names in comments are those of the qcow2 specification (docs/interop/qcow2.txt
// in QEMU's sources).
package qcow2

import "fmt"

// HostOff is a byte offset in the image file.
type HostOff int64

// GuestOff is a byte offset on the virtual disk.
type GuestOff int64

// HostCluster is the index of a cluster of the image file: host offset / cluster size.
type HostCluster int64

// Range is Len units from Start on.
type Range[T ~int64] struct{ Start, Len T }

// End is the first unit after the range.
func (r Range[T]) End() T { return r.Start + r.Len }

// Empty tells whether the range holds nothing.
func (r Range[T]) Empty() bool { return r.Len <= 0 }

func (r Range[T]) String() string {
	return fmt.Sprintf("0x%x+0x%x", int64(r.Start), int64(r.Len))
}
