package testimages

import "fmt"

// field is a place inside a structure: bytes from its start, and bits wide.
type field struct {
	at   int64
	bits int
}

// placeArity is the number of indexes of each place.
var placeArity = map[string]int{
	"header": 0, "reftable": 1, "refcount": 1, "l1": 1, "l2": 2, "l2bitmap": 2,
	"snapshot": 1, "snapshot_l1": 2, "snapshot_l2": 3, "snapshot_l2bitmap": 3,
	"extension": 1, "bitmap_extension": 0, "bitmap_directory": 1, "bitmap_table": 2, "bytes": 1,
}

// placeFields are the fields of the places that have some, named as in the
// specification of the format.
var placeFields = map[string]map[string]field{
	"header": {
		"magic": {0, 32}, "version": {4, 32}, "backing_file_offset": {8, 64}, "backing_file_size": {16, 32},
		"cluster_bits": {20, 32}, "size": {24, 64}, "crypt_method": {32, 32}, "l1_size": {36, 32},
		"l1_table_offset": {40, 64}, "refcount_table_offset": {48, 64}, "refcount_table_clusters": {56, 32},
		"nb_snapshots": {60, 32}, "snapshots_offset": {64, 64}, "incompatible_features": {72, 64},
		"compatible_features": {80, 64}, "autoclear_features": {88, 64}, "refcount_order": {96, 32},
		"header_length": {100, 32}, "compression_type": {104, 8},
	},
	"snapshot": {
		"l1_table_offset": {0, 64}, "l1_size": {8, 32}, "id_str_size": {12, 16}, "name_size": {14, 16},
		"date_sec": {16, 32}, "date_nsec": {20, 32}, "vm_clock_nsec": {24, 64}, "vm_state_size": {32, 32},
		"extra_data_size": {36, 32}, "extra_vm_state_size": {40, 64}, "extra_disk_size": {48, 64}, "extra_icount": {56, 64},
	},
	"extension":        {"type": {0, 32}, "length": {4, 32}},
	"bitmap_extension": {"nb_bitmaps": {0, 32}, "reserved": {4, 32}, "bitmap_directory_size": {8, 64}, "bitmap_directory_offset": {16, 64}},
	"bitmap_directory": {
		"bitmap_table_offset": {0, 64}, "bitmap_table_size": {8, 32}, "flags": {12, 32}, "type": {16, 8},
		"granularity_bits": {17, 8}, "name_size": {18, 16}, "extra_data_size": {20, 32},
	},
}

// at picks element i of a list that the builder keeps, or says that there is none.
func at[T any](list []T, i int64, what string) (T, error) {
	if i < 0 || i >= int64(len(list)) {
		var none T
		return none, fmt.Errorf("there is no %s %d", what, i)
	}
	return list[i], nil
}

// slotOf finds a place in the file.
func (b *builder) slotOf(p place, index []int64) (slot, error) {
	base, err := b.placeBase(p.root, index)
	if err != nil {
		return slot{}, err
	}
	if p.root == "refcount" {
		return b.refcountSlot(hostCluster(index[0]))
	}
	if fields := placeFields[p.root]; fields != nil {
		f := fields[p.field]
		return slot{off: base + hostOff(f.at), bits: f.bits}, nil
	}
	return slot{off: base, bits: 64}, nil
}

// placeBase is where a place's structure or table entry begins.
func (b *builder) placeBase(root string, index []int64) (hostOff, error) {
	switch root {
	case "header", "refcount":
		return 0, nil
	case "bytes":
		return hostOff(index[0]), nil
	case "reftable":
		return b.tableEntry(b.reftable, index[0], b.opt.reftableClusters*b.cs/8, root)
	case "l1":
		return b.tableEntry(b.l1, index[0], b.l1Size, root)
	case "l2", "l2bitmap":
		return b.l2Place(b.l2Tables, root == "l2bitmap", index)
	case "extension":
		e, err := at(b.extensions, index[0], root)
		return e.at, err
	case "bitmap_extension":
		for _, e := range b.extensions {
			if e.kind == extensionBitmaps {
				return e.at + 8, nil
			}
		}
		return 0, fmt.Errorf("the image has no bitmaps")
	case "bitmap_directory", "bitmap_table":
		m, err := at(b.bitmaps, index[0], "bitmap")
		if err != nil || root == "bitmap_directory" {
			return m.entry, err
		}
		return b.tableEntry(m.table, index[1], m.tableLen, root)
	}
	return b.snapshotPlace(root, index)
}

func (b *builder) snapshotPlace(root string, index []int64) (hostOff, error) {
	s, err := at(b.snapshots, index[0], "snapshot")
	if err != nil {
		return 0, err
	}
	switch root {
	case "snapshot":
		return s.entry, nil
	case "snapshot_l1":
		return b.tableEntry(s.l1, index[1], s.l1Size, root)
	}
	return b.l2Place(s.l2Tables, root == "snapshot_l2bitmap", index[1:])
}

func (b *builder) tableEntry(table hostOff, i, n int64, what string) (hostOff, error) {
	if i < 0 || i >= n {
		return 0, fmt.Errorf("%s has %d entries, not one at %d", what, n, i)
	}
	return table + hostOff(8*i), nil
}

// l2Place is the place of entry index[1] of the L2 table under L1 index index[0],
// or of its subcluster bitmap.
func (b *builder) l2Place(tables map[int64]hostOff, bitmap bool, index []int64) (hostOff, error) {
	table, ok := tables[index[0]]
	if !ok {
		return 0, fmt.Errorf("no L2 table under L1 index %d", index[0])
	}
	if index[1] < 0 || index[1] >= b.l2Entries() {
		return 0, fmt.Errorf("an L2 table has %d entries, not one at %d", b.l2Entries(), index[1])
	}
	off := table + hostOff(index[1]*b.opt.l2EntrySize())
	if bitmap && !b.opt.extendedL2 {
		return 0, fmt.Errorf("subcluster bitmaps need extended_l2")
	}
	if bitmap {
		off += 8
	}
	return off, nil
}
