package amend

import (
	"context"
	"fmt"

	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// zeroExpansion takes the zero flag out of all L2 tables, those of snapshots too. Without a
// backing file an entry becomes unallocated, which reads as zeros just as well. With one it
// gets a new cluster past the end of the file, where zeros need not be written. The host
// cluster that a zero entry kept is given up in both cases: it may hold the data of a
// snapshot still, so it is never overwritten with zeros in place.
type zeroExpansion struct {
	v         *versioner
	convert   bool // false: only what forbids it is looked for
	backed    bool
	encrypted bool

	compressed, zeros Blocker
	dropped, added    uint64 // entries
	freed             uint64 // clusters that nothing uses any more
	shared            bool   // a cluster given up is still used by others
}

// expandZeros plans the expansion, and finds compressed clusters on the way, which forbid
// the change when they are not zlib's.
func (v *versioner) expandZeros() error {
	x := &zeroExpansion{v: v, convert: len(v.blocked) == 0, backed: v.img.BackingFile != "", encrypted: v.img.Header.CryptMethod != qcow2.CryptNone}
	x.compressed = Blocker{What: BlockedByZstd, Why: "clusters are compressed with zstd, and version 2 knows zlib only", Advice: "convert the image to one without zstd (qemu-img convert)"}
	x.zeros = Blocker{What: BlockedByZeros, Why: "the backing file would show through, and zeros cannot be written for them without the key of the encryption",
		Advice: "commit or rebase the image first, so that it has no backing file"}
	if err := eachL2(v.ctx, v.img, v.report.Refcounts.Table, x.table); err != nil {
		return err
	}
	for _, b := range []Blocker{x.compressed, x.zeros} {
		if b.Count > 0 {
			v.block(b)
		}
	}
	if len(v.blocked) > 0 {
		return nil
	}
	if x.shared {
		if err := eachL2(v.ctx, v.img, v.report.Refcounts.Table, x.ownAlone); err != nil {
			return err
		}
	}
	x.notes()
	return nil
}

func (x *zeroExpansion) notes() {
	if x.dropped > 0 {
		x.v.note("%d zero clusters are unallocated now; there is no backing file that could show through", x.dropped)
	}
	if x.added > 0 {
		x.v.note("%d zero clusters got host clusters, %v, or the backing file would show through", x.added, qcow2.Size(x.added<<x.v.img.Geo.ClusterBits))
	}
	if x.freed > 0 {
		x.v.note("%d host clusters that zero clusters kept are free now", x.freed)
	}
}

// l2Window is how many bytes of L2 tables are read at a time.
const l2Window = 4 << 20

// l2Visit is told an L2 table: where it lies and its bytes, which are its own to change.
type l2Visit func(at qcow2.HostCluster, table qcow2.L2Table) error

// eachL2 visits every L2 table once, however many roots lead to it. In an image whose check
// found no damage the recount knows which clusters they are.
func eachL2(ctx context.Context, img *image.Image, t *refcount.Table, visit l2Visit) error {
	g := img.Geo
	var at []qcow2.HostCluster
	flush := func() error {
		buf := make([]byte, int64(len(at))<<g.ClusterBits)
		reqs := make([]source.Request, len(at))
		for i, c := range at {
			reqs[i] = source.Request{Off: int64(g.Offset(c)), Buf: buf[int64(i)<<g.ClusterBits:][:g.ClusterSize()]}
		}
		if err := img.ReadBatch(ctx, reqs); err != nil {
			return err
		}
		for i, c := range at {
			if err := visit(c, reqs[i].Buf); err != nil {
				return err
			}
		}
		at = at[:0]
		return ctx.Err()
	}
	const step = 1 << 16
	for from := int64(0); from < t.Len(); from += step {
		for i, role := range t.Roles(from, min(from+step, t.Len())) {
			if r := refcount.RoleOf(role); r != refcount.L2 && r != refcount.InactiveL2 {
				continue
			}
			if at = append(at, qcow2.HostCluster(from+int64(i))); int64(len(at))<<g.ClusterBits >= l2Window {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// table plans one table's expansion.
func (x *zeroExpansion) table(at qcow2.HostCluster, table qcow2.L2Table) error {
	g := x.v.img.Geo
	refs := x.v.report.Refcounts.Count(at)
	edit := newTableEdit(g.Offset(at), table)
	for i := range g.L2Entries() {
		e := table.At(g, i)
		switch e.Kind(g) {
		case qcow2.Compressed:
			if x.v.header.CompressionType() != qcow2.CompressionZlib {
				x.compressed.add(l2Field(g.Offset(at), i), g.Offset(at)+qcow2.HostOff(i*g.L2EntrySize()))
			}
		case qcow2.ZeroPlain, qcow2.ZeroAlloc:
			if x.backed && x.encrypted {
				x.zeros.add(l2Field(g.Offset(at), i), g.Offset(at)+qcow2.HostOff(i*g.L2EntrySize()))
			} else if x.convert {
				if err := x.entry(edit, i, e, refs); err != nil {
					return err
				}
			}
		}
	}
	edit.write(x.v.plan, batchEntries, "zero clusters without the zero flag")
	return nil
}

// l2Field names an entry of a table that several roots may share.
func l2Field(table qcow2.HostOff, i int64) string {
	return fmt.Sprintf("entry %d of the L2 table at 0x%x", i, int64(table))
}

// entry plans one zero entry of a table that refs L1 entries lead to: each counts as one
// reference to what the table points to.
func (x *zeroExpansion) entry(edit *tableEdit, i int64, e qcow2.L2Entry, refs uint64) error {
	g := x.v.img.Geo
	word := uint64(0)
	if x.backed {
		c, err := x.v.edits.takePastEnd(refs)
		if err != nil {
			return err
		}
		word = uint64(g.Offset(c))
		if refs == 1 {
			word |= qcow2.FlagCopied
		}
		x.added++
	} else {
		x.dropped++
	}
	edit.set(i, word)
	if e.Kind(g) != qcow2.ZeroAlloc {
		return nil
	}
	left, err := x.v.edits.lower(g.Cluster(e.Host()), refs)
	if err != nil {
		return err
	}
	if left == 0 {
		x.freed++
	}
	x.shared = x.shared || left > 0
	return nil
}

// ownAlone sets COPIED where an entry of the active tree is the last that uses a cluster
// which a snapshot's, or its own, zero entry gave up.
func (x *zeroExpansion) ownAlone(at qcow2.HostCluster, table qcow2.L2Table) error {
	g := x.v.img.Geo
	if x.v.report.Refcounts.Role(at) != refcount.L2 || x.v.report.Refcounts.Count(at) != 1 {
		return nil
	}
	edit := newTableEdit(g.Offset(at), table)
	edit.gap = 0 // entries between these were changed in an earlier batch
	for i := range g.L2Entries() {
		e := table.At(g, i)
		if e.Kind(g) != qcow2.Normal || e.Copied() {
			continue
		}
		n, err := x.v.edits.stored(g.Cluster(e.Host()))
		if err != nil {
			return err
		}
		if n == 1 {
			edit.set(i, e.Entry|qcow2.FlagCopied)
		}
	}
	edit.write(x.v.plan, batchCopied, "COPIED: no snapshot shares these clusters any more")
	return nil
}

// tableEdit changes entries of one table of 8-byte entries, and writes the runs that
// changed.
type tableEdit struct {
	off  qcow2.HostOff
	gap  qcow2.HostOff // unchanged bytes that are written along rather than to begin another write
	now  []byte
	runs []qcow2.Range[qcow2.HostOff] // of bytes in the table, ascending
}

func newTableEdit(off qcow2.HostOff, table []byte) *tableEdit {
	return &tableEdit{off: off, gap: mergeGap, now: table}
}

// set changes entry i; entries are set in ascending order.
func (t *tableEdit) set(i int64, word uint64) {
	at := qcow2.HostOff(8 * i)
	putBE64(t.now[at:], word)
	if n := len(t.runs); n > 0 && at-t.runs[n-1].End() <= t.gap {
		t.runs[n-1].Len = at + 8 - t.runs[n-1].Start
		return
	}
	t.runs = append(t.runs, qcow2.Range[qcow2.HostOff]{Start: at, Len: 8})
}

// mergeGap is how many unchanged bytes are written along rather than to begin another write.
const mergeGap = 64

func (t *tableEdit) write(p *patch.Plan, batch int, why string) {
	for _, r := range t.runs {
		p.Add(batch, int64(t.off+r.Start), append([]byte(nil), t.now[r.Start:r.End()]...), why)
	}
}
