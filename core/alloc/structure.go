package alloc

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"qcowscope/core/qcow2"
)

// ErrReftableTooLarge says that the refcounts of the image would need a larger reftable
// than the format allows to open.
var ErrReftableTooLarge = errors.New("a new reftable would be larger than 8 MiB")

// NoRoomError says that a new refcount structure does not fit into a file that must not
// grow.
type NoRoomError struct {
	Clusters int64             // that the file has
	Needed   int64             // that the structure has
	Passed   qcow2.HostCluster // the first cluster of it that would be past the end
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("a new refcount structure of %d clusters does not fit: one would go to cluster %d, and the file must not grow beyond %d clusters",
		e.Needed, e.Passed, e.Clusters)
}

// Refcounts are what a new structure shall hold, without the structure itself.
type Refcounts interface {
	// Len is the number of clusters; none from there on has a refcount.
	Len() int64
	// Each visits the clusters of [from, to) whose refcount is not zero, until visit is false.
	Each(from, to int64, visit func(c int64, n uint64) bool)
}

// Structure is a refcount structure: where the reftable and each refblock go.
//
//	header[48..59] -> reftable (TableLen clusters from Table on)
//	                    [k] -> Blocks[k], the refblock of clusters [k*e, (k+1)*e)
type Structure struct {
	Table    qcow2.HostCluster
	TableLen int64
	Blocks   map[int64]qcow2.HostCluster
}

// Clusters is how many the structure has.
func (s *Structure) Clusters() int64 { return s.TableLen + int64(len(s.Blocks)) }

// Indices are the indices of the refblocks, ascending.
func (s *Structure) Indices() []int64 { return slices.Sorted(maps.Keys(s.Blocks)) }

// Placement says how a structure is placed.
type Placement struct {
	Geometry qcow2.Geometry // with the refcount order that the structure shall have
	Clusters int64          // that the file has
	Fixed    bool           // nothing goes past them, as on a block device
	Trace    Tracer
}

// Place finds where a new structure goes: the shortest table, the fewest refblocks, in
// clusters that are free in a. First those in ranges that have a refblock anyway, within
// the file; then other holes; then behind the end.
//
// A refblock or the table may fall into a range that has no refblock yet, which then needs
// one, which needs a place; and the more ranges, the longer the table. It ends because for
// a fixed table length each refblock placed is for a range that had none, of which there
// are finitely many below the end, and behind the end one new refblock covers itself and
// e-1 more; and because the table length only grows, by ranges that the previous length
// did not reach, up to the limit of 8 MiB. Before each retry everything is released, so
// that a retry never has less room than the one before it.
func (p Placement) Place(want Refcounts, a *Allocator) (Structure, error) {
	g := p.Geometry
	needed := p.neededBlocks(want)
	tableLen := int64(1)
	if len(needed) > 0 {
		tableLen = needed[len(needed)-1]/g.ReftableEntries() + 1
	}
	for walk := 1; ; walk++ {
		if tableLen<<g.ClusterBits > qcow2.MaxReftableBytes {
			return Structure{}, ErrReftableTooLarge
		}
		f := filling{Placement: p, a: a, walk: walk, s: Structure{TableLen: tableLen, Blocks: make(map[int64]qcow2.HostCluster, len(needed))}}
		need := f.fill(needed)/g.ReftableEntries() + 1
		if need > tableLen {
			p.Trace.Tell(Event{Act: FreeTable, Walk: walk, Block: -1, At: f.s.Table, N: tableLen})
			p.Trace.Tell(Event{Act: GrowTable, Walk: walk, Block: -1, N: need})
			a.ReleaseAll()
			tableLen = need
			continue
		}
		return f.s, p.fits(a, f.s)
	}
}

// fits says whether the structure stays within a file of fixed size.
func (p Placement) fits(a *Allocator, s Structure) error {
	if !p.Fixed {
		return nil
	}
	for _, c := range a.Taken() {
		if int64(c) >= p.Clusters {
			return &NoRoomError{Clusters: p.Clusters, Needed: s.Clusters(), Passed: c}
		}
	}
	return nil
}

// neededBlocks are the ranges in which something is in use, ascending.
func (p Placement) neededBlocks(want Refcounts) []int64 {
	var ks []int64
	per := p.Geometry.RefblockEntries()
	for k := int64(0); k*per < want.Len(); k++ {
		want.Each(k*per, (k+1)*per, func(int64, uint64) bool {
			ks = append(ks, k)
			return false
		})
	}
	return ks
}

// filling gives places to one structure whose table length is settled.
type filling struct {
	Placement
	a       *Allocator
	walk    int
	s       Structure
	covered [][2]int64 // clusters within the file that have a refblock anyway; those before are full
}

// fill places the table and a refblock for every needed range, for the table's own and for
// those that the refblocks fall into. It returns the last range with a refblock.
func (f *filling) fill(needed []int64) (last int64) {
	g, per := f.Geometry, f.Geometry.RefblockEntries()
	f.covered = f.spans(needed)
	f.s.Table = f.takeTable()
	f.Trace.Tell(Event{Act: PlaceTable, Walk: f.walk, Block: -1, At: f.s.Table, N: f.s.TableLen})
	queue := slices.Clone(needed)
	for k := int64(f.s.Table) / per; k <= (int64(f.s.Table)+f.s.TableLen-1)/per; k++ {
		queue = append(queue, k)
	}
	for i := 0; i < len(queue); i++ {
		k := queue[i]
		if _, ok := f.s.Blocks[k]; ok {
			continue
		}
		c := f.take()
		f.s.Blocks[k] = c
		f.Trace.Tell(Event{Act: PlaceBlock, Walk: f.walk, Block: k, From: qcow2.HostCluster(k * per), To: qcow2.HostCluster((k + 1) * per), At: c})
		last = max(last, k)
		queue = append(queue, int64(c)/per)
		if last/g.ReftableEntries() >= f.s.TableLen {
			break // this table is too short whatever follows
		}
	}
	return last
}

// spans are the needed ranges as far as they lie within the file, neighbours as one.
func (f *filling) spans(needed []int64) (spans [][2]int64) {
	per := f.Geometry.RefblockEntries()
	for _, k := range needed {
		from, to := k*per, min((k+1)*per, f.Clusters)
		if from >= to {
			break
		}
		if n := len(spans); n > 0 && spans[n-1][1] == from {
			spans[n-1][1] = to
			continue
		}
		spans = append(spans, [2]int64{from, to})
	}
	return spans
}

func (f *filling) takeTable() qcow2.HostCluster {
	for _, s := range f.covered {
		if c, ok := f.a.TakeRunIn(s[0], s[1], f.s.TableLen); ok {
			return c
		}
	}
	return f.a.TakeRun(f.s.TableLen)
}

func (f *filling) take() qcow2.HostCluster {
	for len(f.covered) > 0 {
		if c, ok := f.a.TakeRunIn(f.covered[0][0], f.covered[0][1], 1); ok {
			f.covered[0][0] = int64(c) + 1
			return c
		}
		f.covered = f.covered[1:]
	}
	return f.a.Take()
}
