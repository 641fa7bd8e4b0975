package service

import (
	"context"
	"fmt"
	"strconv"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/layers"
	"qcowscope/core/qcow2"
)

// layersSeen is what the Layers part has learnt of the image as it is now. What it knows of
// another state of it is forgotten.
type layersSeen struct {
	of       *check.Report // whose it is
	holdings *layers.Holdings
	bitmaps  *layers.BitmapScan
	held     []layers.Holding
	fall     *fall
}

// Bytes that one call of LayersScan reads: bits cost more to look at than entries.
const (
	holdingsStep = 16 << 20
	bitmapsStep  = 2 << 20
	layersPage   = 100
)

func (s *Session) layersNow() (*layersSeen, error) {
	if s.now.report == nil {
		return nil, errNotChecked
	}
	if s.layers.of != s.now.report {
		s.layers = layersSeen{of: s.now.report, holdings: layers.NewHoldings(s.now.img, s.now.report), bitmaps: layers.NewBitmapScan(s.now.img)}
	}
	return &s.layers, nil
}

// holdingsDone are the holdings, read to the end.
func (s *Session) holdingsDone(ctx context.Context) (*layersSeen, error) {
	l, err := s.layersNow()
	for err == nil && !l.holdings.Done() {
		_, _, err = l.holdings.Step(ctx, holdingsStep)
	}
	if err == nil && l.held == nil {
		l.held = l.holdings.Held()
	}
	return l, err
}

// LayersScan reads some more.
func (s *Session) LayersScan(ctx context.Context) (LayersScan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.layersNow()
	if err != nil {
		return LayersScan{}, problemError(err)
	}
	all := len(s.now.img.Bitmaps)
	if !l.holdings.Done() {
		done, total, err := l.holdings.Step(ctx, holdingsStep)
		if err != nil {
			return LayersScan{}, problemError(err)
		}
		return LayersScan{Done: float64(done), Total: float64(max(total, done+1) + all)}, nil
	}
	if err := l.bitmaps.Step(ctx, bitmapsStep); err != nil {
		return LayersScan{}, problemError(err)
	}
	_, total, err := l.holdings.Step(ctx, 0)
	if err != nil {
		return LayersScan{}, problemError(err)
	}
	return LayersScan{Done: float64(total + len(l.bitmaps.Found())), Total: float64(total + all)}, nil
}

// LayersSizes is the way from the size of the disk to that of the file.
func (s *Session) LayersSizes(ctx context.Context) (LayersSizes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.holdingsDone(ctx)
	if err != nil {
		return LayersSizes{}, problemError(err)
	}
	w := l.holdings.Waterfall()
	r := LayersSizes{Virtual: float64(w.Virtual), File: float64(w.File), Stored: float64(w.Stored), Fits: w.Fits, Reason: w.Reason(sizeText)}
	for _, step := range w.Steps {
		r.Steps = append(r.Steps, LayersStep{string(step.Kind), step.Kind.Label(), step.Kind.Meaning(), float64(step.Bytes)})
	}
	return r, nil
}

// sizeText is a size with three significant digits, as the page writes the others.
func sizeText(n uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	v, i := float64(n), 0
	for v >= 1000 && i < len(units)-1 && (i > 0 || v >= 1024) {
		v, i = v/1024, i+1
	}
	digits := strconv.FormatFloat(v, 'g', 3, 64)
	if i == 0 || v >= 1000 {
		digits = strconv.FormatFloat(v, 'f', 0, 64)
	}
	return digits + " " + units[i]
}

// page cuts the numbers of a request to what there is.
func page(first, count, total int) (from, to int) {
	from = min(max(0, first), total)
	return from, min(from+max(0, min(count, layersPage)), total)
}

// LayersSnapshots is a page of the layers.
func (s *Session) LayersSnapshots(ctx context.Context, req LayersSnapshotsRequest) (LayersSnapshotsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.holdingsDone(ctx)
	if err != nil {
		return LayersSnapshotsReply{}, problemError(err)
	}
	snaps := s.now.report.Snapshots
	r := LayersSnapshotsReply{Total: l.holdings.Layers(), Sound: l.holdings.Sound()}
	if snaps.Err != nil {
		r.Problem = snaps.Err.Error()
	}
	all := make([]int, 0, len(snaps.Snapshots))
	for n := range snaps.Snapshots {
		all = append(all, n+1)
	}
	r.All = s.freed(l, all)
	from, to := page(req.First, req.Count, r.Total)
	for n := from; n < to; n++ {
		r.Layers = append(r.Layers, s.layerView(l, n))
	}
	return r, nil
}

func (s *Session) layerView(l *layersSeen, n int) LayersLayer {
	cs, h := float64(s.now.img.Geo.ClusterSize()), l.held[n]
	v := LayersLayer{Layer: n, Data: float64(h.Data) * cs, State: float64(h.State) * cs, Tables: float64(h.Tables) * cs,
		OwnData: float64(h.OwnData) * cs, OwnState: float64(h.OwnState) * cs, OwnTables: float64(h.OwnTables) * cs}
	if n == 0 {
		v.DiskSize, v.Table = strconv.FormatUint(s.now.img.VirtualSize(), 10), hex(s.now.img.L1.Off)
		return v
	}
	snap := &s.now.report.Snapshots.Snapshots[n-1]
	v.ID, v.Name, v.Table = string(snap.ID), string(snap.Name), hex(snap.L1TableOffset)
	v.Date = float64(snap.DateSec)
	v.VMState = strconv.FormatUint(snap.VMState(), 10)
	if size, ok := snap.DiskSize(); ok {
		v.DiskSize = strconv.FormatUint(size, 10)
	}
	v.Freed = s.freed(l, []int{n})
	return v
}

func (s *Session) freed(l *layersSeen, chosen []int) LayersFreed {
	f := l.holdings.Freed(chosen)
	return LayersFreed{Clusters: float64(f.Clusters), Bytes: float64(f.Clusters) * float64(s.now.img.Geo.ClusterSize()), Exact: f.Exact}
}

// LayersFreed is what deleting the chosen snapshots would free.
func (s *Session) LayersFreed(ctx context.Context, req LayersFreedRequest) (LayersFreed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.holdingsDone(ctx)
	if err != nil {
		return LayersFreed{}, problemError(err)
	}
	return s.freed(l, req.Chosen), nil
}

// LayersBitmaps is a page of the bitmaps, as far as they are read.
func (s *Session) LayersBitmaps(_ context.Context, req LayersBitmapsRequest) (LayersBitmapsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.layersNow()
	if err != nil {
		return LayersBitmapsReply{}, err
	}
	img := s.now.img
	r := LayersBitmapsReply{Total: len(img.Bitmaps)}
	if img.BitmapsErr != nil {
		r.Problem = img.BitmapsErr.Error()
	}
	from, to := page(req.First, req.Count, r.Total)
	for i := from; i < to; i++ {
		r.Bitmaps = append(r.Bitmaps, bitmapView(img, i, l.bitmaps.Found()))
	}
	return r, nil
}

func bitmapView(img *image.Image, i int, found []layers.Dirty) LayersBitmap {
	m := &img.Bitmaps[i]
	v := LayersBitmap{Index: i, Name: string(m.Name), Granularity: float64(uint64(1) << min(m.GranularityBits, 63)),
		InUse: m.Flags&qcow2.BitmapInUse != 0, Auto: m.Flags&qcow2.BitmapAuto != 0, Unknown: "It is not read yet."}
	if i >= len(found) {
		return v
	}
	d := found[i]
	v.Dirty, v.Bits, v.Known, v.Unknown = float64(d.Bytes), float64(d.Bits), d.Err == nil, ""
	v.Takes = float64(d.Takes << img.Geo.ClusterBits)
	if d.Err != nil {
		v.Unknown = layers.BitmapTrouble(d.Err)
	}
	return v
}

// LayersStrip is the strip of a bitmap, see the protocol.
func (s *Session) LayersStrip(_ context.Context, req LayersStripRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, err := s.layersNow()
	if err != nil {
		return nil, err
	}
	if found := l.bitmaps.Found(); req.Bitmap >= 0 && req.Bitmap < len(found) {
		return found[req.Bitmap].Strip, nil
	}
	return nil, nil
}

// LayersDirty is a page of the dirty ranges of a bitmap; none if they are not known.
func (s *Session) LayersDirty(ctx context.Context, req LayersDirtyRequest) (LayersDirtyReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.report == nil {
		return LayersDirtyReply{}, errNotChecked
	}
	from, err := strconv.ParseUint(req.From, 0, 63)
	if err != nil {
		return LayersDirtyReply{}, notThere(fmt.Sprintf("%+v", req))
	}
	ranges, next, err := layers.DirtyRanges(ctx, s.now.img, req.Bitmap, qcow2.GuestOff(from), max(1, min(req.Count, layersPage)))
	if ctx.Err() != nil {
		return LayersDirtyReply{}, problemError(ctx.Err())
	}
	if err != nil {
		return LayersDirtyReply{}, nil
	}
	var r LayersDirtyReply
	for _, d := range ranges {
		r.Ranges = append(r.Ranges, LayersRange{hex(d.Start), float64(d.Len)})
	}
	if next >= 0 {
		r.Next = hex(next)
	}
	return r, nil
}

func notThere(what string) error {
	return &ProblemError{Problem{Kind: "internal", Title: "The Layers part was asked for something that is not there.", Detail: what}}
}
