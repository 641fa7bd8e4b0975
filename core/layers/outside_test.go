package layers

import (
	"slices"
	"strings"
	"testing"
)

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		name, format string
		target       Target
		opens        []string
		wary         bool
	}{
		{"base.qcow2", "qcow2", TargetBeside, []string{"base.qcow2"}, false},
		{"base.qcow2", "", TargetBeside, []string{"base.qcow2"}, true},
		{"sub/../base.raw", "raw", TargetBeside, []string{"sub/../base.raw"}, false},
		{"file:base.raw", "raw", TargetBeside, []string{"base.raw"}, false},
		{"./a:b", "raw", TargetBeside, []string{"./a:b"}, false},
		{"..base", "raw", TargetBeside, []string{"..base"}, false},
		{"../base.raw", "raw", TargetOutward, []string{"../base.raw"}, true},
		{"a/../../b", "raw", TargetOutward, []string{"a/../../b"}, true},
		{"/etc/passwd", "raw", TargetAbsolute, []string{"/etc/passwd"}, true},
		{"file:/etc/passwd", "raw", TargetAbsolute, []string{"/etc/passwd"}, true},
		{"/tmp/../dev/sda", "raw", TargetDevice, []string{"/tmp/../dev/sda"}, true},
		{"host_device:/dev/sda", "raw", TargetDevice, []string{"/dev/sda"}, true},
		{"nbd+unix:///?socket=/run/s", "raw", TargetNetwork, []string{"nbd+unix:///?socket=/run/s"}, true},
		{"https://example.org/a", "qcow2", TargetNetwork, []string{"https://example.org/a"}, true},
		{"fat:rw:/home", "raw", TargetDriver, []string{"fat:rw:/home"}, true},
		{`json:{"driver":"raw","file":{"driver":"file","filename":"/etc/shadow","locking":"off"}}`, "raw", TargetOptions,
			[]string{"driver=raw", "file.driver=file", "file.filename=/etc/shadow"}, true},
		{`json:{'file.filename':'/etc/shadow'}`, "", TargetOptions, []string{"file.filename=/etc/shadow"}, true},
		{`json:{"a":[{"path":"p"}]}`, "raw", TargetOptions, []string{"a.0.path=p"}, true},
		{"json:" + strings.Repeat(`{"file":`, 300), "raw", TargetOptions, nil, true},
		{"json:{", "raw", TargetOptions, nil, true},
		{`json:{"filename":"a"} x`, "raw", TargetOptions, nil, true},
		{`json:{"filename":"a"`, "raw", TargetOptions, nil, true},
		{`json: { "filename" : "a\"b\u0041\n" , "port" : 7, "x" : {} , "y" : [ ] } `, "raw", TargetOptions, []string{"filename=a\"bA\n", "port=7"}, true},
	} {
		o := outsideOf(Outside{Name: c.name, Format: c.format})
		if o.Target != c.target || !slices.Equal(o.Opens, c.opens) || o.Wary() != c.wary {
			t.Errorf("%s: %+v, wary %v", c.name, o, o.Wary())
		}
		if o.Warning() == "" || strings.Contains(o.Warning(), c.name) {
			t.Errorf("%s: %q", c.name, o.Warning())
		}
	}
	if o := outsideOf(Outside{Data: true}); o.Target != TargetUnnamed || !o.Wary() || o.Warning() == "" {
		t.Errorf("%+v", o)
	}
}

// TestOptionsCutShort: no text makes the reader fail, and only a whole one is believed.
func TestOptionsCutShort(t *testing.T) {
	const whole = `{"a":{'filename':"x\u00e9\"","n":[1,{"path":null}]},"driver":"raw"}`
	if got := jsonOpens(whole); !slices.Equal(got, []string{"a.filename=x\u00e9\"", "a.n.1.path=null", "driver=raw"}) {
		t.Errorf("%q", got)
	}
	for n := range len(whole) {
		if got := jsonOpens(whole[:n]); got != nil {
			t.Errorf("%s: %q", whole[:n], got)
		}
		jsonOpens(whole[n:])
	}
}

func FuzzOptions(f *testing.F) {
	f.Add(`{"filename":"\ud800"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if n := len(jsonOpens(text)); n > maxOpens {
			t.Error(n)
		}
	})
}
