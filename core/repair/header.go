package repair

import (
	"encoding/binary"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// headerRounds bounds how often the header is looked at again: what one field says decides
// how the others are read.
const headerRounds = 12

// header corrects the fields by which QEMU does not open the image. It comes first, since
// everything is found through the header.
func (r *repairer) header() error {
	if r.opt.Scope == Leaks {
		return nil
	}
	for range headerRounds {
		h := &headerEdit{r: r, e: r.evidence(), head: make([]byte, r.img.Geo.ClusterSize())}
		if err := source.ReadFull(r.img.Src, h.head[:min(int64(len(h.head)), r.img.Src.Size())], 0); err != nil {
			return err
		}
		if err := h.edit(); err != nil {
			return err
		}
		if r.stage.Empty() {
			return nil
		}
		if err := r.commitPart(); err != nil {
			return err
		}
	}
	return nil
}

// headerEdit is one look at the header cluster.
type headerEdit struct {
	r    *repairer
	e    *evidence
	head []byte // the header cluster, zeros where the file is shorter
}

// edit corrects one thing that can be told now: the header's length before the extensions
// behind it, these before what they say, refcounts before what they tell of tables.
func (h *headerEdit) edit() error {
	stop := false
	lengths := func() error {
		stop = h.length() || h.extensions()
		return nil
	}
	for _, f := range []func() error{lengths, h.straySnapshots, h.rawBit, h.backingName, h.encryption, h.reftable, h.compression, h.diskSize, h.l1Size} {
		if err := h.r.unlessLeft(f); err != nil || !h.r.stage.Empty() || stop && !h.r.leavesLengths() {
			return err // the next look sees what this correction shows
		}
	}
	return nil
}

// refused finds what QEMU says of a field when it refuses the image.
func (h *headerEdit) refused(fields ...string) (image.Refusal, bool) {
	for _, r := range h.r.img.Refusals {
		for _, f := range fields {
			if r.Field == f {
				return r, true
			}
		}
	}
	return image.Refusal{}, false
}

func (h *headerEdit) write(off int64, data []byte, why string) {
	h.r.stage.Add(0, off, data, why)
}

// straySnapshots clears a pointer to snapshots that there are not.
func (h *headerEdit) straySnapshots() error {
	if h.r.report.Group(check.SnapshotsOffsetStray) == nil {
		return nil
	}
	h.write(qcow2.OffSnapshots, be64bytes(0), "snapshots_offset: 0, since there are no snapshots")
	h.r.step(check.SnapshotsOffsetStray, 1, "clear the pointer to snapshots in an image that has none")
	return nil
}

// rawBit clears the autoclear bit about a data file where there is no data file.
func (h *headerEdit) rawBit() error {
	if _, bad := h.refused("autoclear_features"); !bad || qcow2.FindExtension(h.r.img.Extensions, qcow2.ExtDataFile) != nil {
		return nil
	}
	bits := h.r.img.Header.AutoclearFeatures &^ qcow2.AutoclearRawData
	h.write(qcow2.OffAutoclear, be64bytes(bits), "autoclear_features: clear bit 1 (raw data file), there is no data file")
	h.r.step(check.RawBitStray, 1, "clear the mark about a data file in an image that has none")
	return nil
}

// backingName finds the backing file's name: the only text behind the END mark.
func (h *headerEdit) backingName() error {
	_, badOff := h.refused("backing_file_offset")
	_, badSize := h.refused("backing_file_size")
	if badOff == badSize || h.r.img.Header.BackingFileSize == 0 && !badOff {
		return nil
	}
	area := h.area()
	from, ok := area.endMark(int64(h.r.img.Header.HeaderLength), int64(len(h.head)))
	if !ok {
		return nil
	}
	first, last := nonzero(h.head[from:])
	if last < 0 && badOff && h.r.img.Header.BackingFileSize == 0 {
		h.write(qcow2.OffBackingOffset, be64bytes(0), "backing_file_offset: 0, there is no backing file")
		h.r.step(check.BackingNameWrong, 1, "clear the pointer to a backing file's name that there is not")
		return nil
	}
	if last < 0 || !printable(h.head[from+first:from+last+1]) {
		return nil
	}
	off, size := uint64(from+first), uint32(last+1-first)
	hdr := &h.r.img.Header
	switch {
	case badOff && size == hdr.BackingFileSize:
		h.write(qcow2.OffBackingOffset, be64bytes(off), fmt.Sprintf("backing_file_offset: point to the only name in the header, %q", h.head[off:off+uint64(size)]))
	case badSize && off == hdr.BackingFileOffset && size <= maxBackingName:
		h.write(qcow2.OffBackingSize, be32bytes(size), fmt.Sprintf("backing_file_size: the length of the name %q", h.head[off:off+uint64(size)]))
	default:
		return nil
	}
	h.r.step(check.BackingNameWrong, 1, "point the header to the backing file's name")
	return nil
}

// maxBackingName is the longest name that QEMU reads.
const maxBackingName = 1023

// nonzero is where the first and the last byte other than 0 are; last is -1 if there is none.
func nonzero(b []byte) (first, last int64) {
	last = -1
	for i, v := range b {
		if v == 0 {
			continue
		}
		if last < 0 {
			first = int64(i)
		}
		last = int64(i)
	}
	return first, last
}

// printable tells whether the bytes can be a name: not empty, no control characters.
func printable(b []byte) bool {
	for _, v := range b {
		if v < 0x20 || v == 0x7f {
			return false
		}
	}
	return len(b) > 0
}

func be32bytes(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// diskSize sets, by consent, a size that is impossible to the one that the rest of the
// image speaks for.
func (h *headerEdit) diskSize() error {
	hdr := &h.r.img.Header
	if _, bad := h.refused("size"); !bad || !h.r.accepts(check.DiskSizeImpossible) || hdr.L1Size == 0 || hdr.L1Size > qcow2.MaxL1Entries {
		return nil
	}
	h.setSize(h.likelySize(), check.DiskSizeImpossible)
	return nil
}

func (h *headerEdit) setSize(size uint64, code check.Code) {
	h.write(qcow2.OffSize, be64bytes(size), fmt.Sprintf("size: %s, by consent; the L1 table covers so much", qcow2.Size(size).Exact()))
	h.r.step(code, 1, fmt.Sprintf("set the disk's size to %s", qcow2.Size(size).Exact()))
}

// likelySize is the largest size that a snapshot recorded and the L1 table covers; else the
// size with one bit flipped back, if exactly one such size needs just this table; else all
// that the table covers.
func (h *headerEdit) likelySize() uint64 {
	g, hdr := h.r.img.Geo, &h.r.img.Header
	l1 := uint64(hdr.L1Size)
	best := uint64(0)
	for i := range h.r.report.Snapshots.Snapshots {
		if d, ok := h.r.report.Snapshots.Snapshots[i].DiskSize(); ok && d%qcow2.SectorSize == 0 && g.L1EntriesFor(d) <= l1 {
			best = max(best, d)
		}
	}
	if best > 0 {
		return best
	}
	flips := 0
	for bit := range 64 {
		if d := hdr.Size ^ 1<<bit; d != 0 && d%qcow2.SectorSize == 0 && g.L1EntriesFor(d) == l1 {
			best = d
			flips++
		}
	}
	if flips == 1 {
		return best
	}
	return l1 * uint64(g.L2Span())
}

// l1Size corrects an l1_size that does not go with the disk's size.
func (h *headerEdit) l1Size() error {
	hdr, g := &h.r.img.Header, h.r.img.Geo
	if _, bad := h.refused("size"); bad {
		return nil
	}
	need := g.L1EntriesFor(hdr.Size)
	_, bad := h.refused("l1_size")
	off := qcow2.HostOff(hdr.L1TableOffset)
	over := h.e.runsOver(off, int64(hdr.L1Size), int64(need))
	if !bad && !over {
		return nil
	}
	if need == 0 || need > qcow2.MaxL1Entries {
		return h.l1ByConsent(bad, need)
	}
	if hdr.L1Size > uint32(need) && (bad || over) {
		need = h.e.usedEntries(off, need)
	}
	w := patch.Write{Off: qcow2.OffL1Size, Data: be32bytes(uint32(need)), Why: fmt.Sprintf("l1_size: %d entries, what the disk needs, or VM state; the table at 0x%x is so long", need, hdr.L1TableOffset)}
	sure := false
	if h.e.holdsL1(off, int64(need), refcount.L1, over) {
		var err error
		if sure, err = h.r.betters(w); err != nil {
			return err
		}
	}
	if !sure {
		return h.l1ByConsent(bad, need)
	}
	h.write(w.Off, w.Data, w.Why)
	h.r.step(check.L1SizeWrong, 1, "set the length of the L1 table to what the disk needs")
	return nil
}

// l1ByConsent makes the two numbers agree where it is not clear which one is wrong.
func (h *headerEdit) l1ByConsent(bad bool, need uint64) error {
	hdr := &h.r.img.Header
	switch {
	case !bad || !h.r.accepts(check.L1SizeWrong):
	case hdr.L1Size > 0 && hdr.L1Size <= qcow2.MaxL1Entries:
		h.setSize(h.likelySize(), check.L1SizeWrong)
	case need > 0 && need <= qcow2.MaxL1Entries:
		w := patch.Write{Off: qcow2.OffL1Size, Data: be32bytes(uint32(need)), Why: "l1_size: what the disk's size needs, by consent"}
		if ok, err := h.r.betters(w); err != nil || !ok {
			return err
		}
		h.write(w.Off, w.Data, w.Why)
		h.r.step(check.L1SizeWrong, 1, "set the length of the L1 table to what the disk needs")
	}
	return nil
}
