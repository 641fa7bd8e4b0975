package service

// WriteRequest is one request of the guest.
type WriteRequest struct {
	Offset float64 `json:"offset"` // guest bytes
	Length float64 `json:"length"`
	Kind   string  `json:"kind"`  // write, zero, discard
	Unmap  bool    `json:"unmap"` // of zero: clusters may be given back
	Fill   int     `json:"fill"`  // of write: every byte, 0 to 255
}

// WriteOpenReply is what is known before any request: it has been looked where the first free
// cluster is, so that plans come fast.
type WriteOpenReply struct {
	Stop WriteStop `json:"stop"` // why QEMU writes nothing at all to this image
	Disk float64   `json:"disk"` // bytes of it that requests can name
}

// WritePlanRequest asks what a request would do to the image as it is now. Nothing is applied.
type WritePlanRequest struct {
	Write WriteRequest `json:"write"`
	First float64      `json:"first"` // the guest clusters that are shown one by one
	Count int          `json:"count"` // at most 64
}

// WritePlanReply is what it does. Lists hold the first 100 things, and those of the clusters
// that are shown.
type WritePlanReply struct {
	Stop     WriteStop       `json:"stop"` // if its title is not empty, nothing was planned
	Words    string          `json:"words"`
	Clusters []WriteCluster  `json:"clusters"` // those of the request that are shown
	Touched  float64         `json:"touched"`  // guest clusters
	Pieces   []WritePiece    `json:"pieces"`   // what is copied, and what is left alone
	Extents  []WriteExtent   `json:"extents"`  // where data is written, and what is allocated
	Counts   []WriteRefcount `json:"counts"`   // refcounts that change
	Steps    []WriteStep     `json:"steps"`
	Totals   WriteTotals     `json:"totals"`
	// Remarks are what a zero write cannot express, what a discard ignores; Dangers are signs
	// of damage that the request meets.
	Remarks []string `json:"remarks"`
	Dangers []string `json:"dangers"`
	// Barred is why it cannot be applied here; "" if it can.
	Barred string `json:"barred"`
}

// WriteStop is why a request, or any, is not taken.
type WriteStop struct {
	Title string `json:"title"` // "" when there is no reason
	Why   string `json:"why"`   // what is wrong with an entry, state by state
	Cure  string `json:"cure"`  // what to do about it
	Guest string `json:"guest"` // hex offset of the cluster, "" if it does not apply
	At    string `json:"at"`    // hex file offset of the entry
	Entry string `json:"entry"` // raw value, hex
	// Bitmap is the second word of an extended entry.
	Bitmap string `json:"bitmap"`
}

// WriteDeeds are what can happen to a subcluster: bit i of a deed stands for the ith.
var WriteDeeds = []string{"copied", "decompressed", "backing", "filled", "written", "flagged"}

// WriteCluster is a guest cluster before, during and after a request. Before and After are
// strings of digits, indices in SubclusterStates: 32 with extended L2 entries, else one. Deeds
// has two hex digits for each.
type WriteCluster struct {
	Cluster     float64    `json:"cluster"`
	Before      string     `json:"before"`
	Deeds       string     `json:"deeds"`
	After       string     `json:"after"`
	EntryBefore WriteEntry `json:"entryBefore"`
	EntryAfter  WriteEntry `json:"entryAfter"`
}

// WriteEntry is an L2 entry.
type WriteEntry struct {
	Word   string `json:"word"`   // 16 hex digits
	Kind   string `json:"kind"`   // unallocated, zero, zero-allocated, normal, compressed
	Host   string `json:"host"`   // hex offset, "" if it names no cluster
	Copied bool   `json:"copied"` // the cluster is used by nobody else
	Alloc  string `json:"alloc"`  // 8 hex digits, bit i for subcluster i; "" without extended L2 entries
	Zero   string `json:"zero"`
}

// WritePiece is guest bytes beside those that are written.
type WritePiece struct {
	Guest  float64 `json:"guest"`
	Length float64 `json:"length"`
	Deed   string  `json:"deed"` // copied, decompressed, backing, filled: where the bytes come from; skipped
	Host   string  `json:"host"` // hex offset of what is copied, "" if it is not in the file
	Why    string  `json:"why"`  // it is skipped
}

// WriteExtent is a part of the file that the request writes, or allocates.
type WriteExtent struct {
	What   string  `json:"what"`  // in-place, data, l2-table, refblock, reftable
	Guest  float64 `json:"guest"` // of data: the bytes of the guest
	Length float64 `json:"length"`
	Host   string  `json:"host"`   // hex offset of the first cluster
	Size   float64 `json:"size"`   // of all clusters, in bytes
	Linked bool    `json:"linked"` // L2 entries change
}

// WriteRefcount is the stored refcount of a host cluster before and after.
type WriteRefcount struct {
	Cluster float64 `json:"cluster"`
	Before  string  `json:"before"` // decimal
	After   string  `json:"after"`
}

// WriteStep is one thing that happens.
type WriteStep struct {
	Text    string `json:"text"`
	Barrier string `json:"barrier"` // "" if it is none; qemu: QEMU waits here, too; plan: only the plan does
	Data    bool   `json:"data"`    // it is about the guest's bytes, not the image's tables
}

// WriteTotals are bytes and counts.
type WriteTotals struct {
	Written   float64 `json:"written"` // by the guest
	Copied    float64 `json:"copied"`
	Zeroed    float64 `json:"zeroed"`    // filled up with zeros
	Allocated float64 `json:"allocated"` // bytes of new clusters for data
	Entries   float64 `json:"entries"`   // L2 entries that change
	Refcounts float64 `json:"refcounts"`
	Tables    float64 `json:"tables"` // new L2 tables
	Steps     float64 `json:"steps"`
	Pieces    float64 `json:"pieces"`
	Extents   float64 `json:"extents"`
}

// WriteEvent is a write that is added to those in flight, or one that finishes.
type WriteEvent struct {
	Finish int          `json:"finish"` // number of the write, from 1; 0: Write is added
	Write  WriteRequest `json:"write"`
}

// WriteQueueRequest asks how writes that are in flight at once get along, from the image as it
// is now.
type WriteQueueRequest struct {
	Events []WriteEvent `json:"events"` // at most 64
}

// WriteQueueReply tells of each write where it is after these events.
type WriteQueueReply struct {
	Stop   WriteStop     `json:"stop"` // what ended the queue
	Writes []QueuedWrite `json:"writes"`
	Done   bool          `json:"done"`   // all are written
	Barred string        `json:"barred"` // why they cannot be applied here; "" if they can
}

// QueuedWrite is one of several writes.
type QueuedWrite struct {
	Number int          `json:"number"`
	Words  string       `json:"words"`
	Offset float64      `json:"offset"`
	Length float64      `json:"length"`
	State  string       `json:"state"` // flying, waits, done
	Parts  []QueuedPart `json:"parts"` // ascending
	Waits  WriteMeets   `json:"waits"` // With is 0 if it does not wait
	Cuts   []WriteMeets `json:"cuts"`  // where it was stopped short; what follows was looked up anew
}

// QueuedPart is bytes of a queued write.
type QueuedPart struct {
	Guest  float64 `json:"guest"`
	Length float64 `json:"length"`
	State  string  `json:"state"` // written, flying, waits
	// Keeps are the guest bytes that no other write can have meanwhile; 0 long if there are none.
	KeepsFrom float64 `json:"keepsFrom"`
	Keeps     float64 `json:"keeps"`
	Host      string  `json:"host"`    // hex offset, "" while it waits
	InPlace   bool    `json:"inPlace"` // in clusters that exist already
}

// WriteMeets is a write that meets one in flight.
type WriteMeets struct {
	With   int     `json:"with"` // number of the other
	At     float64 `json:"at"`   // the first byte that must wait
	From   float64 `json:"from"` // the guest bytes that the other keeps
	Length float64 `json:"length"`
	Words  string  `json:"words"`
}

// WriteStatesRequest asks for the states that subclusters can have.
type WriteStatesRequest struct {
	Count bool `json:"count"` // however many tables must be read for it
}

// WriteStatesReply are those of an image of this kind.
type WriteStatesReply struct {
	States  []WriteState `json:"states"`
	Counted bool         `json:"counted"` // the counts are those of the whole disk
	Tables  float64      `json:"tables"`  // L2 tables that must be read for them
}

// WriteState is what host offset, zero bit and allocation bit say together.
type WriteState struct {
	Name    string  `json:"name"`
	Kind    int     `json:"kind"` // index in SubclusterStates
	Host    bool    `json:"host"`
	Zero    bool    `json:"zero"`
	Alloc   bool    `json:"alloc"`
	Valid   bool    `json:"valid"`
	Reads   string  `json:"reads"`
	Meaning string  `json:"meaning"`
	Code    string  `json:"code"`    // of the finding, "" for valid ones
	Repair  string  `json:"repair"`  // what is proposed
	Count   float64 `json:"count"`   // of subclusters, or clusters, in the active layer
	Example float64 `json:"example"` // guest offset of the first of them, -1 if there is none
}

// WriteTraceRequest asks what a trace of writes costs with every cluster size.
type WriteTraceRequest struct {
	Text    string `json:"text"`
	Initial string `json:"initial"` // empty, backed, allocated, shared
}

// WriteTraceReply is the answer.
type WriteTraceReply struct {
	Trouble string       `json:"trouble"` // what in the trace cannot be understood; nothing else is set then
	Format  string       `json:"format"`
	Writes  float64      `json:"writes"`
	Other   float64      `json:"other"` // lines that are no writes
	Written float64      `json:"written"`
	Setups  []WriteSetup `json:"setups"` // ascending cluster sizes, those without subclusters first
	Advice  string       `json:"advice"`
}

// WriteSetup is what a trace costs in one kind of image. All but Factor are bytes.
type WriteSetup struct {
	Cluster    float64 `json:"cluster"`
	Extended   bool    `json:"extended"`
	Advised    bool    `json:"advised"`
	Copied     float64 `json:"copied"`
	Zeroed     float64 `json:"zeroed"`
	Metadata   float64 `json:"metadata"`
	Structures float64 `json:"structures"`
	Allocated  float64 `json:"allocated"`
	Factor     float64 `json:"factor"` // bytes written for each byte of the guest
}
