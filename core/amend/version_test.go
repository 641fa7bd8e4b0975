package amend_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/source"
	"qcowscope/testimages"
)

// subject is an image to be changed, with the file that shows through it.
type subject struct {
	src     source.Source
	backing io.ReaderAt
}

func (s subject) open(t testing.TB) *image.Image {
	t.Helper()
	img, err := image.Open(context.Background(), s.src)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func (s subject) check(t testing.TB) *check.Report {
	t.Helper()
	r, err := check.Run(context.Background(), s.open(t), check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// version is the change of version, or what forbids it.
func (s subject) version(t testing.TB, to uint32) (*amend.Change, []amend.Blocker) {
	t.Helper()
	c, err := amend.Version(context.Background(), s.open(t), s.check(t), to)
	var blocked *amend.BlockedError
	if errors.As(err, &blocked) {
		if len(blocked.Blockers) == 0 {
			t.Fatal("blocked by nothing")
		}
		for _, b := range blocked.Blockers {
			if b.What == "" || b.Why == "" || b.Advice == "" || len(b.Places) > 100 || uint64(len(b.Places)) > b.Count {
				t.Errorf("a blocker that does not say all: %+v", b)
			}
		}
		return nil, blocked.Blockers
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Plan.Check(s.src.Size()); err != nil {
		t.Fatal(err)
	}
	return c, nil
}

// after is the image with batches of a plan applied, as long as these make it.
func (s subject) after(t testing.TB, p *patch.Plan) subject {
	t.Helper()
	over := patch.NewOverlay(s.src)
	if err := over.Apply(p); err != nil {
		t.Fatal(err)
	}
	return subject{over, s.backing}
}

// disks is what all roots read, by name. A part that cannot be read is told as such.
func (s subject) disks(t testing.TB) map[string][]byte {
	t.Helper()
	img := s.open(t)
	all := map[string][]byte{"": s.disk(t, img, img.L1, img.VirtualSize())}
	snaps, err := img.ReadSnapshots()
	if err != nil {
		t.Fatal(err)
	}
	for i := range snaps.Snapshots {
		l1, err := img.SnapshotL1(&snaps.Snapshots[i])
		if err != nil {
			continue
		}
		size, ok := snaps.Snapshots[i].DiskSize()
		if !ok {
			size = img.VirtualSize()
		}
		all[fmt.Sprintf("%d %s", i, snaps.Snapshots[i].Name)] = s.disk(t, img, l1, size)
	}
	return all
}

// diskPart is how much of a large disk's beginning and end is read.
const diskPart = 16 << 20

func (s subject) disk(t testing.TB, img *image.Image, l1 image.L1Table, size uint64) []byte {
	t.Helper()
	r := image.NewGuestReader(context.Background(), img, l1, size, image.Outside{Backing: s.backing})
	var all bytes.Buffer
	buf := make([]byte, img.Geo.ClusterSize())
	for off := int64(0); off < r.Size(); off += int64(len(buf)) {
		if off >= diskPart && off < r.Size()-diskPart {
			off = (r.Size() - diskPart) &^ (img.Geo.ClusterSize() - 1)
		}
		clear(buf)
		var bad *image.UnreadableError
		if _, err := r.ReadAt(buf, off); errors.As(err, &bad) {
			fmt.Fprintf(&all, "0x%x: %v", off, bad.Err)
			continue
		} else if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		all.Write(buf)
	}
	return all.Bytes()
}

func sameDisks(t testing.TB, what string, got, want map[string][]byte) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d disks, there were %d", what, len(got), len(want))
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s: disk %q reads other bytes", what, name)
		}
	}
}

// kept holds what every change of version must keep: the disks, soundness, the file's old
// state by undo; and that nothing is left to do.
func (s subject) kept(t testing.TB, c *amend.Change, to uint32) {
	t.Helper()
	was, now := s.disks(t), s.after(t, c.Plan)
	before, after := s.check(t), now.check(t)
	if v := now.open(t).Header.Version; v != to {
		t.Errorf("version is %d", v)
	}
	if before.Group(check.ZeroInVersion2) == nil {
		sameDisks(t, "after", now.disks(t), was)
	}
	if after.Corruptions+after.CheckErrors > 0 || after.Refused || after.Leaks > before.Leaks || after.Worst() >= check.Damage && before.Worst() < check.Damage {
		t.Errorf("not sound: %d corruptions, %d errors, %d leaks (there were %d), refused %v\n%s", after.Corruptions, after.CheckErrors, after.Leaks, before.Leaks,
			now.open(t).Refusals, c.Plan)
	}
	undo, err := c.Plan.Undo(s.src)
	if err != nil {
		t.Fatal(err)
	}
	if old := now.after(t, undo); !bytes.Equal(fileOf(t, old), fileOf(t, s)) {
		t.Error("undone it is another file")
	}
	if again, blocked := now.version(t, to); blocked != nil || !again.Plan.Empty() || len(again.Notes) > 0 {
		t.Errorf("done once more it is not empty: %v %v", again, blocked)
	}
	if h := now.open(t).Header; to == 3 && (h.HeaderLength != 112 || h.IncompatibleFeatures|h.CompatibleFeatures|h.AutoclearFeatures != 0) {
		t.Errorf("the header is not a plain one of version 3: %+v", h)
	}
}

func fileOf(t testing.TB, s subject) []byte {
	t.Helper()
	all := make([]byte, s.src.Size())
	if err := source.ReadFull(s.src, all, 0); err != nil {
		t.Fatal(err)
	}
	return all
}

// cuts applies the plan up to each batch, with each of some subsets of the next, and holds
// that the image opens, reads the same, and has nothing new but leaks and missing COPIED.
func (s subject) cuts(t testing.TB, p *patch.Plan) {
	t.Helper()
	was := s.disks(t)
	before := s.check(t)
	rng := rand.New(rand.NewPCG(1, uint64(p.Writes())))
	for n := range p.Batches {
		for try := range 3 {
			cut := patch.New(p.SizeBefore)
			cut.Batches = slices.Clone(p.Batches[:n])
			var some []patch.Write
			for _, w := range p.Batches[n] {
				if try > 0 && rng.IntN(2) == 0 {
					some = append(some, w)
				}
			}
			cut.Batches = append(cut.Batches, some)
			for _, b := range cut.Batches {
				for _, w := range b {
					cut.SizeAfter = max(cut.SizeAfter, w.End())
				}
			}
			now := s.after(t, cut)
			if before.Group(check.ZeroInVersion2) == nil {
				sameDisks(t, fmt.Sprintf("cut in batch %d", n), now.disks(t), was)
			}
			soundButLeaks(t, now, n, p, before)
		}
	}
}

func soundButLeaks(t testing.TB, now subject, n int, p *patch.Plan, before *check.Report) {
	t.Helper()
	r := now.check(t)
	if r.Refused || r.Aborted {
		t.Errorf("cut in batch %d: QEMU would not open it: %v", n, now.open(t).Refusals)
	}
	for _, g := range r.Groups {
		// Many leaked clusters look like a lost mapping.
		if g.Class == check.Leak || g.Code == check.LostMapping || g.Code == check.CopiedL2 || g.Code.Severity() < check.Damage || before.Group(g.Code) != nil {
			continue
		}
		t.Errorf("cut in batch %d: %s at %d places\n%s", n, g.Code, g.Places, p)
	}
}

// jsEach is of how many recipes one is changed under js.
const jsEach = 4

// eachOpened runs a test for each recipe that opens, or a share of them: natively one of short.
func eachOpened(t *testing.T, short int, test func(t *testing.T, b *testimages.Built, s subject)) {
	t.Helper()
	opened, each := 0, testimages.Each(short, jsEach)
	for i, name := range testimages.Names() {
		if !testimages.Taken(t.Name(), i, each) {
			continue
		}
		b := testimages.Make(t, name)
		if _, err := image.Open(context.Background(), source.Bytes(b.Image)); err != nil {
			continue
		}
		opened++
		t.Run(name, func(t *testing.T) { test(t, b, subjectOf(t, b)) })
	}
	if opened < 180/each {
		t.Errorf("only %d recipes opened", opened)
	}
}

// subjectOf is the built image with what lies beside it.
func subjectOf(t testing.TB, b *testimages.Built) subject {
	t.Helper()
	s := subject{src: source.Bytes(b.Image)}
	name := s.open(t).BackingFile
	side, ok := b.Side[name]
	if !ok {
		return s
	}
	s.backing = bytes.NewReader(side)
	if strings.HasSuffix(name, ".qcow2") {
		img := subject{src: source.Bytes(side)}.open(t)
		s.backing = image.NewGuestReader(context.Background(), img, img.L1, img.VirtualSize(), image.Outside{})
	}
	return s
}

// Whatever the recipe: a change is refused with all its reasons, or keeps everything.
func TestVersionOfAllRecipes(t *testing.T) {
	const short = 2
	changed, refused := 0, 0
	eachOpened(t, short, func(t *testing.T, b *testimages.Built, s subject) {
		to := 5 - s.open(t).Header.Version
		c, blocked := s.version(t, to)
		if blocked != nil {
			refused++
			return
		}
		changed++
		s.kept(t, c, to)
		s.cuts(t, c.Plan)
		if !bytes.Equal(fileOf(t, s), b.Image) {
			t.Error("the source was written to")
		}
	})
	if each := testimages.Each(short, jsEach); changed < 40/each || refused < 80/each {
		t.Errorf("%d recipes were changed and %d refused", changed, refused)
	}
}

// blockedBy is what forbids each recipe's change, "" for nothing.
var blockedBy = map[string]string{
	"healthy_v3": "", "healthy_v2": "", "healthy_v2_cluster_512": "", "healthy_v2_snapshot_plain": "", "healthy_v2_compressed": "",
	"healthy_compressed_zlib": "", "healthy_backing_raw": "", "healthy_backing_v2": "", "healthy_lazy_refcounts": "", "healthy_snapshots": "",
	"healthy_luks": "", "healthy_header_104": "", "healthy_unknown_extension": "", "healthy_cluster_512": "", "leaked_cluster": "", "dirty_bit": "",
	"autoclear_unknown": "", "compatible_feature_unknown": "", "bitmaps_autoclear_lost": "", "header_padding": "", "zero_bit_v2": "",
	"healthy_compressed_zstd":         amend.BlockedByZstd,
	"healthy_refcount_bits_8":         amend.BlockedByWidth,
	"healthy_refcount_bits_64":        amend.BlockedByWidth,
	"healthy_cluster_512_refcount_64": amend.BlockedByWidth,
	"healthy_extended_l2":             amend.BlockedByExtendedL2,
	"healthy_bitmaps":                 amend.BlockedByBitmaps,
	"healthy_snapshot_and_bitmap":     amend.BlockedByBitmaps,
	"healthy_data_file":               amend.BlockedByDataFile,
	"healthy_data_file_extended_l2":   amend.BlockedByDataFile + ", " + amend.BlockedByExtendedL2,
	"corrupt_bit":                     amend.BlockedByCorruptBit,
	"incompatible_feature_unknown":    amend.BlockedByRefusal,
	"header_length_short":             amend.BlockedByRefusal,
	"refcount_too_low_shared":         amend.BlockedByDamage,
	"refcount_too_low_refcount_2":     amend.BlockedByDamage + ", " + amend.BlockedByWidth,
	"data_cross_linked":               amend.BlockedByDamage,
	"data_cross_linked_legalised":     amend.BlockedByDamage,
	"snapshot_entry_incomplete":       amend.BlockedByDamage,
	"l1_zeroed":                       amend.BlockedByDamage,
	"dirty_after_crash":               amend.BlockedByDamage,
}

func TestBlockersByName(t *testing.T) {
	for name, want := range blockedBy {
		s := subjectOf(t, testimages.Make(t, name))
		_, blocked := s.version(t, 5-s.open(t).Header.Version)
		var got []string
		for _, b := range blocked {
			got = append(got, b.What)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s is blocked by %q and not %q: %+v", name, got, want, blocked)
		}
	}
}

func TestThereAreTwoVersions(t *testing.T) {
	s := subjectOf(t, testimages.Make(t, "healthy_v3"))
	for _, to := range []uint32{0, 1, 4} {
		if _, err := amend.Version(context.Background(), s.open(t), s.check(t), to); err == nil {
			t.Errorf("version %d was planned", to)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := amend.Version(ctx, s.open(t), s.check(t), 2); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, it says %v", err)
	}
}

// A cluster that cannot be read, or no longer after the check, is an error or a blocker,
// never a plan that leaves out what it holds.
func TestVersionOfWhatCannotBeRead(t *testing.T) {
	for _, name := range []string{"healthy_snapshots", "healthy_v2_snapshot_plain"} {
		s := subjectOf(t, testimages.Make(t, name))
		report, to, failed := s.check(t), 5-s.open(t).Header.Version, 0
		whole, _ := s.version(t, to)
		for c := int64(1); c < report.Refcounts.Len(); c++ {
			size := s.open(t).Geo.ClusterSize()
			img, err := image.Open(context.Background(), source.Faulty{Source: s.src, BadOff: c * size, BadLen: size})
			if err != nil {
				failed++
				continue
			}
			own, err := check.Run(context.Background(), img, check.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []*check.Report{report, own} {
				change, err := amend.Version(context.Background(), img, r, to)
				if err != nil {
					failed++
				} else if change.Plan.String() != whole.Plan.String() {
					t.Errorf("%s: with cluster %d unreadable there is another plan", name, c)
				}
			}
		}
		if failed == 0 {
			t.Errorf("%s: nothing failed", name)
		}
	}
}
