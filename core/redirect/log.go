package redirect

import (
	"fmt"
	"strings"

	"qcowscope/core/qcow2"
)

// Op is what a record of the log says.
type Op uint8

// The operations. All but the last are without effect until Commit is there.
const (
	OpAlloc  Op = iota // clusters that are free before and after are taken for a node
	OpCopy             // bytes of the old image go to a new place
	OpWrite            // bytes that the plan changes
	OpUpdate           // a pointer in a new table, or in the header, is set
	OpCount            // a refcount in a new refblock is set
	OpFree             // clusters are free once the log is committed
	OpLate             // bytes of clusters that nothing refers to any more: written after the commit
	OpHeader           // bytes of the header cluster, a step of the switch
	OpCommit           // the last step is durable
)

func (o Op) String() string {
	return [...]string{"alloc", "copy", "write", "update", "count", "free", "late", "header", "commit"}[o]
}

// Record is one line of the log. Offsets are in the file, lengths in bytes.
type Record struct {
	Op   Op
	Node Cursor // the path of the node that it is about; of a pointer's target for OpUpdate
	Kind Kind   // of the node
	Off  qcow2.HostOff
	Len  int64
	From qcow2.HostOff // OpCopy: where the bytes are in the old image
	// Parent is, for OpUpdate, where the table with the field at Off begins; 0 is the header.
	Parent qcow2.HostOff
	// OpUpdate: the field's word before and after. OpCount: the refcount before and after.
	// OpCommit: New is the size of the file.
	Old, New uint64
	Index    int64  // OpCount: the entry in the refblock at Off
	Order    uint   // OpCount: refcounts are 1<<Order bits wide
	Step     int    // OpHeader: writes of the same step are in one batch
	Data     []byte // OpWrite, OpLate, OpHeader
	Why      string // OpWrite, OpLate, OpHeader
}

// Log is what a transaction does, in order: it leads from the old image to the new one.
type Log []Record

func (r Record) String() string {
	head := fmt.Sprintf("%-6s 0x%x+0x%x", r.Op, int64(r.Off), r.Len)
	switch r.Op {
	case OpAlloc, OpFree:
		return fmt.Sprintf("%s %v %v", head, r.Kind, r.Node)
	case OpCopy:
		return fmt.Sprintf("%s from 0x%x: %v %v", head, int64(r.From), r.Kind, r.Node)
	case OpUpdate:
		return fmt.Sprintf("%-6s 0x%x: %v 0x%x -> 0x%x", r.Op, int64(r.Off), r.Node, r.Old, r.New)
	case OpCount:
		return fmt.Sprintf("%-6s 0x%x[%d] of %v: %d -> %d", r.Op, int64(r.Off), r.Index, r.Node, r.Old, r.New)
	case OpCommit:
		return fmt.Sprintf("%-6s %d bytes", r.Op, r.New)
	}
	return fmt.Sprintf("%s %s", head, r.Why)
}

// String is the log in words, a record a line.
func (l Log) String() string {
	var s strings.Builder
	for _, r := range l {
		s.WriteString(r.String())
		s.WriteByte('\n')
	}
	return s.String()
}

// committed tells whether the log reaches its commit; size is the file's afterwards.
func (l Log) committed() (size int64, ok bool) {
	for _, r := range l {
		if r.Op == OpCommit {
			return int64(r.New), true
		}
	}
	return 0, false
}
