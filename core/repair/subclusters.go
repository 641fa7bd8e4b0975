package repair

import (
	"bytes"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// correctBitmap mends the subcluster bitmap of an extended L2 entry that QEMU refuses to
// read. One bad pair of bits makes all 32 subclusters unreadable.
func (r *repairer) correctBitmap(f check.Finding) (w patch.Write, ok bool, err error) {
	var b [16]byte
	if err := source.ReadFull(r.img.Src, b[:], int64(f.At.Off)); err != nil {
		return w, false, err
	}
	e := qcow2.L2Entry{Entry: be64(b[:]), Bitmap: qcow2.SubclusterBitmap(be64(b[8:]))}
	w.Off = int64(f.At.Off) + 8
	if f.Code == check.SubclusterZeroAndAlloc {
		bm, err := r.byContent(e)
		w.Data, w.Why = be64bytes(uint64(bm)), "a subcluster is zero or allocated, not both: its bytes decide"
		return w, err == nil && bm != e.Bitmap, err
	}
	// A leaked cluster may be the one that the bits speak of.
	if r.report.Group(check.LeakedCluster) != nil {
		return r.adoptData(f, e)
	}
	w.Data = be64bytes(uint64(e.Bitmap) &^ uint64(e.Bitmap.Alloc()))
	w.Why = "there is no cluster and none is missing, so nothing is allocated"
	return w, true, nil
}

// byContent decides for each subcluster that is marked both zero and allocated: bytes other
// than zero are data. Either way the guest reads what lies in the cluster, so nothing that
// the file holds is lost.
func (r *repairer) byContent(e qcow2.L2Entry) (qcow2.SubclusterBitmap, error) {
	g := r.img.Geo
	bm := e.Bitmap
	if !g.Aligned(e.Host()) || int64(e.Host()) >= r.img.Src.Size() {
		return bm, nil // the pointer is another finding; its bytes prove nothing
	}
	buf := make([]byte, g.ClusterSize())
	if err := source.ReadFull(r.img.Src, buf, int64(e.Host())); err != nil {
		return bm, err
	}
	sub := g.SubclusterSize()
	zero := make([]byte, sub)
	both := e.Bitmap.Alloc() & e.Bitmap.Zero()
	for i := range qcow2.SubclustersPerEntry {
		if both>>i&1 == 0 {
			continue
		}
		if bytes.Equal(buf[int64(i)*sub:int64(i+1)*sub], zero) {
			bm &^= 1 << i
		} else {
			bm &^= 1 << (32 + i)
		}
	}
	return bm, nil
}

// brokenPointers are findings of pointers that may have meant a leaked cluster.
var brokenPointers = []check.Code{check.LostMapping, check.MetadataOverlap, check.CrossLink, check.L2TableShared, check.L2TableGarbage,
	check.L1ReservedBits, check.L2ReservedBits, check.L2TableUnaligned, check.DataUnaligned, check.RegionBeyondEOF, check.L1OffsetZero,
	check.SnapshotL1Unaligned, check.SnapshotL1Outside}

// countBroken is the number of places with such findings.
func (r *repairer) countBroken() (n int) {
	for _, c := range brokenPointers {
		if g := r.report.Group(c); g != nil {
			n += g.Places
		}
	}
	return n
}

// adoptData gives the only leaked cluster back to the only entry that has allocation bits
// but no cluster. With more of either it would be a guess.
func (r *repairer) adoptData(f check.Finding, e qcow2.L2Entry) (w patch.Write, ok bool, err error) {
	g := r.report.Group(check.SubclusterAllocNoHost)
	leaks := r.report.Group(check.LeakedCluster)
	if g.Times != 1 || leaks.Times != 1 || r.anyOf(r.report, brokenPointers) {
		return w, false, nil
	}
	host := leaks.Findings[0].Host.Start
	if r.report.Refcounts.Role(r.img.Geo.Cluster(host)) != refcount.Leaked || leaks.Findings[0].Got != 1 {
		return w, false, nil
	}
	return patch.Write{Off: int64(f.At.Off), Data: be64bytes(e.Entry&^qcow2.OffsetMask | uint64(host) | qcow2.FlagCopied),
		Why: "the only cluster that lost its owner belongs to the only entry that lost its cluster"}, true, nil
}
