package report_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/repair"
	"qcowscope/core/report"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// pageOf is the report of an image, with the repair plan, or "" if it does not open.
func pageOf(t *testing.T, name string, file []byte) string {
	t.Helper()
	ctx := context.Background()
	img, err := image.Open(ctx, source.Bytes(file))
	if err != nil {
		return ""
	}
	r, err := check.Run(ctx, img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := repair.Plan(ctx, img, r, repair.Options{Scope: repair.All})
	if err != nil {
		t.Fatal(err)
	}
	part := &report.PlanPart{Plan: out.Plan}
	for _, s := range out.Steps {
		part.Steps = append(part.Steps, s.What)
	}
	var b bytes.Buffer
	if err := report.WriteHTML(&b, report.Page{Name: name, Program: "qcowscope", When: "today", Image: img, Report: r, Plan: part}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Elements and attributes that a report is made of. Whatever else is in one came from an image.
const (
	elements   = " html head meta title style body header main section article footer h1 h2 h3 p b ul li dl div dt dd bdi span code table thead tbody tr th td "
	attributes = " lang charset name content http-equiv class scope "
)

// text reads the page as a browser does not need to, strictly, and returns what it says.
func text(t *testing.T, page string) string {
	t.Helper()
	var said strings.Builder
	_, body, ok := strings.Cut(page, "<body>")
	if !ok {
		t.Fatal("the page has no body")
	}
	d := xml.NewDecoder(strings.NewReader("<body>" + strings.TrimSuffix(strings.TrimSpace(body), "</html>")))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return said.String()
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !strings.Contains(elements, " "+token.Name.Local+" ") {
				t.Errorf("element %s", token.Name.Local)
			}
			for _, a := range token.Attr {
				if !strings.Contains(attributes, " "+a.Name.Local+" ") {
					t.Errorf("attribute %s", a.Name.Local)
				}
			}
		case xml.CharData:
			said.Write(token)
		case xml.Comment, xml.ProcInst, xml.Directive:
			t.Errorf("%T in the page", token)
		}
	}
}

func TestPageOfEveryRecipe(t *testing.T) {
	pages := 0
	each := testimages.Each(1, 3)
	for i, name := range testimages.Names() {
		if i%each != 0 {
			continue
		}
		b := testimages.Make(t, name)
		page := pageOf(t, name+".qcow2", b.Image)
		if page == "" {
			continue
		}
		pages++
		said := text(t, page)
		for _, must := range []string{name + ".qcow2", "As qemu-img check counts", "The image", "Findings"} {
			if !strings.Contains(said, must) {
				t.Errorf("%s: the page does not say %q", name, must)
			}
		}
		for _, line := range strings.Split(said, "\n") {
			if strings.ContainsAny(line, "\x00\x07\x1b\u202e\u2066") {
				t.Errorf("%s: control characters in %q", name, line)
			}
		}
	}
	if pages < 200/each {
		t.Errorf("only %d pages", pages)
	}
}

// Names that would be markup, or would turn text around, are text.
func TestNamesAreText(t *testing.T) {
	b := testimages.Make(t, "healthy_snapshot_and_bitmap")
	for name, hostile := range map[string]string{"keep-me": "<b>\u202ex", "backup": "'\">&\x1b\xff"} {
		if len(hostile) > len(name) {
			hostile = hostile[:len(name)]
		}
		hostile += strings.Repeat("!", len(name)-len(hostile))
		if !bytes.Contains(b.Image, []byte(name)) {
			t.Fatalf("the image has no %q", name)
		}
		b.Image = bytes.ReplaceAll(b.Image, []byte(name), []byte(hostile))
	}
	said := text(t, pageOf(t, `<img src=x onerror=alert(1)>`, b.Image))
	for _, must := range []string{`<img src=x onerror=alert(1)>`, `<b>\u202ex`, `'">&\x1b\xff`} {
		if !strings.Contains(said, must) {
			t.Errorf("the page does not say %q", must)
		}
	}
}

func TestPageSaysWhenItCannotBeWritten(t *testing.T) {
	img, err := image.Open(context.Background(), source.Bytes(built(t, "leaked_cluster")))
	if err != nil {
		t.Fatal(err)
	}
	r, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.WriteHTML(full{}, report.Page{Image: img, Report: r}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("%v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func built(t *testing.T, name string) []byte {
	t.Helper()
	return testimages.Make(t, name).Image
}
