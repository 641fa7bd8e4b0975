package redirect

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sort"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// extent is the bytes [from, to) of the file.
type extent struct{ from, to int64 }

// changes are the sectors whose bytes a plan changes: ascending, no two touch.
type changes []extent

// diffChunk is how many bytes are compared at a time.
const diffChunk = 1 << 20

// changedSectors compares the file before and after where the plan writes, and where it
// cuts the file off: zeros are read there afterwards.
func changedSectors(ctx context.Context, before, after source.Source, p *patch.Plan) (changes, error) {
	var found changes
	was, is := make([]byte, diffChunk), make([]byte, diffChunk)
	for _, e := range touched(p) {
		for off := e.from; off < e.to; off += diffChunk {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := min(diffChunk, e.to-off)
			if err := source.ReadFull(before, was[:n], off); err != nil {
				return nil, err
			}
			if err := source.ReadFull(after, is[:n], off); err != nil {
				return nil, err
			}
			found = found.compare(off, was[:n], is[:n])
		}
	}
	return found, nil
}

// touched is what the plan may change, in whole sectors: ascending, no two touch.
func touched(p *patch.Plan) []extent {
	var all []extent
	add := func(from, to int64) {
		if from < to {
			all = append(all, extent{from &^ (qcow2.SectorSize - 1), (to + qcow2.SectorSize - 1) &^ (qcow2.SectorSize - 1)})
		}
	}
	for _, b := range p.Batches {
		for _, w := range b {
			add(w.Off, w.End())
		}
	}
	add(p.SizeAfter, p.SizeBefore)
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.from, b.from) })
	joined := all[:0]
	for _, e := range all {
		if n := len(joined); n > 0 && e.from <= joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, e.to)
			continue
		}
		joined = append(joined, e)
	}
	return joined
}

// compare adds the sectors that differ; off is behind all that were added before.
func (c changes) compare(off int64, was, is []byte) changes {
	for i := 0; i < len(was); i += qcow2.SectorSize {
		end := min(i+qcow2.SectorSize, len(was))
		if bytes.Equal(was[i:end], is[i:end]) {
			continue
		}
		from := off + int64(i)
		if n := len(c); n > 0 && c[n-1].to == from {
			c[n-1].to += qcow2.SectorSize
			continue
		}
		c = append(c, extent{from, from + qcow2.SectorSize})
	}
	return c
}

// within are the changed runs inside [from, to), cut to it.
func (c changes) within(from, to int64) []extent {
	i := sort.Search(len(c), func(i int) bool { return c[i].to > from })
	var in []extent
	for ; i < len(c) && c[i].from < to; i++ {
		in = append(in, extent{max(c[i].from, from), min(c[i].to, to)})
	}
	return in
}

// eachCluster visits the clusters with changed sectors, ascending.
func (c changes) eachCluster(g qcow2.Geometry, visit func(qcow2.HostCluster)) {
	next := qcow2.HostCluster(0)
	for _, e := range c {
		last := g.Cluster(qcow2.HostOff(e.to - 1))
		for k := max(next, g.Cluster(qcow2.HostOff(e.from))); k <= last; k++ {
			visit(k)
		}
		next = last + 1
	}
}
