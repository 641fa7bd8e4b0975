// Package check judges an image. It walks QEMU's phases, so that its counts are those of
// `qemu-img check`, and it says where each trouble is and what it means. It never writes.
package check

import (
	"fmt"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Class is how `qemu-img check` counts a finding.
type Class uint8

// Classes. Beyond is what QEMU does not report.
const (
	Corruption Class = iota
	Leak
	CheckError
	Beyond
)

func (c Class) String() string { return [...]string{"corruption", "leak", "error", "beyond"}[c] }

// Severity is what a finding means for the user.
type Severity uint8

// Severities, worst last.
const (
	Note    Severity = iota
	Waste            // space is wasted, no data at risk
	Warning          // wrong, but nothing is lost and nothing will be by using the image
	Damage           // data is already out of reach
	Danger           // using the image can destroy data
)

func (s Severity) String() string {
	return [...]string{"note", "waste", "warning", "damage", "danger"}[s]
}

// FieldKind is the structure that a field belongs to.
type FieldKind uint8

// The kinds of fields.
const (
	FieldHeader FieldKind = iota
	FieldExtension
	FieldL1
	FieldL2
	FieldReftable
	FieldRefcount
	FieldSnapshot
	FieldBitmap
)

// Place is the field that holds what is wrong. It is kept in numbers, since there can be
// millions; Field puts it in words.
type Place struct {
	Kind    FieldKind
	Name    string        // of a header field or a field of a table's entry
	Role    refcount.Role // of the structure, or of the cluster that a refcount counts
	Root    int           // -1 none, 0 the active layer, n the nth snapshot
	L1Index int64         // index in the L1 table, the reftable, the bitmap directory; a cluster for refcounts
	L2Index int64         // index in the L2 table or bitmap table; -1 if it does not apply
	Off     qcow2.HostOff // of the field in the file; -1 if it has none
}

// Field is the field's name: "l2[0][5]", "refcount[7]", "reftable[3]", "l1_size".
func (p Place) Field() string {
	switch p.Kind {
	case FieldL1:
		return fmt.Sprintf("l1[%d]", p.L1Index)
	case FieldL2:
		return fmt.Sprintf("l2[%d][%d]", p.L1Index, p.L2Index)
	case FieldReftable:
		return fmt.Sprintf("reftable[%d]", p.L1Index)
	case FieldRefcount:
		return fmt.Sprintf("refcount[%d]", p.L1Index)
	case FieldSnapshot:
		return fmt.Sprintf("snapshot[%d].%s", p.Root-1, p.Name)
	case FieldBitmap:
		if p.L2Index >= 0 {
			return fmt.Sprintf("bitmap[%d].table[%d]", p.L1Index, p.L2Index)
		}
		if p.L1Index >= 0 {
			return fmt.Sprintf("bitmap[%d]", p.L1Index)
		}
		return "bitmap_directory"
	}
	return p.Name
}

// Finding is one thing that is wrong, or a run of the same thing at neighbouring places.
type Finding struct {
	Code  Code
	Class Class
	At    Place
	Host  qcow2.Range[qcow2.HostOff]  // what it concerns in the file; Len 0 if nothing
	Guest qcow2.Range[qcow2.GuestOff] // which part of the disk; Len 0 if none or unknown
	Got   uint64                      // what the field holds
	Want  uint64                      // what it should hold, where that is known
	Count uint64                      // the number that goes with an entry: see UnknownCount
	Times uint64                      // how often QEMU counts it; places, for Beyond
	Err   error                       // of a read, if that is the trouble
}

// UnknownCount stands in Count of a COPIED flag when the stored refcount was not looked up.
// For flags Count is that refcount, for RefblockShared the references, for
// SnapshotsWithDataFile the snapshots, for what lies behind an end its clusters, for
// SnapshotDiskSize the bytes that the L1 table maps, and for CompressedOverlap the host
// offset of the other stream.
const UnknownCount = ^uint64(0)

// ID is stable for an image, so that two reports can be compared.
func (f Finding) ID() string {
	return fmt.Sprintf("%s@%x:%s", f.Code, int64(f.Host.Start), f.At.Field())
}

// Severity is that of the code.
func (f Finding) Severity() Severity { return f.Code.Severity() }

// Group is all findings of one code. Findings holds the first ones, From gives more if the
// check was asked to keep them; Times counts all.
type Group struct {
	Code     Code
	Class    Class
	Times    uint64
	Places   int // findings met, of which Findings keeps some
	Findings []Finding

	more packed  // that Findings has no room for
	last Finding // the one met last, while more are coming and Findings is full
}
