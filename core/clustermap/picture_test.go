package clustermap

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand"
	"testing"

	"qcowscope/testimages"
)

// painted are looks given cluster by cluster; runs end at multiples of 7 at the latest, as
// they may.
type painted []look

func (p painted) run(first, limit int64) (look, int64) {
	n := int64(1)
	for n < limit && (first+n)%7 != 0 && p[first+n] == p[first] {
		n++
	}
	return p[first], n
}

// sparse is very many clusters of which few look otherwise than the rest.
type sparse struct {
	clusters int64
	rest     look
	other    map[int64]look
}

func (s sparse) run(first, limit int64) (look, int64) {
	if k, ok := s.other[first]; ok {
		return k, 1
	}
	n := limit
	for c := range s.other {
		if c > first {
			n = min(n, c-first)
		}
	}
	return s.rest, n
}

// plain are looks as a real file has them: long runs, now and then noise.
func plain(random *rand.Rand, n int) painted {
	p := make(painted, n)
	for i := 0; i < n; {
		k := look{kind: uint8(random.Intn(6)), tone: uint8(random.Intn(4)), part: uint8(random.Intn(16))}
		if random.Intn(20) == 0 {
			k.severity = uint8(random.Intn(6))
		}
		for length := 1 + random.Intn(1<<random.Intn(14)); length > 0 && i < n; length-- {
			p[i] = k
			i++
		}
	}
	return p
}

// clustersOf lists, without the arithmetic of the plane, the clusters of the plane's cell in
// column x and row y (in order Along: number x) of a level.
func clustersOf(p Plane, o Order, level int, x, y int64) (all []int64) {
	if o == Along {
		n := int64(1)
		for range level {
			n *= 4
		}
		for c := x * n; c < min(p.Clusters, (x+1)*n); c++ {
			all = append(all, c)
		}
		return all
	}
	side := int64(1)
	for range level {
		side *= 2
	}
	for row := y * side; row < (y+1)*side; row++ {
		for column := x * side; column < (x+1)*side; column++ {
			if c := row*p.Columns() + column; c < p.Clusters {
				all = append(all, c)
			}
		}
	}
	return all
}

// counted is what a cell must be, counted the slow way.
func counted(p painted, clusters []int64) (c Cell, worst uint8, bad, firstBad int64) {
	var n [kinds]int
	var parts int
	var tone uint8
	firstBad = -1
	for _, i := range clusters {
		k := p[i]
		n[k.kind]++
		parts += int(k.part)
		tone = max(tone, k.tone)
		switch {
		case k.severity > worst:
			worst, bad, firstBad = k.severity, 1, i
		case k.severity == worst:
			bad++
		}
	}
	most := 0
	for kind := 1; kind < kinds; kind++ {
		if n[kind] > 0 && (most == 0 || n[kind] > n[most]) {
			most = kind
		}
	}
	share := (2*parts + len(clusters)) / (2 * len(clusters))
	if share == 0 && parts > 0 {
		share = 1
	}
	return Cell{byte(most) | worst<<5, tone | byte(share)<<4}, worst, bad, firstBad
}

// TestPyramidIsTheCount: at every level, in both orders, every cell is what counting its
// clusters one by one gives, and so are its pins.
func TestPyramidIsTheCount(t *testing.T) {
	random := rand.New(rand.NewSource(7))
	for _, n := range []int{1, 5, 64, 65, 1000, 4096, 5000, 1 << 14, 70_000} {
		p := plain(random, n)
		picture := newPicture(int64(n), p, judged(&rank{}))
		for o := range orders {
			for level := 0; level <= picture.Plane.Top(); level++ {
				holdsTile(t, picture, p, o, level)
				holdsPins(t, picture, p, o, level)
			}
		}
	}
}

func holdsTile(t *testing.T, picture *Picture, p painted, o Order, level int) {
	t.Helper()
	tile, err := picture.Tile(context.Background(), o, level, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if next, _ := picture.Tile(context.Background(), o, level, 1, 0); len(next.Cells) != 0 {
		t.Fatalf("%d clusters, order %d, level %d: a second tile", len(p), o, level)
	}
	seen := 0
	for i := range tile.Width * tile.Height {
		x, y := int64(i), int64(0)
		if o == Rows {
			x, y = int64(i%tile.Width), int64(i/tile.Width)
		}
		got := Cell(tile.Cells[2*i : 2*i+2])
		clusters := clustersOf(picture.Plane, o, level, x, y)
		seen += len(clusters)
		if len(clusters) > 0 && picture.Plane.count(o, level, place{x, y}) != int64(len(clusters)) {
			t.Fatalf("%d clusters, order %d, level %d, cell %d: not %d clusters", len(p), o, level, i, len(clusters))
		}
		want := Cell{CellPastEnd, CellPastEnd}
		if len(clusters) > 0 {
			want, _, _, _ = counted(p, clusters)
		}
		if got != want {
			t.Fatalf("%d clusters, order %d, level %d, cell %d: got %x, want %x", len(p), o, level, i, got, want)
		}
	}
	if seen != len(p) {
		t.Fatalf("order %d, level %d: cells of %d clusters, there are %d", o, level, seen, len(p))
	}
}

func holdsPins(t *testing.T, picture *Picture, p painted, o Order, level int) {
	t.Helper()
	size := picture.Plane.size(o, level)
	want := map[place]Pin{}
	for i := range size.x * size.y {
		at := place{i % size.x, i / size.x}
		if clusters := clustersOf(picture.Plane, o, level, at.x, at.y); len(clusters) > 0 {
			if _, worst, bad, first := counted(p, clusters); worst >= marked {
				want[at] = Pin{first, bad, worst}
			}
		}
	}
	for _, block := range blocks(o, size, pinBits) {
		pins, err := picture.Pins(context.Background(), o, level, block.x, block.y)
		if err != nil {
			t.Fatal(err)
		}
		for _, pin := range pins {
			at := o.within(place{pin.Cluster, 0}, level)
			if o == Rows {
				at = o.within(place{pin.Cluster % picture.Plane.Columns(), pin.Cluster / picture.Plane.Columns()}, level)
			}
			w := want[at]
			if w.Count != pin.Count || w.Severity != pin.Severity || p[pin.Cluster].severity != w.Severity || o == Along && pin.Cluster != w.Cluster {
				t.Fatalf("%d clusters, order %d, level %d: pin %+v, want %+v", len(p), o, level, pin, w)
			}
			delete(want, at)
		}
	}
	if len(want) > 0 {
		t.Fatalf("%d clusters, order %d, level %d: no pin for %v", len(p), o, level, want)
	}
}

// TestOneBadClusterShows: a single bad cluster in 2^24, wherever it is, is the worst of its
// cell at every level, and of no other.
func TestOneBadClusterShows(t *testing.T) {
	const n = 1 << 24
	random := rand.New(rand.NewSource(11))
	bad := []int64{random.Int63n(n), 0, n - 1, random.Int63n(n)}
	for _, c := range bad[:len(bad)/testimages.Each(1, 4)] {
		m := sparse{n, look{kind: 6, part: wholePart}, map[int64]look{c: {kind: 3, severity: 5, part: wholePart}}}
		picture := newPicture(n, m, judged(&rank{}))
		for o := range orders {
			for level := 0; level <= picture.Plane.Top(); level++ {
				at := place{c >> (2 * level), 0}
				if o == Rows {
					at = place{c % 4096 >> level, c / 4096 >> level}
				}
				if got := troubled(t, picture, o, level); len(got) != 1 || got[0] != at {
					t.Fatalf("cluster %d, order %d, level %d: trouble in %v", c, o, level, got)
				}
				if worst, err := picture.Worst(context.Background(), o, level, at.x, at.y); err != nil || worst != c {
					t.Errorf("cluster %d, order %d, level %d: the worst is %d, %v", c, o, level, worst, err)
				}
			}
		}
	}
}

// troubled are the cells of a level that are not fine, by the pyramid or, below it, by tiles
// around the middle of the level.
func troubled(t *testing.T, p *Picture, o Order, level int) (all []place) {
	t.Helper()
	size := p.Plane.size(o, level)
	for _, block := range blocks(o, size, TileBits) {
		tile, err := p.Tile(context.Background(), o, level, block.x, block.y)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(tile.Cells); i += 2 {
			if c := tile.Cells[i]; c == CellPastEnd || c>>5 == 0 {
				continue
			}
			origin := o.cellAt(block, TileBits, 0)
			if k := int64(i / 2); o == Along {
				all = append(all, place{origin.x + k, 0})
			} else {
				all = append(all, place{origin.x + k%int64(tile.Width), origin.y + k/int64(tile.Width)})
			}
		}
	}
	return all
}

// blocks are the squares of cells that a level of that size is cut into.
func blocks(o Order, size place, bits int) (all []place) {
	last := o.within(place{size.x - 1, size.y - 1}, bits)
	for i := range (last.x + 1) * (last.y + 1) {
		all = append(all, place{i % (last.x + 1), i / (last.x + 1)})
	}
	return all
}

// TestWorstOfChildren: at every level a cell is as bad as the worst of its four children.
func TestWorstOfChildren(t *testing.T) {
	random := rand.New(rand.NewSource(3))
	const n = 300_000
	p := make(painted, n)
	for range 40 {
		p[random.Intn(n)] = look{kind: 6, severity: uint8(1 + random.Intn(5))}
	}
	picture := newPicture(n, p, judged(&rank{}))
	for o := range orders {
		y, err := picture.pyramid(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		cells := 0
		for level := lowestLeaf + 1; level <= picture.Plane.Top(); level++ {
			size := picture.Plane.size(o, level)
			for i := range size.x * size.y {
				at := place{i % size.x, i / size.x}
				worst := uint8(0)
				for _, child := range o.children(at) {
					if below := picture.Plane.size(o, level-1); child.x < below.x && child.y < below.y {
						c, _ := y.get(level-1, child)
						worst = max(worst, c.Severity())
					}
				}
				if c, _ := y.get(level, at); c.Severity() != worst {
					t.Fatalf("order %d, level %d, %v: %d, the worst child is %d", o, level, at, c.Severity(), worst)
				}
				cells++
			}
		}
		if cells < 5000 {
			t.Errorf("only %d cells", cells)
		}
	}
}

// TestHugePlanes: a disk of 2^36 clusters, nearly all alike, takes next to no memory and
// shows the few that differ.
func TestHugePlanes(t *testing.T) {
	const n = 1<<36 - 12345
	bad := int64(0x7_1234_5678)
	picture := newPicture(n, sparse{n, look{}, map[int64]look{bad: {kind: 1, severity: 4, part: 15}}}, judged(&rank{}))
	for o := range orders {
		top := picture.Plane.Top()
		pins, err := picture.Pins(context.Background(), o, top, 0, 0)
		if err != nil || fmt.Sprint(pins) != fmt.Sprint([]Pin{{bad, 1, 4}}) {
			t.Errorf("order %d: pins %v, %v", o, pins, err)
		}
		stored := 0
		for _, s := range picture.pyramids[o].levels {
			for _, c := range s.chunks {
				if c.body != nil {
					stored++
				}
			}
		}
		if stored > 3*top {
			t.Errorf("order %d: %d chunks are stored", o, stored)
		}
	}
}

func TestBuildStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	picture := newPicture(1<<22, plain(rand.New(rand.NewSource(1)), 1<<22), judged(&rank{}))
	if _, err := picture.Tile(ctx, Along, 5, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if tile, err := picture.Tile(context.Background(), Along, 5, 0, 0); err != nil || len(tile.Cells) == 0 {
		t.Errorf("after a cancelled build: %d bytes, %v", len(tile.Cells), err)
	}
}

// TestPlane: rows are powers of two, and the plane is a square or half of one.
func TestPlane(t *testing.T) {
	for _, n := range []int64{0, 1, 8, 28, 64, 65, 65536, 65537, 1 << 24, 1<<24 + 1, 1 << 40} {
		p := PlaneOf(n)
		if c := p.Columns(); bits.OnesCount64(uint64(c)) != 1 || c*c < n || c > 8 && c/2*(c/2) >= n {
			t.Errorf("%d clusters in rows of %d", n, c)
		}
	}
}

// TestMarks holds ranges that overlap against painting them one after the other.
func TestMarks(t *testing.T) {
	random := rand.New(rand.NewSource(5))
	for range 200 {
		var ranges []mark
		var want [200]uint8
		for range random.Intn(12) {
			from := random.Int63n(190)
			r := mark{from, from + 1 + random.Int63n(10), uint8(1 + random.Intn(5))}
			ranges = append(ranges, r)
			for c := r.from; c < r.end; c++ {
				want[c] = max(want[c], r.severity)
			}
		}
		m := newMarks(ranges)
		for range 300 {
			c := random.Int63n(200)
			got, end := m.severity(c)
			if got != want[c] || end <= c {
				t.Fatalf("%v: cluster %d is %d up to %d, want %d", ranges, c, got, end, want[c])
			}
			for ; c < min(end, 200); c++ {
				if want[c] != got {
					t.Fatalf("%v: cluster %d is %d", ranges, c, want[c])
				}
			}
		}
	}
}
