package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"qcowscope/core/image"
	"qcowscope/core/refcount"
	"qcowscope/core/report"
)

// Result is what was found in one version of an image: what the command line prints for one
// of many, and which version it was.
type Result struct {
	report.Image
	ETag     string    `json:"etag"`
	Uploaded time.Time `json:"uploaded"` // the version
	Checked  time.Time `json:"checked"`
	Build    string    `json:"build"` // of the program that checked
	Schema   int       `json:"schema"`
	// Ended is set when no result could be had: the next check does not rely on it.
	Ended bool `json:"ended,omitempty"`
}

// begin is a result of which nothing is known yet.
func (s *Service) begin(o Object) Result {
	return Result{Image: report.Image{Filename: o.Key, Size: o.Size, Exit: report.ExitFailed, Verdict: report.Unreadable},
		ETag: o.ETag, Uploaded: o.Uploaded.UTC(), Checked: s.now(), Build: s.Build, Schema: report.Schema}
}

// explain puts into words why an image does not open, without its first bytes: nothing here
// shows what an image holds.
func explain(name string, err error) (report.Problem, int) {
	p, exit := report.Explain(name, err)
	var other *image.NotQcow2Error
	if errors.As(err, &other) {
		p.Where = ""
	}
	return p, exit
}

// fail says why the image cannot be checked.
func (r *Result) fail(err error) {
	p, exit := explain(r.Filename, err)
	var dear *errCost
	switch {
	case errors.Is(err, refcount.ErrTooManyClusters), errors.As(err, &dear):
		p = report.Problem{What: fmt.Sprintf("%s is too large for this service: %v", r.Filename, err),
			Advice: "Check it with the command line, which reads it by ranges too: qcowscope check https://..."}
	case errors.Is(err, ErrNotFound):
		p = report.Problem{What: r.Filename + " was removed before it was checked", Advice: "If it should be there, look who removed it."}
	}
	r.Problem, r.Exit = &p, exit
}

// Point is one version of an image in its history.
type Point struct {
	Checked     time.Time `json:"checked"`
	Exit        int       `json:"exit-code"`
	Corruptions uint64    `json:"corruptions"`
	Leaks       uint64    `json:"leaks"`
	Size        int64     `json:"file-size"`
}

// maxHistory is how many versions are remembered.
const maxHistory = 8

// Summary is a result in short, as it stands in the metadata of what is stored.
type Summary struct {
	Point
	Verdict     string    `json:"verdict"`
	CheckErrors uint64    `json:"check-errors"`
	ETag        string    `json:"etag"`
	Uploaded    time.Time `json:"uploaded"`
	Reason      string    `json:"reason,omitempty"`  // why there is no verdict
	History     []Point   `json:"history,omitempty"` // the versions before, the last one first

	build string
	ended bool
}

// maxReason bounds the reason in metadata, before it is escaped.
const maxReason = 300

func (r *Result) summary() Summary {
	sum := Summary{Point: Point{Checked: r.Checked, Exit: r.Exit, Size: r.Size}, Verdict: r.Verdict,
		ETag: r.ETag, Uploaded: r.Uploaded, build: r.Build, ended: r.Ended}
	if r.Check != nil {
		sum.Corruptions, sum.Leaks, sum.CheckErrors = r.Check.Corruptions, r.Check.Leaks, r.Check.CheckErrors
	}
	if r.Problem != nil {
		sum.Reason = strings.ToValidUTF8(r.Problem.What[:min(maxReason, len(r.Problem.What))], "")
	}
	return sum
}

func (p Point) String() string {
	return fmt.Sprintf("%d:%d:%d:%d:%d", p.Checked.UnixMilli(), p.Exit, p.Corruptions, p.Leaks, p.Size)
}

func pointOf(s string) (p Point, ok bool) {
	var ms int64
	n, err := fmt.Sscanf(s, "%d:%d:%d:%d:%d", &ms, &p.Exit, &p.Corruptions, &p.Leaks, &p.Size)
	p.Checked = time.UnixMilli(ms).UTC()
	return p, err == nil && n == 5
}

// meta is the summary as metadata.
func (m *Summary) meta() map[string]string {
	var history []string
	for _, p := range m.History {
		history = append(history, p.String())
	}
	meta := map[string]string{"point": m.Point.String(), "verdict": m.Verdict, "errors": strconv.FormatUint(m.CheckErrors, 10),
		"etag": escaped(m.ETag), "uploaded": strconv.FormatInt(m.Uploaded.UnixMilli(), 10),
		"reason": escaped(m.Reason), "history": strings.Join(history, ","), "build": escaped(m.build)}
	if m.ended {
		meta["ended"] = "1"
	}
	return meta
}

// summaryOf reads metadata; ok is false if it is not a summary's.
func summaryOf(meta map[string]string) (m Summary, ok bool) {
	if m.Point, ok = pointOf(meta["point"]); !ok {
		return m, false
	}
	uploaded, err := strconv.ParseInt(meta["uploaded"], 10, 64)
	if err != nil {
		return m, false
	}
	m.Verdict, m.ETag, m.Reason = meta["verdict"], unescaped(meta["etag"]), unescaped(meta["reason"])
	m.Uploaded, m.build, m.ended = time.UnixMilli(uploaded).UTC(), unescaped(meta["build"]), meta["ended"] != ""
	m.CheckErrors, _ = strconv.ParseUint(meta["errors"], 10, 64)
	for p := range strings.SplitSeq(meta["history"], ",") {
		if p, ok := pointOf(p); ok && len(m.History) < maxHistory {
			m.History = append(m.History, p)
		}
	}
	return m, true
}

// latest is the last result's summary; ok is false if there is none.
func (s *Service) latest(ctx context.Context, key string) (m Summary, o Object, ok bool, err error) {
	o, err = s.Store.Head(ctx, latestPrefix+key)
	if errors.Is(err, ErrNotFound) {
		return m, o, false, nil
	}
	m, ok = summaryOf(o.Meta)
	return m, o, ok, err
}

// known tells whether the summary is what a check of this version would find.
func (s *Service) known(m Summary, o Object) bool {
	return m.ETag == o.ETag && m.build == s.Build && !m.ended
}

// maxRaces bounds how often a result is written again because another one came between.
const maxRaces = 8

// save stores the result, unless there is one of a later version. What was known of other
// versions becomes history.
func (s *Service) save(ctx context.Context, r *Result) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for range maxRaces {
		before, o, ok, err := s.latest(ctx, r.Filename)
		if err != nil {
			return err
		}
		sum, only := r.summary(), Absent
		if o.ETag != "" {
			only = o.ETag
		}
		if ok {
			if before.Uploaded.After(r.Uploaded) {
				return nil
			}
			sum.History = before.History
			if before.ETag != r.ETag {
				sum.History = append([]Point{before.Point}, before.History[:min(len(before.History), maxHistory-1)]...)
			}
		}
		if err := s.Store.Put(ctx, latestPrefix+r.Filename, body, sum.meta(), only); !errors.Is(err, ErrCondition) {
			return err
		}
	}
	return fmt.Errorf("fleet: the result of %q is being written by too many at once", r.Filename)
}

// read is the whole of one of our own objects, of at most most bytes.
func (s *Service) read(ctx context.Context, o Object, most int64) ([]byte, error) {
	if o.Size > most {
		return nil, fmt.Errorf("fleet: %q has %d bytes", o.Key, o.Size)
	}
	body := make([]byte, o.Size)
	if o.Size == 0 {
		return body, nil
	}
	return body, s.Store.ReadRange(ctx, o.Key, o.ETag, body, 0)
}
