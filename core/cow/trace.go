package cow

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"qcowscope/core/qcow2"
)

// Access is one write of a trace, in guest bytes.
type Access struct{ Off, Len int64 }

// Trace is the writes of a workload, in order.
type Trace struct {
	Format string // of the file, in words
	Writes []Access
	Other  int   // lines that are no writes: reads, trims, events, remarks
	Lines  int   // in all
	End    int64 // of the write that ends last
}

// Bounds of a trace.
const (
	maxTraceWrites = 1 << 24
	maxTraceLine   = 4096
	maxTraceEnd    = int64(1) << 60
)

// TraceError is a line that cannot be understood.
type TraceError struct {
	Line int // from 1
	What string
}

func (e *TraceError) Error() string { return fmt.Sprintf("cow: line %d: %s", e.Line, e.What) }

// ErrTraceEmpty says that a trace has no writes.
var ErrTraceEmpty = errors.New("cow: there are no writes in the trace")

// lineParser takes one line of a trace apart. ok is false for lines that are no writes.
type lineParser interface {
	line(fields [][]byte) (a Access, ok bool, err error)
	format() string
	end(t *Trace) error // a last look at the whole
}

// ParseTrace reads a trace: lines of an offset and a length (with K, M, G, T, or in hex, and
// maybe an R or W before or after), an I/O log of fio (write_iolog, versions 2 and 3), a
// latency or bandwidth log of fio with offsets, or the text that blkparse prints. The error
// is the reader's, the context's, a *TraceError or ErrTraceEmpty.
func ParseTrace(ctx context.Context, r io.Reader) (*Trace, error) {
	t := &Trace{}
	in := bufio.NewReaderSize(r, maxTraceLine)
	var p lineParser
	var fields [][]byte
	for {
		line, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return nil, &TraceError{t.Lines + 1, fmt.Sprintf("it is longer than %d bytes", maxTraceLine)}
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(line) > 0 {
			t.Lines++
			if p, fields, err = t.take(p, line, fields[:0], err); err != nil && err != io.EOF {
				return nil, err
			}
		}
		if err == io.EOF {
			break
		}
		if t.Lines%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if p != nil {
		t.Format = p.format()
		if err := p.end(t); err != nil {
			return nil, err
		}
	}
	if len(t.Writes) == 0 {
		return nil, ErrTraceEmpty
	}
	return t, nil
}

// take adds one line; the first that says anything decides on the format. eof is passed on.
func (t *Trace) take(p lineParser, line []byte, fields [][]byte, eof error) (lineParser, [][]byte, error) {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] == '#' {
		return p, fields, eof
	}
	if p == nil {
		if p = formatOf(line); p.format() == iologName {
			t.Other++
			return p, fields, eof
		}
	}
	fields = split(line, fields)
	a, ok, err := p.line(fields)
	if err == nil && ok {
		err = a.judge()
	}
	switch {
	case err != nil:
		return p, fields, &TraceError{t.Lines, err.Error()}
	case !ok:
		t.Other++
		return p, fields, eof
	case len(t.Writes) >= maxTraceWrites:
		return p, fields, &TraceError{t.Lines, fmt.Sprintf("a trace has at most %d writes", maxTraceWrites)}
	}
	t.add(a)
	return p, fields, eof
}

func (t *Trace) add(a Access) {
	t.Writes = append(t.Writes, a)
	t.End = max(t.End, a.Off+a.Len)
}

func (a Access) judge() error {
	switch {
	case a.Len < 1 || a.Len > maxRequest:
		return fmt.Errorf("the length %d is not 1 to %d", a.Len, int64(maxRequest))
	case a.Off < 0 || a.Off > maxTraceEnd-a.Len:
		return fmt.Errorf("the write at %d is not on any disk", a.Off)
	}
	return nil
}

// split cuts at blanks and commas.
func split(line []byte, fields [][]byte) [][]byte {
	start := -1
	for i, c := range line {
		if c != ' ' && c != '\t' && c != ',' {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			fields = append(fields, line[start:i])
			start = -1
		}
	}
	if start >= 0 {
		fields = append(fields, line[start:])
	}
	return fields
}

// number reads a decimal or 0x number with an optional K, M, G or T.
func number(b []byte) (int64, error) {
	text, shift := b, uint(0)
	if n := len(b); n > 1 && !bytes.HasPrefix(b, []byte("0x")) {
		switch b[n-1] | 0x20 {
		case 'k':
			shift = 10
		case 'm':
			shift = 20
		case 'g':
			shift = 30
		case 't':
			shift = 40
		}
		if shift > 0 {
			text = b[:n-1]
		}
	}
	v, err := strconv.ParseInt(string(text), 0, 64)
	if err != nil || v<<shift>>shift != v {
		return 0, fmt.Errorf("%.40q is not a number of bytes", b)
	}
	return v << shift, nil
}

func access(off, n []byte) (a Access, err error) {
	if a.Off, err = number(off); err == nil {
		a.Len, err = number(n)
	}
	return a, err
}

// formatOf tells the format from the first line.
func formatOf(line []byte) lineParser {
	fields := split(line, nil)
	switch {
	case bytes.HasPrefix(line, []byte("fio version 2 iolog")):
		return &iolog{}
	case bytes.HasPrefix(line, []byte("fio version 3 iolog")):
		return &iolog{skip: 1}
	case isDevice(line):
		return &blkparse{}
	case bytes.IndexByte(line, ',') > 0 && len(fields) >= 4:
		return &fioLog{}
	}
	return &pairs{}
}

// pairs are lines of an offset and a length.
type pairs struct{}

func (*pairs) format() string   { return "offsets and lengths" }
func (*pairs) end(*Trace) error { return nil }

func (*pairs) line(f [][]byte) (Access, bool, error) {
	if k := len(f) - 1; k == 2 {
		op := f[0]
		if len(op) > 0 && op[0] >= '0' && op[0] <= '9' {
			op, f = f[2], f[:2]
		} else {
			f = f[1:]
		}
		switch op[0] | 0x20 {
		case 'w':
		case 'r', 'd', 't':
			return Access{}, false, nil
		default:
			return Access{}, false, fmt.Errorf("%.40q is neither a read nor a write", op)
		}
	}
	if len(f) != 2 {
		return Access{}, false, errors.New("an offset and a length are expected")
	}
	a, err := access(f[0], f[1])
	return a, true, err
}

// sectorAccess is in sectors of 512 bytes.
func sectorAccess(sector, count []byte) (a Access, err error) {
	s, err := strconv.ParseInt(string(sector), 10, 64)
	if err != nil || s < 0 || s > maxTraceEnd/qcow2.SectorSize {
		return a, fmt.Errorf("%.40q is not a sector", sector)
	}
	n, err := strconv.ParseInt(string(count), 10, 32)
	if err != nil || n < 0 {
		return a, fmt.Errorf("%.40q is not a number of sectors", count)
	}
	return Access{s * qcow2.SectorSize, n * qcow2.SectorSize}, nil
}
