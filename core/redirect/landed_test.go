package redirect_test

import (
	"bytes"
	"slices"
	"testing"

	"qcowscope/core/redirect"
	"qcowscope/core/repair"
	"qcowscope/core/source"
)

// What is said to have landed is what is in the state, and the plan of a state makes it.
func TestLandings(t *testing.T) {
	torn, looked := 0, 0
	repairs(repair.Rebuild)(t, func(p planned) {
		if looked >= 20 {
			return
		}
		looked++
		for _, opt := range []redirect.CrashOptions{{States: 30}, {States: 30, Unordered: true}, {States: 30, Flushed: func(n int) bool { return n > 1 }}} {
			e := explorer(t, p.plan, p.src, opt)
			for i := range e.Len() {
				torn += p.landed(t, e, i)
			}
		}
	})
	if torn < 100 {
		t.Errorf("only %d writes are torn", torn)
	}
}

// landed compares a state with what is told of it.
func (p planned) landed(t *testing.T, e *redirect.Explorer, i int) (torn int) {
	t.Helper()
	state, err := e.State(i)
	if err != nil {
		t.Fatal(err)
	}
	is := make(source.Bytes, state.Image.Size())
	if err := source.ReadFull(state.Image, is, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(content(t, p.src, e.Plan(i)), is) {
		t.Fatalf("%s: the plan of %v makes another file", p.name, state)
	}
	sectors, told := 0, bytes.Clone(is)
	for _, l := range e.Landings(i) {
		if l.Torn() {
			torn++
		}
		at := 0
		for _, on := range l.Sectors {
			n := min(512-(int(l.Write.Off)+at)%512, len(l.Write.Data)-at)
			if on {
				sectors++
				copy(told[l.Write.Off+int64(at):], l.Write.Data[at:at+n]) // over an earlier write, if there is one
			}
			at += n
		}
		if at != len(l.Write.Data) {
			t.Errorf("%s: %v: a write of %d bytes has sectors of %d", p.name, state, len(l.Write.Data), at)
		}
	}
	if !bytes.Equal(told, is) {
		t.Errorf("%s: %v: what is said to have landed is not there", p.name, state)
	}
	if sectors != state.Sectors {
		t.Errorf("%s: %v: %d sectors are told", p.name, state, sectors)
	}
	flights := e.Flights()
	k := slices.IndexFunc(flights, func(f redirect.Flight) bool { return f.First <= i && i < f.End })
	if k < 0 != (state.Of == 0) || k >= 0 && (k != state.Batch || flights[k].Sectors != state.Of) {
		t.Errorf("%s: %v is in flight %d of %d", p.name, state, k, len(flights))
	}
	return torn
}
