package testimages

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// snapshot is one internal snapshot and where its parts lie.
type snapshot struct {
	id, name string
	l1       hostOff
	l1Size   int64
	vmState  int64 // bytes
	extra    int64 // bytes of extra data in the table entry
	entry    hostOff
	l2Tables map[int64]hostOff
	guest    *Guest
}

var snapshotVerb = verb{
	keys:     map[string]kind{"name": text, "vmstate": num, "fill": num, "extra": num},
	required: []string{"name"},
	run:      (*builder).runSnapshot,
}

// runSnapshot takes an internal snapshot: the L1 table is copied, everything
// below it gains a reference and loses COPIED, so that later writes copy.
func (b *builder) runSnapshot(a args) error {
	if b.dataFile != nil {
		return fmt.Errorf("a data file cannot have internal snapshots")
	}
	s := snapshot{name: a.texts["name"], id: strconv.Itoa(len(b.snapshots) + 1), l1Size: b.l1Size}
	var err error
	if s.extra, err = a.num(b, "extra", 24); err != nil {
		return err
	}
	if s.extra != 0 && s.extra != 16 && s.extra != 24 {
		return fmt.Errorf("extra must be 0, 16 or 24")
	}
	if s.vmState, err = b.writeVMState(a); err != nil {
		return err
	}
	if err := b.freezeTables(&s); err != nil {
		return err
	}
	s.guest = b.guest.clone()
	s.guest.remove(s.guest.Size, 1<<62)
	b.snapshots = append(b.snapshots, s)
	if err := b.writeSnapshotTable(); err != nil {
		return err
	}
	return b.dropVMState(s.vmState)
}

// vmStateStart is the guest offset behind the disk at which VM state is kept.
func (b *builder) vmStateStart() guestOff {
	perL2 := b.l2Entries() * b.cs
	return guestOff((b.opt.size + perL2 - 1) / perL2 * perL2)
}

func (b *builder) writeVMState(a args) (int64, error) {
	n, err := a.num(b, "vmstate", 0)
	if err != nil || n == 0 {
		return 0, err
	}
	fill, err := a.fill(b)
	if err != nil {
		return 0, err
	}
	if n%b.cs != 0 || n > maxFile {
		return 0, fmt.Errorf("vmstate must be whole clusters, at most %d MiB", maxFile>>20)
	}
	b.guest.put(int64(b.vmStateStart()), n, fill)
	return n, b.eachGuestCluster(b.vmStateStart(), n, b.writeCluster)
}

// dropVMState takes the VM state out of the active layer once the snapshot has it.
func (b *builder) dropVMState(n int64) error {
	if n == 0 {
		return nil
	}
	b.guest.remove(int64(b.vmStateStart()), n)
	return b.eachGuestCluster(b.vmStateStart(), n, func(g guestOff, _, _ int64) error { return b.unmap(g) })
}

// freezeTables copies the active L1 table and shares what it points at. The copy
// keeps its COPIED bits, as QEMU's does: they mean nothing in a snapshot.
func (b *builder) freezeTables(s *snapshot) error {
	c, err := b.alloc(b.clustersFor(b.l1Size * 8))
	if err != nil {
		return err
	}
	s.l1 = b.host(c)
	copy(b.file[s.l1:], b.file[b.l1:][:b.l1Size*8])
	s.l2Tables = map[int64]hostOff{}
	for i := range b.l1Size {
		table, ok := b.l2Tables[i]
		if !ok {
			continue
		}
		s.l2Tables[i] = table
		if err := b.addRef(b.clusterOf(table), 1); err != nil {
			return err
		}
		b.putWord(b.l1+hostOff(8*i), uint64(table))
		for j := range b.l2Entries() {
			if err := b.share(table + hostOff(j*b.opt.l2EntrySize())); err != nil {
				return err
			}
		}
	}
	b.pack = 0
	return nil
}

// share adds a reference to what the L2 entry at a place points at.
func (b *builder) share(at hostOff) error {
	entry := b.word(at)
	if entry&entryCompressed == 0 {
		b.putWord(at, entry&^entryCopied)
	}
	return b.eachCluster(entry, func(c hostCluster) error { return b.addRef(c, 1) })
}

// writeSnapshotTable writes the whole table to new clusters and frees the old one.
func (b *builder) writeSnapshotTable() error {
	var table []byte
	for i := range b.snapshots {
		s := &b.snapshots[i]
		table = append(table, make([]byte, -len(table)&7)...)
		s.entry = hostOff(len(table))
		table = s.append(table, b.opt.size)
	}
	c, err := b.alloc(b.clustersFor(int64(len(table))))
	if err != nil {
		return err
	}
	for i := range b.clustersFor(b.snapTableLen) {
		if err := b.addRef(b.clusterOf(b.snapTable)+hostCluster(i), -1); err != nil {
			return err
		}
	}
	b.snapTable, b.snapTableLen = b.host(c), int64(len(table))
	copy(b.file[b.snapTable:], table)
	for i := range b.snapshots {
		b.snapshots[i].entry += b.snapTable
	}
	return nil
}

// append adds the snapshot's table entry to table.
func (s *snapshot) append(table []byte, diskSize int64) []byte {
	be := binary.BigEndian
	table = be.AppendUint64(table, uint64(s.l1))
	table = be.AppendUint32(table, uint32(s.l1Size))
	table = be.AppendUint16(table, uint16(len(s.id)))
	table = be.AppendUint16(table, uint16(len(s.name)))
	table = be.AppendUint32(table, 1700000000) // date, seconds
	table = be.AppendUint32(table, 0)          // date, nanoseconds
	table = be.AppendUint64(table, 0)          // VM clock
	table = be.AppendUint32(table, uint32(s.vmState))
	table = be.AppendUint32(table, uint32(s.extra))
	extra := be.AppendUint64(nil, uint64(s.vmState))
	extra = be.AppendUint64(extra, uint64(diskSize))
	extra = be.AppendUint64(extra, ^uint64(0)) // icount: not recorded
	table = append(table, extra[:s.extra]...)
	table = append(table, s.id...)
	return append(table, s.name...)
}
