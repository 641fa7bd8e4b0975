// Package report says what a check found: in the JSON that programs read, in words, as the
// text of qemu-img with what it means, and as one HTML page. Names in an image are anybody's
// bytes: here they are text, never markup and never control characters.
package report

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Schema is the version of what is printed as JSON.
const Schema = 1

// Result is a check and what was repaired before it.
type Result struct {
	Report           *check.Report
	Image            *image.Image // that the report is of
	CorruptionsFixed uint64
	LeaksFixed       uint64
	KeptLeaks        string // why leaked clusters were not given back
}

// Check is what qemu-img check prints, in its order, and what we know beyond that.
type Check struct {
	ImageEnd         int64  `json:"image-end-offset,omitempty"`
	Compressed       uint64 `json:"compressed-clusters,omitempty"`
	Total            uint64 `json:"total-clusters,omitempty"`
	Corruptions      uint64 `json:"corruptions,omitempty"`
	CorruptionsFixed uint64 `json:"corruptions-fixed,omitempty"`
	CheckErrors      uint64 `json:"check-errors"`
	Leaks            uint64 `json:"leaks,omitempty"`
	LeaksFixed       uint64 `json:"leaks-fixed,omitempty"`
	Allocated        uint64 `json:"allocated-clusters,omitempty"`
	Filename         string `json:"filename"`
	Format           string `json:"format"`
	Fragmented       uint64 `json:"fragmented-clusters,omitempty"`

	Findings   []Finding `json:"findings"`
	Groups     []Group   `json:"groups"`
	KeptLeaks  string    `json:"kept-leaks,omitempty"` // why leaks were not given back
	Refused    bool      `json:"refused"`              // QEMU would not open the image
	Aborted    bool      `json:"aborted"`              // QEMU would give up in the middle
	Incomplete string    `json:"incomplete,omitempty"` // the first read error
	Decoded    *uint64   `json:"streams-decoded,omitempty"`
	Broken     *uint64   `json:"streams-broken,omitempty"`
	Schema     int       `json:"schema"`
}

// New is the JSON of a check of the image called path.
func New(ctx context.Context, path string, o Result) Check {
	r := o.Report
	j := Check{
		ImageEnd: r.ImageEnd, Compressed: r.Stats.Compressed, Total: r.Total, Corruptions: r.Corruptions,
		CorruptionsFixed: o.CorruptionsFixed, CheckErrors: r.CheckErrors, Leaks: r.Leaks, LeaksFixed: o.LeaksFixed,
		Allocated: r.Stats.Allocated, Filename: path, Format: "qcow2", Fragmented: r.Stats.Fragmented,
		Findings: findingsOf(ctx, r, o.Image), Groups: groupsOf(r), KeptLeaks: o.KeptLeaks,
		Refused: r.Refused, Aborted: r.Aborted, Schema: Schema,
	}
	if r.Incomplete != nil {
		j.Incomplete = r.Incomplete.Error()
	}
	if s := r.Streams; s != nil {
		j.Decoded, j.Broken = &s.Decoded, &s.Broken
	}
	return j
}

// Exact is a number that a script may take for a double: beyond 2^53 it is a hex string.
type Exact uint64

func (n Exact) MarshalJSON() ([]byte, error) {
	if n < 1<<53 {
		return fmt.Append(nil, uint64(n)), nil
	}
	return fmt.Appendf(nil, `"0x%x"`, uint64(n)), nil
}

// Literal is a count (an integer) or an entry (a hex string), "" if unknown.
type Literal string

func (s Literal) MarshalJSON() ([]byte, error) {
	if strings.HasPrefix(string(s), "0x") || s == "" {
		return json.Marshal(string(s))
	}
	return []byte(s), nil
}

// Finding is one finding.
type Finding struct {
	ID          string  `json:"id"`
	Code        string  `json:"code"`
	Severity    string  `json:"severity"`
	Class       string  `json:"class"`
	What        string  `json:"what"`
	Where       string  `json:"where"`
	HostOffset  *Exact  `json:"host-offset,omitempty"`
	HostLength  *Exact  `json:"host-length,omitempty"`
	GuestOffset *Exact  `json:"guest-offset,omitempty"`
	GuestLength *Exact  `json:"guest-length,omitempty"`
	Owner       string  `json:"owner"` // what the cluster, or the structure that holds the field, is used for
	Field       string  `json:"field"`
	FieldOffset *Exact  `json:"field-offset,omitempty"`
	Got         Literal `json:"got"`
	Want        Literal `json:"want,omitempty"`
	Qemu        string  `json:"qemu,omitempty"`
	Times       uint64  `json:"times"`
	// Claims are the pointers to the cluster, where it matters who they are.
	Claims []Claim `json:"claims,omitempty"`
}

// Claim is one pointer to a cluster.
type Claim struct {
	From        string `json:"from"` // header, refcount table, bitmaps, active, snapshot N
	Field       string `json:"field"`
	FieldOffset *Exact `json:"field-offset,omitempty"`
	GuestOffset *Exact `json:"guest-offset,omitempty"`
}

func claimOf(k refcount.Claim, g qcow2.Geometry) Claim {
	j := Claim{From: "header", Field: k.Field()}
	switch {
	case k.Root == 0:
		j.From = "active"
	case k.Root > 0:
		j.From = fmt.Sprintf("snapshot %d", k.Root)
	case k.Role == refcount.Refblock:
		j.From = "refcount table"
	case k.Role == refcount.BitmapData:
		j.From = "bitmaps"
	}
	if k.At >= 0 {
		j.FieldOffset = exactOf(k.At)
	}
	if k.Root >= 0 && k.L1Index >= 0 && g.L2Span() <= 1<<62/(k.L1Index+1) {
		j.GuestOffset = exactOf(g.GuestOffset(k.L1Index, max(0, k.L2Index)))
	}
	return j
}

// Group sums up all findings of a code.
type Group struct {
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

func exactOf[T ~int64](v T) *Exact {
	n := Exact(uint64(v))
	return &n
}

func findingOf(f check.Finding, g qcow2.Geometry) Finding {
	j := Finding{ID: f.ID(), Code: string(f.Code), Severity: f.Severity().String(), Class: f.Class.String(),
		What: f.What(g), Where: f.Where(g), Owner: f.At.Role.String(), Field: f.At.Field(), Got: Literal(f.GotText()), Want: Literal(f.WantText()),
		Qemu: f.Qemu(g), Times: f.Times}
	if f.Host.Len > 0 {
		j.HostOffset, j.HostLength = exactOf(f.Host.Start), exactOf(f.Host.Len)
	}
	if f.Guest.Len > 0 {
		j.GuestOffset, j.GuestLength = exactOf(f.Guest.Start), exactOf(f.Guest.Len)
	}
	if f.At.Off >= 0 {
		j.FieldOffset = exactOf(f.At.Off)
	}
	return j
}

func groupsOf(r *check.Report) []Group {
	groups := []Group{}
	for _, g := range r.Groups {
		groups = append(groups, Group{string(g.Code), g.Code.Severity().String(), g.Class.String(), g.Times, g.Places, len(g.Findings),
			g.Code.Title(), g.Code.Meaning(), g.Code.CureText(), g.Code.Mendable(), g.Code.Consent()})
	}
	return groups
}

// maxClaimed bounds the clusters whose claimants are listed, and the claims of each.
const maxClaimed = 100

// findingsOf are all findings that were kept. Claimants that cannot be read are left out:
// the read error is a finding by itself.
func findingsOf(ctx context.Context, r *check.Report, img *image.Image) []Finding {
	claims, _ := r.Claimants(ctx, img, maxClaimed)
	all := []Finding{}
	for _, group := range r.Groups {
		for _, f := range group.Findings {
			j := findingOf(f, img.Geo)
			if f.Host.Len > 0 {
				for _, k := range claims[img.Geo.Cluster(f.Host.Start)] {
					j.Claims = append(j.Claims, claimOf(k, img.Geo))
				}
			}
			all = append(all, j)
		}
	}
	return all
}
