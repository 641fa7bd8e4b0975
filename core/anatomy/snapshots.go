package anatomy

import (
	"fmt"
	"sort"
	"time"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// snapshotField is one field of a snapshot table entry (specification: "Snapshots"); off is
// in bytes from the entry's start, or from the start of the extra data.
type snapshotField struct {
	off, n  int64
	name    string
	meaning string
}

var snapshotHead = []snapshotField{
	{0, 8, "l1_table_offset", "Where the snapshot's L1 table lies."},
	{8, 4, "l1_size", "Entries of that table."},
	{12, 2, "id_str_size", "Bytes of the snapshot's id."},
	{14, 2, "name_size", "Bytes of the snapshot's name."},
	{16, 4, "date_sec", "When it was taken"},
	{20, 4, "date_nsec", "And so many nanoseconds."},
	{24, 8, "vm_clock_nsec", "How long the virtual machine had been running, in nanoseconds."},
	{32, 4, "vm_state_size", "Bytes of the saved machine state, where the extra data does not say it."},
	{36, 4, "extra_data_size", "Bytes of extra data, which follow."},
}

var snapshotExtra = []snapshotField{
	{0, 8, "vm_state_size_large", "Bytes of the saved machine state."},
	{8, 8, "disk_size", "Bytes of the virtual disk when it was taken."},
	{16, 8, "icount", "Instructions run so far; all ones when they were not counted."},
}

func (a *Anatomy) snapshotTableRegion(c *collected) {
	if c.touches(a.snaps.Off, a.snaps.Bytes) {
		host := at(a.snaps.Off, a.snaps.Bytes)
		c.add(&region{host: host, rank: rankSnapshotTable, kind: SnapshotTable, in: Ref{"snapshot table", host},
			from: []Ref{{"snapshots_offset", at(qcow2.OffSnapshots, 8)}}, fields: snapshotFields})
	}
}

// snapshotFields are the entries, and the padding between them.
func snapshotFields(a *Anatomy, s *sink) error {
	t := a.snaps
	first := max(0, sort.Search(len(t.Offsets), func(i int) bool { return t.Offsets[i] > int64(s.want.Start) })-1)
	for i := first; i < len(t.Snapshots) && t.Offsets[i] < int64(s.want.End()); i++ {
		if err := a.snapshotEntry(s, i); err != nil {
			return err
		}
		end := qcow2.HostOff(t.Offsets[i]) + qcow2.HostOff(snapshotBytes(&t.Snapshots[i]))
		if i+1 < len(t.Offsets) && end < qcow2.HostOff(t.Offsets[i+1]) {
			s.add(Field{Host: span(end, qcow2.HostOff(t.Offsets[i+1])), Kind: Padding, Name: "padding", Meaning: "The next entry begins at a multiple of 8 bytes."})
		}
	}
	return nil
}

func snapshotBytes(e *qcow2.Snapshot) int64 {
	return qcow2.SnapshotHeaderSize + int64(len(e.Extra)) + int64(len(e.ID)) + int64(len(e.Name))
}

func (a *Anatomy) snapshotEntry(s *sink, i int) error {
	e, off := &a.snaps.Snapshots[i], qcow2.HostOff(a.snaps.Offsets[i])
	head, err := a.read(off, qcow2.SnapshotHeaderSize)
	if err != nil {
		return err
	}
	prefix := rootName(i + 1)
	for _, f := range snapshotHead {
		s.add(a.snapshotNumber(prefix, f, off, head, e))
	}
	off += qcow2.SnapshotHeaderSize
	known := int64(0)
	for _, f := range snapshotExtra {
		if f.off+f.n <= int64(len(e.Extra)) {
			s.add(a.snapshotNumber(prefix, f, off, e.Extra, e))
			known = f.off + f.n
		}
	}
	extra := int64(len(e.Extra))
	s.add(Field{Host: span(off+qcow2.HostOff(known), off+qcow2.HostOff(extra)), Name: prefix + "extra_data", Meaning: "Extra data that this program does not know."})
	off += qcow2.HostOff(extra)
	s.add(Field{Host: at(off, int64(len(e.ID))), Name: prefix + "id", Value: text(e.ID), IsText: true, Meaning: "The snapshot's id."})
	off += qcow2.HostOff(len(e.ID))
	s.add(Field{Host: at(off, int64(len(e.Name))), Name: prefix + "name", Value: text(e.Name), IsText: true, Meaning: "The snapshot's name."})
	return nil
}

// snapshotNumber is a field that stands in b, which begins at off.
func (a *Anatomy) snapshotNumber(prefix string, f snapshotField, off qcow2.HostOff, b []byte, e *qcow2.Snapshot) Field {
	v := number64(b[f.off : f.off+f.n])
	out := Field{Host: at(off+qcow2.HostOff(f.off), f.n), Name: prefix + f.name, Value: valueText(number, v), Meaning: f.meaning, shape: number, raw: v}
	switch f.name {
	case "l1_table_offset":
		out.Value, out.shape = hexText(v), plain
		if t, err := a.img.SnapshotL1(e); err == nil {
			out.To = Ref{"L1 table of the snapshot", l1Range(t)}
		} else {
			out.Meaning += " No table can lie there."
		}
	case "date_sec":
		out.Meaning += ": " + time.Unix(int64(v), 0).UTC().Format("2006-01-02 15:04:05 UTC") + "."
	case "icount":
		out.Value, out.shape = hexText(v), plain
	}
	return out
}

// l1Range is where a table lies; one without entries has a place all the same.
func l1Range(t image.L1Table) qcow2.Range[qcow2.HostOff] { return at(t.Off, max(1, t.Bytes())) }

// luksField is one field of the LUKS header ("LUKS On-Disk Format", version 1).
type luksField struct {
	off, n  int64
	name    string
	shape   shape
	text    bool
	meaning string
}

var luksHead = []luksField{
	{0, 6, "magic", blob, false, "LUKS and 0xba 0xbe."},
	{6, 2, "version", number, false, "Version of the LUKS format."},
	{8, 32, "cipher-name", blob, true, "The cipher."},
	{40, 32, "cipher-mode", blob, true, "How the cipher is used."},
	{72, 32, "hash-spec", blob, true, "The hash that keys are made with."},
	{104, 4, "payload-offset", number, false, "Where the data would begin, in sectors of 512 bytes."},
	{108, 4, "key-bytes", number, false, "Bytes of the master key."},
	{112, 20, "mk-digest", blob, false, "By which a right master key is known."},
	{132, 32, "mk-digest-salt", blob, false, "Salt of that digest."},
	{164, 4, "mk-digest-iter", number, false, "Rounds of that digest."},
	{168, 40, "uuid", blob, true, "Names this encrypted volume."},
}

var luksSlot = []luksField{
	{0, 4, "active", plain, false, "0x00ac71f3 when the slot holds a key, 0x0000dead when not."},
	{4, 4, "iterations", number, false, "Rounds that make a key of the passphrase."},
	{8, 32, "salt", blob, false, "Salt of these rounds."},
	{40, 4, "key-material-offset", number, false, "Where its key material begins, in sectors of 512 bytes from the LUKS header on."},
	{44, 4, "stripes", number, false, "Into how many pieces the key is split."},
}

func (a *Anatomy) cryptoRegion(c *collected) {
	area := a.crypto()
	if !c.touches(area.Start, int64(area.Len)) {
		return
	}
	g := &region{host: area, rank: rankCrypto, kind: Crypto, in: Ref{"LUKS header", area}, fields: luksFields}
	if e := qcow2.FindExtension(a.img.Extensions, qcow2.ExtLUKS); e != nil {
		g.from = []Ref{{"LUKS header extension", at(qcow2.HostOff(e.Off)+extensionHead, 8)}}
	}
	c.add(g)
}

// crypto is the area of the LUKS header, as far as it lies in the file.
func (a *Anatomy) crypto() qcow2.Range[qcow2.HostOff] {
	area := a.img.LUKS
	area.Len = min(area.Len, qcow2.HostOff(a.size)-area.Start)
	return area
}

func luksFields(a *Anatomy, s *sink) error {
	area := a.crypto()
	start := area.Start
	head, err := a.read(start, image.LUKSHeaderBytes)
	if err != nil {
		return err
	}
	put := func(f luksField, off int64, prefix string) {
		b := head[off+f.off : off+f.off+f.n]
		out := Field{Host: at(start+qcow2.HostOff(off+f.off), f.n), Name: prefix + f.name, Meaning: f.meaning, shape: f.shape}
		switch {
		case f.text:
			out.Value, out.IsText = paddedText(b), true
		case f.shape != blob:
			out.raw = number64(b)
			out.Value = valueText(f.shape, out.raw)
		}
		s.add(out)
	}
	for _, f := range luksHead {
		put(f, 0, "luks.")
	}
	for i := range int64(image.LUKSSlotCount) {
		for _, f := range luksSlot {
			put(f, image.LUKSSlots+i*image.LUKSSlotBytes, fmt.Sprintf("luks.key_slot[%d].", i))
		}
	}
	s.add(Field{Host: span(start+image.LUKSHeaderBytes, area.End()), Name: "luks.key_material", Meaning: "Key material of the slots, or unused."})
	return nil
}
