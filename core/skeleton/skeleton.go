// Package skeleton makes a copy of an image that holds its structure and nothing of its
// user: header, tables, refblocks, snapshot table and bitmap directory are kept where they
// are, and everything else reads as zeros. The copy opens and checks as the image does, so
// that damage can be shown to somebody who must not see the disk.
//
// What is kept is what the check walked. Data clusters, compressed streams, VM state, what
// nothing points to and the slack behind tables are blank. Names become others of the same
// length, unless they are asked for. A word of a table that cannot be a pointer or a
// refcount, as where the guest's bytes were written over the table, becomes another word
// with the same consequence.
package skeleton

import (
	"context"
	"iter"
	"math"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Keep says what of the user's the copy keeps. The zero value keeps nothing.
type Keep struct {
	Snapshots  bool // names of snapshots
	Bitmaps    bool // names of bitmaps
	Backing    bool // name of the backing file
	DataFile   bool // name of the external data file
	Extensions bool // header extensions and fields that are not known
	BitmapData bool // which parts of the disk are dirty
	LUKS       bool // the encryption header, with its (encrypted) keys
}

// Summary is what a copy keeps and what it leaves out, in bytes of the file.
type Summary struct {
	Size   int64 // of the copy, and of the image
	Tables int64 // kept, in whole sectors; what Segments have bytes for
	// Left out, by clusters:
	Data, Compressed, Unused, BitmapData int64
	LUKS                                 bool // key material was left out
	Names                                int  // became others
}

// Copy is the metadata-only copy. It is a source, and reads the image as it is read.
type Copy struct {
	Summary Summary
	// Replaced is how many words of tables were replaced, see Segments.
	Replaced int64
	tables   *tables
	overlay  *patch.Overlay
}

// Make plans the copy of an image that was checked. The error is one of reading.
func Make(img *image.Image, report *check.Report, keep Keep) (*Copy, error) {
	m := &maker{img: img, report: report, keep: keep, scrub: newScrubber(img, report)}
	m.pieces()
	for _, step := range []func() error{m.header, m.snapshots, m.bitmaps, m.luks} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	plan := m.plan()
	c := &Copy{Summary: m.summary(), tables: newTables(img.Src, m.scrub, m.kept)}
	c.Summary.Tables = c.tables.bytes()
	c.overlay = patch.NewOverlay(c.tables)
	return c, c.overlay.Apply(plan)
}

// maker gathers what a copy keeps.
type maker struct {
	img    *image.Image
	report *check.Report
	keep   Keep
	scrub  scrubber
	kept   []piece
	// rewritten are bytes that stand above the words of tables. Where they lie across each
	// other the later level wins.
	rewritten [3][]patch.Write
	names     int
}

const (
	levelEntries = iota // of the snapshot table and the bitmap directory, and single refcounts
	levelNames          // in the header
	levelFields         // of the header
)

// write puts bytes into the copy, as far as the file reaches.
func (m *maker) write(level int, off int64, b []byte) {
	if off < 0 || off >= m.img.Src.Size() || len(b) == 0 {
		return
	}
	b = b[:min(int64(len(b)), m.img.Src.Size()-off)]
	m.rewritten[level] = append(m.rewritten[level], patch.Write{Off: off, Data: b})
	m.keepBytes(off, int64(len(b)), kindFixed)
}

// plan is what was written, in an order in which later bytes win.
func (m *maker) plan() *patch.Plan {
	p := patch.New(m.img.Src.Size())
	for _, level := range m.rewritten {
		end := int64(math.MaxInt64) // each level, and each write that may overlap, is a batch of its own
		for _, w := range level {
			if w.Off < end {
				p.Batches = append(p.Batches, nil)
			}
			p.Add(len(p.Batches)-1, w.Off, w.Data, "")
			end = w.End()
		}
	}
	return p
}

// summary counts what is left out by the owners of the clusters.
func (m *maker) summary() Summary {
	s := Summary{Size: m.img.Src.Size(), Names: m.names, LUKS: m.img.LUKS.Len > 0 && !m.keep.LUKS}
	t, cs := m.report.Refcounts, m.img.Geo.ClusterSize()
	for _, b := range t.Roles(0, min(t.Len(), m.img.HostClusters())) {
		switch refcount.RoleOf(b) {
		case refcount.Data, refcount.ZeroData, refcount.InactiveData:
			s.Data += cs
		case refcount.CompressedData:
			s.Compressed += cs
		case refcount.Leaked, refcount.Free:
			s.Unused += cs
		case refcount.BitmapData:
			if !m.keep.BitmapData {
				s.BitmapData += cs
			}
		}
	}
	return s
}

// Size is the copy's length, the same as the image's.
func (c *Copy) Size() int64 { return c.overlay.Size() }

// ReadAt reads the copy.
func (c *Copy) ReadAt(p []byte, off int64) (int, error) { return c.overlay.ReadAt(p, off) }

// ReadBatch reads the copy; the image is read as one batch.
func (c *Copy) ReadBatch(ctx context.Context, reqs []source.Request) error {
	return c.overlay.ReadBatch(ctx, reqs)
}

// Segments are the copy in order and without gaps: bytes, and zeros where Data is nil. An
// error ends them. The bytes are valid until the next segment. Replaced is set when they
// were all seen.
func (c *Copy) Segments(ctx context.Context) iter.Seq2[patch.Segment, error] {
	return func(yield func(patch.Segment, error) bool) {
		c.Replaced = 0
		r := runs{tables: c.tables, yield: yield, buf: make([]byte, segmentBytes)}
		for s := range c.overlay.Segments() {
			if !r.add(ctx, s) {
				break
			}
		}
		r.flush(ctx)
		c.Replaced = r.replaced
	}
}

// Ranges are the parts of the copy that Segments has bytes for, joined.
func (c *Copy) Ranges() []qcow2.Range[qcow2.HostOff] {
	var all []qcow2.Range[qcow2.HostOff]
	for _, k := range c.tables.kept {
		if n := len(all); n > 0 && int64(all[n-1].End()) == k.from {
			all[n-1].Len += qcow2.HostOff(k.to - k.from)
			continue
		}
		all = append(all, qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(k.from), Len: qcow2.HostOff(k.to - k.from)})
	}
	return all
}

// SameFindings tells whether two checks count the same, and as often of every code.
func SameFindings(a, b *check.Report) bool {
	if a.Corruptions != b.Corruptions || a.Leaks != b.Leaks || a.CheckErrors != b.CheckErrors || a.Total != b.Total ||
		a.Stats != b.Stats || a.ImageEnd != b.ImageEnd || a.ExitCode() != b.ExitCode() || len(a.Groups) != len(b.Groups) {
		return false
	}
	for i, g := range a.Groups {
		if g.Code != b.Groups[i].Code || g.Times != b.Groups[i].Times {
			return false
		}
	}
	return true
}
