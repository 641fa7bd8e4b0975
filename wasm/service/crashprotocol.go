package service

// CrashRequest asks for the states in which a crash can leave the image while it is changed:
// by the plan as it would be redirected, and by the same plan in place.
type CrashRequest struct {
	Kind   string       `json:"kind"`   // repair, width, write
	Repair PlanRequest  `json:"repair"` // of which both ways are looked at
	Bits   int          `json:"bits"`   // of a refcount after a width change
	Write  WriteRequest `json:"write"`  // of the guest
	// Flushes is how the change in place waits for the disk: qemu, none.
	Flushes string  `json:"flushes"`
	States  int     `json:"states"` // of each side at most, 10 to 100000
	Seed    float64 `json:"seed"`   // of the sample, when there are more: a whole number
}

// CrashView sums up the states. They are judged by CrashJudgeRequest.
type CrashView struct {
	Blocked []LabBlocker `json:"blocked"` // what forbids the change; if there is any, there is nothing else
	Empty   bool         `json:"empty"`   // the change writes nothing
	Cannot  string       `json:"cannot"`  // why there is no redirected side; "" if there is one
	Sides   []CrashSide  `json:"sides"`   // redirected, in-place
	// SameGuest: the guest reads the same before and after, so that old and new bytes are no different.
	SameGuest bool    `json:"sameGuest"`
	Compared  float64 `json:"compared"` // bytes of the disk that are compared in each state, about; 0 for all
}

// CrashSide is one way to make the change.
type CrashSide struct {
	Name    string        `json:"name"`    // redirected, in-place
	Unsafe  []string      `json:"unsafe"`  // what a redirected plan overwrites in place all the same
	Flights []CrashFlight `json:"flights"` // in order
	States  int           `json:"states"`  // all of them: those after the last flight have everything on the disk
}

// CrashFlight is the writes between two flushes.
type CrashFlight struct {
	Kind    string  `json:"kind"` // free, header, late as in RedirectBatch; in-place
	Writes  int     `json:"writes"`
	Sectors int     `json:"sectors"` // of 512 bytes, each of which lands or does not
	Bytes   float64 `json:"bytes"`
	First   int     `json:"first"` // number of its first state
	End     int     `json:"end"`   // after its last
	All     bool    `json:"all"`   // they are all that there can be, not a sample
}

// CrashJudgeRequest asks for verdicts of states: as many of them as can be had in the time, in
// the given order, at least one. States of a side are counted from 0, flight by flight, and in
// a flight by how much has landed. Verdicts cross as a Float64Array of five numbers a state:
// the flight; its sectors that have landed; writes that are torn; index of the outcome in
// CrashOutcomes; leaked clusters.
type CrashJudgeRequest struct {
	Side   int   `json:"side"`
	States []int `json:"states"`
	Ms     int   `json:"ms"`
}

// CrashOutcomes are what a crash can leave, by index. The first three are safe: the image
// before the change, the one after it, or something between without any new trouble.
var CrashOutcomes = []string{"old", "new", "between", "worse", "other-bytes", "does-not-open"}

// CrashStateRequest asks for all about one state.
type CrashStateRequest struct {
	Side  int `json:"side"`
	State int `json:"state"`
}

// CrashState is the image in a state.
type CrashState struct {
	Flight      int            `json:"flight"`
	Sectors     int            `json:"sectors"` // that have landed
	Of          int            `json:"of"`
	Torn        int            `json:"torn"`    // writes
	Outcome     string         `json:"outcome"` // one of CrashOutcomes
	Guest       string         `json:"guest"`   // what the guest reads: old, new, neither
	Problem     Problem        `json:"problem"` // why it does not open
	State       string         `json:"state"`   // of its verdict
	Corruptions float64        `json:"corruptions"`
	Leaks       float64        `json:"leaks"`
	CheckErrors float64        `json:"checkErrors"`
	Worse       []FindingGroup `json:"worse"`    // of which there are more than before the change and after it
	Findings    []FindingView  `json:"findings"` // the first few, those of Worse first
	Landings    []CrashLanding `json:"landings"` // of the writes in flight, the first 100
}

// CrashLanding is a write in flight.
type CrashLanding struct {
	Offset  string  `json:"offset"` // hex
	Length  float64 `json:"length"`
	Why     string  `json:"why"`
	Landed  int     `json:"landed"`  // sectors of it
	Sectors string  `json:"sectors"` // the first 128: 1 has landed, 0 has not
	Of      int     `json:"of"`
}

// CrashPlaceReply is where the guest could write.
type CrashPlaceReply struct {
	Offset string `json:"offset"` // hex
}
