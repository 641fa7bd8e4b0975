package amend

import (
	"fmt"
	"math"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// Place is a field that a blocker is about: its name as in findings, and where it stands in
// the file, -1 if it has no place of its own.
type Place struct {
	Field string
	At    qcow2.HostOff
}

// maxPlaces bounds how many places a blocker lists.
const maxPlaces = 100

// Blocker is one thing that forbids a change.
type Blocker struct {
	What   string // the name of it, stable: "bitmaps"
	Why    string
	Advice string
	Count  uint64  // of places, of which Places lists the first
	Places []Place // at most 100
}

func (b *Blocker) add(field string, at qcow2.HostOff) {
	if b.Count++; len(b.Places) < maxPlaces {
		b.Places = append(b.Places, Place{field, at})
	}
}

// BlockedError is everything that forbids a change.
type BlockedError struct{ Blockers []Blocker }

func (e *BlockedError) Error() string {
	all := make([]string, len(e.Blockers))
	for i, b := range e.Blockers {
		all[i] = b.What + ": " + b.Why
	}
	return "amend: " + strings.Join(all, "; ")
}

// What blocks a change, by name.
const (
	BlockedByRefusal    = "image cannot be opened"
	BlockedByCorruptBit = "corrupt bit"
	BlockedByDamage     = "damage"
	BlockedByWidth      = "refcount width"
	BlockedByDataFile   = "external data file"
	BlockedByExtendedL2 = "extended L2 entries"
	BlockedByZstd       = "compression type"
	BlockedByBitmaps    = "bitmaps"
	BlockedBySnapshots  = "snapshots"
	BlockedByZeros      = "zero clusters"
	BlockedByHeaderRoom = "header room"
	BlockedByTableSize  = "snapshot table size"
	BlockedByReftable   = "reftable size"
	BlockedByFileSize   = "file size"
	BlockedByVersion    = "version"
)

const (
	adviceRepair   = "repair the image first"
	adviceUnbacked = "commit or rebase the image first, so that it has no backing file"
)

func (v *versioner) block(b Blocker) { v.blocked = append(v.blocked, b) }

// judgeImage looks for what forbids any change: an image that is not sound.
func (v *versioner) judgeImage() {
	v.blocked = append(v.blocked, unusable(v.img)...)
	r := v.report
	if r.Incomplete != nil {
		v.block(Blocker{What: BlockedByDamage, Why: "a part of the file cannot be read: " + r.Incomplete.Error(), Advice: "copy the file from a medium that can be read"})
		return
	}
	if b, damaged := damage(r); damaged && len(v.img.Refusals) == 0 {
		v.block(b)
	}
}

// unusable is what QEMU says of an image that it does not open for writing.
func unusable(img *image.Image) (all []Blocker) {
	for _, r := range img.Refusals {
		b := Blocker{What: BlockedByRefusal, Why: r.String(), Advice: adviceRepair}
		if r.Field == "incompatible_features" && r.Rule != image.RuleCompressionBit {
			b.Advice = "use the program that made the image: what the feature changes is not known here"
		}
		b.add(r.Field, qcow2.HostOff(r.Off))
		all = append(all, b)
	}
	if img.Header.Has(qcow2.IncompatCorrupt) {
		b := Blocker{What: BlockedByCorruptBit, Why: "the image is marked as corrupt, and QEMU does not write to such images", Advice: adviceRepair}
		b.add("incompatible_features", qcow2.OffIncompatible)
		all = append(all, b)
	}
	return all
}

// harmless are the damages that a change neither touches nor makes worse.
var harmless = map[check.Code]bool{check.ZeroInVersion2: true, check.CompressedBroken: true, check.CompressedOverlap: true}

// damage is what a check found that would make a change destroy data, or give a result that
// is as wrong. Leaks do not: their clusters are left alone.
func damage(r *check.Report) (b Blocker, damaged bool) {
	var codes []string
	for _, g := range r.Groups {
		if g.Class == check.Leak || g.Class == check.Beyond && (g.Code.Severity() < check.Damage || harmless[g.Code]) {
			continue
		}
		codes = append(codes, fmt.Sprintf("%s (%d)", g.Code, g.Times))
		for _, f := range g.Findings {
			if len(b.Places) < maxPlaces {
				b.Places = append(b.Places, Place{f.At.Field(), f.At.Off})
			}
		}
		b.Count += uint64(g.Places)
	}
	b.What, b.Why, b.Advice = BlockedByDamage, "the check found "+strings.Join(codes, ", "), adviceRepair
	return b, len(codes) > 0 || r.Aborted
}

// judgeFeatures looks for what version 2 cannot express.
func (v *versioner) judgeFeatures() {
	h := &v.header
	field := func(b Blocker, name string, at qcow2.HostOff) {
		b.add(name, at)
		v.block(b)
	}
	if v.img.Geo.RefcountOrder != 4 {
		field(Blocker{What: BlockedByWidth, Why: fmt.Sprintf("refcounts are %d bits wide, and those of version 2 always 16", v.img.Geo.RefcountBits()),
			Advice: "change the width to 16 bits in the same amend"}, "refcount_order", qcow2.OffRefcountOrder)
	}
	if h.Has(qcow2.IncompatDataFile) {
		field(Blocker{What: BlockedByDataFile, Why: fmt.Sprintf("guest data lies in %q, and version 2 knows no other file", v.img.DataFile),
			Advice: "convert the image to one without a data file (qemu-img convert)"}, "incompatible_features", qcow2.OffIncompatible)
	}
	if h.Has(qcow2.IncompatExtendedL2) {
		field(Blocker{What: BlockedByExtendedL2, Why: "version 2 has no subclusters", Advice: "convert the image to one without them (qemu-img convert)"},
			"incompatible_features", qcow2.OffIncompatible)
	}
	if ext := v.img.BitmapsExt; ext != nil && ext.NbBitmaps > 0 {
		b := Blocker{What: BlockedByBitmaps, Why: "version 2 cannot vouch for bitmaps: they would be lost, and their clusters leaked",
			Advice: "remove the bitmaps first (qemu-img bitmap --remove)"}
		for _, m := range v.img.Bitmaps {
			b.add(fmt.Sprintf("bitmap %q", m.Name), -1)
		}
		b.Count = uint64(ext.NbBitmaps)
		v.block(b)
	}
}

// judgeSnapshots looks for snapshots that programs for version 2 would take for others: they
// know neither disk sizes of their own nor VM states of 4 GiB.
func (v *versioner) judgeSnapshots() {
	b := Blocker{What: BlockedBySnapshots, Why: "version 2 knows no snapshots of another disk size than the image's, and none with 4 GiB of VM state or more",
		Advice: "delete these snapshots, or copy them to images of their own (qemu-img convert -l)"}
	t := v.report.Snapshots
	if t == nil {
		return
	}
	for i := range t.Snapshots {
		s := &t.Snapshots[i]
		if size, ok := s.DiskSize(); ok && size != v.img.VirtualSize() {
			b.add(fmt.Sprintf("snapshot[%d].disk_size", i), qcow2.HostOff(t.Offsets[i]+qcow2.SnapshotHeaderSize+8))
		}
		if s.VMState() > math.MaxUint32 {
			b.add(fmt.Sprintf("snapshot[%d].vm_state_size", i), qcow2.HostOff(t.Offsets[i]+qcow2.SnapshotHeaderSize))
		}
	}
	if b.Count > 0 {
		v.block(b)
	}
}
