package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// schema is the version of what is printed as JSON.
const schema = 1

// writeJSON prints like qemu-img: an indent of four, names as they are.
func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(v); err != nil {
		// Every value here is plain data: only the writer can fail, and then nobody reads.
		return
	}
}

// exact is a number that a script may take for a double: beyond 2^53 it is a hex string.
type exact uint64

func (n exact) MarshalJSON() ([]byte, error) {
	if n < 1<<53 {
		return fmt.Append(nil, uint64(n)), nil
	}
	return fmt.Appendf(nil, `"0x%x"`, uint64(n)), nil
}

// literal is a count (an integer) or an entry (a hex string), "" if unknown.
type literal string

func (s literal) MarshalJSON() ([]byte, error) {
	if strings.HasPrefix(string(s), "0x") || s == "" {
		return json.Marshal(string(s))
	}
	return []byte(s), nil
}

// findingJSON is one finding.
type findingJSON struct {
	ID          string  `json:"id"`
	Code        string  `json:"code"`
	Severity    string  `json:"severity"`
	Class       string  `json:"class"`
	What        string  `json:"what"`
	Where       string  `json:"where"`
	HostOffset  *exact  `json:"host-offset,omitempty"`
	HostLength  *exact  `json:"host-length,omitempty"`
	GuestOffset *exact  `json:"guest-offset,omitempty"`
	GuestLength *exact  `json:"guest-length,omitempty"`
	Field       string  `json:"field"`
	FieldOffset *exact  `json:"field-offset,omitempty"`
	Got         literal `json:"got"`
	Want        literal `json:"want,omitempty"`
	Qemu        string  `json:"qemu,omitempty"`
	Times       uint64  `json:"times"`
}

// groupJSON sums up all findings of a code.
type groupJSON struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Class    string `json:"class"`
	Count    uint64 `json:"count"`  // as QEMU counts
	Places   int    `json:"places"` // findings, of which Listed are listed
	Listed   int    `json:"listed"`
	Title    string `json:"title"`
	Meaning  string `json:"meaning"`
	Cure     string `json:"cure"`
	Mendable bool   `json:"mendable"`          // without consent
	Consent  string `json:"consent,omitempty"` // what --accept with this code chooses or gives up
}

func newExact[T ~int64](v T) *exact {
	n := exact(uint64(v))
	return &n
}

func newFinding(f check.Finding, g qcow2.Geometry) findingJSON {
	j := findingJSON{ID: f.ID(), Code: string(f.Code), Severity: f.Severity().String(), Class: f.Class.String(),
		What: f.What(g), Where: f.Where(g), Field: f.At.Field(), Got: literal(f.GotText()), Want: literal(f.WantText()),
		Qemu: f.Qemu(g), Times: f.Times}
	if f.Host.Len > 0 {
		j.HostOffset, j.HostLength = newExact(f.Host.Start), newExact(f.Host.Len)
	}
	if f.Guest.Len > 0 {
		j.GuestOffset, j.GuestLength = newExact(f.Guest.Start), newExact(f.Guest.Len)
	}
	if f.At.Off >= 0 {
		j.FieldOffset = newExact(f.At.Off)
	}
	return j
}

func newGroups(r *check.Report) []groupJSON {
	groups := []groupJSON{}
	for _, g := range r.Groups {
		groups = append(groups, groupJSON{string(g.Code), g.Code.Severity().String(), g.Class.String(), g.Times, g.Places, len(g.Findings),
			g.Code.Title(), g.Code.Meaning(), g.Code.CureText(), g.Code.Mendable(), g.Code.Consent()})
	}
	return groups
}

func newFindings(r *check.Report, g qcow2.Geometry) []findingJSON {
	all := []findingJSON{}
	for _, group := range r.Groups {
		for _, f := range group.Findings {
			all = append(all, newFinding(f, g))
		}
	}
	return all
}
