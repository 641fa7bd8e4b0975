package cow

import (
	"bytes"
	"errors"
	"fmt"
)

const iologName = "I/O log of fio"

// iolog is what fio's write_iolog writes: file, action and, for some actions, offset and
// length. Version 3 has a time before them.
type iolog struct{ skip int }

func (*iolog) format() string   { return iologName }
func (*iolog) end(*Trace) error { return nil }

func (p *iolog) line(f [][]byte) (Access, bool, error) {
	if len(f) < p.skip+2 {
		return Access{}, false, errors.New("a file name and an action are expected")
	}
	f = f[p.skip+1:]
	if string(f[0]) != "write" {
		return Access{}, false, nil
	}
	if len(f) != 3 {
		return Access{}, false, errors.New("a write has an offset and a length")
	}
	a, err := access(f[1], f[2])
	return a, true, err
}

// fioLog is a latency, bandwidth or IOPS log of fio: time, value, direction, block size and,
// if asked for, offset. A priority may follow.
type fioLog struct{ beyond bool }

var errNoOffsets = errors.New("the log has no offsets: run fio with log_offset=1")

func (*fioLog) format() string { return "latency or bandwidth log of fio" }

// end refuses a log whose fifth column can only be the priority of older versions.
func (p *fioLog) end(t *Trace) error {
	if !p.beyond && len(t.Writes) > 1 {
		return &TraceError{t.Lines, errNoOffsets.Error()}
	}
	return nil
}

func (p *fioLog) line(f [][]byte) (Access, bool, error) {
	if len(f) == 4 || len(f) == 5 && bytes.HasPrefix(f[4], []byte("0x")) {
		return Access{}, false, errNoOffsets
	}
	if len(f) < 5 || len(f) > 7 {
		return Access{}, false, fmt.Errorf("%d columns are not those of a log of fio", len(f))
	}
	switch string(f[2]) {
	case "1":
	case "0", "2":
		return Access{}, false, nil
	default:
		return Access{}, false, fmt.Errorf("%.40q is no direction: 0 is a read, 1 a write, 2 a trim", f[2])
	}
	a, err := access(f[4], f[3])
	p.beyond = p.beyond || a.Off > 1
	return a, true, err
}

// blkparse is the default output of blkparse: device, CPU, sequence, time, process, action,
// kind, sector + sectors. A request passes several actions; it is counted once, when it is
// queued, or at the first of the others that the trace has.
type blkparse struct{ issued, completed []Access }

func (*blkparse) format() string { return "output of blkparse" }

// isDevice tells whether a line begins with a device, as major,minor.
func isDevice(line []byte) bool {
	word, _, _ := bytes.Cut(line, []byte(" "))
	major, minor, ok := bytes.Cut(word, []byte(","))
	digits := func(b []byte) bool {
		for _, c := range b {
			if c < '0' || c > '9' {
				return false
			}
		}
		return len(b) > 0
	}
	return ok && digits(major) && digits(minor) && bytes.Count(line, []byte(" ")) > 4
}

// end takes issued or completed requests where none was seen being queued.
func (p *blkparse) end(t *Trace) error {
	for _, from := range [][]Access{p.issued, p.completed} {
		if len(t.Writes) > 0 {
			break
		}
		t.Other -= len(from)
		for _, a := range from {
			t.add(a)
		}
	}
	return nil
}

// line has the device cut in two: 8,0 are two fields. The summary at the end is passed over.
func (p *blkparse) line(f [][]byte) (a Access, ok bool, err error) {
	const action, kind, sector, plus, count = 6, 7, 8, 9, 10
	if len(f) <= count || string(f[plus]) != "+" || bytes.IndexByte(f[kind], 'W') < 0 {
		return a, false, nil
	}
	if a, err = sectorAccess(f[sector], f[count]); err != nil || a.Len == 0 {
		return a, false, err // a flush has no length
	}
	switch string(f[action]) {
	case "Q":
		return a, true, nil
	case "D":
		p.issued, err = keep(p.issued, a)
	case "C":
		p.completed, err = keep(p.completed, a)
	}
	return a, false, err
}

func keep(to []Access, a Access) ([]Access, error) {
	if len(to) >= maxTraceWrites {
		return to, fmt.Errorf("a trace has at most %d writes", maxTraceWrites)
	}
	return append(to, a), a.judge()
}
