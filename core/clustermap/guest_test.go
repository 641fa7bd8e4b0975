package clustermap_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand"
	"strings"
	"testing"

	"qcowscope/core/clustermap"
	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

func openRecipe(t *testing.T, name string) (*testimages.Built, *image.Image) {
	t.Helper()
	built := testimages.Make(t, name)
	img, err := image.Open(context.Background(), source.Bytes(built.Image))
	if err != nil {
		return built, nil
	}
	return built, img
}

func whole(img *image.Image) qcow2.Range[qcow2.GuestOff] {
	return qcow2.Range[qcow2.GuestOff]{Len: qcow2.GuestOff(min(img.VirtualSize(), 1<<62))}
}

func extents(t *testing.T, m *clustermap.Guest, r qcow2.Range[qcow2.GuestOff]) (all []clustermap.Extent) {
	t.Helper()
	for e, err := range m.Extents(context.Background(), r) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// TestExtentsTellTheGuestsBytes reads healthy images through their extents.
func TestExtentsTellTheGuestsBytes(t *testing.T) {
	compared := 0
	for _, name := range testimages.Names() {
		if !strings.HasPrefix(name, "healthy_") {
			continue
		}
		built, img := openRecipe(t, name)
		file := built.Image
		if built.DataFile != "" {
			file = built.Side[built.DataFile]
		}
		end := qcow2.GuestOff(0)
		for _, e := range extents(t, clustermap.NewGuest(img), whole(img)) {
			if e.Guest.Start != end {
				t.Fatalf("%s: a gap from 0x%x to 0x%x", name, end, e.Guest.Start)
			}
			end = e.Guest.End()
			if built.Encryption == "" && e.Guest.Len < 16<<20 {
				compared += sameBytes(t, name, e, built, img, file)
			}
		}
		if end != whole(img).End() {
			t.Errorf("%s: the extents end at 0x%x, the disk at 0x%x", name, end, whole(img).End())
		}
	}
	if compared < 100 {
		t.Errorf("only %d extents were compared", compared)
	}
}

// sameBytes is 1 if the extent was compared with what the guest wrote.
func sameBytes(t *testing.T, name string, e clustermap.Extent, built *testimages.Built, img *image.Image, file []byte) int {
	t.Helper()
	got, want := make([]byte, e.Guest.Len), make([]byte, e.Guest.Len)
	switch e.Kind {
	case qcow2.SubInvalid:
		t.Errorf("%s: %+v cannot be read", name, e)
		return 0
	case qcow2.SubNormal:
		if err := source.ReadFull(source.Bytes(file), got, int64(e.Host)); err != nil {
			t.Fatal(err)
		}
	case qcow2.SubCompressed:
		return 0
	case qcow2.SubUnallocated, qcow2.SubUnallocatedAlloc:
		if img.BackingFile != "" {
			return 0
		}
	}
	built.Guest.ReadAt(want, int64(e.Guest.Start))
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %+v holds other bytes than the guest wrote", name, e)
	}
	return 1
}

// TestExtentsOfPieces: pieces of the disk, in any order, have the states of the whole.
func TestExtentsOfPieces(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, name := range []string{"healthy_extended_l2", "healthy_holes", "healthy_cluster_512", "healthy_compressed_zlib", "l2_random", "subclusters_zero_and_alloc"} {
		_, img := openRecipe(t, name)
		all := extents(t, clustermap.NewGuest(img), whole(img))
		m := clustermap.NewGuest(img)
		for range 200 {
			from := qcow2.GuestOff(random.Int63n(int64(whole(img).Len)))
			r := qcow2.Range[qcow2.GuestOff]{Start: from, Len: qcow2.GuestOff(random.Int63n(1 << 18))}
			for _, e := range extents(t, m, r) {
				if !within(all, e) {
					t.Fatalf("%s: %v of %v is not in the whole", name, e, r)
				}
			}
		}
	}
}

func within(all []clustermap.Extent, e clustermap.Extent) bool {
	for _, w := range all {
		if e.Guest.Start >= w.Guest.Start && e.Guest.End() <= w.Guest.End() {
			return e.Kind == w.Kind && (!e.HasHost() || e.Host-w.Host == qcow2.HostOff(e.Guest.Start-w.Guest.Start))
		}
	}
	return false
}

// TestExtentsOfDamage: any image gives a sequence without gaps that covers the disk, and
// ends soon, whatever its fields say.
func TestExtentsOfDamage(t *testing.T) {
	opened := 0
	for _, name := range testimages.Names() {
		_, img := openRecipe(t, name)
		if img == nil {
			continue
		}
		opened++
		end, n := qcow2.GuestOff(0), 0
		for e, err := range clustermap.NewGuest(img).Extents(context.Background(), qcow2.Range[qcow2.GuestOff]{Len: 1<<63 - 1}) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e.Guest.Start != end || e.Guest.Len <= 0 {
				t.Fatalf("%s: %v after 0x%x", name, e, end)
			}
			end = e.Guest.End()
			n++
		}
		if want := qcow2.GuestOff(min(img.VirtualSize(), 1<<63-1)); end != want {
			t.Errorf("%s: the extents end at 0x%x, the disk at 0x%x", name, end, want)
		}
	}
	if opened < 100 {
		t.Errorf("only %d images opened", opened)
	}
}

// TestExtentsStop: a failing medium and a cancelled context end the sequence, and so does
// whoever reads it.
func TestExtentsStop(t *testing.T) {
	built, img := openRecipe(t, "healthy_v3")
	bad, err := image.Open(context.Background(), source.Faulty{Source: source.Bytes(built.Image), BadOff: int64(img.L1.Off), BadLen: 8})
	if err != nil {
		t.Fatal(err)
	}
	var read *source.ReadError
	for _, err := range clustermap.NewGuest(bad).Extents(context.Background(), whole(bad)) {
		if !errors.As(err, &read) {
			t.Errorf("got %v", err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range clustermap.NewGuest(img).Extents(ctx, whole(img)) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	n := 0
	for range clustermap.NewGuest(img).Extents(context.Background(), whole(img)) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d extents", n)
	}
}
