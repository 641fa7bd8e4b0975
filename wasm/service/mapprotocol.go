package service

// The map shows host and guest clusters as cells. A cell of level k stands for 4^k clusters.
// With n clusters the map's plane has 2^b columns, b = max(3, ceil(log2(n) / 2)), and levels
// 0 to b. In order "along" cell i of level k stands for clusters i*4^k on: on a Hilbert curve
// that fills a square of side 2^b (or any square above it) these are a square. In order
// "rows" clusters lie in rows of 2^b, and the cell in column x and row y of level k stands
// for a square of 2^k by 2^k of them.
//
// Spaces: "host" are the clusters of the file by owner, "links" the same clusters by layer and
// place on the disk, "guest" the clusters of the virtual disk as a layer has them. Layer 0 is
// the active one, n the nth snapshot; it counts in space "guest" only. Space "dirty" are the
// clusters of the disk as it is now by a bitmap, whose index is given in place of the layer.

// MapTileRequest asks for a tile: 1024 by 1024 cells, in order "along" 1024*1024 cells in a
// row. It crosses as a Uint8Array of two bytes a cell, in rows of as many cells as the level
// has, at most 1024; order "along" is broken into such rows, and the last is filled up with
// cells of 0xffff, which lie past the end. A tile that does not exist is empty.
//
// The first byte of a cell holds in the low five bits the kind of most of its clusters (kind
// 0 only where there is nothing else), and in the high three the worst severity (0 none, 1
// note, 2 waste, 3 warning, 4 damage, 5 danger). Kinds: of hosts indices in Owners, of guests
// in GuestKinds, of links in LayerKinds, of dirty ones in DirtyKinds. The second byte of hosts and guests holds in the high
// four bits how much is in use, of 15, and of hosts in the low four the highest number of
// references, as an index in ReferenceSteps. In space "links" the high three bits of the first
// byte are how many clusters do not follow the one before them on the disk, of 7, and the
// second byte is where on the disk the first one lies: 1 at the start to 255 at the end.
type MapTileRequest struct {
	Space string  `json:"space"`
	Layer int     `json:"layer"`
	Order string  `json:"order"` // along, rows
	Level int     `json:"level"`
	X     float64 `json:"x"` // of tiles
	Y     float64 `json:"y"`
	// Clusters is how many are shown, all if 0: a map may leave out the free ones at the end.
	// The plane is one of so many clusters.
	Clusters float64 `json:"clusters"`
}

// GuestKinds are the kinds of guest clusters. What an image says nothing about is "nothing";
// it comes from the parent if the image has one.
var GuestKinds = []string{"nothing", "data", "compressed", "zero", "unreadable", "unknown"}

// DirtyKinds are what a bitmap says of guest clusters.
var DirtyKinds = []string{"clean", "dirty", "unknown"}

// LayerKinds are who has a host cluster; those behind "shared" and "snapshots" are the single
// snapshots.
var LayerKinds = []string{"none", "tables", "active", "shared", "snapshots", "snapshot-1", "snapshot-2", "snapshot-3", "snapshot-4",
	"snapshot-5", "snapshot-6", "snapshot-7", "snapshot-8", "snapshot-9", "snapshot-10", "snapshot-later"}

// ReferenceSteps are the numbers of references of each step of a cell.
var ReferenceSteps = []string{"0", "1", "2", "3", "4", "5 to 8", "9 to 16", "17 to 64", "65 to 254", "255 or more"}

// MapPinsRequest asks for what is wrong in a block of 32 by 32 cells, in order "along" of 1024
// cells in a row. X and Y are those of the block.
type MapPinsRequest struct {
	Space    string  `json:"space"`
	Layer    int     `json:"layer"`
	Order    string  `json:"order"`
	Level    int     `json:"level"`
	X        float64 `json:"x"`
	Y        float64 `json:"y"`
	Clusters float64 `json:"clusters"` // as for tiles
}

// Pins cross as three arrays, an element for each cell in which something is wrong: clusters
// (Float64Array) is one of the worst clusters, counts (Float64Array) how many are as bad, and
// severities (Uint8Array) is as in a cell.

// MapCellRequest asks for one of the worst clusters of a cell.
type MapCellRequest struct {
	Space    string  `json:"space"`
	Layer    int     `json:"layer"`
	Order    string  `json:"order"`
	Level    int     `json:"level"`
	X        float64 `json:"x"` // of the cell; its number in order "along"
	Y        float64 `json:"y"`
	Clusters float64 `json:"clusters"` // as for tiles
}

// MapCellReply is that cluster, -1 when there is no such cell.
type MapCellReply struct {
	Cluster float64 `json:"cluster"`
}

// MapScan tells how far the reading of all L2 tables is, on which spaces "guest" and "links"
// depend. Each call reads some more, until Done is Total.
type MapScan struct {
	Done     float64 `json:"done"` // tables
	Total    float64 `json:"total"`
	Complete bool    `json:"complete"` // false when there is more than can be kept, or some could not be read
	Linked   bool    `json:"linked"`   // which clusters belong together is known
}

// MapTotalsRequest asks for the counts of a whole space.
type MapTotalsRequest struct {
	Space string `json:"space"`
	Layer int    `json:"layer"`
}

// MapTotals count clusters.
type MapTotals struct {
	Clusters   float64   `json:"clusters"`
	End        float64   `json:"end"`        // the first cluster behind the last that is not of kind 0, or not fine
	Nothing    float64   `json:"nothing"`    // of kind 0, with which nothing is wrong
	Kinds      []float64 `json:"kinds"`      // by kind
	Severities []float64 `json:"severities"` // by severity as in a cell
	References []float64 `json:"references"` // by index in ReferenceSteps; of hosts only
}

// MapLinksRequest asks which clusters of the other space belong to clusters of one: to a run
// of them, or to a rectangle of a map in rows, which is several runs.
type MapLinksRequest struct {
	Space  string  `json:"space"` // host, guest
	First  float64 `json:"first"`
	Count  float64 `json:"count"`  // of a row
	Rows   float64 `json:"rows"`   // 0 or 1 is a single run
	Stride float64 `json:"stride"` // from the beginning of a row to that of the next
}

// Links cross as firsts and counts (Float64Array), the runs of clusters, and more, 1 when there
// are further ones.

// MapRunsRequest asks for the table that says what the picture shows.
type MapRunsRequest struct {
	Space    string  `json:"space"`
	Layer    int     `json:"layer"`
	First    float64 `json:"first"`
	Count    int     `json:"count"`    // at most 100
	Kinds    []int   `json:"kinds"`    // only these; all, if empty
	Troubled bool    `json:"troubled"` // only where something is wrong
}

// MapRunsReply is a page of it.
type MapRunsReply struct {
	Runs []MapRun `json:"runs"`
	Next float64  `json:"next"` // where to go on, -1 at the end
}

// MapRun is clusters side by side of one kind and severity.
type MapRun struct {
	First    float64 `json:"first"`
	Count    float64 `json:"count"`
	Kind     int     `json:"kind"`
	Severity int     `json:"severity"` // as in a cell
}

// MapSubclustersRequest asks for the states of subclusters. They cross as a Uint8Array, 32
// for each cluster, of indices in SubclusterStates; with plain L2 entries one.
type MapSubclustersRequest struct {
	Space string  `json:"space"` // host, guest
	Layer int     `json:"layer"`
	First float64 `json:"first"`
	Count int     `json:"count"` // at most 1024 clusters
}

// SubclusterStates are the states of subclusters. "none" is that of host clusters that no L2
// entry points to.
var SubclusterStates = []string{"unallocated", "unallocated-host", "zero", "zero-allocated", "data", "compressed", "invalid", "none"}

// MapLayersRequest asks for a page of the layers whose guest map can be shown.
type MapLayersRequest struct {
	First int `json:"first"`
	Count int `json:"count"` // at most 100
}

// MapLayersReply is that page.
type MapLayersReply struct {
	Total  int        `json:"total"`
	Layers []MapLayer `json:"layers"`
}

// MapLayer is the active layer or a snapshot.
type MapLayer struct {
	Layer    int     `json:"layer"`
	ID       string  `json:"id"` // of the snapshot
	Name     string  `json:"name"`
	Clusters float64 `json:"clusters"` // of its virtual disk
}

// GuestClusterRequest asks about one guest cluster.
type GuestClusterRequest struct {
	Cluster float64 `json:"cluster"`
	Layer   int     `json:"layer"`
}

// GuestClusterView is what each layer says of a guest cluster.
type GuestClusterView struct {
	Cluster     float64      `json:"cluster"`
	Guest       string       `json:"guest"` // hex offset
	Length      float64      `json:"length"`
	Kind        string       `json:"kind"`    // of GuestKinds
	Entries     []GuestEntry `json:"entries"` // the layer asked for first, then the others that differ from it; at most 65
	Same        int          `json:"same"`    // layers with the same entry as the one asked for
	MoreEntries bool         `json:"moreEntries"`
	Subclusters []string     `json:"subclusters"` // 32 of SubclusterStates; empty without extended L2 entries
}

// GuestEntry is what one layer's tables say of a guest cluster.
type GuestEntry struct {
	Layer  int         `json:"layer"`
	Name   string      `json:"name"`  // "active layer", "snapshot 1 (name)"
	Field  string      `json:"field"` // "l1[0]", "l2[0][5]"
	At     string      `json:"at"`    // hex file offset of the entry, "" if it has none
	Entry  string      `json:"entry"` // raw value, hex
	Bitmap string      `json:"bitmap"`
	Kind   string      `json:"kind"` // of GuestKinds
	Host   string      `json:"host"` // hex offset, "" if none
	Bits   []NamedBits `json:"bits"`
}

// NamedBits is a field of an entry.
type NamedBits struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
