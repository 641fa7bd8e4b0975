package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"qcowscope/core/anatomy"
)

// A field of at most this many bytes has them on its own line; longer ones get rows.
const (
	shortField = 8
	rowBytes   = 16
)

// dumpText prints fields to be read.
type dumpText struct {
	*dump
	w         *bufio.Writer
	structure string
}

func (t *dumpText) field(f *anatomy.Field, b []byte) {
	t.heading(f)
	off := max(int64(f.Host.Start), t.from)
	head := f.Name
	switch {
	case f.IsText:
		head += fmt.Sprintf(" = %q", f.Value)
	case f.Value != "":
		head += " = " + f.Value
	}
	if len(b) <= shortField {
		fmt.Fprintf(t.w, "%012x  %-23s  %s\n", off, fmt.Sprintf("% x", b), printable(head))
	} else {
		fmt.Fprintf(t.w, "%012x  %-23s  %s\n", off, count(len(b), "byte"), printable(head))
	}
	t.line(f.Meaning)
	if bits := t.bits(f); bits != "" {
		t.line("Bits: " + bits)
	}
	if f.To.Name != "" {
		t.line(fmt.Sprintf("-> %s, 0x%x+0x%x", f.To.Name, uint64(f.To.Host.Start), uint64(f.To.Host.Len)))
	}
	for _, code := range f.Wrong {
		t.line(fmt.Sprintf("! %s: %s", code, code.Title()))
	}
	if len(b) > shortField {
		t.rows(off, b)
	}
}

// heading is a line before the first field of a structure.
func (t *dumpText) heading(f *anatomy.Field) {
	if f.In.Name == t.structure {
		return
	}
	if t.structure != "" {
		t.w.WriteByte('\n')
	}
	t.structure = f.In.Name
	var from []string
	for _, r := range f.From {
		from = append(from, fmt.Sprintf("%s at 0x%x", r.Name, uint64(r.Host.Start)))
	}
	if f.MoreFrom {
		from = append(from, "perhaps others")
	}
	who := ""
	if len(from) > 0 {
		who = ", pointed to by " + strings.Join(from, ", ")
	}
	fmt.Fprintf(t.w, "# %s, 0x%x+0x%x%s\n", printable(f.In.Name), uint64(f.In.Host.Start), uint64(f.In.Host.Len), printable(who))
}

// line is further words about a field, below its name.
func (t *dumpText) line(words string) {
	fmt.Fprintf(t.w, "%39s%s\n", "", printable(words))
}

// bits are the parts of the field that are not zero.
func (t *dumpText) bits(f *anatomy.Field) string {
	var set []string
	for _, p := range t.anatomy.Parts(f) {
		at := fmt.Sprintf("%d-%d", p.High, p.Low)
		switch {
		case p.Value == 0:
			continue
		case p.High == p.Low:
			set = append(set, fmt.Sprintf("%d %s", p.High, p.Name))
		default:
			set = append(set, fmt.Sprintf("%s %s 0x%x", at, p.Name, p.Value))
		}
		if p.Wrong {
			set[len(set)-1] += " (must be zero)"
		}
	}
	return strings.Join(set, ", ")
}

// rows are the bytes in hex and as text. Rows that repeat are shown once, with a * below.
func (t *dumpText) rows(off int64, b []byte) {
	var last []byte
	starred := false
	for at := 0; at < len(b); at += rowBytes {
		row := b[at:min(len(b), at+rowBytes)]
		if bytes.Equal(row, last) && at+rowBytes < len(b) {
			if !starred {
				t.w.WriteString("*\n")
			}
			starred = true
			continue
		}
		last, starred = row, false
		text := make([]byte, len(row))
		for i, c := range row {
			if text[i] = c; c < ' ' || c > '~' {
				text[i] = '.'
			}
		}
		fmt.Fprintf(t.w, "%012x  %-47s  |%s|\n", off+int64(at), fmt.Sprintf("% x", row), text)
	}
}
