package clustermap

import "context"

// Stretch is clusters side by side that are of one kind and equally bad: a line of the
// table that says what the picture shows.
type Stretch struct {
	Clusters
	Kind     uint8
	Severity uint8 // as in a Cell
}

// Filter says which stretches are wanted.
type Filter struct {
	Kinds    uint32 // as bits; 0 are all
	Troubled bool   // only where something is wrong
}

func (f Filter) wants(k look) bool {
	return (f.Kinds == 0 || f.Kinds>>k.kind&1 != 0) && (!f.Troubled || k.severity != 0)
}

// pause is after how many stretches a walk looks for cancellation.
const pause = 1 << 12

// Stretches are up to most stretches from a cluster on, and where to go on, -1 at the end.
// The error is the context's.
func (p *Picture) Stretches(ctx context.Context, first int64, f Filter, most int) (list []Stretch, next int64, err error) {
	steps := 0
	for c := max(0, first); c < p.Plane.Clusters; steps++ {
		if steps%pause == 0 && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		k, n := p.looks.run(c, p.Plane.Clusters-c)
		if k2 := len(list) - 1; k2 >= 0 && f.wants(k) && list[k2].First+list[k2].N == c && list[k2].Kind == k.kind && list[k2].Severity == k.severity {
			list[k2].N += n
		} else if f.wants(k) {
			if len(list) == most {
				return list, c, nil
			}
			list = append(list, Stretch{Clusters{c, n}, k.kind, k.severity})
		}
		c += n
	}
	return list, -1, nil
}

// Totals count the clusters of a map.
type Totals struct {
	Kinds      [kinds]int64
	Severities [1 << 3]int64 // as in a Cell
	Tones      [1 << 8]int64
	// Nothing are those of kind 0 with which nothing is wrong.
	Nothing int64
	// End is the first cluster behind the last that is not of kind 0, or not fine.
	End int64
}

// Totals counts. The error is the context's.
func (p *Picture) Totals(ctx context.Context) (t Totals, err error) {
	steps := 0
	for c := int64(0); c < p.Plane.Clusters; steps++ {
		if steps%pause == 0 && ctx.Err() != nil {
			return t, ctx.Err()
		}
		k, n := p.looks.run(c, p.Plane.Clusters-c)
		t.Kinds[k.kind] += n
		t.Severities[k.severity] += n
		t.Tones[k.tone] += n
		if c += n; k.kind != 0 || k.severity != 0 {
			t.End = c
		} else {
			t.Nothing += n
		}
	}
	return t, nil
}
