//go:build !js

package differential

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Table counts what a run has come by.
type Table struct {
	Images   int
	Fields   map[string]int // by field; fields that no base has are missing, unhit ones are 0
	Kinds    map[string]int
	Codes    map[string]int // images with a finding of the code
	Outcomes map[string]int
}

func newTable() Table {
	return Table{Fields: map[string]int{}, Kinds: map[string]int{}, Codes: map[string]int{}, Outcomes: map[string]int{}}
}

// offer notes the fields that could be hit.
func (t *Table) offer(b *Base) {
	for _, fields := range b.fields {
		for _, f := range fields {
			t.Fields[f.class] += 0
		}
	}
	for _, tab := range b.tables {
		t.Fields[tab.class] += 0
	}
	for _, kinds := range kindsOf {
		for _, k := range kinds {
			t.Kinds[string(k)] += 0
		}
	}
	for _, k := range []kind{tableZero, tableRandom, tableCopy, truncated, extended} {
		t.Kinds[string(k)] += 0
	}
}

func (t *Table) count(ms []mutation, c comparison) {
	t.Images++
	for _, m := range ms {
		t.Fields[m.class]++
		t.Kinds[string(m.kind)]++
	}
	t.Outcomes[c.outcome]++
	if c.ours.report != nil {
		for _, g := range c.ours.report.Groups {
			t.Codes[string(g.Code)]++
		}
	}
}

// String is the table for people.
func (t *Table) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%d images\n", t.Images)
	for _, part := range []struct {
		title string
		rows  map[string]int
	}{{"outcome", t.Outcomes}, {"kind", t.Kinds}, {"field", t.Fields}, {"code", t.Codes}} {
		fmt.Fprintf(&s, "\n%s\n", part.title)
		for _, name := range slices.Sorted(maps.Keys(part.rows)) {
			fmt.Fprintf(&s, "  %-40s %6d\n", name, part.rows[name])
		}
	}
	return s.String()
}
