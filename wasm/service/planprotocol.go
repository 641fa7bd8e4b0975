package service

// PlanRequest asks for a repair plan.
type PlanRequest struct {
	Scope  string      `json:"scope"`  // leaks, all, rebuild
	Accept []string    `json:"accept"` // codes whose lossy or interpreting repairs the user consents to
	Leave  []LeaveRule `json:"leave"`  // what is not to be mended, at most one rule a code
	// Redirect has nothing that is live overwritten, as far as that can be done.
	Redirect bool `json:"redirect"`
}

// LeaveRule says what of a group is left as it is: all of it but the findings with these IDs,
// or these only. A group of which single findings are to be mended must have at most 10,000.
type LeaveRule struct {
	Code string   `json:"code"`
	All  bool     `json:"all"`
	IDs  []string `json:"ids"`
}

// NotLeft are findings that were to be left, and are gone with the plan all the same.
type NotLeft struct {
	Code     string   `json:"code"`
	Severity string   `json:"severity"`
	Title    string   `json:"title"`
	Because  string   `json:"because"` // half a sentence
	IDs      []string `json:"ids"`     // of the single ones; empty if all of the group were to be left
}

// EffectReply is what the plan that was made last, or the applied changes, do to what the
// guest reads from the active disk.
type EffectReply struct {
	Ranges     []EffectRange `json:"ranges"` // that read otherwise, the first 100
	More       bool          `json:"more"`
	Bytes      float64       `json:"bytes"`      // of all of them
	Unknown    float64       `json:"unknown"`    // bytes of them that could not be compared
	Regained   float64       `json:"regained"`   // bytes of them that could not be read before, and can be then
	SizeBefore string        `json:"sizeBefore"` // of the disk, bytes, decimal
	SizeAfter  string        `json:"sizeAfter"`
}

// EffectRange is a part of the disk that reads otherwise.
type EffectRange struct {
	Guest   string  `json:"guest"` // hex offset
	Length  float64 `json:"length"`
	Before  string  `json:"before"` // data, zeros, parent, error
	After   string  `json:"after"`
	Unknown bool    `json:"unknown"`
}

// VerifyReply holds the check of the file against one of the changed image, made anew.
type VerifyReply struct {
	Before CheckCounts `json:"before"`
	After  CheckCounts `json:"after"`
}

// CheckCounts are what `qemu-img check` counts, and the findings that are ours beside.
type CheckCounts struct {
	Corruptions float64 `json:"corruptions"`
	Leaks       float64 `json:"leaks"`
	CheckErrors float64 `json:"checkErrors"`
	ExitCode    int     `json:"exitCode"`
	Beyond      float64 `json:"beyond"` // findings above a note that QEMU does not count
}

// WrittenRequest asks which host clusters the plan that was made last, or the applied changes,
// write to: those of the range. It crosses as a Float64Array of pairs: the first cluster of a
// run, and how many it has; ascending, at most 4096 runs.
type WrittenRequest struct {
	First float64 `json:"first"`
	Count float64 `json:"count"`
}
