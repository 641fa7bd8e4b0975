package refcount

import (
	"context"
	"encoding/binary"
	"errors"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// A recount can be shared out: each worker walks the L2 tables of some L1 indices, and the
// parts are added up. That is done only while everything is plain. As soon as a worker
// meets any trouble, or two of them meet in a cluster, one walk over all must decide: what
// is wrong with a pointer depends on what was counted before.

// Part is what the L2 tables of the L1 indices [First, End) refer to.
type Part struct {
	First, End int64
	Stats      Stats
	Tables     []L2Ref
	Runs       []PartRun
}

// PartRun is clusters in a row with the same count and role byte.
type PartRun struct {
	First, Len  int64
	Count, Role uint8
}

// ErrNotPlain says that a part cannot be counted by itself.
var ErrNotPlain = errors.New("refcount: something in this part needs a walk over the whole image")

// ErrPartsClash says that parts meet in a cluster, or are not those of the image.
var ErrPartsClash = errors.New("refcount: the parts do not add up, a walk over the whole image is needed")

// CountPart walks the L2 tables of the L1 indices [first, end). The error is ErrNotPlain,
// the context's, or ErrTooManyClusters.
func CountPart(ctx context.Context, img *image.Image, snaps *image.SnapshotTable, opt Options, first, end int64) (*Part, error) {
	plain := true
	opt.Visit = func(Trouble) { plain = false }
	w, err := newWalker(ctx, img, opt)
	if err != nil {
		return nil, err
	}
	w.region(0, w.g.ClusterSize(), Header, -1, 1)
	roots := w.roots(snaps)
	if !plain {
		return nil, ErrNotPlain
	}
	if err := w.walkRoots(roots, max(0, first), min(end, indices(roots))); err != nil {
		return nil, err
	}
	if !plain || w.aborted || w.copiedUnknown || len(w.order) > 0 || len(w.t.big) > 0 || !w.tree.Complete {
		return nil, ErrNotPlain
	}
	// The header and the L1 tables are counted where the parts are added up. Nothing else
	// refers to them, or it would not be plain.
	w.forget(roots)
	return &Part{First: first, End: end, Stats: w.stats, Tables: w.tree.Tables, Runs: w.runs()}, nil
}

// forget takes the header and the L1 tables out of the table.
func (w *walker) forget(roots []*root) {
	w.t.counts[0], w.t.roles[0] = 0, 0
	for _, r := range roots {
		if r.Entries == 0 {
			continue
		}
		for c := w.g.Cluster(r.Off); c < w.g.Cluster(r.Off)+qcow2.HostCluster(w.g.Clusters(r.Bytes())); c++ {
			w.t.counts[c], w.t.roles[c] = 0, 0
		}
	}
}

// runs are the clusters with a reference.
func (w *walker) runs() (runs []PartRun) {
	counts, roles := w.t.counts, w.t.roles
	for c := range int64(len(counts)) {
		if counts[c] == 0 {
			continue
		}
		if n := len(runs); n > 0 && runs[n-1].First+runs[n-1].Len == c && runs[n-1].Count == counts[c] && runs[n-1].Role == roles[c] {
			runs[n-1].Len++
			continue
		}
		runs = append(runs, PartRun{First: c, Len: 1, Count: counts[c], Role: roles[c]})
	}
	return runs
}

// addParts counts what the parts counted.
func (w *walker) addParts(roots []*root) error {
	next := int64(0)
	for p, err := range w.opt.Parts {
		if err != nil {
			return err
		}
		if p.First != next || p.End <= p.First {
			return ErrPartsClash
		}
		next = p.End
		if err := w.addPart(p); err != nil {
			return err
		}
		if w.opt.Progress != nil {
			w.opt.Progress(next, indices(roots))
		}
	}
	if next < indices(roots) || len(w.tree.Tables) > maxTree {
		return ErrPartsClash
	}
	return w.ctx.Err()
}

func (w *walker) addPart(p *Part) error {
	counts, roles := w.t.counts, w.t.roles
	for _, r := range p.Runs {
		if r.First < 0 || r.Len <= 0 || r.First > int64(len(counts))-r.Len {
			return ErrPartsClash
		}
		for c := r.First; c < r.First+r.Len; c++ {
			if counts[c] != 0 && !(Role(roles[c]&roleMask) == CompressedData && Role(r.Role&roleMask) == CompressedData) {
				return ErrPartsClash
			}
			if int(counts[c])+int(r.Count) >= saturated {
				return ErrPartsClash
			}
			counts[c] += r.Count
			roles[c] |= r.Role
		}
		w.t.n = max(w.t.n, r.First+r.Len)
	}
	w.stats.Allocated += p.Stats.Allocated
	w.stats.Fragmented += p.Stats.Fragmented
	w.stats.Compressed += p.Stats.Compressed
	w.tree.Tables = append(w.tree.Tables, p.Tables...)
	return nil
}

// MarshalBinary packs the part as variable-length integers, each run after the end of the
// one before.
func (p *Part) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 64+24*len(p.Tables)+4*len(p.Runs))
	for _, v := range []uint64{uint64(p.First), uint64(p.End), p.Stats.Allocated, p.Stats.Fragmented, p.Stats.Compressed, uint64(len(p.Tables)), uint64(len(p.Runs))} {
		b = binary.AppendUvarint(b, v)
	}
	for _, t := range p.Tables {
		flags := uint64(0)
		if t.Empty {
			flags = 1
		}
		for _, v := range []uint64{uint64(t.Off), uint64(t.L1Index), uint64(t.Root), flags, uint64(t.Lo), uint64(t.Hi)} {
			b = binary.AppendUvarint(b, v)
		}
	}
	end := int64(0)
	for _, r := range p.Runs {
		b = binary.AppendUvarint(b, uint64(r.First-end))
		b = binary.AppendUvarint(b, uint64(r.Len))
		b = append(b, r.Count, r.Role)
		end = r.First + r.Len
	}
	return b, nil
}

// unpacker reads what MarshalBinary wrote.
type unpacker struct {
	b   []byte
	bad bool
}

func (u *unpacker) next() int64 {
	v, n := binary.Uvarint(u.b)
	if n <= 0 || v > 1<<62 {
		u.bad = true
		return 0
	}
	u.b = u.b[n:]
	return int64(v)
}

func (u *unpacker) byte() uint8 {
	if len(u.b) == 0 {
		u.bad = true
		return 0
	}
	v := u.b[0]
	u.b = u.b[1:]
	return v
}

// UnmarshalBinary reads a packed part; ErrPartsClash if it is none.
func (p *Part) UnmarshalBinary(data []byte) error {
	u := &unpacker{b: data}
	*p = Part{First: u.next(), End: u.next()}
	p.Stats = Stats{uint64(u.next()), uint64(u.next()), uint64(u.next())}
	tables, runs := u.next(), u.next()
	if most := int64(len(data)); u.bad || tables > most || runs > most {
		return ErrPartsClash
	}
	for range tables {
		t := L2Ref{Off: qcow2.HostOff(u.next()), L1Index: u.next(), Root: int(u.next()), Empty: u.next() == 1}
		t.Lo, t.Hi = uint32(u.next()), uint32(u.next())
		p.Tables = append(p.Tables, t)
	}
	end := int64(0)
	for range runs {
		r := PartRun{First: end + u.next(), Len: u.next(), Count: u.byte(), Role: u.byte()}
		if end = r.First + r.Len; end < 0 {
			u.bad = true
		}
		p.Runs = append(p.Runs, r)
	}
	if u.bad || len(u.b) > 0 {
		return ErrPartsClash
	}
	return nil
}
