//go:build !js

package differential

// sort is what a field holds, which says how it can be wrong.
type sort uint8

const (
	entry    sort = iota // a host offset with flags
	offset               // a host offset
	count                // a number
	flags                // feature bits
	refcount             // a refcount of order field.order, at index field.index
	text                 // bytes without further meaning
)

// field is a run of bytes of a healthy image that means something.
type field struct {
	class string // group and name: "header.l1_size", "l2.compressed"
	off   int64
	size  int
	sort  sort
	index int64 // refcounts: within the refblock at off
	order uint
}

// table is a structure that can be damaged as a whole.
type table struct {
	class  string
	off, n int64
}
