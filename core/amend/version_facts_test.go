package amend_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/testimages"
)

// made is the image of a recipe's text.
func made(t testing.TB, text string) subject {
	t.Helper()
	return subjectOf(t, testimages.MakeLines(t, text))
}

// with is the image with some bytes of its own.
func (s subject) with(t testing.TB, off int64, data []byte) subject {
	t.Helper()
	p := patch.New(s.src.Size())
	p.Add(0, off, data, "test")
	return s.after(t, p)
}

const plain = "image version=3 size=1M cluster=64K refcount_bits=16\nwrite guest=0 len=64K fill=0x11\n"

// Extensions that reach past the first sector cannot be switched to in one write of it: that
// is told. They stay as they are, in their order.
func TestVersionOfLongExtensions(t *testing.T) {
	for _, version := range []string{"2", "3"} {
		long := strings.Repeat("a1", 600)
		s := made(t, strings.Replace(plain, "version=3", "version="+version, 1)+"extension type=0x12345678 data="+long+"\nextension type=0x9abcdef0 data=00ff\n")
		to := 5 - s.open(t).Header.Version
		c, blocked := s.version(t, to)
		if blocked != nil {
			t.Fatal(blocked)
		}
		s.kept(t, c, to)
		was, now := s.open(t).Extensions, s.after(t, c.Plan).open(t).Extensions
		if len(was) != 2 || !slices.EqualFunc(was, now, func(a, b qcow2.Extension) bool { return a.Type == b.Type && string(a.Data) == string(b.Data) }) {
			t.Errorf("the extensions were %v and are %v", was, now)
		}
		if !strings.Contains(strings.Join(c.Notes, "\n"), "more than one sector") {
			t.Errorf("it is not told: %q", c.Notes)
		}
	}
}

// What version 2 has no place for and nobody needs to read the image is dropped, and told.
func TestVersionDropsWhatMayBeDropped(t *testing.T) {
	s := made(t, strings.Replace(plain, "refcount_bits=16", "refcount_bits=16 lazy_refcounts feature_names", 1))
	s = s.with(t, qcow2.OffIncompatible+7, []byte{byte(qcow2.IncompatDirty)})
	s = s.with(t, qcow2.OffCompatible, []byte{0x80})
	s = s.with(t, qcow2.OffAutoclear, []byte{0x80})
	c, blocked := s.version(t, 2)
	if blocked != nil {
		t.Fatal(blocked)
	}
	s.kept(t, c, 2)
	s.cuts(t, c.Plan)
	want := []string{"the dirty bit is cleared: all refcounts are right", "lazy refcounts are turned off",
		"compatible feature bits 0x8000000000000000 are dropped: version 2 has no place for them",
		"autoclear feature bits 0x8000000000000000 are dropped: version 2 has no place for them",
		"the names of feature bits are dropped: version 2 has no feature bits"}
	if !slices.Equal(c.Notes, want) {
		t.Errorf("it says %q", c.Notes)
	}
	if now := s.after(t, c.Plan).open(t).Extensions; len(now) != 0 {
		t.Errorf("extensions are left: %v", now)
	}
}

// Programs for version 2 know VM states of less than 4 GiB only.
func TestVersionOfALargeVMState(t *testing.T) {
	s := made(t, plain+"snapshot name=s\n")
	at := s.check(t).Snapshots.Offsets[0]
	s = s.with(t, at+qcow2.SnapshotHeaderSize, binary.BigEndian.AppendUint64(nil, 5<<30))
	_, blocked := s.version(t, 2)
	if len(blocked) != 1 || blocked[0].What != amend.BlockedBySnapshots || blocked[0].Places[0].Field != "snapshot[0].vm_state_size" {
		t.Errorf("%+v", blocked)
	}
}

// All that forbids a change is told at once, that of the tables too.
func TestVersionTellsAllBlockers(t *testing.T) {
	s := made(t, "image version=3 size=1M cluster=64K refcount_bits=8 extended_l2 compression=zstd\ncompress guest=0 len=64K fill=0x11\nbitmap name=b granularity=64K\n")
	s = s.with(t, qcow2.OffIncompatible+7, []byte{byte(qcow2.IncompatCorrupt | qcow2.IncompatCompression | qcow2.IncompatExtendedL2)})
	_, blocked := s.version(t, 2)
	var got []string
	for _, b := range blocked {
		got = append(got, b.What)
	}
	want := []string{amend.BlockedByCorruptBit, amend.BlockedByWidth, amend.BlockedByExtendedL2, amend.BlockedByBitmaps, amend.BlockedByZstd}
	if !slices.Equal(got, want) {
		t.Errorf("blocked by %q", got)
	}
	err := error(&amend.BlockedError{Blockers: blocked})
	for _, name := range want {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %q", err, name)
		}
	}
}

// The dirty bit goes with lazy refcounts when the refcounts are right, and forbids to turn
// them off when they are not.
func TestLazyRefcountsOfADirtyImage(t *testing.T) {
	s := made(t, strings.Replace(plain, "refcount_bits=16", "refcount_bits=16 lazy_refcounts", 1))
	dirty := s.with(t, qcow2.OffIncompatible+7, []byte{byte(qcow2.IncompatDirty)})
	c, err := amend.LazyRefcounts(context.Background(), dirty.open(t), false)
	if err != nil {
		t.Fatal(err)
	}
	if h := dirty.after(t, c.Plan).open(t).Header; h.IncompatibleFeatures|h.CompatibleFeatures != 0 || len(c.Notes) != 1 {
		t.Errorf("features 0x%x 0x%x, notes %q", h.IncompatibleFeatures, h.CompatibleFeatures, c.Notes)
	}
	refblock := int64(s.open(t).Reftable[0].Refblock())
	wrong := dirty.with(t, refblock+2, []byte{0, 0}) // the reftable's own
	_, err = amend.LazyRefcounts(context.Background(), wrong.open(t), false)
	var blocked *amend.BlockedError
	if !errors.As(err, &blocked) || blocked.Blockers[0].What != amend.BlockedByDamage {
		t.Errorf("it says %v", err)
	}
}

func TestLazyRefcountsBlocked(t *testing.T) {
	for name, want := range map[string]string{"healthy_v2": amend.BlockedByVersion, "corrupt_bit": amend.BlockedByCorruptBit, "incompatible_feature_unknown": amend.BlockedByRefusal} {
		s := subjectOf(t, testimages.Make(t, name))
		_, err := amend.LazyRefcounts(context.Background(), s.open(t), true)
		var blocked *amend.BlockedError
		if !errors.As(err, &blocked) || len(blocked.Blockers) != 1 || blocked.Blockers[0].What != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// 65536 snapshots whose entries fill 64 MiB have no room for what version 3 adds.
func TestVersionOfAFullSnapshotTable(t *testing.T) {
	const entry = qcow2.MaxSnapshotTable / qcow2.MaxSnapshots
	s := made(t, "image version=2 size=1M cluster=2M refcount_bits=16\n")
	size := s.open(t).Geo.ClusterSize()
	at := s.open(t).Geo.Clusters(s.src.Size()) * size
	table := make([]byte, qcow2.MaxSnapshotTable)
	for i := range int64(qcow2.MaxSnapshots) {
		e := qcow2.Snapshot{ID: []byte("1"), Name: []byte(strings.Repeat("n", entry-qcow2.SnapshotHeaderSize-1))}
		copy(table[i*entry:], e.AppendTo(nil))
	}
	p := patch.New(s.src.Size())
	p.Add(0, at, table, "table")
	p.Add(0, qcow2.OffNbSnapshots, binary.BigEndian.AppendUint64([]byte{0, 1, 0, 0}, uint64(at)), "header")
	for c := range int64(len(table)) / size {
		p.Add(0, int64(s.open(t).Reftable[0].Refblock())+2*(at/size+c), []byte{0, 1}, "refcount")
	}
	_, blocked := s.after(t, p).version(t, 3)
	if len(blocked) != 1 || blocked[0].What != amend.BlockedByTableSize {
		t.Errorf("%+v", blocked)
	}
}
