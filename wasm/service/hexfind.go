package service

import (
	"context"
	"fmt"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// Bounds of one search for bytes that are not zero.
const (
	maxFindBytes = 64 << 20
	findChunk    = 256 << 10
)

// hexSearch is one search through a side.
type hexSearch struct {
	side  *hexSide
	field place // at the offset that was given
	step  int
}

// HexFind is a field near an offset.
func (s *Session) HexFind(ctx context.Context, req HexFindRequest) (HexFindReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	off, err := hexOffset(req.Offset)
	if err != nil {
		return HexFindReply{}, err
	}
	x, err := s.sides(ctx)
	if err != nil {
		return HexFindReply{}, err
	}
	side, _ := x.of(req.Other)
	step := 1
	if req.Step < 0 {
		step = -1
	}
	field, err := side.fieldAt(ctx, min(off, side.src.Size()))
	if err != nil {
		return HexFindReply{}, problemError(err)
	}
	search := hexSearch{side, field, step}
	var reply HexFindReply
	switch req.What {
	case "field":
		reply, err = search.neighbour(ctx)
	case "set":
		reply, err = search.set(ctx)
	case "wrong":
		reply = search.among(side.wrongPlaces())
	default:
		return HexFindReply{}, &ProblemError{Problem{Kind: "internal", Title: fmt.Sprintf("%q is nothing that can be looked for.", req.What)}}
	}
	if err != nil {
		return HexFindReply{}, problemError(err)
	}
	return reply, nil
}

// fieldAt is the field at an offset; past the end it is empty.
func (s *hexSide) fieldAt(ctx context.Context, off int64) (place, error) {
	fields, err := s.fields(ctx, off, 1)
	if err != nil || len(fields) == 0 {
		return place{off, off}, err
	}
	return place{int64(fields[0].Host.Start), int64(fields[0].Host.End())}, nil
}

func foundAt(off int64) HexFindReply { return HexFindReply{Found: true, Offset: hex(off)} }

// neighbour is the field after the one that was given, or before it.
func (h *hexSearch) neighbour(ctx context.Context) (HexFindReply, error) {
	if h.step > 0 {
		if h.field.to >= h.side.src.Size() {
			return HexFindReply{}, nil
		}
		return foundAt(h.field.to), nil
	}
	if h.field.from == 0 {
		return HexFindReply{}, nil
	}
	before, err := h.side.fieldAt(ctx, h.field.from-1)
	return foundAt(before.from), err
}

// set is the nearest field that holds a byte that is not zero.
func (h *hexSearch) set(ctx context.Context) (HexFindReply, error) {
	size := h.side.src.Size()
	from, to := h.field.to, h.field.to+min(size-h.field.to, maxFindBytes)
	if h.step < 0 {
		from, to = max(0, h.field.from-maxFindBytes), h.field.from
	}
	off, err := h.nonZero(ctx, from, to)
	switch {
	case err != nil:
		return HexFindReply{}, err
	case off >= 0:
		f, err := h.side.fieldAt(ctx, off)
		return foundAt(f.from), err
	case h.step > 0 && to < size:
		return HexFindReply{Stopped: hex(to)}, nil
	case h.step < 0 && from > 0:
		return HexFindReply{Stopped: hex(from)}, nil
	}
	return HexFindReply{}, nil
}

// nonZero is the first byte of the range that is not zero, or the last one when the search
// goes back; -1 if there is none.
func (h *hexSearch) nonZero(ctx context.Context, from, to int64) (int64, error) {
	for from < to {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		at, n := from, min(findChunk, to-from)
		if h.step < 0 {
			at = to - n
		}
		b, err := readAround(h.side.src, at, n)
		if err != nil {
			return 0, err
		}
		if i := firstSet(b, h.step); i >= 0 {
			return at + int64(i), nil
		}
		if h.step > 0 {
			from += n
		} else {
			to = at
		}
	}
	return -1, nil
}

// firstSet is the index of the first byte that is not zero, or of the last; -1 if none.
func firstSet(b []byte, step int) int {
	if step > 0 {
		return slices.IndexFunc(b, func(x byte) bool { return x != 0 })
	}
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0 {
			return i
		}
	}
	return -1
}

// among is the nearest of the offsets, which are in order, outside of the field.
func (h *hexSearch) among(offsets []int64) HexFindReply {
	if h.step > 0 {
		if i, _ := slices.BinarySearch(offsets, h.field.to); i < len(offsets) {
			return foundAt(offsets[i])
		}
		return HexFindReply{}
	}
	if i, _ := slices.BinarySearch(offsets, h.field.from); i > 0 {
		return foundAt(offsets[i-1])
	}
	return HexFindReply{}
}

// wrongPlaces are where the findings of the side stand in the file, in order: at their field,
// or at what they are about.
func (s *hexSide) wrongPlaces() []int64 {
	if s.wrong == nil {
		s.wrong = wrongOffsets(s.report, s.src.Size())
	}
	return s.wrong
}

func wrongOffsets(r *check.Report, size int64) []int64 {
	offsets := []int64{}
	for _, g := range r.Groups {
		for _, f := range g.Findings {
			off := f.At.Off
			if off < 0 && f.Host.Len > 0 {
				off = f.Host.Start
			}
			if off >= 0 && off < qcow2.HostOff(size) {
				offsets = append(offsets, int64(off))
			}
		}
	}
	slices.Sort(offsets)
	return slices.Compact(offsets)
}
