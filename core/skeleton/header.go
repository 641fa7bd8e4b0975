package skeleton

import (
	"bytes"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// header keeps the fields and the extensions' heads, and what known extensions say.
func (m *maker) header() error {
	head := make([]byte, min(m.img.Geo.ClusterSize(), m.img.Src.Size()))
	if err := source.ReadFull(m.img.Src, head, 0); err != nil {
		return err
	}
	h := &m.img.Header
	keep := func(from, to int64) {
		if to = min(to, int64(len(head))); from < to {
			m.write(levelFields, from, head[from:to])
		}
	}
	if h.Version == 2 {
		keep(0, qcow2.HeaderLengthV2)
	} else {
		keep(0, qcow2.HeaderLengthV3Min)
		if len(h.Tail) > 0 {
			keep(qcow2.OffCompressionType, qcow2.OffCompressionType+1)
		}
		if m.keep.Extensions {
			keep(qcow2.HeaderLengthFull, int64(h.HeaderLength))
		}
	}
	if name := []byte(m.img.BackingFile); len(name) > 0 {
		m.write(levelNames, int64(h.BackingFileOffset), m.name(m.keep.Backing, newPlaceholders(), name))
	}
	end := int64(h.HeaderLength)
	for _, e := range m.img.Extensions {
		keep(e.Off, e.Off+8)
		m.write(levelNames, e.Off+8, m.extension(e))
		end = e.Off + 8 + (int64(len(e.Data))+7)&^7
	}
	keep(end, end+8) // the end mark, or the head of one that cannot be
	m.padding()
	return nil
}

// name is the name that the copy has.
func (m *maker) name(keep bool, p *placeholders, name []byte) []byte {
	if keep || len(name) == 0 {
		return name
	}
	m.names++
	return p.of(name)
}

// extension is the data that the copy has of a header extension.
func (m *maker) extension(e qcow2.Extension) []byte {
	switch e.Type {
	case qcow2.ExtBitmaps, qcow2.ExtLUKS:
		return e.Data
	case qcow2.ExtDataFile:
		name, _, _ := bytes.Cut(e.Data, []byte{0})
		return m.name(m.keep.DataFile, newPlaceholders(), name)
	}
	switch {
	case m.keep.Extensions, e.Type == qcow2.ExtBackingFormat && isWord(e.Data):
		return e.Data
	case e.Type == qcow2.ExtFeatureNames:
		return featureNames(e.Data)
	}
	return nil
}

// isWord tells whether a backing format can be the name of a driver.
func isWord(b []byte) bool {
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return len(b) <= 15
}

// A record of the feature name table: kind, bit, name.
const (
	featureRecord = 48
	featureName   = 2 // offset in the record
)

// knownFeatures are the names that QEMU gives to the features that it knows, by kind and bit.
var knownFeatures = map[[2]byte]string{{0, 0}: "dirty bit", {0, 1}: "corrupt bit", {0, 2}: "external data file", {0, 3}: "compression type",
	{0, 4}: "extended L2 entries", {1, 0}: "lazy refcounts", {2, 0}: "bitmaps", {2, 1}: "raw external data"}

// featureNames keeps the records that QEMU writes; in others the name is x.
func featureNames(data []byte) []byte {
	out := bytes.Clone(data)
	for r := out; len(r) > 0; r = r[min(featureRecord, len(r)):] {
		record := r[:min(featureRecord, len(r))]
		if len(record) < featureName {
			clear(record)
			continue
		}
		name, rest, _ := bytes.Cut(record[featureName:], []byte{0})
		if string(name) != knownFeatures[[2]byte(record)] {
			copy(name, bytes.Repeat([]byte{'x'}, len(name)))
		}
		clear(rest)
	}
	return out
}

// padding marks the first and the last byte of what stands where nothing should.
func (m *maker) padding() {
	group := m.report.Group(check.HeaderPadding)
	if group == nil {
		return
	}
	for _, f := range group.Findings {
		m.write(levelFields, int64(f.Host.Start), []byte{'x'})
		m.write(levelFields, int64(f.Host.End()-1), []byte{'x'})
	}
}

// luks keeps the encryption header wholly, or of it what says where things are and what QEMU
// looks at before it asks for a key. Digest, salts and keys are left out then.
func (m *maker) luks() error {
	r := m.img.LUKS
	if r.Len <= 0 || r.Start < 0 {
		return nil
	}
	if m.keep.LUKS {
		m.keepBytes(int64(r.Start), int64(r.Len), kindVerbatim)
		return nil
	}
	head := make([]byte, image.LUKSHeaderBytes)
	if int64(r.Start) >= m.img.Src.Size() {
		return nil
	}
	if err := source.ReadFull(m.img.Src, head, int64(r.Start)); err != nil {
		return err
	}
	if string(head[:4]) != "LUKS" {
		return nil // whatever it is, it is not the header
	}
	blank := make([]byte, image.LUKSHeaderBytes)
	keep := func(from, n int) { copy(blank[from:from+n], head[from:]) }
	keep(0, image.LUKSNames) // magic and version
	if !slices.ContainsFunc(m.img.Refusals, func(r image.Refusal) bool { return r.Field == "LUKS header" }) {
		for at := image.LUKSNames; at < image.LUKSPayload; at += image.LUKSNameBytes {
			name, _, _ := bytes.Cut(head[at:at+image.LUKSNameBytes], []byte{0})
			keep(at, len(name)) // it is one that QEMU knows, and nothing else
		}
	}
	keep(image.LUKSPayload, 4)
	keep(image.LUKSKeyBytes, 4)
	keep(image.LUKSKeyIterations, 4)
	for i := range image.LUKSSlotCount {
		slot := image.LUKSSlots + i*image.LUKSSlotBytes
		for _, field := range []int{image.LUKSSlotState, image.LUKSSlotIterations, image.LUKSSlotStart, image.LUKSSlotStripes} {
			keep(slot+field, 4)
		}
	}
	m.write(levelFields, int64(r.Start), blank)
	return nil
}
