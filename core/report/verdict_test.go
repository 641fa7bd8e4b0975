package report

import (
	"testing"

	"qcowscope/core/check"
)

// An image of a newer program is not called damaged for that alone.
func TestUnknownFeatureIsSaidAsSuch(t *testing.T) {
	group := func(code check.Code) check.Group { return check.Group{Code: code, Class: code.Class()} }
	r := &check.Report{Refused: true, Groups: []check.Group{group(check.FeatureUnknown)}}
	state, alone, _ := Verdict(r)
	if want := "This image uses a feature that is not known here: a newer program may have written it."; alone != want {
		t.Errorf("headline %q, want %q", alone, want)
	}
	if state != "newer" {
		t.Errorf("state %q, want newer", state)
	}
	r.Groups = append(r.Groups, group(check.RegionBeyondEOF))
	if state, both, _ := Verdict(r); both == alone || state == "newer" {
		t.Errorf("with damage beside it: %s, %q", state, both)
	}
}
