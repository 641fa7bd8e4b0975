package clustermap

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sort"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// Reads is how a part of the disk reads.
type Reads uint8

// The ways to read. What reads from the parent is shown by the backing file.
const (
	ReadsData Reads = iota
	ReadsZeros
	ReadsParent
	ReadsError
)

func (r Reads) String() string { return [...]string{"data", "zeros", "parent", "error"}[r] }

// Difference is a part of the disk that reads otherwise after a change.
type Difference struct {
	Guest         qcow2.Range[qcow2.GuestOff]
	Before, After Reads
	// Unknown tells that the bytes could not be compared, or that there were too many: they
	// may be the same.
	Unknown bool
}

// maxCompared bounds the bytes that are read of each side. What is beyond is unknown.
const maxCompared = 256 << 20

// Change is an image and what a plan makes of it.
type Change struct {
	Before, After *image.Image
	Owners        *refcount.Table // of the image before
	// Written are the ranges of the file that differ at most, ascending and apart.
	Written []qcow2.Range[qcow2.HostOff]
}

// Differences are the parts of the active disk that read otherwise after the change, as far
// as both disks reach; ascending. Only tables that the change touches are looked at. The
// error is one of reading, or the context's; it ends the sequence.
func (c Change) Differences(ctx context.Context) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		d := &differ{Change: c, ctx: ctx, yield: yield, before: NewGuest(c.Before), after: NewGuest(c.After), left: maxCompared}
		d.readers[0] = image.NewGuestReader(ctx, c.Before, c.Before.L1, c.Before.VirtualSize(), image.Outside{})
		d.readers[1] = image.NewGuestReader(ctx, c.After, c.After.L1, c.After.VirtualSize(), image.Outside{})
		err := d.walk()
		if d.flush(); err != nil && !d.stopped {
			yield(Difference{}, err)
		}
	}
}

type differ struct {
	Change
	ctx           context.Context
	yield         func(Difference, error) bool
	before, after *Guest
	readers       [2]*image.GuestReader
	bufs          [2][]byte
	left          int64 // bytes that may still be read
	last          Difference
	stopped       bool
}

// l1Ahead is how many L1 entries are read at a time.
const l1Ahead = 4096

func (d *differ) walk() error {
	g := d.Before.Geo
	end := qcow2.GuestOff(min(d.Before.VirtualSize(), d.After.VirtualSize(), 1<<62))
	entries := (int64(end) + g.L2Span() - 1) / g.L2Span()
	sameRoot := d.dataUntouched() && d.Before.Header.BackingFileOffset == d.After.Header.BackingFileOffset &&
		d.Before.Header.CompressionType() == d.After.Header.CompressionType() &&
		(d.Before.L1.Entries == d.After.L1.Entries || min(d.Before.L1.Entries, d.After.L1.Entries) >= entries)
	for i := int64(0); i < entries && !d.stopped; i += l1Ahead {
		n := min(l1Ahead, entries-i)
		was, err := d.before.l1Within(i, n)
		if err != nil {
			return err
		}
		is, err := d.after.l1Within(i, n)
		if err != nil {
			return err
		}
		for k := int64(0); k < n && !d.stopped; k++ {
			if err := d.ctx.Err(); err != nil {
				return err
			}
			table := was[k].L2Table()
			if sameRoot && table == is[k].L2Table() && !d.touched(table, g.ClusterSize()) {
				continue
			}
			from := qcow2.GuestOff((i + k) * g.L2Span())
			if err := d.span(from, min(end, from+qcow2.GuestOff(g.L2Span()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// l1Within are n L1 entries from i on, zeros where the table has none or cannot be read.
func (m *Guest) l1Within(i, n int64) ([]qcow2.L1Entry, error) {
	has := max(0, min(n, m.root.Entries-i))
	if has == 0 {
		return make([]qcow2.L1Entry, n), nil
	}
	entries, err := m.l1(i, has)
	return append(entries, make([]qcow2.L1Entry, n-has)...), err
}

// dataUntouched tells that no cluster with guest data is among what is written.
func (d *differ) dataUntouched() bool {
	for _, w := range d.Written {
		from, to := d.Before.Geo.Cluster(w.Start), d.Before.Geo.Cluster(w.End()-1)
		for _, b := range d.Owners.Roles(min(int64(from), d.Owners.Len()), min(int64(to)+1, d.Owners.Len())) {
			switch refcount.RoleOf(b) {
			case refcount.Data, refcount.CompressedData, refcount.ZeroData, refcount.InactiveData:
				return false
			}
		}
	}
	return true
}

// touched tells whether the change writes to n bytes of the file from off on.
func (d *differ) touched(off qcow2.HostOff, n int64) bool {
	i := sort.Search(len(d.Written), func(i int) bool { return d.Written[i].End() > off })
	return i < len(d.Written) && d.Written[i].Start < off+qcow2.HostOff(n)
}

// span compares [from, to), which one L1 entry maps on either side.
func (d *differ) span(from, to qcow2.GuestOff) error {
	r := rangeOf(from, to)
	next, stop := iter.Pull2(d.after.Extents(d.ctx, r))
	defer stop()
	var after Extent
	for before, err := range d.before.Extents(d.ctx, r) {
		if err != nil {
			return err
		}
		for at := before.Guest.Start; at < before.Guest.End() && !d.stopped; {
			if after.Guest.End() <= at {
				e, err, ok := next()
				if !ok {
					return nil // the disk ends earlier
				}
				if after = e; err != nil {
					return err
				}
			}
			end := min(before.Guest.End(), after.Guest.End())
			if err := d.piece(before.part(at, end), after.part(at, end)); err != nil {
				return err
			}
			at = end
		}
	}
	return nil
}

// part is the extent within [from, to).
func (e Extent) part(from, to qcow2.GuestOff) Extent {
	if e.HasHost() {
		e.Host += qcow2.HostOff(from - e.Guest.Start)
	}
	e.Guest = rangeOf(from, to)
	return e
}

// piece compares what two extents of the same guest range read.
func (d *differ) piece(before, after Extent) error {
	was, is := readsOf(d.Before, before.Kind), readsOf(d.After, after.Kind)
	if was == is && was != ReadsData {
		return nil
	}
	if was != is && (was == ReadsError || is == ReadsError || was == ReadsParent || is == ReadsParent) {
		d.add(Difference{before.Guest, was, is, false})
		return nil
	}
	if before.Kind == after.Kind && before.HasHost() && before.Host == after.Host && !d.touched(before.Host, int64(before.Guest.Len)) {
		return nil
	}
	return d.compare(before.Guest, was, is)
}

func readsOf(img *image.Image, k qcow2.SubclusterKind) Reads {
	switch k {
	case qcow2.SubNormal, qcow2.SubCompressed:
		return ReadsData
	case qcow2.SubInvalid:
		return ReadsError
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
		if img.Header.BackingFileOffset != 0 {
			return ReadsParent
		}
	}
	return ReadsZeros
}

// compare reads the range on both sides, cluster by cluster.
func (d *differ) compare(r qcow2.Range[qcow2.GuestOff], was, is Reads) error {
	size := qcow2.GuestOff(d.Before.Geo.ClusterSize())
	for at := r.Start; at < r.End() && !d.stopped; {
		end := min(r.End(), at-at%size+size)
		if d.left -= int64(end - at); d.left < 0 {
			d.add(Difference{rangeOf(at, r.End()), was, is, true})
			return nil
		}
		if err := d.cluster(rangeOf(at, end), was, is); err != nil {
			return err
		}
		at = end
	}
	return nil
}

func (d *differ) cluster(r qcow2.Range[qcow2.GuestOff], was, is Reads) error {
	reads, unknown := [2]Reads{was, is}, false
	for i, reader := range d.readers {
		if int64(len(d.bufs[i])) < int64(r.Len) {
			d.bufs[i] = make([]byte, d.Before.Geo.ClusterSize())
		}
		_, err := reader.ReadAt(d.bufs[i][:r.Len], int64(r.Start))
		var broken *image.UnreadableError
		switch {
		case err == nil:
		case errors.Is(err, image.ErrEncrypted) || errors.Is(err, image.ErrNoDataFile):
			unknown = true
		case errors.As(err, &broken):
			reads[i] = ReadsError
		default:
			return err
		}
	}
	switch {
	case unknown || reads[0] != reads[1] && (reads[0] == ReadsError || reads[1] == ReadsError):
		d.add(Difference{r, reads[0], reads[1], unknown})
	case reads[0] == ReadsError || bytes.Equal(d.bufs[0][:r.Len], d.bufs[1][:r.Len]):
	default:
		d.add(Difference{r, reads[0], reads[1], false})
	}
	return nil
}

// add joins neighbours.
func (d *differ) add(b Difference) {
	a := &d.last
	if a.Guest.Len > 0 && a.Guest.End() == b.Guest.Start && a.Before == b.Before && a.After == b.After && a.Unknown == b.Unknown {
		a.Guest.Len += b.Guest.Len
		return
	}
	d.flush()
	d.last = b
}

func (d *differ) flush() {
	if d.last.Guest.Len > 0 && !d.stopped {
		d.stopped = !d.yield(d.last, nil)
	}
	d.last = Difference{}
}
