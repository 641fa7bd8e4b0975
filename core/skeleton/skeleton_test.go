package skeleton_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/skeleton"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

var everything = skeleton.Keep{Snapshots: true, Bitmaps: true, Backing: true, DataFile: true, Extensions: true, BitmapData: true, LUKS: true}

// checked opens and checks; img is nil when the image does not open.
func checked(t *testing.T, src source.Source) (*image.Image, *check.Report) {
	t.Helper()
	img, err := image.Open(context.Background(), src)
	if err != nil {
		return nil, nil
	}
	report, err := check.Run(context.Background(), img, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return img, report
}

// copied makes a copy and returns its bytes, which are the same however they are read.
func copied(t *testing.T, img *image.Image, report *check.Report, keep skeleton.Keep) (*skeleton.Copy, []byte) {
	t.Helper()
	c, err := skeleton.Make(img, report, keep)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for s, err := range c.Segments(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Data == nil {
			out = append(out, make([]byte, s.Len)...)
			continue
		}
		if int64(len(s.Data)) != s.Len {
			t.Fatalf("a segment of %d bytes has %d", s.Len, len(s.Data))
		}
		out = append(out, s.Data...)
	}
	whole := make([]byte, c.Size())
	if err := source.ReadFull(c, whole, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out, whole) || c.Size() != img.Src.Size() {
		t.Fatalf("segments give %d bytes, reading %d, the image has %d", len(out), len(whole), img.Src.Size())
	}
	sameRanges(t, c, whole)
	return c, whole
}

// sameRanges looks that all that is not zero lies in the ranges that are told.
func sameRanges(t *testing.T, c *skeleton.Copy, whole []byte) {
	t.Helper()
	at := int64(0)
	for _, r := range c.Ranges() {
		if int64(r.Start) < at || r.Len <= 0 {
			t.Fatalf("range %v behind 0x%x", r, at)
		}
		if len(bytes.Trim(whole[at:r.Start], "\x00")) > 0 {
			t.Fatalf("bytes before %v", r)
		}
		at = int64(r.End())
	}
	if len(bytes.Trim(whole[at:], "\x00")) > 0 {
		t.Fatal("bytes behind the last range")
	}
}

// outcome is all that a check counts, as text.
func outcome(r *check.Report) string {
	var s strings.Builder
	fmt.Fprintf(&s, "corruptions %d leaks %d errors %d exit %d total %d stats %+v end %d refused %v aborted %v\n",
		r.Corruptions, r.Leaks, r.CheckErrors, r.ExitCode(), r.Total, r.Stats, r.ImageEnd, r.Refused, r.Aborted)
	for _, g := range r.Groups {
		fmt.Fprintf(&s, "%s %d\n", g.Code, g.Times)
	}
	return s.String()
}

// jsEach is of how many recipes one is copied under js.
const jsEach = 3

func eachRecipe(t *testing.T, test func(t *testing.T, name string)) {
	names := testimages.Names()
	if len(names) < 200 {
		t.Fatalf("only %d recipes", len(names))
	}
	for i, name := range names {
		if i%testimages.Each(1, jsEach) != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) { test(t, name) })
	}
}

// The copy opens, and checks as the image does: the same findings, as often.
func TestCopyHasTheSameFindings(t *testing.T) {
	opened := 0
	eachRecipe(t, func(t *testing.T, name string) {
		img, report := checked(t, source.Bytes(testimages.Make(t, name).Image))
		if img == nil {
			return
		}
		opened++
		for _, keep := range []skeleton.Keep{{}, everything} {
			_, file := copied(t, img, report, keep)
			again, got := checked(t, source.Bytes(file))
			if again == nil {
				t.Fatalf("keep %+v: the copy does not open", keep)
			}
			if g, w := outcome(got), outcome(report); g != w {
				t.Errorf("keep %+v: got\n%swant\n%s", keep, g, w)
			}
		}
	})
	if opened < 200/testimages.Each(1, jsEach) {
		t.Errorf("only %d recipes open", opened)
	}
}
