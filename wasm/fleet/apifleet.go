package fleet

import (
	"net/http"
	"strings"
	"time"

	"qcowscope/core/report"
)

// What a listing gives: usually, at the most, and how many objects it looks at for it.
const (
	usualListed = 100
	maxListed   = 1000
	maxScanned  = 5000
)

// imageEntry is an image in a listing.
type imageEntry struct {
	Key      string    `json:"key"`
	Size     int64     `json:"file-size"`
	ETag     string    `json:"etag"`
	Uploaded time.Time `json:"uploaded"`
	Current  bool      `json:"current"` // the result is of this version
	Result   *Summary  `json:"result,omitempty"`
}

type imagesReply struct {
	Images []imageEntry `json:"images"`
	Cursor string       `json:"cursor,omitempty"` // for the next page; none after the last
	Schema int          `json:"schema"`
}

// images lists the images under a prefix with their last verdicts: all objects that are
// called like one or were found to be one.
func (c *call) images() error {
	q := c.r.URL.Query()
	under, err := prefix(q.Get("prefix"))
	if err != nil {
		return err
	}
	after, err := prefix(q.Get("cursor"))
	if err != nil {
		return err
	}
	limit, err := c.number("limit", usualListed, maxListed)
	if err != nil {
		return err
	}
	reply := imagesReply{Images: []imageEntry{}, Schema: report.Schema}
	scanned, last := 0, ""
	for p, err := range c.s.pairs(c.ctx, under, after, true) {
		if err != nil {
			return err
		}
		if len(reply.Images) == limit || scanned == maxScanned {
			reply.Cursor = last
			break
		}
		scanned++
		last = p.key
		if p.object.ETag == "" || !p.known && !strings.HasSuffix(p.key, imageSuffix) {
			continue
		}
		e := imageEntry{Key: p.key, Size: p.object.Size, ETag: p.object.ETag, Uploaded: p.object.Uploaded.UTC()}
		if p.known {
			e.Result, e.Current = &p.last, p.last.ETag == e.ETag
		}
		reply.Images = append(reply.Images, e)
	}
	return c.json(http.StatusOK, reply)
}

// begun is the answer to what is left to the queue.
type begun struct {
	Fleet  string `json:"fleet"`
	URL    string `json:"url"`
	Schema int    `json:"schema"`
}

func (c *call) begun(run Run) error {
	return c.json(http.StatusAccepted, begun{run.ID, "/api/fleet/" + run.ID, report.Schema})
}

// beginFleet begins a run over all images under a prefix.
func (c *call) beginFleet() error {
	var req struct {
		Prefix *string `json:"prefix"`
	}
	if err := c.body(&req); err != nil {
		return err
	}
	if req.Prefix == nil {
		return refuse(http.StatusBadRequest, "the request names no prefix", `{"prefix": ""} stands for all images.`)
	}
	under, err := prefix(*req.Prefix)
	if err != nil {
		return err
	}
	run, _, err := c.s.beginRun(c.ctx, under)
	if err != nil {
		return err
	}
	return c.begun(run)
}

type fleetsReply struct {
	Fleets []Run  `json:"fleets"` // the newest first; counts are those at the end
	Cursor string `json:"cursor,omitempty"`
	Schema int    `json:"schema"`
}

// fleets lists the runs.
func (c *call) fleets() error {
	after, limit, err := c.page(fleetsPrefix)
	if err != nil {
		return err
	}
	found, more, err := c.s.Store.List(c.ctx, fleetsPrefix, after, limit)
	if err != nil {
		return err
	}
	reply := fleetsReply{Fleets: []Run{}, Schema: report.Schema}
	for _, o := range found {
		if run, ok := runOf(o); ok {
			reply.Fleets = append(reply.Fleets, run)
		}
		reply.Cursor = strings.TrimPrefix(o.Key, fleetsPrefix)
	}
	if !more {
		reply.Cursor = ""
	}
	return c.json(http.StatusOK, reply)
}

// page reads cursor and limit of a listing of ours. A cursor is the last name of the page
// before, without what names begin with.
func (c *call) page(under string) (after string, limit int, err error) {
	if cursor := c.r.URL.Query().Get("cursor"); cursor != "" {
		if strings.Trim(cursor, "-0123456789abcdefghijklmnopqrstuvwxyz") != "" || len(cursor) > 64 {
			return "", 0, refuse(http.StatusBadRequest, "this is no cursor", "Take it from the page before.")
		}
		after = under + cursor
	}
	limit, err = c.number("limit", usualListed, maxListed)
	return after, limit, err
}

// fleetEntry is an image of a run that is done.
type fleetEntry struct {
	Key string `json:"key"`
	Summary
}

type fleetReply struct {
	Run
	State   string       `json:"state"`   // listing, checking or finished
	Results []fleetEntry `json:"results"` // the worst first
	Cursor  string       `json:"cursor,omitempty"`
	Schema  int          `json:"schema"`
}

// ranks are the names of the ranks of results.
var ranks = map[string]string{"": "", "corrupt": "0", "unreadable": "1", "other-files": "2", "leaks": "3", "clean": "4"}

// fleet tells how far a run is, and a page of its results.
func (c *call) fleet() error {
	if !validID(c.arg) {
		return ErrNotFound
	}
	only, ok := ranks[c.r.URL.Query().Get("only")]
	if !ok {
		return refuse(http.StatusBadRequest, "only is none of corrupt, unreadable, other-files, leaks, clean", "Leave it out for all.")
	}
	worst := worstPrefix(c.arg)
	after, limit, err := c.page(worst)
	if err != nil {
		return err
	}
	reply := fleetReply{State: "finished", Results: []fleetEntry{}, Schema: report.Schema}
	if reply.Run, err = c.s.run(c.ctx, c.arg); err != nil {
		return err
	}
	if reply.Finished == nil {
		if reply.State, err = c.progress(&reply.Run); err != nil {
			return err
		}
	}
	found, more, err := c.s.Store.List(c.ctx, worst+only, after, limit)
	if err != nil {
		return err
	}
	for _, o := range found {
		sum, ok := summaryOf(o.Meta)
		if ok {
			reply.Results = append(reply.Results, fleetEntry{unescaped(o.Meta["key"]), sum})
		}
		reply.Cursor = strings.TrimPrefix(o.Key, worst)
	}
	if !more {
		reply.Cursor = ""
	}
	return c.json(http.StatusOK, reply)
}

// progress counts a run that is not finished, or is found to be just now.
func (c *call) progress(run *Run) (state string, err error) {
	p, err := c.s.progressOf(c.ctx, run.ID)
	if err != nil {
		return "", err
	}
	run.Counts = p.counts
	switch {
	case p.finished():
		return "finished", c.s.finish(c.ctx, run)
	case p.listed:
		return "checking", nil
	}
	return "listing", nil
}
