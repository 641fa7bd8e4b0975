package anatomy

import (
	"fmt"
	"math/bits"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
)

// refcountRegions are the refcount table and the refcount blocks.
func (a *Anatomy) refcountRegions(c *collected) {
	table := a.reftable()
	head := Ref{"refcount_table_offset", at(qcow2.OffReftable, 8)}
	if c.touches(table.Start, int64(table.Len)) {
		c.add(&region{host: table, rank: rankReftable, kind: Reftable, in: Ref{"refcount table", table}, from: []Ref{head}, fields: reftableFields})
	}
	for i, e := range a.img.Reftable {
		off := e.Refblock()
		if off <= 0 || !c.touches(off, a.geo.ClusterSize()) || !a.geo.Aligned(off) {
			continue
		}
		host := at(off, a.geo.ClusterSize())
		entry := Ref{fmt.Sprintf("reftable[%d]", i), at(table.Start+qcow2.HostOff(i*qcow2.ReftableEntrySize), qcow2.ReftableEntrySize)}
		c.add(&region{host: host, rank: rankRefblock, kind: Refblock, in: Ref{fmt.Sprintf("refcount block %d", i), host}, from: []Ref{entry},
			fields: refblockFields(off, int64(i)*a.geo.RefblockEntries())})
	}
}

func reftableFields(a *Anatomy, s *sink) error {
	start := a.reftable().Start
	first, end := s.entries(start, qcow2.ReftableEntrySize)
	for i := first; i < min(end, int64(len(a.img.Reftable))); i++ {
		e := a.img.Reftable[i]
		per := a.geo.RefblockEntries()
		covers := fmt.Sprintf("clusters %d to %d", i*per, (i+1)*per-1)
		f := Field{Host: at(start+qcow2.HostOff(i*qcow2.ReftableEntrySize), qcow2.ReftableEntrySize), Name: fmt.Sprintf("reftable[%d]", i),
			Value: hexText(uint64(e)), shape: reftableShape, raw: uint64(e)}
		off := e.Refblock()
		switch {
		case e == 0:
			f.Meaning = fmt.Sprintf("No refcount block: %s count as free.", covers)
		case off <= 0 || !a.geo.Aligned(off):
			f.Meaning = fmt.Sprintf("It should lead to the refcounts of %s, but no cluster begins there.", covers)
		default:
			f.Meaning = fmt.Sprintf("The refcounts of %s.", covers)
			f.To = Ref{fmt.Sprintf("refcount block %d", i), at(off, a.geo.ClusterSize())}
		}
		s.add(f)
	}
	return nil
}

// refblockFields are the refcounts of a refblock, of which the first is that of cluster
// first. Refcounts that share a byte are one field.
func refblockFields(off qcow2.HostOff, first int64) func(*Anatomy, *sink) error {
	return func(a *Anatomy, s *sink) error {
		width := int64(a.geo.RefcountBits())
		size, per := max(1, width/8), max(1, 8/width) // bytes of a field, refcounts in it
		from, end := s.entries(off, size)
		block, err := a.read(off+qcow2.HostOff(from*size), max(0, end-from)*size)
		if err != nil {
			return err
		}
		for i := from; i < end; i++ {
			b := block[(i-from)*size:][:size]
			f := Field{Host: at(off+qcow2.HostOff(i*size), size), shape: refcounts, raw: number64(b), first: first + i*per}
			a.refcountField(&f, b, per)
			s.add(f)
		}
		return nil
	}
}

// refcountField names what the bytes of a refblock count.
func (a *Anatomy) refcountField(f *Field, b qcow2.Refblock, per int64) {
	c := qcow2.HostCluster(f.first)
	if per == 1 {
		f.Name, f.Value = fmt.Sprintf("refcount[%d]", c), fmt.Sprint(f.raw)
		f.Meaning = a.refcountText(c, f.raw)
	} else {
		f.Name = fmt.Sprintf("refcount[%d..%d]", c, f.first+per-1)
		for i := range per {
			if i > 0 {
				f.Value += " "
			}
			f.Value += fmt.Sprint(b.At(a.geo.RefcountOrder, i))
		}
		f.Meaning = fmt.Sprintf("The refcounts of clusters %d to %d, the lowest bits first.", c, f.first+per-1) + a.differs(c, per, b)
	}
	if end := min(f.first+per, a.geo.Clusters(a.size)); end > f.first {
		f.To = Ref{clusterName(c), span(a.geo.Offset(c), min(a.geo.Offset(qcow2.HostCluster(end)), qcow2.HostOff(a.size)))}
		if per > 1 {
			f.To.Name = fmt.Sprintf("clusters %d to %d", c, f.first+per-1)
		}
	}
}

func (a *Anatomy) refcountText(c qcow2.HostCluster, stored uint64) string {
	if int64(c) >= a.geo.Clusters(a.size) {
		return fmt.Sprintf("Cluster %d would lie past the end of the file.", c)
	}
	marked := fmt.Sprintf("is marked as used by %s", plural(stored, "pointer"))
	if stored == 0 {
		marked = "is marked as free"
	}
	if a.report == nil {
		return fmt.Sprintf("Cluster %d %s.", c, marked)
	}
	counted := a.report.Refcounts.Count(c)
	role := a.report.Refcounts.Role(c)
	switch {
	case counted == stored && counted == 0:
		return fmt.Sprintf("Cluster %d is free.", c)
	case counted == stored:
		return fmt.Sprintf("Cluster %d (%s) is used by %s, as counted.", c, role, plural(stored, "pointer"))
	case counted == 0:
		return fmt.Sprintf("Cluster %d %s, but nothing points to it.", c, marked)
	}
	return fmt.Sprintf("Cluster %d (%s) %s, but %s found.", c, role, marked, either(counted == 1, "1 pointer was", fmt.Sprintf("%d pointers were", counted)))
}

// differs names the clusters of a byte of refcounts whose references are of another number.
func (a *Anatomy) differs(c qcow2.HostCluster, per int64, b qcow2.Refblock) string {
	if a.report == nil {
		return ""
	}
	text := ""
	for i := range per {
		if counted := a.report.Refcounts.Count(c + qcow2.HostCluster(i)); counted != b.At(a.geo.RefcountOrder, i) {
			text += fmt.Sprintf(" Cluster %d has %s.", int64(c)+i, plural(counted, "pointer"))
		}
	}
	return text
}

// l1Regions are the active L1 table and those of the snapshots.
func (a *Anatomy) l1Regions(c *collected) {
	if c.touches(a.img.L1.Off, a.img.L1.Bytes()) {
		host := at(a.img.L1.Off, a.img.L1.Bytes())
		c.add(&region{host: host, rank: rankL1, kind: L1, in: Ref{"active L1 table", host},
			from: []Ref{{"l1_table_offset", at(qcow2.OffL1Table, 8)}}, fields: l1Fields(0, host.Start)})
	}
	same := map[qcow2.Range[qcow2.HostOff]]*region{}
	for i := range a.snaps.Snapshots {
		t, err := a.img.SnapshotL1(&a.snaps.Snapshots[i])
		if err != nil || !c.touches(t.Off, t.Bytes()) {
			continue
		}
		host := at(t.Off, t.Bytes())
		entry := Ref{rootName(i+1) + "l1_table_offset", at(qcow2.HostOff(a.snaps.Offsets[i]), 8)}
		if g := same[host]; g != nil {
			g.from = append(g.from, entry)
			continue
		}
		g := &region{host: host, rank: rankSnapshotL1, kind: SnapshotL1, in: Ref{fmt.Sprintf("L1 table of snapshot %d", i+1), host},
			from: []Ref{entry}, fields: l1Fields(i+1, host.Start)}
		same[host] = g
		c.add(g)
	}
}

func l1Fields(root int, off qcow2.HostOff) func(*Anatomy, *sink) error {
	return func(a *Anatomy, s *sink) error {
		first, end := s.entries(off, qcow2.L1EntrySize)
		b, err := a.read(off+qcow2.HostOff(first*qcow2.L1EntrySize), max(0, end-first)*qcow2.L1EntrySize)
		if err != nil {
			return err
		}
		for i := first; i < end; i++ {
			raw := number64(b[(i-first)*qcow2.L1EntrySize:][:qcow2.L1EntrySize])
			f := Field{Host: at(off+qcow2.HostOff(i*qcow2.L1EntrySize), qcow2.L1EntrySize), Name: fmt.Sprintf("%sl1[%d]", rootName(root), i),
				Value: hexText(raw), Guest: a.l2Span(i), shape: l1Shape, raw: raw}
			a.l1Entry(&f, qcow2.L1Entry(raw))
			s.add(f)
		}
		return nil
	}
}

// l2Span is the part of the disk that L1 entry i maps, Len 0 when there is no such.
func (a *Anatomy) l2Span(i int64) qcow2.Range[qcow2.GuestOff] {
	if i < 0 || a.geo.L2Span() > 1<<62/(i+1) {
		return qcow2.Range[qcow2.GuestOff]{}
	}
	return qcow2.Range[qcow2.GuestOff]{Start: a.geo.GuestOffset(i, 0), Len: qcow2.GuestOff(a.geo.L2Span())}
}

func (a *Anatomy) l1Entry(f *Field, e qcow2.L1Entry) {
	where := "a part of the disk beyond any real size"
	if f.Guest.Len > 0 {
		where = guestText(f.Guest)
	}
	off := e.L2Table()
	switch {
	case e == 0:
		f.Meaning = fmt.Sprintf("No L2 table: nothing of %s is in this file.", where)
	case off == 0:
		f.Meaning = "It is not zero, but its offset is: it would point to the header."
	default:
		f.Meaning = fmt.Sprintf("The L2 table of %s lies at %s.", where, hexOff(off))
		if !a.geo.Aligned(off) {
			f.Meaning += " No cluster begins there."
		}
		f.To = Ref{"L2 table", at(off, a.geo.ClusterSize())}
	}
}

// l2Place is where an L2 table lies and what it maps. L1Index is -1 when that is not known.
type l2Place struct {
	off     qcow2.HostOff
	root    int
	l1Index int64
}

// l2Regions are the L2 tables that the walk came by.
func (a *Anatomy) l2Regions(c *collected) {
	if a.report == nil {
		return
	}
	for _, t := range a.report.Refcounts.Tree.Tables {
		if !c.touches(t.Off, a.geo.ClusterSize()) {
			continue
		}
		host := at(t.Off, a.geo.ClusterSize())
		kind, root := L2, a.img.L1.Off
		if t.Root > 0 {
			kind, root = SnapshotL2, qcow2.HostOff(a.snaps.Snapshots[t.Root-1].L1TableOffset)
		}
		entry := Ref{fmt.Sprintf("%sl1[%d]", rootName(t.Root), t.L1Index), at(root+qcow2.HostOff(t.L1Index*qcow2.L1EntrySize), qcow2.L1EntrySize)}
		in := Ref{fmt.Sprintf("%sL2 table %d", rootName(t.Root), t.L1Index), host}
		c.add(&region{host: host, rank: rankL2, kind: kind, in: in, from: []Ref{entry}, fields: l2Fields(l2Place{t.Off, t.Root, t.L1Index})})
	}
}

func l2Fields(p l2Place) func(*Anatomy, *sink) error {
	return func(a *Anatomy, s *sink) error {
		size := a.geo.L2EntrySize()
		first, end := s.entries(p.off, size)
		b, err := a.read(p.off+qcow2.HostOff(first*size), max(0, end-first)*size)
		if err != nil {
			return err
		}
		for i := first; i < end; i++ {
			e := qcow2.L2Table(b).At(a.geo, i-first)
			f := Field{Host: at(p.off+qcow2.HostOff(i*size), 8), Name: p.name(i), Value: hexText(e.Entry), Guest: a.l2Guest(p, i), raw: e.Entry}
			a.l2Entry(&f, e)
			s.add(f)
			if a.geo.ExtendedL2 {
				s.add(Field{Host: at(f.Host.End(), 8), Name: p.name(i) + " subcluster bitmap", Value: hexText(uint64(e.Bitmap)), Guest: f.Guest,
					Meaning: subclusterText(e), shape: subclusterBits, raw: uint64(e.Bitmap)})
			}
		}
		return nil
	}
}

func (p l2Place) name(i int64) string {
	if p.l1Index < 0 {
		return fmt.Sprintf("l2[?][%d]", i)
	}
	return fmt.Sprintf("%sl2[%d][%d]", rootName(p.root), p.l1Index, i)
}

// l2Guest is the cluster of the disk that entry i maps, Len 0 when that is not known.
func (a *Anatomy) l2Guest(p l2Place, i int64) qcow2.Range[qcow2.GuestOff] {
	r := a.l2Span(p.l1Index)
	if r.Empty() {
		return r
	}
	return qcow2.Range[qcow2.GuestOff]{Start: r.Start + qcow2.GuestOff(i<<a.geo.ClusterBits), Len: qcow2.GuestOff(a.geo.ClusterSize())}
}

func (a *Anatomy) l2Entry(f *Field, e qcow2.L2Entry) {
	where := "The guest's cluster"
	if f.Guest.Len > 0 {
		where = capital(guestText(f.Guest))
	}
	f.shape = l2Standard
	if a.geo.ExtendedL2 {
		f.shape = l2Extended
	}
	kind := e.Kind(a.geo)
	switch kind {
	case qcow2.Unallocated:
		f.Meaning = where + " is not in this file: it reads from the backing file, or as zeros."
		if e.Bitmap.Zero() != 0 {
			f.Meaning = where + " has no host cluster; the subcluster bitmap says what reads as zeros."
		}
	case qcow2.ZeroPlain:
		f.Meaning = where + " reads as zeros and takes no space."
	case qcow2.Compressed:
		f.shape = l2Compressed
		r := e.CompressedRange(a.geo)
		f.Meaning = fmt.Sprintf("%s is compressed: a stream of at most %s at %s.", where, plural(uint64(r.Len), "byte"), hexOff(r.Start))
		f.To = Ref{"compressed data", r}
	default:
		f.Meaning = fmt.Sprintf("%s lies at %s.", where, hexOff(e.Host()))
		if kind == qcow2.ZeroAlloc {
			f.Meaning = fmt.Sprintf("%s reads as zeros; the cluster at %s is kept for it.", where, hexOff(e.Host()))
		}
		a.hostCluster(f, e)
	}
}

// hostCluster is the cluster that a standard entry leads to.
func (a *Anatomy) hostCluster(f *Field, e qcow2.L2Entry) {
	switch {
	case a.geo.DataFile:
		f.Meaning += " That is an offset in the external data file."
	case !a.geo.Aligned(e.Host()):
		f.Meaning += " No cluster begins there."
		fallthrough
	default:
		f.To = Ref{"guest data", at(e.Host(), a.geo.ClusterSize())}
	}
}

// subclusterText is an extended entry's bitmap in words.
func subclusterText(e qcow2.L2Entry) string {
	if e.Entry&qcow2.FlagCompressed != 0 {
		return "A compressed cluster has no subclusters: this must be zero."
	}
	text := fmt.Sprintf("%d of 32 subclusters are allocated", bits.OnesCount32(e.Bitmap.Alloc()))
	if v := e.Bitmap.Alloc(); v != 0 {
		text += " (" + bitNumbers(uint64(v)) + ")"
	}
	text += fmt.Sprintf(", %d read as zeros", bits.OnesCount32(e.Bitmap.Zero()))
	if v := e.Bitmap.Zero(); v != 0 {
		text += " (" + bitNumbers(uint64(v)) + ")"
	}
	return text + "."
}

// pointerName names the pointer of a claim.
func pointerName(k refcount.Claim) string { return rootName(k.Root) + k.Field() }
