package anatomy

import (
	"fmt"

	"qcowscope/core/qcow2"
)

// bitmapIndex says which entry of which bitmap's table leads to a cluster.
type bitmapIndex struct {
	built    bool
	complete bool
	of       map[qcow2.HostCluster]bitmapEntry
	entries  []qcow2.HostOff // where each entry of the directory stands
}

type bitmapEntry struct{ bitmap, entry int32 }

// maxBitmapClusters bounds the index: about 32 MiB.
const maxBitmapClusters = 1 << 20

// bitmapIndexed reads all bitmap tables once. A table that cannot be read has no entries.
func (a *Anatomy) bitmapIndexed() *bitmapIndex {
	x := &a.bits
	if x.built || a.img.BitmapsExt == nil {
		return x
	}
	*x = bitmapIndex{built: true, complete: true, of: map[qcow2.HostCluster]bitmapEntry{}}
	off := qcow2.HostOff(a.img.BitmapsExt.DirectoryOffset)
	for i := range a.img.Bitmaps {
		m := &a.img.Bitmaps[i]
		x.entries = append(x.entries, off)
		off += qcow2.HostOff(m.Bytes())
		table, err := a.img.BitmapTable(m)
		if err != nil {
			continue
		}
		for j, e := range table {
			data := qcow2.HostOff(e & qcow2.OffsetMask)
			if data == 0 || !a.img.BitmapTableEntryOK(e) {
				continue
			}
			if len(x.of) >= maxBitmapClusters {
				x.complete = false
				return x
			}
			if _, ok := x.of[a.geo.Cluster(data)]; !ok {
				x.of[a.geo.Cluster(data)] = bitmapEntry{int32(i), int32(j)}
			}
		}
	}
	return x
}

// bitmapRegions are the bitmap directory, the tables and the data.
func (a *Anatomy) bitmapRegions(c *collected) error {
	ext := a.img.BitmapsExt
	if ext == nil {
		return nil
	}
	x := a.bitmapIndexed()
	if dir := at(qcow2.HostOff(ext.DirectoryOffset), int64(ext.DirectorySize)); c.touches(dir.Start, int64(dir.Len)) {
		g := &region{host: dir, rank: rankBitmapDirectory, kind: BitmapDirectory, in: Ref{"bitmap directory", dir}, fields: bitmapDirectoryFields}
		if e := qcow2.FindExtension(a.img.Extensions, qcow2.ExtBitmaps); e != nil {
			g.from = []Ref{{"bitmap_directory_offset", at(qcow2.HostOff(e.Off)+extensionHead+16, 8)}}
		}
		c.add(g)
	}
	for i := range x.entries {
		m := &a.img.Bitmaps[i]
		table, ok := bitmapTable(m)
		if ok && c.touches(table.Start, int64(table.Len)) {
			entry := Ref{fmt.Sprintf("bitmap[%d].bitmap_table_offset", i), at(x.entries[i], 8)}
			c.add(&region{host: table, rank: rankBitmapTable, kind: BitmapTable, in: Ref{fmt.Sprintf("table of bitmap %d", i+1), table},
				from: []Ref{entry}, fields: bitmapTableFields(i, table.Start)})
		}
	}
	for k := a.geo.Cluster(c.want.Start); k <= a.geo.Cluster(c.want.End()-1); k++ {
		a.bitmapData(c, k)
	}
	return nil
}

// bitmapTable is where the table of a bitmap lies, if it can be said.
func bitmapTable(m *qcow2.Bitmap) (qcow2.Range[qcow2.HostOff], bool) {
	if m.TableOffset == 0 || m.TableOffset >= 1<<62 || m.TableSize > qcow2.MaxBitmapTable {
		return qcow2.Range[qcow2.HostOff]{}, false
	}
	return at(qcow2.HostOff(m.TableOffset), int64(m.TableSize)*qcow2.BitmapTableEntrySize), true
}

// bitmapField is one field of a bitmap directory entry (specification: "Bitmap directory").
type bitmapField struct {
	off, n  int64
	name    string
	shape   shape
	meaning string
}

var bitmapHead = []bitmapField{
	{0, 8, "bitmap_table_offset", plain, "Where the bitmap's table lies."},
	{8, 4, "bitmap_table_size", number, "Entries of that table."},
	{12, 4, "flags", bitmapFlags, "How the bitmap is to be used."},
	{16, 1, "type", number, "A dirty tracking bitmap is of type 1."},
	{17, 1, "granularity_bits", number, "How much of the disk a bit stands for."},
	{18, 2, "name_size", number, "Bytes of the bitmap's name."},
	{20, 4, "extra_data_size", number, "Bytes of extra data."},
}

func bitmapDirectoryFields(a *Anatomy, s *sink) error {
	x := a.bitmapIndexed()
	end := qcow2.HostOff(a.img.BitmapsExt.DirectoryOffset)
	for i, off := range x.entries {
		m := &a.img.Bitmaps[i]
		end = off + qcow2.HostOff(m.Bytes())
		if s.touches(off, m.Bytes()) {
			if err := a.bitmapDirectoryEntry(s, i, off); err != nil {
				return err
			}
		}
	}
	s.add(Field{Host: span(end, s.region.host.End()), Name: "bitmap directory", Meaning: "What stands here could not be read as entries."})
	return nil
}

func (a *Anatomy) bitmapDirectoryEntry(s *sink, i int, off qcow2.HostOff) error {
	m := &a.img.Bitmaps[i]
	head, err := a.read(off, qcow2.BitmapDirectoryEntrySize)
	if err != nil {
		return err
	}
	prefix := fmt.Sprintf("bitmap[%d].", i)
	for _, f := range bitmapHead {
		v := number64(head[f.off : f.off+f.n])
		out := Field{Host: at(off+qcow2.HostOff(f.off), f.n), Name: prefix + f.name, Value: valueText(f.shape, v), Meaning: f.meaning, shape: f.shape, raw: v}
		switch f.name {
		case "bitmap_table_offset":
			if t, ok := bitmapTable(m); ok && !t.Empty() {
				out.To = Ref{"bitmap table", t}
			}
		case "flags":
			out.Meaning = either(v&uint64(qcow2.BitmapInUse) != 0, "It was not saved when the image was last closed: it cannot be trusted.", out.Meaning)
		case "granularity_bits":
			out.Meaning = fmt.Sprintf("A bit stands for 2^%d bytes of the disk.", v)
		}
		s.add(out)
	}
	rest := off + qcow2.BitmapDirectoryEntrySize
	name := rest + qcow2.HostOff(len(m.Extra))
	end := name + qcow2.HostOff(len(m.Name))
	s.add(Field{Host: span(rest, name), Name: prefix + "extra_data", Meaning: "Extra data that this program does not know."})
	s.add(Field{Host: span(name, end), Name: prefix + "name", Value: text(m.Name), IsText: true, Meaning: "The bitmap's name."})
	s.add(Field{Host: span(end, off+qcow2.HostOff(m.Bytes())), Kind: Padding, Name: "padding", Meaning: "It makes the entry a multiple of 8 bytes long."})
	return nil
}

func bitmapTableFields(index int, off qcow2.HostOff) func(*Anatomy, *sink) error {
	return func(a *Anatomy, s *sink) error {
		const size = qcow2.BitmapTableEntrySize
		first, end := s.entries(off, size)
		b, err := a.read(off+qcow2.HostOff(first*size), max(0, end-first)*size)
		if err != nil {
			return err
		}
		for j := first; j < end; j++ {
			e := number64(b[(j-first)*size:][:size])
			f := Field{Host: at(off+qcow2.HostOff(j*size), size), Name: fmt.Sprintf("bitmap[%d].table[%d]", index, j), Value: hexText(e),
				Guest: a.bitmapGuest(index, j), shape: bitmapTableShape, raw: e}
			data := qcow2.HostOff(e & qcow2.OffsetMask)
			switch {
			case data != 0:
				f.Meaning = fmt.Sprintf("The bits of %s lie at %s.", guestText(f.Guest), hexOff(data))
				f.To = Ref{"bitmap data", at(data, a.geo.ClusterSize())}
			case e&qcow2.BitmapTableAllOnes != 0:
				f.Meaning = fmt.Sprintf("All bits of %s are set.", guestText(f.Guest))
			default:
				f.Meaning = fmt.Sprintf("No bit of %s is set.", guestText(f.Guest))
			}
			s.add(f)
		}
		return nil
	}
}

// bitmapGuest is the part of the disk that one entry's bits stand for. A granularity that
// no bitmap has makes it one byte long, so that it can be named.
func (a *Anatomy) bitmapGuest(index int, entry int64) qcow2.Range[qcow2.GuestOff] {
	bits := a.img.Bitmaps[index].GranularityBits
	if bits > qcow2.MaxBitmapGranularity || entry > 1<<20 {
		return qcow2.Range[qcow2.GuestOff]{Len: 1}
	}
	per := a.geo.ClusterSize() * 8 << bits
	if entry >= (1<<62)/per {
		return qcow2.Range[qcow2.GuestOff]{Len: 1}
	}
	r := qcow2.Range[qcow2.GuestOff]{Start: qcow2.GuestOff(entry * per), Len: qcow2.GuestOff(per)}
	if end := a.img.VirtualSize(); end > uint64(r.Start) && end < uint64(r.End()) {
		r.Len = qcow2.GuestOff(end) - r.Start // bits past the end of the disk stand for nothing
	}
	return r
}

func (a *Anatomy) bitmapData(c *collected, k qcow2.HostCluster) {
	x := a.bitmapIndexed()
	e, ok := x.of[k]
	if !ok {
		return
	}
	host := a.clusterRange(k)
	table, _ := bitmapTable(&a.img.Bitmaps[e.bitmap])
	entry := Ref{fmt.Sprintf("bitmap[%d].table[%d]", e.bitmap, e.entry), at(table.Start+qcow2.HostOff(e.entry)*qcow2.BitmapTableEntrySize, qcow2.BitmapTableEntrySize)}
	guest := a.bitmapGuest(int(e.bitmap), int64(e.entry))
	c.add(&region{host: host, rank: rankBitmapData, kind: BitmapData, in: Ref{fmt.Sprintf("data of bitmap %d", e.bitmap+1), host}, from: []Ref{entry},
		fields: func(_ *Anatomy, s *sink) error {
			s.add(Field{Host: s.clip, Name: "bitmap data", Guest: guest, Meaning: fmt.Sprintf("A bit for each %d bytes of %s, the lowest bit first; set means changed.",
				int64(1)<<min(62, a.img.Bitmaps[e.bitmap].GranularityBits), guestText(guest))})
			return nil
		}})
}
