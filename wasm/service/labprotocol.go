package service

// LabRequest asks how a new refcount structure comes about for the image as it is now:
// every step, what it costs and what forbids it. Nothing is applied.
type LabRequest struct {
	Kind     string `json:"kind"`     // rebuild, width
	Bits     int    `json:"bits"`     // of a refcount after a width change: 1, 2, 4, 8, 16, 32 or 64
	LikeQemu bool   `json:"likeQemu"` // a width change places everything where QEMU would
	Redirect bool   `json:"redirect"` // what is applied overwrites nothing that is live; the steps stay those of the change itself
}

// LabReply sums up the steps. They are paged with LabStepsRequest and LabWordsRequest.
type LabReply struct {
	Kind    string       `json:"kind"`
	Blocked []LabBlocker `json:"blocked"` // what forbids it; if there is any, nothing was planned, and there are no steps
	Before  LabStructure `json:"before"`
	After   LabStructure `json:"after"`
	// Steps is how many there are, Kept how many can be asked for: fewer when there are too
	// many, see LabStage.
	Steps       float64    `json:"steps"`
	Kept        int        `json:"kept"`
	Stages      []LabStage `json:"stages"`
	FileBefore  float64    `json:"fileBefore"`  // bytes
	FileAfter   float64    `json:"fileAfter"`   // bytes
	Written     float64    `json:"written"`     // bytes
	Clusters    float64    `json:"clusters"`    // of the file, before or after, whichever are more
	ClusterSize float64    `json:"clusterSize"` // bytes
	Greatest    string     `json:"greatest"`    // refcount in the image, decimal
	GreatestAt  float64    `json:"greatestAt"`  // the first cluster that has it
	Redirected  Redirected `json:"redirected"`
}

// LabStructure is a refcount structure.
type LabStructure struct {
	Bits          int     `json:"bits"`          // of a refcount
	Limit         string  `json:"limit"`         // the greatest refcount that fits, decimal
	Refblocks     float64 `json:"refblocks"`     // that it has
	TableClusters float64 `json:"tableClusters"` // of the reftable
	PerRefblock   float64 `json:"perRefblock"`   // clusters whose refcounts one refblock holds
}

// LabStage is a run of steps that belong together.
type LabStage struct {
	// Name: count (references), compare, read, walk (that gives places), write, switch (the
	// header), free (the old structure), recount.
	Name   string  `json:"name"`
	Walk   int     `json:"walk"`   // number of the walk, 0 if it is none
	First  int     `json:"first"`  // index of its first step among those that are kept
	Kept   int     `json:"kept"`   // of its steps, the first and the last ones and all that matter
	Steps  float64 `json:"steps"`  // of it
	Placed float64 `json:"placed"` // refblocks that got a place in it
}

// LabBlocker is one thing that forbids a change.
type LabBlocker struct {
	What   string   `json:"what"`
	Why    string   `json:"why"`
	Advice string   `json:"advice"`
	Count  float64  `json:"count"`  // of places
	Places []string `json:"places"` // the first 100 of them, in words
}

// LabStepsRequest asks for steps of what was asked for last. They cross as a Float64Array of
// eight numbers a step: its number in the whole trace from 0, the index of its act in
// LabActs, the walk (0 for none), the refblock (-1 for none), the first and the end of the
// clusters whose refcounts it is about, the cluster where something goes or was, and how
// many: see the acts.
type LabStepsRequest struct {
	From  int `json:"from"`
	Count int `json:"count"` // at most 65536
}

// LabActs are what happens in a step, by index.
var LabActs = []string{"begin-walk", "begin-write-walk", "end-walk", "count-references", "compare-counts", "read-entries", "skip-empty",
	"place-block", "keep-block", "drop-block", "create-old-block", "grow-old-table", "place-table", "free-table", "grow-table", "trim-table",
	"write-block", "write-table", "switch-header", "free-old-block", "free-old-table", "recount"}

// LabWordsRequest asks for the same steps in words.
type LabWordsRequest struct {
	From  int `json:"from"`
	Count int `json:"count"` // at most 100
}

// LabWordsReply is what happens in each, and why.
type LabWordsReply struct {
	Words []string `json:"words"`
}

// The old reftable crosses as a Float64Array: the host cluster of each refblock by index, 0
// where there is none, -1 where the entry leads to no place in the file.

// LabLaneRequest asks for all clusters in a line, PerCell in each cell.
type LabLaneRequest struct {
	PerCell float64 `json:"perCell"`
	Cells   int     `json:"cells"` // at most 8192
}

// A lane crosses as a Uint8Array of Cells bytes: the low 2 bits are the share of its clusters
// whose stored refcount is not zero, in thirds rounded up, the next 2 bits the share of
// those that something refers to. Bit 4: the two differ for some cluster. Bit 5: the old
// structure has one in 16 of them or more. Bit 6: a refblock cannot be read.

// LabCountsRequest asks for the refcounts of clusters in a row.
type LabCountsRequest struct {
	First float64 `json:"first"`
	Count int     `json:"count"` // at most 256
}

// LabCounts are refcounts, cluster by cluster, in decimal.
type LabCounts struct {
	Owners  []string `json:"owners"`  // an Owner name
	Stored  []string `json:"stored"`  // in the old structure; "" without a refblock, "?" when it cannot be read
	Counted []string `json:"counted"` // references found
	After   []string `json:"after"`   // in the new structure; "" without a refblock
}
