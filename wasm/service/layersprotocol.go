package service

// The Layers part shows what the image consists of: the active state and the snapshots, the
// bitmaps, the files beside it that it names, and what every byte of the file is for.
// Numbers of bytes are exact up to 2^53.

// LayersScan tells how far the reading is on which sizes, snapshots and bitmaps depend. Each
// call reads some more, until Done is Total.
type LayersScan struct {
	Done  float64 `json:"done"`
	Total float64 `json:"total"`
}

// LayersSizes is the way from the size of the disk to that of the file.
type LayersSizes struct {
	Virtual float64 `json:"virtual"`
	File    float64 `json:"file"`
	Stored  float64 `json:"stored"` // what the disk as it is now takes of the file
	// Fits is false when the header asks for a larger disk than can be: Virtual is what can.
	Fits   bool         `json:"fits"`
	Reason string       `json:"reason"` // a sentence with the biggest reason for the difference
	Steps  []LayersStep `json:"steps"`  // they lead from Virtual to File
}

// LayersStep adds bytes, or takes them off.
type LayersStep struct {
	Kind    string  `json:"kind"` // of LayersStepKinds
	Label   string  `json:"label"`
	Meaning string  `json:"meaning"`
	Bytes   float64 `json:"bytes"`
}

// LayersStepKinds are the kinds of steps.
var LayersStepKinds = []string{"unwritten", "zeros", "compressed", "data-file", "rounding", "beyond", "snapshots", "vm-states", "mapping",
	"snapshot-tables", "refcounts", "header", "encryption", "bitmaps", "leaked", "damage", "free-inside", "free-end", "cut"}

// LayersSnapshotsRequest asks for a page of the layers.
type LayersSnapshotsRequest struct {
	First int `json:"first"`
	Count int `json:"count"` // at most 100
}

// LayersSnapshotsReply is that page.
type LayersSnapshotsReply struct {
	Total  int           `json:"total"` // layers, the active one included
	Layers []LayersLayer `json:"layers"`
	// Sound is false when the refcounts of the file are not what was counted: then deleting
	// may free less until the image is repaired.
	Sound   bool        `json:"sound"`
	Problem string      `json:"problem"` // why the list ends early, "" if it does not
	All     LayersFreed `json:"all"`     // what deleting all snapshots would free
}

// LayersLayer is the active layer, number 0, or a snapshot. Sizes are of host clusters, in bytes.
type LayersLayer struct {
	Layer    int     `json:"layer"`
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Date     float64 `json:"date"`     // seconds since 1970, UTC
	DiskSize string  `json:"diskSize"` // bytes, decimal; "" if the snapshot does not say
	VMState  string  `json:"vmState"`  // bytes, decimal, as the snapshot says
	Table    string  `json:"table"`    // hex offset of its L1 table
	Data     float64 `json:"data"`     // guest data that it refers to
	State    float64 `json:"state"`    // VM state
	Tables   float64 `json:"tables"`   // L1 and L2 tables
	// Own are those of them that no other layer refers to.
	OwnData   float64     `json:"ownData"`
	OwnState  float64     `json:"ownState"`
	OwnTables float64     `json:"ownTables"`
	Freed     LayersFreed `json:"freed"` // by deleting it alone
}

// LayersFreedRequest asks what deleting the chosen snapshots would free.
type LayersFreedRequest struct {
	Chosen []int `json:"chosen"` // layers, from 1 on
}

// LayersFreed is what deleting gives back.
type LayersFreed struct {
	Clusters float64 `json:"clusters"` // may be below zero: the list of snapshots is written anew
	Bytes    float64 `json:"bytes"`
	Exact    bool    `json:"exact"` // else it is at least so much
}

// LayersBitmapsRequest asks for a page of the bitmaps.
type LayersBitmapsRequest struct {
	First int `json:"first"`
	Count int `json:"count"` // at most 100
}

// LayersBitmapsReply is that page.
type LayersBitmapsReply struct {
	Total   int            `json:"total"`
	Bitmaps []LayersBitmap `json:"bitmaps"`
	Problem string         `json:"problem"` // why the list ends early, "" if it does not
}

// LayersBitmap is a persistent bitmap.
type LayersBitmap struct {
	Index       int     `json:"index"`
	Name        string  `json:"name"`
	Granularity float64 `json:"granularity"` // bytes that a bit stands for
	InUse       bool    `json:"inUse"`
	Auto        bool    `json:"auto"`
	Known       bool    `json:"known"`   // what is dirty is
	Unknown     string  `json:"unknown"` // why it is not
	Dirty       float64 `json:"dirty"`   // bytes
	Bits        float64 `json:"bits"`
	Takes       float64 `json:"takes"` // bytes of the file, of its table and its bits
}

// LayersStripRequest asks for the strip of a bitmap: a Uint8Array with 1024 equal parts of
// the disk, how much of each is dirty, of 255. It is empty when that is not known.
type LayersStripRequest struct {
	Bitmap int `json:"bitmap"`
}

// LayersDirtyRequest asks for dirty ranges of a bitmap.
type LayersDirtyRequest struct {
	Bitmap int    `json:"bitmap"`
	From   string `json:"from"`  // hex guest offset
	Count  int    `json:"count"` // at most 100
}

// LayersDirtyReply is a page of them.
type LayersDirtyReply struct {
	Ranges []LayersRange `json:"ranges"`
	Next   string        `json:"next"` // hex guest offset to go on from, "" at the end
}

// LayersRange is a run of guest bytes.
type LayersRange struct {
	Start  string  `json:"start"` // hex
	Length float64 `json:"length"`
}

// LayersChainReply is the image and the files below it that were given.
type LayersChainReply struct {
	Links []LayersLink `json:"links"` // the image first
	// Open tells that the last one names a backing file that is not given.
	Open bool `json:"open"`
}

// LayersLink is one file of the chain.
type LayersLink struct {
	Name     string          `json:"name"`   // of the file that was given
	Format   string          `json:"format"` // qcow2, raw
	FileSize float64         `json:"fileSize"`
	Virtual  string          `json:"virtual"` // bytes of its disk, decimal
	Outside  []LayersOutside `json:"outside"` // the files that it names
	Notes    []LayersNote    `json:"notes"`
}

// LayersOutside is a file that a link names.
type LayersOutside struct {
	Data    bool     `json:"data"` // the external data file, else the backing file
	Name    string   `json:"name"`
	Format  string   `json:"format"` // "" if it is not named
	Target  string   `json:"target"` // of LayersTargets
	Opens   []string `json:"opens"`  // what is opened, as far as the name tells
	Wary    bool     `json:"wary"`   // look at it before opening the image
	Warning string   `json:"warning"`
	Given   string   `json:"given"` // the name of the file that was given for it, "" if none was
}

// LayersTargets are where a name leads.
var LayersTargets = []string{"beside", "outward", "absolute", "device", "network", "options", "driver", "unnamed"}

// LayersNote is something to know about a link.
type LayersNote struct {
	Severity string `json:"severity"` // as of findings
	Text     string `json:"text"`
}

// LayersAttachRequest gives the file for a name that a link holds.
type LayersAttachRequest struct {
	File int     `json:"file"` // the number under which the host reads it, from 1 on
	Name string  `json:"name"`
	Size float64 `json:"size"`
	Link int     `json:"link"` // that names it
	Data bool    `json:"data"` // as its data file, else as its backing file
}

// LayersAttachReply is the chain with it, or why it does not belong there.
type LayersAttachReply struct {
	Attached bool             `json:"attached"`
	Refused  string           `json:"refused"`
	Chain    LayersChainReply `json:"chain"`
}

// LayersDetachRequest takes a file out of the chain, and with a backing file all below it.
type LayersDetachRequest struct {
	Link int  `json:"link"` // that names it
	Data bool `json:"data"`
}

// LayersFall tells which file decides what the guest reads. Each call looks at some more of
// the disk, until Done is Total.
type LayersFall struct {
	Done       float64   `json:"done"` // bytes of the disk
	Total      float64   `json:"total"`
	Links      []float64 `json:"links"`      // bytes that each link of the chain decides
	Zeros      float64   `json:"zeros"`      // bytes that no file holds
	Missing    float64   `json:"missing"`    // bytes that come from a file that is not given
	Unreadable float64   `json:"unreadable"` // bytes that damaged entries map
}

// LayersGuestRequest asks for bytes of the disk as the guest reads them, through the chain.
type LayersGuestRequest struct {
	Offset string `json:"offset"` // hex
	Length int    `json:"length"` // at most 4096
}

// LayersGuestReply is these bytes, fewer where they cannot be read.
type LayersGuestReply struct {
	Bytes string `json:"bytes"` // two hex digits a byte
	Why   string `json:"why"`   // there are fewer, "" if there are not
	Looks string `json:"looks"` // like the start of what, "" if like nothing known
	Link  int    `json:"link"`  // that decides the first byte, -1 if none does
}
