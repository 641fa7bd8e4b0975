package amend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// headerArea is the first cluster as it will be: the header, its extensions with the end
// mark, and the backing file's name.
type headerArea struct {
	header qcow2.Header
	chain  []byte // extensions, from header_length on
	name   []byte
	nameAt int64
}

// chainEnd is the offset behind the end mark.
func (a *headerArea) chainEnd() int64 { return int64(a.header.HeaderLength) + int64(len(a.chain)) }

// end is the offset behind all of it.
func (a *headerArea) end() int64 {
	if len(a.name) == 0 {
		return a.chainEnd()
	}
	return max(a.chainEnd(), a.nameAt+int64(len(a.name)))
}

// put writes the area over a cluster.
func (a *headerArea) put(cluster []byte) {
	copy(cluster, a.header.AppendTo(nil))
	copy(cluster[a.header.HeaderLength:], a.chain)
	copy(cluster[a.nameAt:], a.name)
}

// placeName decides where the name lies; without one the header points nowhere.
func (a *headerArea) placeName(at int64) {
	a.nameAt = at
	if a.header.BackingFileOffset, a.header.BackingFileSize = uint64(at), uint32(len(a.name)); len(a.name) == 0 {
		a.header.BackingFileOffset = 0
	}
}

// newHeaderArea is what the first cluster should hold, the name right behind the extensions.
func (v *versioner) newHeaderArea() *headerArea {
	a := &headerArea{header: v.header, name: []byte(v.img.BackingFile)}
	for _, e := range v.img.Extensions {
		if v.dropped(e) {
			continue
		}
		a.chain = binary.BigEndian.AppendUint32(a.chain, e.Type)
		a.chain = binary.BigEndian.AppendUint32(a.chain, uint32(len(e.Data)))
		a.chain = append(a.chain, e.Data...)
		a.chain = append(a.chain, make([]byte, -len(e.Data)&7)...)
	}
	a.chain = append(a.chain, make([]byte, 8)...) // the end mark
	a.placeName(a.chainEnd())
	return a
}

// dropped tells whether an extension has no meaning in the new version, or had none in the
// old one.
func (v *versioner) dropped(e qcow2.Extension) bool {
	switch e.Type {
	case qcow2.ExtFeatureNames:
		return v.header.Version == 2
	case qcow2.ExtBitmaps:
		return true
	}
	return false
}

// oldEnd is the offset behind what the header cluster holds now.
func (v *versioner) oldEnd() int64 {
	h := &v.img.Header
	end := int64(h.HeaderLength) + 8
	for _, e := range v.img.Extensions {
		end = max(end, e.Off+8+(int64(len(e.Data))+7)&^7+8)
	}
	if h.BackingFileOffset != 0 {
		end = max(end, int64(h.BackingFileOffset)+int64(h.BackingFileSize))
	}
	return min(end, v.img.Geo.ClusterSize())
}

// writeHeader plans the switch to the new header. It is one write of the first sector
// wherever the extensions fit it: a name that does not is written beforehand, to where
// the old header has nothing.
func (v *versioner) writeHeader() error {
	size, oldEnd := v.img.Geo.ClusterSize(), v.oldEnd()
	a := v.newHeaderArea()
	if a.end() > size {
		b := Blocker{What: BlockedByHeaderRoom, Why: fmt.Sprintf("the header, its extensions and the backing file's name need %d bytes, and the first cluster has %d", a.end(), size),
			Advice: "give the backing file a shorter name first (qemu-img rebase -u)"}
		b.add("backing_file_offset", qcow2.OffBackingOffset)
		v.block(b)
		return nil
	}
	moved := (max(a.chainEnd(), oldEnd, qcow2.SectorSize) + 7) &^ 7
	if a.end() > qcow2.SectorSize && a.chainEnd() <= qcow2.SectorSize && moved+int64(len(a.name)) <= size {
		a.placeName(moved)
	}
	was := make([]byte, size)
	if err := source.ReadFull(v.img.Src, was, 0); err != nil {
		return err
	}
	now := slices.Clone(was)
	clear(now[:max(oldEnd, a.end())])
	a.put(now)
	v.writeHeaderParts(a, was, now, oldEnd)
	v.noteExtensions()
	return nil
}

// writeHeaderParts plans the header's writes: the moved name, the first sector, and zeros
// for what is left of the old name and extensions behind it.
func (v *versioner) writeHeaderParts(a *headerArea, was, now []byte, oldEnd int64) {
	const sector = qcow2.SectorSize
	why := fmt.Sprintf("the header: version %d", v.header.Version)
	if end := a.end(); end > sector && (a.nameAt < oldEnd || a.chainEnd() > sector) {
		v.plan.Add(batchHeader, 0, now[:max(end, oldEnd)], why)
		v.note("the header takes more than one sector: the switch to it is not one write of 512 bytes")
		return
	}
	if a.end() > sector {
		v.plan.Add(batchNew, a.nameAt, now[a.nameAt:a.end()], "the backing file's name, where it does not cross the first sector")
	}
	v.plan.Add(batchHeader, 0, now[:min(max(a.end(), oldEnd), sector)], why)
	if oldEnd > sector && !bytes.Equal(was[sector:oldEnd], now[sector:oldEnd]) {
		v.plan.Add(batchFreed, sector, now[sector:oldEnd], "clear what is left of the old header's extensions and backing file name")
	}
}

func (v *versioner) noteExtensions() {
	for _, e := range v.img.Extensions {
		if !v.dropped(e) {
			continue
		}
		if e.Type == qcow2.ExtBitmaps {
			v.note("the list of bitmaps is dropped: nothing vouches that they are up to date")
		} else {
			v.note("the names of feature bits are dropped: version 2 has no feature bits")
		}
	}
}
