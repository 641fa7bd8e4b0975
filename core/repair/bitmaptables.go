package repair

import (
	"errors"
	"fmt"

	"qcowscope/core/alloc"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
)

// Order of the batches of bitmapTables: a bitmap is marked as not to be trusted before it
// changes. The directory may have to move, which takes the first three; see writeDirectory.
const (
	batchMark  = 0
	batchClear = 3
)

// bitmapTables clears entries of bitmap tables that are impossible or lead out of the file,
// and marks their bitmaps as in use: programs then know that the bitmap is not complete. A
// table that itself lies outside is replaced by an empty one.
func (r *repairer) bitmapTables() error { return r.mendBitmaps(false) }

// bitmapOverlaps does the same where a bitmap shares a cluster, once nothing else is wrong:
// before, it may be the other that is there by mistake.
func (r *repairer) bitmapOverlaps() error {
	if r.opt.Scope == Leaks || r.img.BitmapsExt == nil || r.report.Refused || r.report.Aborted {
		return nil
	}
	for _, g := range r.report.Groups {
		switch g.Code {
		case check.MetadataOverlap, check.RefcountTooLow, check.RefcountZero, check.CopiedL1, check.CopiedL2:
		default:
			if g.Class != check.Leak && g.Code.Severity() >= check.Damage {
				return nil
			}
		}
	}
	return r.mendBitmaps(true)
}

func (r *repairer) mendBitmaps(shared bool) error {
	ext := r.img.BitmapsExt
	if ext == nil || r.img.BitmapsErr != nil && !errors.Is(r.img.BitmapsErr, image.ErrBitmapTable) {
		return nil
	}
	free, err := r.allocator()
	if err != nil {
		return err
	}
	e := bitmapEdit{r: r, shared: shared, free: free, all: append([]qcow2.Bitmap(nil), r.img.Bitmaps...), at: int64(ext.DirectoryOffset),
		inPlace: r.own(qcow2.HostOff(ext.DirectoryOffset), int64(ext.DirectorySize))}
	for i := range e.all {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := e.mend(i); err != nil {
			return err
		}
		e.at += e.all[i].Bytes()
	}
	r.step(check.BitmapTableBad, e.cleared, "clear bad entries of bitmap tables and mark the bitmaps as in use")
	r.step(check.BitmapTableBad, e.replaced, "give a bitmap an empty table and mark it as in use")
	if e.inPlace || !shared && e.cleared+e.replaced == 0 {
		return nil
	}
	r.step(check.MetadataOverlap, 1, "write the bitmap directory to a cluster of its own")
	return r.writeDirectory(e.all, e.free)
}

// own tells whether the region lies in the file and nothing else claims its clusters.
func (r *repairer) own(off qcow2.HostOff, n int64) bool {
	g, t := r.img.Geo, r.report.Refcounts
	if n <= 0 || r.outside(off, n) {
		return false
	}
	for c := g.Cluster(off); c <= g.Cluster(off+qcow2.HostOff(n)-1); c++ {
		if t.Count(c) != 1 {
			return false
		}
	}
	return true
}

// outside tells whether the region starts or ends behind the file's last cluster.
func (r *repairer) outside(off qcow2.HostOff, n int64) bool {
	return off <= 0 || int64(off) > r.img.HostClusters()<<r.img.Geo.ClusterBits-n
}

// bitmapEdit goes through the directory.
type bitmapEdit struct {
	r        *repairer
	shared   bool           // what shares a cluster is bad, too
	all      []qcow2.Bitmap // as they shall be
	at       int64          // of the entry in the file
	inPlace  bool           // the directory may be written where it is
	free     *alloc.Allocator
	cleared  uint64
	replaced uint64
}

// mend corrects bitmap i if its table is bad.
func (e *bitmapEdit) mend(i int) error {
	m := &e.all[i]
	tableBytes := int64(m.TableSize) * qcow2.BitmapTableEntrySize
	switch off := qcow2.HostOff(min(m.TableOffset, 1<<62)); {
	case e.r.outside(off, tableBytes), e.shared && !e.r.own(off, tableBytes):
		e.replace(m, tableBytes)
		e.mark(m)
		return nil
	case !e.r.own(off, tableBytes):
		return nil // nothing is written where something else may be
	}
	table, err := e.r.img.BitmapTable(m)
	if err != nil {
		return err
	}
	bad := false
	for j, entry := range table {
		if e.sound(entry) {
			continue
		}
		bad = true
		e.cleared++
		e.r.stage.Add(batchClear, int64(m.TableOffset)+8*int64(j), be64bytes(0), fmt.Sprintf("bitmap %q, table entry %d: cleared, it leads nowhere", m.Name, j))
	}
	if bad {
		e.mark(m)
	}
	return nil
}

// sound tells whether a table entry leads to a cluster in the file, its own if need be, or
// to none.
func (e *bitmapEdit) sound(entry uint64) bool {
	off := qcow2.HostOff(entry & qcow2.OffsetMask)
	if !e.r.img.BitmapTableEntryOK(entry) || off == 0 {
		return off == 0 && e.r.img.BitmapTableEntryOK(entry)
	}
	n := e.r.report.Refcounts.Count(e.r.img.Geo.Cluster(off)) // 0: not counted, since it leads outside
	return n == 1 || n > 1 && !e.shared
}

// replace gives the bitmap a table of zeros where there is nothing.
func (e *bitmapEdit) replace(m *qcow2.Bitmap, tableBytes int64) {
	g := e.r.img.Geo
	clusters := g.Clusters(tableBytes)
	m.TableOffset = uint64(g.Offset(e.free.TakeRun(clusters)))
	e.replaced++
	e.r.stage.Add(batchMark, int64(m.TableOffset), make([]byte, clusters<<g.ClusterBits), fmt.Sprintf("empty table for bitmap %q", m.Name))
	if e.inPlace {
		e.r.stage.Add(batchClear, e.at, be64bytes(m.TableOffset), fmt.Sprintf("bitmap %q: point to the empty table", m.Name))
	}
}

// mark sets the flag by which programs know that the bitmap is not complete.
func (e *bitmapEdit) mark(m *qcow2.Bitmap) {
	if m.Flags&qcow2.BitmapInUse != 0 {
		return
	}
	m.Flags |= qcow2.BitmapInUse
	if e.inPlace {
		e.r.stage.Add(batchMark, e.at+qcow2.OffBitmapFlags, be32bytes(m.Flags), fmt.Sprintf("bitmap %q: in use, so that no program trusts it", m.Name))
	}
}
