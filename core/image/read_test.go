package image_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// shownSize is the largest disk that tests read wholly.
const shownSize = 64 << 20

// outsideOf are the files beside a built image.
func outsideOf(t testing.TB, b *testimages.Built, img *image.Image) image.Outside {
	t.Helper()
	var out image.Outside
	if data, ok := b.Side[img.DataFile]; ok && img.DataFile != "" {
		out.Data = source.Bytes(data)
	}
	if backing, ok := b.Side[img.BackingFile]; ok && img.BackingFile != "" {
		out.Backing = source.Bytes(backing)
		if img.BackingFormat == "qcow2" {
			below := open(t, source.Bytes(backing))
			out.Backing = image.NewGuestReader(context.Background(), below, below.L1, below.VirtualSize(), outsideOf(t, b, below))
		}
	}
	return out
}

// sameGuest tells whether the reader gives what the model has. The error is the reader's.
func sameGuest(r *image.GuestReader, model io.ReaderAt, size int64) (bool, error) {
	if r.Size() != size {
		return false, nil
	}
	// Pieces of an odd size begin and end inside sectors, subclusters and clusters.
	const piece = 300<<10 + 7
	got, want := make([]byte, piece), make([]byte, piece)
	same := true
	for off := int64(0); off < size; off += piece {
		n, err := r.ReadAt(got, off)
		if err != nil && err != io.EOF {
			return false, err
		}
		m, _ := model.ReadAt(want, off)
		same = same && m == n && bytes.Equal(got[:n], want[:n])
	}
	return same, nil
}

// opensForReading tells whether QEMU opens the image outside of a check.
func opensForReading(t *testing.T, img *image.Image, b *testimages.Built) bool {
	t.Helper()
	table, err := img.ReadSnapshots()
	if err != nil {
		t.Fatal(err)
	}
	_, backed := b.Side[img.BackingFile]
	return len(img.Refusals) == 0 && table.Err == nil && img.Header.RefcountTableClusters > 0 && (backed || img.BackingFile == "")
}

// TestGuestBytesOfRecipes reads every recipe, the healthy and the damaged ones, and holds
// what the guest then reads against what QEMU made of it: the bytes from before the
// damage, others, or none.
func TestGuestBytesOfRecipes(t *testing.T) {
	compared := map[testimages.Survival]int{}
	snapshots := 0
	for _, name := range testimages.Names() {
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		b := testimages.Make(t, name)
		img, err := image.Open(context.Background(), source.Bytes(b.Image))
		if err != nil || b.Encryption != "" || b.Guest.Size > shownSize || !opensForReading(t, img, b) {
			continue
		}
		outside := outsideOf(t, b, img)
		judge := func(what string, r *image.GuestReader, model *testimages.Guest, want testimages.Survival) {
			if want == testimages.Uncompared || want == "" {
				return
			}
			same, err := sameGuest(r, model, model.Size)
			got := testimages.Changed
			switch {
			case err != nil:
				got = testimages.Unreadable
			case same:
				got = testimages.Intact
			}
			if compared[want]++; got != want {
				t.Errorf("%s, %s: %s (%v), to QEMU it is %s", name, what, got, err, want)
			}
		}
		judge("the disk", image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), outside), b.Guest, golden.Check.Guest)
		table, err := img.ReadSnapshots()
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range golden.Check.Snapshots {
			l1, err := img.SnapshotL1(&table.Snapshots[i])
			if err != nil || string(table.Snapshots[i].Name) != b.Snapshots[i].Name {
				continue // QEMU does not find it by its name
			}
			snapshots++
			judge("snapshot "+b.Snapshots[i].Name, image.NewGuestReader(context.Background(), img, l1, img.VirtualSize(), outside), b.Snapshots[i].Guest, want)
		}
	}
	if compared[testimages.Intact] < 100 || compared[testimages.Changed] < 20 || compared[testimages.Unreadable] < 10 || snapshots < 20 {
		t.Errorf("compared only %v, %d snapshots", compared, snapshots)
	}
}

func TestHealthyGuestsAreRead(t *testing.T) {
	read := 0
	for _, name := range testimages.Names() {
		if !strings.HasPrefix(name, "healthy_") {
			continue
		}
		b := testimages.Make(t, name)
		img := open(t, source.Bytes(b.Image))
		r := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), outsideOf(t, b, img))
		if b.Encryption != "" {
			_, err := r.ReadAt(make([]byte, min(b.Guest.Size, shownSize)), 0)
			var unreadable *image.UnreadableError
			if !errors.Is(err, image.ErrEncrypted) || !errors.As(err, &unreadable) || unreadable.Guest.Len != qcow2.GuestOff(img.Geo.ClusterSize()) {
				t.Errorf("%s: encrypted data gives %v", name, err)
			}
			continue
		}
		if b.Guest.Size > shownSize {
			readExtents(t, name, r, b.Guest)
			continue
		}
		read++
		if same, err := sameGuest(r, b.Guest, b.Guest.Size); err != nil || !same {
			t.Errorf("%s: same %v, %v", name, same, err)
		}
	}
	if read < 30 {
		t.Errorf("only %d healthy recipes were read", read)
	}
}

// readExtents compares what was written to a disk that is too large to be read wholly.
func readExtents(t *testing.T, name string, r *image.GuestReader, model *testimages.Guest) {
	t.Helper()
	if len(model.Extents()) == 0 {
		t.Errorf("%s: nothing was written", name)
	}
	for _, e := range model.Extents() {
		got, want := make([]byte, e.Len), make([]byte, e.Len)
		if _, err := r.ReadAt(got, e.Off); err != nil && err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := model.ReadAt(want, e.Off); err != nil && err != io.EOF || !bytes.Equal(got, want) {
			t.Errorf("%s: other bytes at 0x%x, %v", name, e.Off, err)
		}
	}
}

// TestReadErrorsNameThePlace: what lies before the damage is read, and the error says where
// it is and why.
func TestReadErrorsNameThePlace(t *testing.T) {
	for _, c := range []struct {
		recipe, damage string
		want           error
		read           int
		guest          qcow2.Range[qcow2.GuestOff]
	}{
		{plainImage, "set l2[0][1] = value + 512", image.ErrDataUnaligned, 64 << 10, qcow2.Range[qcow2.GuestOff]{Start: 64 << 10, Len: 64 << 10}},
		{plainImage, "set l1[0] = value + 512", image.ErrL2Unaligned, 0, qcow2.Range[qcow2.GuestOff]{Len: 512 << 20}},
		{plainImage, "set l2[0][1] = 1\nset header.version = 2", image.ErrZeroInVersion2, 64 << 10, qcow2.Range[qcow2.GuestOff]{Start: 64 << 10, Len: 64 << 10}},
		{dataImage, "set l2[0][1] = value + 128K", image.ErrDataFileOffset, 64 << 10, qcow2.Range[qcow2.GuestOff]{Start: 64 << 10, Len: 64 << 10}},
		{dataImage, "set l2[0][1] = compressed | 64K", image.ErrCompressedInDataFile, 64 << 10, qcow2.Range[qcow2.GuestOff]{Start: 64 << 10, Len: 64 << 10}},
	} {
		b := testimages.MakeLines(t, c.recipe+"write guest=0 len=128K fill=0x31\n"+c.damage)
		img := open(t, source.Bytes(b.Image))
		r := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), outsideOf(t, b, img))
		n, err := r.ReadAt(make([]byte, 128<<10), 0)
		var place *image.UnreadableError
		if n != c.read || !errors.Is(err, c.want) || !errors.As(err, &place) || place.Guest != c.guest || place.Entry == 0 || place.At <= 0 {
			t.Errorf("%q: %d bytes, %v", c.damage, n, err)
		}
	}
}

func TestDataFileMustBeGiven(t *testing.T) {
	b := testimages.MakeLines(t, dataImage+"write guest=0 len=64K fill=0x31")
	img := open(t, source.Bytes(b.Image))
	r := image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{})
	if _, err := r.ReadAt(make([]byte, 1), 0); !errors.Is(err, image.ErrNoDataFile) {
		t.Errorf("without the data file: %v", err)
	}
}

// TestReadErrorsOfTheMedium: a bad sector under guest data is a *source.ReadError, under a
// compressed stream also an *UnreadableError.
func TestReadErrorsOfTheMedium(t *testing.T) {
	b := testimages.MakeLines(t, plainImage+"write guest=0 len=64K fill=0x31\ncompress guest=64K len=64K fill=0x32")
	img := open(t, source.Bytes(b.Image))
	for _, guest := range []int64{0, 64 << 10} {
		var place image.UnreadableError
		e := l2EntryOf(t, img, int(guest>>16))
		at := int64(e.Host())
		if e.Kind(img.Geo) == qcow2.Compressed {
			at = int64(e.CompressedRange(img.Geo).Start)
		}
		bad := open(t, source.Faulty{Source: source.Bytes(b.Image), BadOff: at, BadLen: 1})
		r := image.NewGuestReader(context.Background(), bad, bad.L1, bad.VirtualSize(), image.Outside{})
		_, err := r.ReadAt(make([]byte, 512), guest)
		var read *source.ReadError
		if !errors.As(err, &read) || !errors.Is(err, source.ErrFaulty) {
			t.Errorf("guest 0x%x: %v, %v", guest, err, place)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := image.NewGuestReader(ctx, img, img.L1, img.VirtualSize(), image.Outside{})
	if _, err := r.ReadAt(make([]byte, 512), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// l2EntryOf is entry i of the first L2 table.
func l2EntryOf(t testing.TB, img *image.Image, i int) qcow2.L2Entry {
	t.Helper()
	b := make([]byte, img.Geo.ClusterSize())
	if err := source.ReadFull(img.Src, b[:8], int64(img.L1.Off)); err != nil {
		t.Fatal(err)
	}
	l2 := qcow2.L1Entry(uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 | uint64(b[4])<<24 | uint64(b[5])<<16 | uint64(b[6])<<8 | uint64(b[7])).L2Table()
	if err := source.ReadFull(img.Src, b, int64(l2)); err != nil {
		t.Fatal(err)
	}
	return qcow2.L2Table(b).At(img.Geo, int64(i))
}
