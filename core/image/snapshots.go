package image

import (
	"errors"
	"fmt"
	"math"

	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// SnapshotTable is what could be read of the snapshot table.
type SnapshotTable struct {
	Off       qcow2.HostOff
	Bytes     int64 // length of what was read, without padding after the last entry
	Snapshots []qcow2.Snapshot
	Offsets   []int64 // of each entry in the file
	// Err says why QEMU gives up on the table; the entries before it are still here.
	Err error
}

// Reasons for which QEMU gives up on the snapshot table.
var (
	ErrSnapshotCount  = errors.New("image: nb_snapshots is more than 65536")
	ErrSnapshotOffset = errors.New("image: snapshots_offset is not a cluster boundary in the file")
	ErrSnapshotExtra  = errors.New("image: too much extra data in a snapshot table entry")
	ErrSnapshotSize   = errors.New("image: the snapshot table is larger than 64 MiB")
)

// ReadSnapshots reads the snapshot table. The error is one of reading; what is wrong with
// the table is in its Err.
func (img *Image) ReadSnapshots() (*SnapshotTable, error) {
	h := &img.Header
	t := &SnapshotTable{Off: qcow2.HostOff(h.SnapshotsOffset)}
	if h.NbSnapshots > qcow2.MaxSnapshots {
		t.Err = ErrSnapshotCount
		return t, nil
	}
	if !img.tableOffsetOK(h.SnapshotsOffset, uint64(h.NbSnapshots)*qcow2.SnapshotHeaderSize) {
		t.Err = ErrSnapshotOffset
		return t, nil
	}
	r := tableReader{src: img.Src, off: int64(t.Off)}
	for i := range h.NbSnapshots {
		start := (r.off + 7) &^ 7
		s, err := r.entry(start)
		if errors.Is(err, ErrSnapshotExtra) || errors.Is(err, ErrSnapshotSize) {
			t.Err = fmt.Errorf("entry %d: %w", i, err)
			return t, nil
		}
		if err != nil {
			return t, err
		}
		if r.off-int64(t.Off) > qcow2.MaxSnapshotTable {
			t.Err = fmt.Errorf("entry %d: %w", i, ErrSnapshotSize)
			return t, nil
		}
		t.Snapshots = append(t.Snapshots, s)
		t.Offsets = append(t.Offsets, start)
		t.Bytes = r.off - int64(t.Off)
	}
	return t, nil
}

// tableReader reads a run of variable-length entries through a window.
type tableReader struct {
	src    source.Source
	off    int64 // of the next byte
	window []byte
	base   int64
}

// take is n bytes from off on; it moves past them. Bytes past the end are zero. n is at
// most 128 KiB.
func (r *tableReader) take(n int64) ([]byte, error) {
	const window = 256 << 10
	if r.off > math.MaxInt64-window {
		return nil, ErrSnapshotSize
	}
	if r.off < r.base || r.off+n > r.base+int64(len(r.window)) {
		r.base, r.window = r.off, make([]byte, window)
		if err := source.ReadFull(r.src, r.window, r.off); err != nil {
			return nil, err
		}
	}
	b := r.window[r.off-r.base:][:n]
	r.off += n
	return b, nil
}

func (r *tableReader) entry(start int64) (qcow2.Snapshot, error) {
	r.off = start
	b, err := r.take(qcow2.SnapshotHeaderSize)
	if err != nil {
		return qcow2.Snapshot{}, err
	}
	h := qcow2.DecodeSnapshotHead(b)
	if h.ExtraSize > qcow2.MaxSnapshotExtra {
		return h.Snapshot, ErrSnapshotExtra
	}
	rest, err := r.take(int64(h.ExtraSize) + int64(h.IDSize) + int64(h.NameSize))
	if err != nil {
		return h.Snapshot, err
	}
	rest = append([]byte(nil), rest...)
	h.Extra, rest = rest[:h.ExtraSize], rest[h.ExtraSize:]
	h.ID, h.Name = rest[:h.IDSize], rest[h.IDSize:]
	return h.Snapshot, nil
}
