//go:build js && wasm

package main

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"syscall/js"
	"testing"

	"qcowscope/wasm/service"
)

func encoded(t *testing.T, v any) js.Value {
	t.Helper()
	got, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func stringify(v js.Value) string {
	return js.Global().Get("JSON").Call("stringify", v).String()
}

func TestEncodeKeepsEveryKindOfField(t *testing.T) {
	view := service.WriteView{Batch: 1, Offset: "0x8000000000000001", Length: 1 << 52, At: "é<&>", Why: "\x00\u2028"}
	got := stringify(encoded(t, view))
	want := "{\"batch\":1,\"offset\":\"0x8000000000000001\",\"length\":4503599627370496,\"at\":\"é<&>\"," +
		"\"old\":\"\",\"new\":\"\",\"why\":\"\\u0000\u2028\"}"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestEncodeMakesNilSlicesEmptyAtAnyDepth(t *testing.T) {
	v := service.Verdict{Groups: []service.FindingGroup{{Code: "x"}}}
	got := encoded(t, v)
	if s := stringify(got.Get("usage")); s != "[]" {
		t.Errorf("usage is %s, want []", s)
	}
	if n := got.Get("groups").Length(); n != 1 {
		t.Errorf("%d groups, want 1", n)
	}
	cluster := stringify(encoded(t, service.ClusterView{Findings: []service.FindingView{{}}}))
	if strings.Contains(cluster, "null") {
		t.Errorf("null where an array belongs: %s", cluster)
	}
	if v.Usage != nil {
		t.Error("encode changed its argument")
	}
}

// A named type would panic inside the codec, in the middle of a handler.
func TestEncodeTurnsAPanicIntoAnError(t *testing.T) {
	type named string
	if v, err := encode(struct {
		A named `json:"a"`
	}{"x"}); err == nil {
		t.Errorf("got %v and no error", v)
	}
}

func TestDecode(t *testing.T) {
	object := func(json string) js.Value { return js.Global().Get("JSON").Call("parse", json) }
	var plan service.PlanRequest
	if err := decode(object(`{"scope":"all","accept":["a","b"],"leave":[{"code":"c","all":true,"ids":["d"]}]}`), &plan); err != nil {
		t.Fatal(err)
	}
	want := service.PlanRequest{Scope: "all", Accept: []string{"a", "b"}, Leave: []service.LeaveRule{{Code: "c", All: true, IDs: []string{"d"}}}}
	if !reflect.DeepEqual(plan, want) {
		t.Errorf("got %+v", plan)
	}
	var page service.FindingsRequest
	if err := decode(object(`{"from":5}`), &page); err != nil || !reflect.DeepEqual(page, service.FindingsRequest{From: 5}) {
		t.Errorf("missing fields: got %+v, %v", page, err)
	}
	if err := decode(object(`{"picks":[1,7]}`), &page); err != nil || !slices.Equal(page.Picks, []int{1, 7}) {
		t.Errorf("a list of numbers: got %+v, %v", page, err)
	}
}

func TestDecodeRefusesWhatItWouldChange(t *testing.T) {
	with := func(value any) js.Value {
		o := js.Global().Get("Object").New()
		o.Set("from", value)
		return o
	}
	for name, v := range map[string]js.Value{
		"fraction":  with(1.9),
		"NaN":       with(math.NaN()),
		"infinity":  with(math.Inf(1)),
		"beyond 53": with(1e300),
		"string":    with("1"),
		"object":    with(map[string]any{}),
		"undefined": js.Undefined(),
		"number":    js.ValueOf(1),
	} {
		var page service.FindingsRequest
		if err := decode(v, &page); err == nil {
			t.Errorf("%s: got %+v and no error", name, page)
		}
	}
}

// Bytes and numbers cross as arrays of their own kinds, which the host may transfer.
func TestTypedArrays(t *testing.T) {
	for _, c := range []struct {
		reply       any
		class, says string
	}{
		{[]byte{1, 0, 255}, "Uint8Array", "[1,0,255]"},
		{[]float64{-1, 0.5, 1 << 53}, "Float64Array", "[-1,0.5,9007199254740992]"},
		{[]byte(nil), "Uint8Array", "[]"},
		{[]float64(nil), "Float64Array", "[]"},
	} {
		v := encoded(t, c.reply)
		if class := v.Get("constructor").Get("name").String(); class != c.class {
			t.Errorf("%v is a %s, want %s", c.reply, class, c.class)
		}
		if got := stringify(js.Global().Get("Array").Call("from", v)); got != c.says {
			t.Errorf("%v is %s, want %s", c.reply, got, c.says)
		}
	}
}
