package skeleton

import (
	"encoding/binary"
	"math"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// keepBytes keeps n bytes from off on, as far as they lie in the file. Their sectors become
// whole: tar has nothing smaller.
func (m *maker) keepBytes(off, n int64, k kinds) {
	const sector = qcow2.SectorSize
	size := m.img.Src.Size()
	end := min(off, math.MaxInt64-n) + n
	if off, end = max(0, off), min(end, size); off >= end {
		return
	}
	m.kept = append(m.kept, piece{off, end, k})
	if off%sector != 0 || end%sector != 0 && end < size {
		m.kept = append(m.kept, piece{off &^ (sector - 1), min(size, (end+sector-1)&^(sector-1)), kindBlank})
	}
}

// table keeps a table of words. One that does not begin with a sector is none: QEMU does
// not read it, or reads no entry of it.
func (m *maker) table(off, n int64, k kinds) {
	if off >= 0 && off%qcow2.SectorSize == 0 && n > 0 {
		m.keepBytes(off, n, k)
	}
}

// pieces are the tables that the check walked, and lost ones that it has found.
func (m *maker) pieces() {
	img, cs := m.img, m.img.Geo.ClusterSize()
	m.table(int64(img.L1.Off), img.L1.Bytes(), kindL1)
	for i := range m.report.Snapshots.Snapshots {
		if s := &m.report.Snapshots.Snapshots[i]; s.L1Size <= qcow2.MaxL1Entries && s.L1TableOffset <= math.MaxInt64 {
			m.table(int64(s.L1TableOffset), int64(s.L1Size)*qcow2.L1EntrySize, kindL1)
		}
	}
	m.l2Tables()
	if len(img.Reftable) > 0 {
		m.table(int64(img.Header.RefcountTableOffset), img.ReftableBytes(), kindReftable)
	}
	for _, e := range img.Reftable {
		if e != 0 {
			m.table(int64(e.Refblock()), cs, kindRefblock)
		}
	}
	m.bitmapTables()
	m.lostTables()
}

// l2Tables are those of the walk. Where its list is not complete the clusters' roles tell.
func (m *maker) l2Tables() {
	t, g := m.report.Refcounts, m.img.Geo
	for _, l2 := range t.Tree.Tables {
		m.table(int64(l2.Off), g.ClusterSize(), kindL2)
	}
	if m.report.Group(check.L1OffsetZero) != nil {
		m.table(0, g.ClusterSize(), kindL2) // QEMU reads the header as an L2 table
	}
	if t.Tree.Complete {
		return
	}
	for c, b := range t.Roles(0, min(t.Len(), m.img.HostClusters())) {
		if r := refcount.RoleOf(b); r == refcount.L2 || r == refcount.InactiveL2 {
			m.table(int64(g.Offset(qcow2.HostCluster(c))), g.ClusterSize(), kindL2)
		}
	}
}

func (m *maker) bitmapTables() {
	cs := m.img.Geo.ClusterSize()
	for i := range m.img.Bitmaps {
		b := &m.img.Bitmaps[i]
		if b.TableOffset > math.MaxInt64 || int64(b.TableSize) > qcow2.MaxBitmapData/cs {
			continue
		}
		m.table(int64(b.TableOffset), int64(b.TableSize)*qcow2.BitmapTableEntrySize, kindBitmapTable)
		if !m.keep.BitmapData {
			continue
		}
		table, err := m.img.BitmapTable(b)
		if err != nil {
			continue // it is a finding already
		}
		for _, e := range table {
			if data := e & qcow2.OffsetMask; data != 0 {
				m.keepBytes(int64(data), cs, kindVerbatim)
			}
		}
	}
}

// lostProbes is how many leaked clusters are looked into for tables that were lost.
const lostProbes = 1 << 14

// lostTables keeps the leaked clusters that are L2 or L1 tables by their content, where the
// check says that some were lost: without them the copy would not show it.
func (m *maker) lostTables() {
	leaks := m.report.Group(check.LeakedCluster)
	if m.report.Group(check.LostMapping) == nil || leaks == nil {
		return
	}
	g, probes := m.img.Geo, lostProbes
	buf := make([]byte, g.ClusterSize())
	for _, f := range leaks.Findings {
		for off := f.Host.Start; off < f.Host.End() && probes > 0; off += qcow2.HostOff(g.ClusterSize()) {
			probes--
			if source.ReadFull(m.img.Src, buf, int64(off)) == nil && check.LooksLikeL2(m.img, m.report.Refcounts, buf) {
				m.table(int64(off), g.ClusterSize(), kindL2)
				m.setApart(f, off)
			}
		}
	}
}

// setApart keeps a lost table the first one of its run of leaks, which is where the check looks:
// refcounts above what is believed all become the same one in the copy, and would join the runs.
func (m *maker) setApart(f check.Finding, table qcow2.HostOff) {
	width := m.img.Geo.RefcountBits()
	if f.Host.Start != table || f.Got <= m.scrub.most || width < 8 {
		return
	}
	word := binary.BigEndian.AppendUint64(nil, m.scrub.most)
	m.write(levelEntries, int64(f.At.Off), word[8-width/8:])
}
