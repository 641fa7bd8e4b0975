package service

// The Hex part shows two sides: the image as it is now, and the other one. That is what a
// plan would make of it that was made and not applied yet; else what it was before the
// applied ones; without any plan it is the same. An offset crosses as a hex string, because
// it may be anything up to 2^63.

// HexRequest asks for the bytes and fields of a range.
type HexRequest struct {
	Offset string `json:"offset"` // hex
	Length int    `json:"length"` // at most 4096
	Other  bool   `json:"other"`  // the other side
}

// HexReply is that range, less what lies past the end.
type HexReply struct {
	Size   string     `json:"size"`   // of the larger side, hex
	Plan   string     `json:"plan"`   // what makes the sides differ: "", planned or applied
	Bytes  string     `json:"bytes"`  // of the side that was asked for, two hex digits a byte
	Twin   string     `json:"twin"`   // of the opposite side; "" without a plan
	Fields []HexField `json:"fields"` // that touch the range, without gaps; the first and last may reach out of it
}

// HexField is a run of bytes with one meaning.
type HexField struct {
	Offset   string  `json:"offset"` // hex
	Length   float64 `json:"length"`
	Kind     string  `json:"kind"` // of HexKinds
	Name     string  `json:"name"` // as the specification spells it
	Value    string  `json:"value"`
	IsText   bool    `json:"isText"` // value is a text that stands in the image
	Meaning  string  `json:"meaning"`
	To       string  `json:"to"`       // hex offset that it points to, "" if none
	ToName   string  `json:"toName"`   // what is there
	Severity string  `json:"severity"` // of the worst finding at it, "" if nothing is wrong
}

// HexFieldRequest asks for all about the field at an offset.
type HexFieldRequest struct {
	Offset string `json:"offset"` // hex
	Other  bool   `json:"other"`
}

// HexFieldReply is that field. Found is false past the end of the side.
type HexFieldReply struct {
	Found       bool         `json:"found"`
	Field       HexField     `json:"field"`
	ToLength    string       `json:"toLength"`  // hex
	Structure   string       `json:"structure"` // what it is a part of
	Guest       string       `json:"guest"`     // hex offset on the disk that it serves, "" if none
	GuestLength string       `json:"guestLength"`
	Cluster     float64      `json:"cluster"` // host cluster
	Bits        []HexBits    `json:"bits"`    // from the highest down; empty when they mean nothing one by one
	From        []HexRef     `json:"from"`    // the pointers that lead to its structure
	MoreFrom    bool         `json:"moreFrom"`
	Findings    []HexFinding `json:"findings"`
	Bytes       string       `json:"bytes"`   // its first 16 bytes, on the side that was asked for
	Twin        string       `json:"twin"`    // the same bytes of the opposite side; "" without a plan
	Reasons     []string     `json:"reasons"` // why the plan writes here, at most 4
}

// HexBits are some bits of a field.
type HexBits struct {
	High  int    `json:"high"`
	Low   int    `json:"low"`
	Name  string `json:"name"`
	Value string `json:"value"` // hex
	Wrong bool   `json:"wrong"` // must be zero and is not
}

// HexRef is a pointer and where it stands.
type HexRef struct {
	Name   string `json:"name"`
	Offset string `json:"offset"` // hex
}

// HexFinding is what is wrong with a field.
type HexFinding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Title    string `json:"title"`
}

// HexChangeRequest asks for a place where the sides differ.
type HexChangeRequest struct {
	Offset string `json:"offset"` // hex
	Step   int    `json:"step"`   // 1 the next after the offset, -1 the one before, 0 the one at it or the next
}

// HexChangeReply is that place. Bytes that differ with few equal ones between them are one.
type HexChangeReply struct {
	Count  int    `json:"count"` // of places
	More   bool   `json:"more"`  // there are others, which were not looked for
	Index  int    `json:"index"` // of this one, from 1; 0 when there is none
	Offset string `json:"offset"`
	Length string `json:"length"` // hex
}

// HexFindRequest asks for a field outside of the one at an offset.
type HexFindRequest struct {
	Offset string `json:"offset"` // hex
	Other  bool   `json:"other"`
	Step   int    `json:"step"` // 1 the next, -1 the one before
	What   string `json:"what"` // field any, set one with a byte that is not zero, wrong one with a finding
}

// HexFindReply is where it begins; of a finding, its place.
type HexFindReply struct {
	Found   bool   `json:"found"`
	Offset  string `json:"offset"`  // hex
	Stopped string `json:"stopped"` // hex offset as far as which nothing was found, "" when that is the end or the start
}

// HexKinds are the kinds of fields: the structures that they belong to.
var HexKinds = []string{"header", "extension", "backing-name", "reftable", "refblock", "l1", "l2", "snapshot-table", "snapshot-l1",
	"snapshot-l2", "bitmap-directory", "bitmap-table", "bitmap-data", "crypto", "data", "compressed", "zero", "snapshot-data",
	"free", "leaked", "padding", "unknown"}
