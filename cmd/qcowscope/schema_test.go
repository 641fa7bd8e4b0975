package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"qcowscope/testimages"
)

// schemaObject is the part of a JSON schema that says which keys an object has.
type schemaObject struct {
	Required   []string                   `json:"required"`
	Properties map[string]json.RawMessage `json:"properties"`
	Defs       map[string]schemaObject    `json:"$defs"`
}

func (o schemaObject) hold(t *testing.T, what string, v map[string]json.RawMessage, seen map[string]bool) {
	t.Helper()
	for key := range v {
		seen[what+"."+key] = true
		if _, ok := o.Properties[key]; !ok {
			t.Errorf("%s has %q, which docs/check.schema.json does not know", what, key)
		}
	}
	for _, key := range o.Required {
		if _, ok := v[key]; !ok {
			t.Errorf("%s lacks %q, which docs/check.schema.json requires", what, key)
		}
	}
}

// TestJSONIsWhatTheSchemaSays holds the output for every recipe against the documented
// schema, and every documented key against the output.
func TestJSONIsWhatTheSchemaSays(t *testing.T) {
	text, err := os.ReadFile("../../docs/check.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema schemaObject
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	// With -r there are keys for what was fixed and what was kept.
	repaired := map[string]bool{"leaked_cluster": true, "refcount_zero_data": true, "l2_zeroed": true}
	seen := map[string]bool{}
	for _, name := range testimages.Names() {
		_, _, path := place(t, name)
		var top map[string]json.RawMessage
		args := []string{"check", path, "--output=json"}
		if repaired[name] {
			args = append(args, "-r", "all")
		}
		if strings.HasPrefix(name, "compressed_") {
			args = append(args, "--deep")
		}
		r := cli(t, args...)
		if json.Unmarshal([]byte(r.out), &top) != nil || top["findings"] == nil {
			continue // not an image that opens
		}
		schema.hold(t, "check", top, seen)
		holdEach(t, schema, "finding", top["findings"], seen)
		holdEach(t, schema, "group", top["groups"], seen)
	}
	for _, o := range []struct {
		what string
		def  schemaObject
	}{{"check", schema}, {"finding", schema.Defs["finding"]}, {"group", schema.Defs["group"]}, {"claim", schema.Defs["claim"]}} {
		for key := range o.def.Properties {
			if !seen[o.what+"."+key] && key != "incomplete" {
				t.Errorf("no recipe shows %s.%s", o.what, key)
			}
		}
	}
}

func holdEach(t *testing.T, schema schemaObject, what string, list json.RawMessage, seen map[string]bool) {
	t.Helper()
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(list, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		schema.Defs[what].hold(t, what, v, seen)
		if v["claims"] != nil {
			holdEach(t, schema, "claim", v["claims"], seen)
		}
	}
}
