package skeleton

import (
	"cmp"
	"context"
	"io"
	"slices"
	"sort"

	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// kinds is a set of the structures whose bytes a range holds. Where several lie across each
// other a word is kept if it makes sense as part of any of them.
type kinds uint8

const (
	kindVerbatim kinds = 1 << iota
	kindL1
	kindL2
	kindReftable
	kindRefblock
	kindBitmapTable
	kindFixed // the plan has the bytes
	kindBlank // zeros that fill a sector up
)

// words are the kinds that are read word by word.
const words = kindL1 | kindL2 | kindReftable | kindRefblock | kindBitmapTable

// piece is bytes of the image that the copy keeps.
type piece struct {
	from, to int64
	kinds    kinds
}

// tables is the image with everything blank but the tables. It is the source below the
// plan of a copy.
type tables struct {
	src   source.Source
	kept  []piece // sorted, disjoint
	scrub scrubber
}

func newTables(src source.Source, scrub scrubber, kept []piece) *tables {
	return &tables{src: src, kept: disjoint(kept), scrub: scrub}
}

// disjoint cuts pieces where others begin and end, and joins what is alike.
func disjoint(all []piece) []piece {
	type edge struct {
		at    int64
		kind  kinds
		begin bool
	}
	edges := make([]edge, 0, 2*len(all))
	for _, p := range all {
		edges = append(edges, edge{p.from, p.kinds, true}, edge{p.to, p.kinds, false})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var out []piece
	var open [8]int
	set := func() (k kinds) {
		for i, n := range open {
			if n > 0 {
				k |= 1 << i
			}
		}
		return k
	}
	at := int64(0)
	for _, e := range edges {
		if k := set(); k != 0 && e.at > at {
			if n := len(out); n > 0 && out[n-1].to == at && out[n-1].kinds == k {
				out[n-1].to = e.at
			} else {
				out = append(out, piece{at, e.at, k})
			}
		}
		at = e.at
		for i := range open {
			if e.kind>>i&1 != 0 && e.begin {
				open[i]++
			} else if e.kind>>i&1 != 0 {
				open[i]--
			}
		}
	}
	return out
}

// Size is that of the image.
func (t *tables) Size() int64 { return t.src.Size() }

// bytes is how much is kept.
func (t *tables) bytes() (n int64) {
	for _, p := range t.kept {
		n += p.to - p.from
	}
	return n
}

// from is the index of the first piece that ends after off.
func (t *tables) from(off int64) int {
	return sort.Search(len(t.kept), func(i int) bool { return t.kept[i].to > off })
}

// segment is the next run from off on, up to end: zeros, or so many bytes to be read, in
// which case Data is not nil.
func (t *tables) segment(off, end int64) patch.Segment {
	s := patch.Segment{Start: -1, Len: end - off}
	i := t.from(off)
	switch {
	case i == len(t.kept) || t.kept[i].from >= end:
	case t.kept[i].from > off:
		s.Len = t.kept[i].from - off
	default:
		s.Len, s.Data = min(end, t.kept[i].to, off+segmentBytes)-off, []byte{}
	}
	return s
}

// ReadAt reads what is kept; the rest is zero.
func (t *tables) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= t.Size() {
		return 0, io.EOF
	}
	var eof error
	if int64(len(p)) > t.Size()-off {
		p, eof = p[:t.Size()-off], io.EOF
	}
	if err := t.ReadBatch(context.Background(), []source.Request{{Off: off, Buf: p}}); err != nil {
		return 0, err
	}
	return len(p), eof
}

// part is a piece of a request that has to be read: whole words, of which the request has
// those from skip on.
type part struct {
	source.Request
	kinds kinds
	dst   []byte
	skip  int64
}

// wordBlock is what parts are widened to: an extended L2 entry has two words.
const wordBlock = 16

// ReadBatch reads what is kept of all requests as one batch.
func (t *tables) ReadBatch(ctx context.Context, reqs []source.Request) error {
	_, err := t.read(ctx, reqs)
	return err
}

// read is ReadBatch, and counts the words that were replaced.
func (t *tables) read(ctx context.Context, reqs []source.Request) (replaced int64, err error) {
	var parts []part
	for _, r := range reqs {
		if r.Off < 0 {
			return 0, source.ReadFull(t.src, r.Buf, r.Off) // which says what is wrong with it
		}
		clear(r.Buf)
		end := min(r.Off+int64(len(r.Buf)), t.Size())
		for _, p := range t.kept[t.from(r.Off):] {
			from, to := max(p.from, r.Off), min(p.to, end)
			if p.from >= end {
				break
			}
			if p.kinds&(words|kindVerbatim) == 0 || from >= to {
				continue
			}
			first, last := from&^(wordBlock-1), (to+wordBlock-1)&^(wordBlock-1)
			parts = append(parts, part{Request: source.Request{Off: first, Buf: make([]byte, last-first)}, kinds: p.kinds,
				dst: r.Buf[from-r.Off : to-r.Off], skip: from - first})
		}
	}
	inner := make([]source.Request, len(parts))
	for i := range parts {
		inner[i] = parts[i].Request
	}
	if err := source.ReadBatch(ctx, t.src, inner); err != nil {
		return 0, err
	}
	for _, p := range parts {
		if p.kinds&kindVerbatim == 0 {
			replaced += t.scrub.words(p.Buf, p.kinds)
		}
		copy(p.dst, p.Buf[p.skip:])
	}
	return replaced, nil
}
