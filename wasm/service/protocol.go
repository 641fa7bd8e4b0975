// Package service holds one opened image and answers the page's questions about it.
//
// It is plain Go: the browser build (wasm/browser) only carries these calls across
// the boundary. Every struct here is part of the protocol; scripts/gen-protocol
// writes its TypeScript twin. Fields therefore have only plain types (bool, string,
// int, float64, slices and structs of these): the codec at the boundary cannot carry
// named types, and rounds integers above 2^53. A number that an image can make
// larger than that (an entry, an offset read from a table) is a hex string like
// "0x1c0000"; sizes and positions inside the file are bounded by the browser and fit
// a float64 exactly.
package service

// OpenRequest describes the file that the host has attached.
type OpenRequest struct {
	Name string `json:"name"` // shown, never interpreted
}

// Problem is why something could not be done, in the words a user needs.
type Problem struct {
	Kind   string `json:"kind"`   // not-qcow2, header, read, changed, cancelled, memory, unsupported, internal
	Title  string `json:"title"`  // one sentence: what happened
	Where  string `json:"where"`  // header field or file offset; "" if it does not apply
	Advice string `json:"advice"` // what to do now
	Detail string `json:"detail"` // technical cause, for a bug report
}

// Info is what the header says, known right after opening.
type Info struct {
	Name          string        `json:"name"`
	FileSize      float64       `json:"fileSize"`    // bytes
	VirtualSize   string        `json:"virtualSize"` // bytes, decimal: a damaged header may hold anything
	Version       int           `json:"version"`
	ClusterBits   int           `json:"clusterBits"`
	ClusterSize   float64       `json:"clusterSize"`
	RefcountBits  int           `json:"refcountBits"`
	ExtendedL2    bool          `json:"extendedL2"`
	Compression   string        `json:"compression"` // zlib, zstd
	Dirty         bool          `json:"dirty"`
	Corrupt       bool          `json:"corrupt"`
	LazyRefcounts bool          `json:"lazyRefcounts"`
	Encryption    string        `json:"encryption"` // none, aes, luks
	BackingFile   string        `json:"backingFile"`
	BackingFormat string        `json:"backingFormat"`
	DataFile      string        `json:"dataFile"`
	Snapshots     int           `json:"snapshots"`
	Bitmaps       int           `json:"bitmaps"`
	HostClusters  float64       `json:"hostClusters"` // clusters in the file, the last may be cut short
	Header        []HeaderField `json:"header"`
}

// HeaderField is one field of the header, for the table in the Summary.
type HeaderField struct {
	Name    string `json:"name"`   // as the specification spells it
	Offset  int    `json:"offset"` // byte offset in the file
	Length  int    `json:"length"`
	Value   string `json:"value"`   // hex
	Meaning string `json:"meaning"` // in words
}

// OpenReply is either an image or the reason why there is none.
type OpenReply struct {
	Opened  bool    `json:"opened"`
	Info    Info    `json:"info"`
	Problem Problem `json:"problem"` // set when !Opened
}

// CheckRequest asks for the check of the image as it is now.
type CheckRequest struct {
	Deep bool `json:"deep"` // decode every compressed cluster, too
}

// Progress is one report of a running check. Done and Total count the phase's own unit.
type Progress struct {
	Phase    string  `json:"phase"` // header, snapshots, tables, refcounts, compare, flags, findings, streams (of a deep check; in bytes of the file)
	Done     float64 `json:"done"`
	Total    float64 `json:"total"`
	Findings int     `json:"findings"` // so far
}

// Verdict is the result of a check of the image as it is now, that is with the applied plan, if any.
type Verdict struct {
	State         string         `json:"state"`    // healthy, wasteful, unclean, newer, damaged, data-missing, unreadable
	Headline      string         `json:"headline"` // plain words, one sentence
	Advice        string         `json:"advice"`   // what to do now, one or two sentences
	Corruptions   float64        `json:"corruptions"`
	Leaks         float64        `json:"leaks"`
	CheckErrors   float64        `json:"checkErrors"`
	ExitCode      int            `json:"exitCode"`      // what `qemu-img check` exits with
	TotalClusters float64        `json:"totalClusters"` // of the virtual disk
	Allocated     float64        `json:"allocated"`
	Fragmented    float64        `json:"fragmented"`
	Compressed    float64        `json:"compressed"`
	ImageEnd      float64        `json:"imageEnd"`
	Repairable    bool           `json:"repairable"` // a plan would mend something, if need be by consent
	Applied       bool           `json:"applied"`    // this is the image after the plan
	Streams       float64        `json:"streams"`    // compressed clusters that a deep check decoded, -1 when it was not one
	Incomplete    bool           `json:"incomplete"` // a read failed or the check was cancelled: what was found so far
	Problem       Problem        `json:"problem"`    // why, when incomplete
	Groups        []FindingGroup `json:"groups"`
	Usage         []Usage        `json:"usage"` // where the file's bytes go, largest first
	Info          Info           `json:"info"`  // what the header says now: a repair may change it
}

// Usage is the share of the file that one owner has.
type Usage struct {
	Owner    string  `json:"owner"` // an Owner name, see Owners
	Clusters float64 `json:"clusters"`
	Bytes    float64 `json:"bytes"`
}

// FindingGroup is all findings of one code.
type FindingGroup struct {
	Code     string  `json:"code"`     // stable: leaked-cluster, refcount-too-low, ...
	Severity string  `json:"severity"` // danger, damage, warning, waste, note
	Class    string  `json:"class"`    // corruption, leak, error, beyond: how `qemu-img check` counts it
	Count    float64 `json:"count"`    // all of them
	Places   float64 `json:"places"`   // findings: one may count many times
	Kept     int     `json:"kept"`     // how many of these can be paged through
	Title    string  `json:"title"`    // what, in plain words
	Meaning  string  `json:"meaning"`  // what it means for the user
	Cure     string  `json:"cure"`     // what repair does about it, or why it does nothing
	Mendable bool    `json:"mendable"` // by a plan without consent
	MayMend  bool    `json:"mayMend"`  // or where the rest of the file leaves no doubt
	Consent  string  `json:"consent"`  // what accepting its repair (PlanRequest.Accept) chooses or gives up; "" if there is no such repair
}

// Owners are who may have a host cluster, in the order of the kinds of a MapTileRequest.
var Owners = []string{"free", "header", "l1", "l2", "reftable", "refblock", "data", "compressed",
	"zero", "snapshot-table", "snapshot-l1", "snapshot-l2", "snapshot-data", "bitmap", "crypto", "leaked", "hole"}

// ClusterRequest asks about one host cluster.
type ClusterRequest struct {
	Cluster float64 `json:"cluster"` // host cluster index
}

// ClusterView is all that is known about a host cluster.
type ClusterView struct {
	Cluster     float64       `json:"cluster"`
	Host        string        `json:"host"` // hex offset
	Length      float64       `json:"length"`
	Owner       string        `json:"owner"`     // an Owner name
	OwnerText   string        `json:"ownerText"` // in words: "L2 table of guest 0x0..0x20000000"
	Stored      string        `json:"stored"`    // refcount on disk, or "unreadable"
	Counted     string        `json:"counted"`   // references found
	Severity    string        `json:"severity"`  // "" if nothing is wrong
	Claims      []Claim       `json:"claims"`    // who points here, at most 100
	MoreClaims  bool          `json:"moreClaims"`
	Findings    []FindingView `json:"findings"`    // that concern this cluster, at most 20
	Subclusters []string      `json:"subclusters"` // 32 of SubclusterStates; empty without extended L2 entries
}

// Claim is one pointer to a host cluster.
type Claim struct {
	From  string `json:"from"`  // "active", "snapshot 1 (name)", "reftable", "header"
	Layer int    `json:"layer"` // 0 the active one, n the nth snapshot, -1 none
	Field string `json:"field"` // "l2[0][5]", "reftable[0]", ...
	At    string `json:"at"`    // hex file offset of the pointer, "" if it has none
	Entry string `json:"entry"` // raw value, hex
	Guest string `json:"guest"` // hex guest offset, "" if it maps none
	Kind  string `json:"kind"`  // normal, zero, compressed, table
}

// PlanView sums up a plan. The writes are paged with WritesRequest.
type PlanView struct {
	Scope      string         `json:"scope"`
	Empty      bool           `json:"empty"` // nothing to do
	Steps      []PlanStep     `json:"steps"`
	Writes     int            `json:"writes"`
	Bytes      float64        `json:"bytes"` // that differ from the file or are new
	Batches    int            `json:"batches"`
	SizeBefore float64        `json:"sizeBefore"`
	SizeAfter  float64        `json:"sizeAfter"`
	Left       []FindingGroup `json:"left"`      // what the plan does not mend, and why
	NotLeft    []NotLeft      `json:"notLeft"`   // what it mends although it was to be left
	Lost       []GuestRange   `json:"lost"`      // guest ranges that are not in the file any more and read as zeros; the first 100
	LostBytes  float64        `json:"lostBytes"` // of all of them
	Redirected Redirected     `json:"redirected"`
}

// GuestRange is a part of the virtual disk.
type GuestRange struct {
	Guest  string `json:"guest"`  // hex offset
	Length string `json:"length"` // hex
}

// PlanStep is what a plan does, in words: one line a kind of change.
type PlanStep struct {
	Code  string  `json:"code"` // the finding's code it mends
	Text  string  `json:"text"`
	Count float64 `json:"count"`
}

// WritesRequest asks for a page of the plan's writes.
type WritesRequest struct {
	From  int `json:"from"`
	Count int `json:"count"` // at most 100
}

// WritesReply is that page.
type WritesReply struct {
	Writes []WriteView `json:"writes"`
}

// WriteView is one write of a plan. Old and New hold at most the first 64 bytes that differ, as hex.
type WriteView struct {
	Batch  int     `json:"batch"` // batch n is durable before batch n+1
	Offset string  `json:"offset"`
	Length float64 `json:"length"`
	At     string  `json:"at"` // offset of the first differing byte
	Old    string  `json:"old"`
	New    string  `json:"new"`
	Why    string  `json:"why"`
}

// PlanFileRequest asks for the plan that was made last, or that is applied, as a file for
// `qcowscope apply`; it crosses as a Uint8Array of JSON.
type PlanFileRequest struct {
	Undo bool `json:"undo"` // the plan that leads from the repaired image back to the file
}

// BytesRequest asks for bytes of the image as it is now; they cross as a Uint8Array, shorter at the end.
type BytesRequest struct {
	Offset float64 `json:"offset"`
	Length int     `json:"length"` // at most 65536
}

// Segments crosses as three typed arrays: Starts and Lengths (Float64Array) and Patch (Uint8Array).
// Segment i is Lengths[i] bytes: of the file from Starts[i] on; if Starts[i] is -1 the next
// Lengths[i] bytes of Patch; if -2 zeros (past the end of the file). In order they are the repaired image.
