package service

import (
	"context"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/clustermap"
)

// pictures are what the map has learnt of the image as it is now, beyond its check. There
// are those of one state of the image only, so that memory stays bounded.
type pictures struct {
	of    *check.Report // whose they are
	scan  *clustermap.Scan
	guest *clustermap.GuestMap // of the layer that was asked for last
	dirty *dirtyPicture        // of the bitmap that was asked for last
	cuts  map[string]cut       // by space
}

// cut is a picture and the same of fewer clusters.
type cut struct{ whole, part *clustermap.Picture }

// scanStep is how many bytes of tables one call of MapScan reads.
const scanStep = 16 << 20

// picturesNow forgets what was learnt of another state of the image.
func (s *Session) picturesNow() (*pictures, error) {
	if s.now.report == nil {
		return nil, errNotChecked
	}
	if s.pictures.of != s.now.report {
		s.pictures = pictures{of: s.now.report, cuts: map[string]cut{}}
	}
	return &s.pictures, nil
}

// scanning is the scan, begun but perhaps not done.
func (s *Session) scanning(ctx context.Context) (*clustermap.Scan, error) {
	p, err := s.picturesNow()
	if err != nil {
		return nil, err
	}
	if p.scan == nil {
		if p.scan, err = clustermap.NewScan(ctx, s.now.img, s.now.report); err != nil {
			return nil, err
		}
	}
	return p.scan, nil
}

// scanned is the scan, done.
func (s *Session) scanned(ctx context.Context) (*clustermap.Scan, error) {
	scan, err := s.scanning(ctx)
	for err == nil && !scan.Done() {
		_, _, err = scan.Step(ctx, scanStep)
	}
	return scan, err
}

// MapScan reads some more L2 tables.
func (s *Session) MapScan(ctx context.Context) (MapScan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scan, err := s.scanning(ctx)
	if err != nil {
		return MapScan{}, problemError(err)
	}
	done, total, err := scan.Step(ctx, scanStep)
	if err != nil {
		return MapScan{}, problemError(err)
	}
	return MapScan{Done: float64(done), Total: float64(total), Complete: scan.Complete, Linked: scan.Links.Known()}, nil
}

// picture is what a space shows.
func (s *Session) picture(ctx context.Context, space string, layer int) (*clustermap.Picture, error) {
	p, err := s.picturesNow()
	if err != nil {
		return nil, err
	}
	switch space {
	case "host":
		return s.now.hosts.Picture, nil
	case "dirty":
		return s.dirtyPicture(ctx, p, layer)
	}
	scan, err := s.scanned(ctx)
	switch {
	case err != nil:
		return nil, err
	case space == "links":
		return scan.Links.Picture, nil
	case space != "guest" || layer < 0 || layer >= scan.Layers():
		return nil, impossible(fmt.Sprintf("space %q, layer %d", space, layer))
	}
	if p.guest == nil || p.guest.Layer != layer {
		if p.guest, err = scan.GuestMap(ctx, layer); err != nil {
			return nil, err
		}
	}
	return p.guest.Picture, nil
}

// shown is the picture of the first clusters of a space.
func (s *Session) shown(ctx context.Context, space string, layer int, clusters float64) (*clustermap.Picture, error) {
	whole, err := s.picture(ctx, space, layer)
	if err != nil || clusters == 0 {
		return whole, err
	}
	if !(clusters > 0 && clusters <= float64(whole.Plane.Clusters)) {
		return nil, impossible(fmt.Sprintf("%v clusters of %q", clusters, space))
	}
	c := s.pictures.cuts[space]
	if c.whole != whole || c.part.Plane.Clusters != int64(clusters) {
		c = cut{whole, whole.Cut(int64(clusters))}
		s.pictures.cuts[space] = c
	}
	return c.part, nil
}

func impossible(what string) error {
	return &ProblemError{Problem{Kind: "internal", Title: "The map was asked for something impossible.", Detail: what}}
}

// cell is a place on a level, as requests name it.
type cell struct {
	order clustermap.Order
	x, y  int64
}

// mostCells bounds the numbers in requests.
const mostCells = 1 << 50

func cellOf(p *clustermap.Picture, order string, level int, x, y float64) (cell, error) {
	c := cell{x: int64(x), y: int64(y)}
	if order == "rows" {
		c.order = clustermap.Rows
	} else if order != "along" {
		return c, impossible(fmt.Sprintf("order %q", order))
	}
	if level < 0 || level > p.Plane.Top() || !(x >= 0 && x < mostCells) || !(y >= 0 && y < mostCells) {
		return c, impossible(fmt.Sprintf("level %d, %v, %v", level, x, y))
	}
	return c, nil
}

// MapTile is a tile of a level.
func (s *Session) MapTile(ctx context.Context, req MapTileRequest) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.shown(ctx, req.Space, req.Layer, req.Clusters)
	if err != nil {
		return nil, problemError(err)
	}
	c, err := cellOf(p, req.Order, req.Level, req.X, req.Y)
	if err != nil {
		return nil, err
	}
	t, err := p.Tile(ctx, c.order, req.Level, c.x, c.y)
	if err != nil {
		return nil, problemError(err)
	}
	return t.Cells, nil
}

// MapPins are arrays of the same length, see the protocol.
type MapPins struct {
	Clusters, Counts []float64
	Severities       []byte
}

// MapPins tells what is wrong in a block of cells.
func (s *Session) MapPins(ctx context.Context, req MapPinsRequest) (MapPins, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.shown(ctx, req.Space, req.Layer, req.Clusters)
	if err != nil {
		return MapPins{}, problemError(err)
	}
	c, err := cellOf(p, req.Order, req.Level, req.X, req.Y)
	if err != nil {
		return MapPins{}, err
	}
	pins, err := p.Pins(ctx, c.order, req.Level, c.x, c.y)
	if err != nil {
		return MapPins{}, problemError(err)
	}
	var r MapPins
	for _, pin := range pins {
		r.Clusters = append(r.Clusters, float64(pin.Cluster))
		r.Counts = append(r.Counts, float64(pin.Count))
		r.Severities = append(r.Severities, pin.Severity)
	}
	return r, nil
}

// MapCell is one of the worst clusters of a cell.
func (s *Session) MapCell(ctx context.Context, req MapCellRequest) (MapCellReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.shown(ctx, req.Space, req.Layer, req.Clusters)
	if err != nil {
		return MapCellReply{}, problemError(err)
	}
	c, err := cellOf(p, req.Order, req.Level, req.X, req.Y)
	if err != nil {
		return MapCellReply{}, err
	}
	worst, err := p.Worst(ctx, c.order, req.Level, c.x, c.y)
	if err != nil {
		return MapCellReply{}, problemError(err)
	}
	return MapCellReply{float64(worst)}, nil
}

// MapTotals counts the clusters of a space.
func (s *Session) MapTotals(ctx context.Context, req MapTotalsRequest) (MapTotals, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.picture(ctx, req.Space, req.Layer)
	if err != nil {
		return MapTotals{}, problemError(err)
	}
	t, err := p.Totals(ctx)
	if err != nil {
		return MapTotals{}, problemError(err)
	}
	r := MapTotals{Clusters: float64(p.Plane.Clusters), End: float64(t.End), Nothing: float64(t.Nothing), Kinds: floats(t.Kinds[:]), Severities: floats(t.Severities[:])}
	if req.Space == "host" {
		r.References = floats(t.Tones[:len(ReferenceSteps)])
	}
	return r, nil
}

func floats(numbers []int64) []float64 {
	out := make([]float64, len(numbers))
	for i, n := range numbers {
		out[i] = float64(n)
	}
	return out
}

// maxRuns is the largest page of runs.
const maxRuns = 100

// MapRuns is the table that says what the picture shows.
func (s *Session) MapRuns(ctx context.Context, req MapRunsRequest) (MapRunsReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.picture(ctx, req.Space, req.Layer)
	if err != nil {
		return MapRunsReply{}, problemError(err)
	}
	if !(req.First >= 0 && req.First < mostCells) {
		return MapRunsReply{}, impossible(fmt.Sprint(req.First))
	}
	f := clustermap.Filter{Troubled: req.Troubled}
	for _, k := range req.Kinds {
		f.Kinds |= 1 << (k & 31)
	}
	list, next, err := p.Stretches(ctx, int64(req.First), f, max(1, min(req.Count, maxRuns)))
	if err != nil {
		return MapRunsReply{}, problemError(err)
	}
	r := MapRunsReply{Next: float64(next)}
	for _, t := range list {
		r.Runs = append(r.Runs, MapRun{float64(t.First), float64(t.N), int(t.Kind), int(t.Severity)})
	}
	return r, nil
}
