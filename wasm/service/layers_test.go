package service

import (
	"bytes"
	"context"
	encoding "encoding/hex"
	"strconv"
	"strings"
	"testing"

	"qcowscope/core/clustermap"
	"qcowscope/core/layers"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// scannedLayers reads all that the Layers part depends on.
func scannedLayers(t *testing.T, s *Session) {
	t.Helper()
	for n := 0; ; n++ {
		p, err := s.LayersScan(context.Background())
		if err != nil || p.Done > p.Total || n > 1000 {
			t.Fatalf("%+v, %v", p, err)
		}
		if p.Done == p.Total {
			return
		}
	}
}

// TestLayersOfEveryRecipe asks for everything, whatever is wrong with the image.
func TestLayersOfEveryRecipe(t *testing.T) {
	kinds := map[string]bool{}
	for _, k := range LayersStepKinds {
		kinds[k] = true
	}
	seen := 0
	for _, name := range testimages.Names() {
		s, reply := openedSession(t, recipe(t, name))
		if !reply.Opened {
			continue
		}
		if _, err := s.Check(context.Background(), CheckRequest{}); err != nil {
			t.Fatal(err)
		}
		seen++
		t.Run(name, func(t *testing.T) {
			scannedLayers(t, s)
			sizes, err := s.LayersSizes(context.Background())
			if err != nil || sizes.Reason == "" {
				t.Fatalf("%+v, %v", sizes, err)
			}
			at := sizes.Virtual
			for _, step := range sizes.Steps {
				if at += step.Bytes; !kinds[step.Kind] || step.Label == "" || step.Meaning == "" {
					t.Errorf("step %+v", step)
				}
			}
			if at != sizes.File {
				t.Errorf("the steps lead to %v, the file has %v", at, sizes.File)
			}
			askLayers(t, s)
		})
	}
	if seen < 200 {
		t.Errorf("only %d recipes were opened", seen)
	}
}

func askLayers(t *testing.T, s *Session) {
	t.Helper()
	ctx := context.Background()
	snaps, err := s.LayersSnapshots(ctx, LayersSnapshotsRequest{Count: 100})
	if err != nil || len(snaps.Layers) != min(snaps.Total, 100) || snaps.Layers[0].Table == "" {
		t.Errorf("%+v, %v", snaps, err)
	}
	bitmaps, err := s.LayersBitmaps(ctx, LayersBitmapsRequest{Count: 100})
	if err != nil || len(bitmaps.Bitmaps) != bitmaps.Total {
		t.Errorf("%+v, %v", bitmaps, err)
	}
	for _, m := range bitmaps.Bitmaps {
		strip, err := s.LayersStrip(ctx, LayersStripRequest{m.Index})
		if err != nil || m.Known != (m.Unknown == "") || m.Known != (len(strip) == layers.StripCells) {
			t.Errorf("%+v: strip of %d, %v", m, len(strip), err)
		}
		dirty, err := s.LayersDirty(ctx, LayersDirtyRequest{Bitmap: m.Index, From: "0x0", Count: 100})
		if err != nil || (len(dirty.Ranges) > 0) != (m.Dirty > 0) {
			t.Errorf("%+v: %+v, %v", m, dirty, err)
		}
	}
	fallen(t, s)
	if guest, err := s.LayersGuest(ctx, LayersGuestRequest{Offset: "0x0", Length: 4096}); err != nil || len(guest.Bytes) < 2*4096 && guest.Why == "" {
		t.Errorf("%+v, %v", guest, err)
	}
}

// fallen looks at the whole disk.
func fallen(t *testing.T, s *Session) LayersFall {
	t.Helper()
	for n := 0; ; n++ {
		f, err := s.LayersFall(context.Background())
		if err != nil || n > 10000 {
			t.Fatalf("%+v, %v", f, err)
		}
		sum := f.Zeros + f.Missing + f.Unreadable
		for _, b := range f.Links {
			sum += b
		}
		if sum != f.Done {
			t.Fatalf("of %v bytes %v are told apart: %+v", f.Done, sum, f)
		}
		if f.Done == f.Total {
			return f
		}
	}
}

// withFiles is a checked session with files that can be given to it, numbered from 1 on.
func withFiles(t *testing.T, img []byte, files ...[]byte) *Session {
	t.Helper()
	s, _ := checked(t, source.Bytes(img))
	s.Beside(func(file int, _ int64) source.Source { return source.Bytes(files[file-1]) })
	return s
}

func attach(t *testing.T, s *Session, req LayersAttachRequest, file []byte) LayersAttachReply {
	t.Helper()
	req.Size = float64(len(file))
	r, err := s.LayersAttach(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// theSide is the only file beside an image.
func theSide(t *testing.T, b *testimages.Built) (name string, data []byte) {
	t.Helper()
	for name, data = range b.Side {
	}
	if len(b.Side) != 1 {
		t.Fatalf("%d files beside the image", len(b.Side))
	}
	return name, data
}

// TestChainReadsThrough: with the files beside it the guest of every healthy image reads
// what the recipe wrote.
func TestChainReadsThrough(t *testing.T) {
	read := 0
	for _, name := range testimages.Names() {
		if !strings.HasPrefix(name, "healthy_") {
			continue
		}
		b := testimages.Make(t, name)
		if len(b.Side) != 1 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			side, data := theSide(t, b)
			s := withFiles(t, b.Image, data)
			before := fallen(t, s)
			chain, _ := s.LayersChain(context.Background())
			isData := chain.Links[0].Outside[0].Data
			if !isData && before.Missing == 0 {
				t.Errorf("nothing comes from the backing file: %+v", before)
			}
			r := attach(t, s, LayersAttachRequest{File: 1, Name: side, Data: isData}, data)
			if !r.Attached || r.Chain.Open || r.Chain.Links[0].Outside[0].Given != side || len(r.Chain.Links) != map[bool]int{true: 1, false: 2}[isData] {
				t.Fatalf("%+v", r)
			}
			if after := fallen(t, s); after.Missing != 0 || !isData && after.Links[1]+after.Zeros != before.Missing {
				t.Errorf("before %+v, after %+v", before, after)
			}
			want := b.Guest
			got := make([]byte, 0, want.Size)
			for off := int64(0); off < want.Size; off += maxGuestBytes {
				g, err := s.LayersGuest(context.Background(), LayersGuestRequest{Offset: hex(off), Length: maxGuestBytes})
				page, _ := encoding.DecodeString(g.Bytes)
				if err != nil || int64(len(page)) != min(maxGuestBytes, want.Size-off) {
					t.Fatalf("at %d: %d bytes, %s, %v", off, len(page), g.Why, err)
				}
				got = append(got, page...)
			}
			expected := make([]byte, want.Size)
			if _, err := want.ReadAt(expected, 0); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, expected) {
				t.Error("the guest reads something else")
			}
			read++
		})
	}
	if read < 5 {
		t.Errorf("only %d images were read through their files", read)
	}
}

func TestChainRefuses(t *testing.T) {
	b := testimages.Make(t, "healthy_backing_qcow2")
	side, data := theSide(t, b)
	raw := testimages.Make(t, "healthy_backing_raw")
	_, plain := theSide(t, raw)
	s := withFiles(t, b.Image, b.Image, data, plain)
	for _, c := range []struct {
		req  LayersAttachRequest
		file []byte
		says string
	}{
		{LayersAttachRequest{File: 1, Name: "copy.qcow2"}, b.Image, "never end"},
		{LayersAttachRequest{File: 3, Name: side}, plain, "needs a qcow2 image"},
		{LayersAttachRequest{File: 2, Name: side, Data: true}, data, "no data file"},
	} {
		if r := attach(t, s, c.req, c.file); r.Attached || !strings.Contains(r.Refused, c.says) {
			t.Errorf("%+v: %+v, want %q", c.req, r, c.says)
		}
	}
	if r := attach(t, s, LayersAttachRequest{File: 2, Name: "another.qcow2"}, data); !r.Attached || !strings.Contains(r.Chain.Links[1].Notes[0].Text, "calls this file "+side) {
		t.Errorf("%+v", r)
	}
	if r := attach(t, s, LayersAttachRequest{File: 2, Name: side}, data); r.Attached {
		t.Error("two files in one place")
	}
	if _, err := s.LayersAttach(context.Background(), LayersAttachRequest{File: 2, Link: 7}); err == nil {
		t.Error("below a link that does not exist")
	}
	r, err := s.LayersDetach(context.Background(), LayersDetachRequest{})
	if err != nil || len(r.Links) != 1 || !r.Open {
		t.Errorf("%+v, %v", r, err)
	}
	raws := withFiles(t, raw.Image, b.Image)
	if r := attach(t, raws, LayersAttachRequest{File: 1, Name: "base.raw"}, b.Image); !r.Attached || !strings.Contains(notesText(r.Chain.Links[1]), "says that it is raw") {
		t.Errorf("%+v", r)
	}
}

func notesText(l LayersLink) (text string) {
	for _, n := range l.Notes {
		text += n.Text + "\n"
	}
	return text
}

func TestLooksLike(t *testing.T) {
	mbr := make([]byte, 4096)
	mbr[510], mbr[511] = 0x55, 0xaa
	gpt := bytes.Clone(mbr)
	copy(gpt[512:], "EFI PART")
	for want, b := range map[string][]byte{"boot sector": mbr, "GPT": gpt, "zeros": make([]byte, 4096), "": []byte("hello")} {
		if got := looksLike(b); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestDirtyOnTheMap: the map counts the clusters that the ranges touch.
func TestDirtyOnTheMap(t *testing.T) {
	s, _ := checked(t, recipe(t, "healthy_bitmaps"))
	ctx := context.Background()
	scannedLayers(t, s)
	bitmaps, err := s.LayersBitmaps(ctx, LayersBitmapsRequest{Count: 100})
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, m := range bitmaps.Bitmaps {
		totals, err := s.MapTotals(ctx, MapTotalsRequest{Space: "dirty", Layer: m.Index})
		if (err == nil) != m.Known {
			t.Errorf("%+v: %v", m, err)
		}
		if !m.Known {
			continue
		}
		known++
		touched := map[int64]bool{}
		ranges, _ := s.LayersDirty(ctx, LayersDirtyRequest{Bitmap: m.Index, From: "0x0", Count: 100})
		cs := s.now.img.Geo.ClusterSize()
		for _, r := range ranges.Ranges {
			start, _ := strconv.ParseInt(r.Start, 0, 64)
			for c := start / cs; c*cs < start+int64(r.Length); c++ {
				touched[c] = true
			}
		}
		if totals.Kinds[clustermap.DirtyMarked] != float64(len(touched)) || len(DirtyKinds) != int(clustermap.DirtyUnknown)+1 {
			t.Errorf("bitmap %d: %v on the map, the ranges touch %d", m.Index, totals.Kinds, len(touched))
		}
		tile, err := s.MapTile(ctx, MapTileRequest{Space: "dirty", Layer: m.Index, Order: "rows"})
		if err != nil || len(tile) == 0 {
			t.Errorf("bitmap %d: tile of %d bytes, %v", m.Index, len(tile), err)
		}
	}
	if known < 1 {
		t.Error("no bitmap is known")
	}
	if _, err := s.MapTotals(ctx, MapTotalsRequest{Space: "dirty", Layer: 99}); err == nil {
		t.Error("a bitmap that there is not")
	}
}

// TestWriteCopiesFromTheChain: with its backing file an image can be written to where bytes
// of that are copied, and the guest reads old and new ones.
func TestWriteCopiesFromTheChain(t *testing.T) {
	b := testimages.Make(t, "healthy_extended_l2_backing")
	side, data := theSide(t, b)
	s := withFiles(t, b.Image, data)
	ctx, req := context.Background(), dataWrite(300*writeKiB+100, 100, 0x5a)
	if p := planned(t, s, req, 0); !strings.Contains(p.Barred, "backing file") {
		t.Errorf("without it: barred %q", p.Barred)
	}
	if r := attach(t, s, LayersAttachRequest{File: 1, Name: side}, data); !r.Attached {
		t.Fatal(r.Refused)
	}
	if p := planned(t, s, req, 0); p.Barred != "" {
		t.Fatalf("with it: barred %q", p.Barred)
	}
	if _, err := s.WriteApply(ctx, WriteApplyRequest{Write: req}); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, maxGuestBytes)
	if _, err := b.Guest.ReadAt(want, 300*writeKiB); err != nil {
		t.Fatal(err)
	}
	copy(want[100:200], bytes.Repeat([]byte{0x5a}, 100))
	g, err := s.LayersGuest(ctx, LayersGuestRequest{Offset: hex(int64(300 * writeKiB)), Length: maxGuestBytes})
	if got, _ := encoding.DecodeString(g.Bytes); err != nil || !bytes.Equal(got, want) || g.Link != 0 {
		t.Errorf("the guest reads something else: %+v, %v", g, err)
	}
	if _, err := s.LayersDetach(ctx, LayersDetachRequest{}); err != nil {
		t.Fatal(err)
	}
	if p := planned(t, s, dataWrite(500*writeKiB+100, 100, 1), 0); !strings.Contains(p.Barred, "backing file") {
		t.Errorf("taken out: barred %q", p.Barred)
	}
}
