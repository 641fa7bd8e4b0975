package service

// Redirected is what becomes of a plan that is to overwrite nothing that is live.
type Redirected struct {
	On         bool            `json:"on"`         // the plan that is shown is the redirected one
	Cannot     string          `json:"cannot"`     // why it is not, though that was asked for; "" if it is or was not asked for
	Unsafe     []string        `json:"unsafe"`     // what is overwritten in place all the same
	Moved      float64         `json:"moved"`      // tables and clusters with a new place
	TableBytes float64         `json:"tableBytes"` // of them
	DataBytes  float64         `json:"dataBytes"`  // of them
	Clusters   float64         `json:"clusters"`   // that were free and are taken
	Batches    []RedirectBatch `json:"batches"`    // in order, each durable before the next
	Records    int             `json:"records"`    // of the log, see RedirectLogRequest
}

// RedirectBatch is a batch of a redirected plan.
type RedirectBatch struct {
	Kind   string  `json:"kind"` // free (clusters), header (a step of the switch), late (what nobody refers to any more), cut (the end of the file)
	Writes int     `json:"writes"`
	Bytes  float64 `json:"bytes"`
}

// RedirectLogRequest asks for a page of the log of the plan that was made last.
type RedirectLogRequest struct {
	Of    string `json:"of"` // repair, lab, write
	From  int    `json:"from"`
	Count int    `json:"count"` // at most 100
}

// RedirectLogReply is that page.
type RedirectLogReply struct {
	Records []RedirectRecord `json:"records"`
}

// RedirectRecord is a line of the log.
type RedirectRecord struct {
	Op   string `json:"op"`   // alloc, copy, write, update, count, free, late, header, commit
	At   string `json:"at"`   // hex offset in the file; "" of a commit
	Text string `json:"text"` // what is done, to what
}

// WriteApplyRequest asks for a request of the guest to be applied.
type WriteApplyRequest struct {
	Write    WriteRequest `json:"write"`
	Redirect bool         `json:"redirect"` // so that it overwrites nothing that is live
}
