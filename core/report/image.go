package report

import (
	"errors"
	"fmt"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Exit codes of a check, those of `qemu-img check`.
const (
	ExitClean    = 0
	ExitFailed   = 1 // could not be checked wholly
	ExitCorrupt  = 2
	ExitLeaks    = 3
	ExitNotQcow2 = 63
)

// Unreadable is the verdict on an image that could not be checked.
const Unreadable = "unreadable"

// Image is one of many images that were checked: what was found, or why it could not be
// looked at.
type Image struct {
	Filename string   `json:"filename"`
	Size     int64    `json:"file-size"`
	Exit     int      `json:"exit-code"` // of a check of this image alone
	Verdict  string   `json:"verdict"`   // clean, or the worst severity, or unreadable
	Check    *Check   `json:"check,omitempty"`
	Problem  *Problem `json:"problem,omitempty"`
}

// Problem is why an image cannot be looked at: what, where, and what to do.
type Problem struct {
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
	Advice string `json:"advice"`
}

// Set puts in what a check found.
func (r *Image) Set(found Check, exit int) {
	r.Check, r.Exit, r.Verdict = &found, exit, "clean"
	if len(found.Groups) > 0 {
		r.Verdict = found.Groups[0].Severity
	}
}

// Badness orders results, the worst first.
func (r *Image) Badness() int {
	switch r.Exit {
	case ExitCorrupt:
		return 0
	case ExitFailed:
		return 1
	case ExitNotQcow2:
		return 2
	case ExitLeaks:
		return 3
	}
	return 4
}

// Explain puts into words why the image called name does not open at all, and says with
// what code a check of it exits.
func Explain(name string, err error) (Problem, int) {
	var other *image.NotQcow2Error
	var field *qcow2.FieldError
	var read *source.ReadError
	switch {
	case errors.As(err, &other):
		return Problem{What: name + " is not a qcow2 image: it looks like " + other.Looks,
			Where: fmt.Sprintf("its first bytes are % x", other.Head), Advice: other.Advice}, ExitNotQcow2
	case errors.As(err, &field):
		return Problem{What: fmt.Sprintf("%s is a qcow2 image that cannot be opened: its %s is %d, which %s", name, field.Field, field.Value, field.Rule),
			Where:  fmt.Sprintf("header field %s at file offset 0x%x", field.Field, field.Off),
			Advice: "Without this field nothing else can be found. Keep a copy; an older copy of the file has the right value."}, ExitFailed
	case errors.As(err, &read):
		return Problem{What: fmt.Sprintf("%s could not be read: %v", name, read.Err),
			Where:  fmt.Sprintf("file offset 0x%x, %d bytes", read.Off, read.Len),
			Advice: "If the disk that it lies on is failing, copy the file to a sound one first (ddrescue is made for this)."}, ExitFailed
	}
	return Problem{What: err.Error(), Advice: "Nothing was changed."}, ExitFailed
}
