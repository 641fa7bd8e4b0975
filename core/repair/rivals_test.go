package repair_test

import (
	"bytes"
	"testing"

	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// Where one root leads to the table of another, or its pointer makes other structures look
// overlapped, the one pointer that is wrong is corrected and no other root loses its table.
func TestRootsThatShareATable(t *testing.T) {
	r, err := testimages.Parse("roots", `# Two snapshots, each of another state of the disk.
image    version=3 size=256K cluster=512 refcount_bits=64
write    guest=0 len=96K fill=0x11
snapshot name=a extra=24
write    guest=32K len=8K fill=0x22
snapshot name=b extra=24
write    guest=64K len=8K fill=0x33
covers healthy
expect exit=0
`)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Build()
	if err != nil {
		t.Fatal(err)
	}
	rep := examine(t, source.Bytes(b.Image))
	first, second := int64(rep.Snapshots.Offsets[0]), int64(rep.Snapshots.Offsets[1])
	active, tableA, tableB := be.Uint64(b.Image[qcow2.OffL1Table:]), be.Uint64(b.Image[first:]), be.Uint64(b.Image[second:])
	for _, c := range []struct {
		name string
		at   int64
		to   uint64
		// left tells that nothing says which of two is wrong, so that neither may be changed.
		left bool
	}{
		{"the active root to the first snapshot's", qcow2.OffL1Table, tableA, false},
		{"the active root to the second snapshot's", qcow2.OffL1Table, tableB, false},
		{"the first snapshot to the active", first, active, false},
		{"the second snapshot to the active", second, active, false},
		{"the first snapshot to the second's", first, tableB, true},
		{"the second snapshot to the first's", second, tableA, true},
		{"a snapshot to the cluster behind the header", second, 512, false},
		{"a snapshot to the cluster before the active table", second, active - 512, false},
	} {
		damaged := bytes.Clone(b.Image)
		be.PutUint64(damaged[c.at:], c.to)
		out := planned(t, source.Bytes(damaged), way{"all", false}.options())
		over := patch.NewOverlay(source.Bytes(damaged))
		if err := over.Apply(out.Plan); err != nil {
			t.Fatal(err)
		}
		for place, want := range map[int64]uint64{qcow2.OffL1Table: active, first: tableA, second: tableB} {
			if c.left && place == c.at {
				want = c.to
			}
			var got [8]byte
			if err := source.ReadFull(over, got[:], place); err != nil {
				t.Fatal(err)
			}
			if is := be.Uint64(got[:]); is != want {
				t.Errorf("%s: the pointer at 0x%x leads to 0x%x, not 0x%x\n%v", c.name, place, is, want, out.Plan)
			}
		}
	}
}
