package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
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
	Owner       string  `json:"owner"` // what the cluster, or the structure that holds the field, is used for
	Field       string  `json:"field"`
	FieldOffset *exact  `json:"field-offset,omitempty"`
	Got         literal `json:"got"`
	Want        literal `json:"want,omitempty"`
	Qemu        string  `json:"qemu,omitempty"`
	Times       uint64  `json:"times"`
	// Claims are the pointers to the cluster, where it matters who they are.
	Claims []claimJSON `json:"claims,omitempty"`
}

// claimJSON is one pointer to a cluster.
type claimJSON struct {
	From        string `json:"from"` // header, refcount table, bitmaps, active, snapshot N
	Field       string `json:"field"`
	FieldOffset *exact `json:"field-offset,omitempty"`
	GuestOffset *exact `json:"guest-offset,omitempty"`
}

func newClaim(k refcount.Claim, g qcow2.Geometry) claimJSON {
	j := claimJSON{From: "header", Field: k.Field()}
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
		j.FieldOffset = newExact(k.At)
	}
	if k.Root >= 0 && k.L1Index >= 0 && g.L2Span() <= 1<<62/(k.L1Index+1) {
		j.GuestOffset = newExact(g.GuestOffset(k.L1Index, max(0, k.L2Index)))
	}
	return j
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
		What: f.What(g), Where: f.Where(g), Owner: f.At.Role.String(), Field: f.At.Field(), Got: literal(f.GotText()), Want: literal(f.WantText()),
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

// maxClaimed bounds the clusters whose claimants are listed, and the claims of each.
const maxClaimed = 100

// newFindings are all findings that were kept. Claimants that cannot be read are left out:
// the read error is a finding by itself.
func newFindings(ctx context.Context, r *check.Report, img *image.Image) []findingJSON {
	claims, _ := r.Claimants(ctx, img, maxClaimed)
	all := []findingJSON{}
	for _, group := range r.Groups {
		for _, f := range group.Findings {
			j := newFinding(f, img.Geo)
			if f.Host.Len > 0 {
				for _, k := range claims[img.Geo.Cluster(f.Host.Start)] {
					j.Claims = append(j.Claims, newClaim(k, img.Geo))
				}
			}
			all = append(all, j)
		}
	}
	return all
}
