package service

// FindingsRequest asks for a page of one group, or of all groups with Code "".
type FindingsRequest struct {
	Code  string `json:"code"`
	From  int    `json:"from"`
	Count int    `json:"count"` // at most 100
	Picks []int  `json:"picks"` // if not empty, these findings of the group instead: at most 100, ascending
}

// FindingsReply is that page.
type FindingsReply struct {
	Findings []FindingView `json:"findings"`
}

// FindingView is one finding in words.
type FindingView struct {
	ID          string `json:"id"` // stable for this image: code@host
	Code        string `json:"code"`
	Severity    string `json:"severity"`
	What        string `json:"what"`       // a sentence
	Where       string `json:"where"`      // field and host range
	Field       string `json:"field"`      // its name alone, "" if it has none
	At          string `json:"at"`         // hex offset of the field, "" if it has none
	Host        string `json:"host"`       // hex offset, "" if none
	HostLength  string `json:"hostLength"` // hex
	Guest       string `json:"guest"`      // hex offset, "" if none
	GuestLength string `json:"guestLength"`
	Got         string `json:"got"`
	Want        string `json:"want"`
	Qemu        string `json:"qemu"` // the line that qemu-img prints for it, for searching
}

// FindingsAtRequest asks which findings are about places: all words must fit. A word is a hex
// offset of the file or the disk ("0x1c0000"), a host cluster ("28"), or a field ("l2[0][5]",
// "refcount[28]").
type FindingsAtRequest struct {
	Words []string `json:"words"`
}

// FindingsAtReply are the groups that have such findings, with their numbers in the group.
type FindingsAtReply struct {
	Groups []FindingsAt `json:"groups"`
}

// FindingsAt are findings of a group.
type FindingsAt struct {
	Code    string `json:"code"`
	Indices []int  `json:"indices"` // the first 2000, ascending
	More    bool   `json:"more"`
}

// JudgeRequest asks what speaks for and against the places that a damaged pointer may mean.
type JudgeRequest struct {
	Code  string `json:"code"`
	Index int    `json:"index"` // in the group
}

// JudgeReply is that. Judged is false where no pointer has to be judged.
type JudgeReply struct {
	Judged   bool       `json:"judged"`
	Verdict  string     `json:"verdict"`
	Tries    []JudgeTry `json:"tries"`    // those that fit first
	RuledOut int        `json:"ruledOut"` // other places that lie past the end of the file or across clusters
}

// JudgeTry is a place that the pointer may mean.
type JudgeTry struct {
	Host  string   `json:"host"` // hex offset
	How   string   `json:"how"`  // one comes to think of it
	Fits  bool     `json:"fits"`
	Facts []string `json:"facts"`
}
