//go:build !js

package amend_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qcowscope/core/amend"
	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/source"
	"qcowscope/testimages/qemu"
)

// bench is a folder in which QEMU makes and changes images.
type bench struct {
	t   *testing.T
	dir string
}

func newBench(t *testing.T) bench {
	t.Helper()
	if err := qemu.Available(); err != nil {
		t.Fatal(err)
	}
	b := bench{t, t.TempDir()}
	if err := os.WriteFile(filepath.Join(b.dir, "password"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

// run gives standard output, and what failed.
func (b bench) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = b.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %q: %w: %s", name, args, err, stderr.String())
	}
	return stdout.String(), nil
}

func (b bench) must(name string, args ...string) string {
	b.t.Helper()
	out, err := b.run(name, args...)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// img runs a line of qemu-img, io a list of qemu-io commands on x.qcow2.
func (b bench) img(line string) string {
	b.t.Helper()
	return b.must("qemu-img", strings.Fields(line)...)
}

func (b bench) io(cmds ...string) {
	b.t.Helper()
	args := []string{"-f", "qcow2", "x.qcow2"}
	for _, c := range cmds {
		args = append(args, "-c", c)
	}
	b.must("qemu-io", args...)
}

func (b bench) read(name string) []byte {
	b.t.Helper()
	all, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

func (b bench) write(name string, data []byte) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// subject is x.qcow2 with base.raw or base.qcow2 behind it.
func (b bench) subject() subject {
	b.t.Helper()
	s := subject{src: source.Bytes(b.read("x.qcow2"))}
	switch s.open(b.t).BackingFile {
	case "":
	case "base.raw":
		s.backing = bytes.NewReader(b.read("base.raw"))
	case "base.qcow2":
		base := subject{src: source.Bytes(b.read("base.qcow2"))}.open(b.t)
		s.backing = image.NewGuestReader(b.t.Context(), base, base.L1, base.VirtualSize(), image.Outside{})
	}
	return s
}

// facts is what `qemu-img info` says of an image, but for names, dates and allocated bytes.
func (b bench) facts(name string) string {
	b.t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(b.img("info --output=json "+name)), &all); err != nil {
		b.t.Fatal(err)
	}
	for _, k := range []string{"filename", "actual-size", "full-backing-filename", "children"} {
		delete(all, k)
	}
	out, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		b.t.Fatal(err)
	}
	return string(out)
}

// disks is what QEMU reads of an image, the active layer and each snapshot.
func (b bench) disks(name string, snapshots []string) map[string][]byte {
	b.t.Helper()
	all := map[string][]byte{}
	for _, s := range append([]string{""}, snapshots...) {
		args := []string{"convert", "-O", "raw", name, "disk.raw"}
		if s != "" {
			args = []string{"convert", "-O", "raw", "-l", s, name, "disk.raw"}
		}
		b.must("qemu-img", args...)
		all[s] = b.read("disk.raw")
	}
	return all
}

// compat is how qemu-img calls a version.
var compat = map[uint32]string{2: "0.10", 3: "1.1"}

// result of a change of version of x.qcow2, by us and by QEMU.
type result struct {
	change  *amend.Change
	blocked []amend.Blocker
	refused error // by QEMU
}

// both changes x.qcow2 to the other version: by us to ours.qcow2, by QEMU to theirs.qcow2.
func (b bench) both() result {
	b.t.Helper()
	s := b.subject()
	to := 5 - s.open(b.t).Header.Version
	b.write("theirs.qcow2", fileOf(b.t, s))
	r := result{}
	_, r.refused = b.run("qemu-img", "amend", "-o", "compat="+compat[to], "theirs.qcow2")
	if r.change, r.blocked = s.version(b.t, to); r.change != nil {
		b.write("ours.qcow2", fileOf(b.t, s.after(b.t, r.change.Plan)))
	}
	return r
}

// same holds our result against what QEMU makes of it: the facts of its own result, clean,
// and every disk as before.
func (b bench) same(snapshots ...string) {
	b.t.Helper()
	r := b.both()
	if r.refused != nil || r.blocked != nil {
		b.t.Fatalf("refused by QEMU: %v, by us: %+v", r.refused, r.blocked)
	}
	if got, want := b.facts("ours.qcow2"), b.facts("theirs.qcow2"); got != want {
		b.t.Errorf("info says\n%s\nof QEMU's\n%s", got, want)
	}
	if out, err := b.run("qemu-img", "check", "ours.qcow2"); err != nil {
		b.t.Errorf("not clean: %v\n%s\n%s", err, out, r.change.Plan)
	}
	sameDisks(b.t, "by QEMU", b.disks("ours.qcow2", snapshots), b.disks("x.qcow2", snapshots))
	s := b.subject()
	s.kept(b.t, r.change, 5-s.open(b.t).Header.Version)
	s.cuts(b.t, r.change.Plan)
}

// scene is a kind of image: how it is made, and its snapshots.
type scene struct {
	make      func(b bench, create string) // create: qemu-img create with a cluster size
	snapshots []string
}

func backed(b bench, create, base string) {
	b.img("create -q -f raw base.raw 1M")
	b.must("qemu-io", "-f", "raw", "-c", "write -P 0x99 0 1M", "base.raw")
	if base == "qcow2" {
		b.img("convert -f raw -O qcow2 base.raw base.qcow2")
	}
	b.img(create + " -b base." + base + " -F " + base + " x.qcow2 1M")
}

var scenes = map[string]scene{
	"empty": {make: func(b bench, create string) { b.img(create + " x.qcow2 1M") }},
	"data":  {make: func(b bench, create string) { b.img(create + " x.qcow2 1M"); b.io("write -P 1 5k 300k") }},
	"zeros": {make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -z 0 300k", "write -P 1 100k 64k")
	}},
	"backed": {make: func(b bench, create string) { backed(b, create, "raw"); b.io("write -P 1 5k 300k") }},
	"zeros kept": {make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 512k", "write -z 128k 192k")
	}},
	"zeros over a backing file": {make: func(b bench, create string) {
		backed(b, create, "qcow2")
		b.io("write -P 1 0 512k", "write -z 128k 192k", "write -z 640k 64k", "discard 768k 64k")
	}},
	"zeros shared": {snapshots: []string{"a", "b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 128k", "write -P 2 512k 64k")
		b.img("snapshot -c b x.qcow2")
		b.io("write -P 3 0 64k")
	}},
	"zeros of a snapshot only": {snapshots: []string{"a"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k", "write -z 64k 64k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -P 3 64k 64k")
	}},
	"data that a snapshot zeroed": {snapshots: []string{"a", "b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 64k")
		b.img("snapshot -c b x.qcow2")
		b.img("snapshot -a a x.qcow2") // the active layer has the data, snapshot b its zeros, and they share the clusters
		b.img("snapshot -d a x.qcow2")
		b.img("snapshot -c a x.qcow2")
		b.io("write -P 4 0 64k")
	}},
	"the last user of shared data": {snapshots: []string{"b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 64k")
		b.img("snapshot -c b x.qcow2")
		b.img("snapshot -a a x.qcow2")
		b.img("snapshot -d a x.qcow2")
	}},
	"zeros between data that became the active layer's alone": {snapshots: []string{"b"}, make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 256k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 64k", "write -z 192k 64k")
		b.img("snapshot -c b x.qcow2")
		b.img("snapshot -a a x.qcow2")
		b.img("snapshot -d a x.qcow2")
		b.io("write -z 128k 64k")
	}},
	"zeros shared over a backing file": {snapshots: []string{"a", "b"}, make: func(b bench, create string) {
		backed(b, create, "raw")
		b.io("write -P 1 0 256k", "write -z 512k 64k")
		b.img("snapshot -c a x.qcow2")
		b.io("write -z 64k 128k")
		b.img("snapshot -c b x.qcow2")
		b.io("write -P 3 0 64k")
	}},
	"compressed": {make: func(b bench, create string) {
		b.img(create + " x.qcow2 1M")
		b.io("write -P 1 0 300k", "write -z 64k 64k")
		b.must("qemu-img", append(append([]string{"convert", "-c"}, convertTo(create)...), "x.qcow2", "y.qcow2")...)
		if err := os.Rename(filepath.Join(b.dir, "y.qcow2"), filepath.Join(b.dir, "x.qcow2")); err != nil {
			b.t.Fatal(err)
		}
	}},
}

// convertTo is the create line's format and options for convert, which calls the format
// otherwise.
func convertTo(create string) []string {
	return strings.Fields(strings.Replace(create, "create -q -f", "-O", 1))
}

// On images of all kinds, up and down: what QEMU says of ours is what it says of its own,
// and no guest or snapshot reads a different byte.
func TestVersionLikeQEMU(t *testing.T) {
	for name, s := range scenes {
		for _, size := range []string{"512", "4096", "65536"} {
			for _, version := range []string{"0.10", "1.1"} {
				t.Run(name+", "+size+" from "+version, func(t *testing.T) {
					t.Parallel()
					b := newBench(t)
					s.make(b, "create -q -f qcow2 -o cluster_size="+size+",compat="+version)
					b.same(s.snapshots...)
				})
			}
		}
	}
}

// The data of an encrypted image is QEMU's alone to read; its zero clusters, which QEMU's own
// change turns into garbage, still read as zeros.
func TestVersionOfEncryptedImages(t *testing.T) {
	for _, version := range []uint32{2, 3} {
		b := newBench(t)
		b.img("create -q -f qcow2 -o cluster_size=4096,encrypt.format=aes,encrypt.key-secret=s,compat=" + compat[version] +
			" --object secret,id=s,file=password x.qcow2 1M")
		cmds := []string{"-c", "write -P 5 0 256k"}
		if version == 3 {
			cmds = append(cmds, "-c", "write -z 64k 64k", "-c", "write -z 512k 64k")
		}
		b.must("qemu-io", append(cmds, unlocked("x.qcow2")...)...)
		s := b.subject()
		c, blocked := s.version(t, 5-version)
		if blocked != nil {
			t.Fatalf("%+v", blocked)
		}
		s.kept(t, c, 5-version)
		b.write("ours.qcow2", fileOf(t, s.after(t, c.Plan)))
		b.must("qemu-img", append([]string{"check"}, unlocked("ours.qcow2")...)...)
		if !bytes.Equal(b.unlockedDisk("ours.qcow2"), b.unlockedDisk("x.qcow2")) {
			t.Error("the guest reads other bytes")
		}
	}
}

// Zeros over a backing file would have to be written encrypted, and there is no key.
func TestVersionOfEncryptedZerosOverABackingFile(t *testing.T) {
	b := newBench(t)
	b.write("base.raw", bytes.Repeat([]byte("x"), 1<<20))
	b.img("create -q -f qcow2 -o cluster_size=4096,encrypt.format=aes,encrypt.key-secret=s --object secret,id=s,file=password -b base.raw -F raw x.qcow2 1M")
	b.must("qemu-io", append([]string{"-c", "write -P 5 0 64k", "-c", "write -z 0 4k", "-c", "write -z 8k 404k"}, unlocked("x.qcow2")...)...)
	_, blocked := b.subject().version(t, 2)
	if len(blocked) != 1 || blocked[0].What != amend.BlockedByZeros || blocked[0].Count != 102 || len(blocked[0].Places) != 100 {
		t.Errorf("%+v", blocked)
	}
}

// unlocked names an encrypted image with its key.
func unlocked(name string) []string {
	return []string{"--object", "secret,id=s,file=password", "--image-opts", "driver=qcow2,file.filename=" + name + ",encrypt.key-secret=s"}
}

func (b bench) unlockedDisk(name string) []byte {
	b.t.Helper()
	b.must("qemu-img", append([]string{"convert", "-O", "raw"}, append(unlocked(name), "disk.raw")...)...)
	return b.read("disk.raw")
}

// refusals are what QEMU refuses, and we by name.
var refusals = map[string]struct {
	create string
	after  []string // lines of qemu-img
	what   string
	here   bool // QEMU does not refuse it, and ought to
}{
	"width":           {create: "-o refcount_bits=8", what: amend.BlockedByWidth},
	"data file":       {create: "-o data_file=d.raw", what: amend.BlockedByDataFile},
	"extended L2":     {create: "-o extended_l2=on", what: amend.BlockedByExtendedL2},
	"zstd":            {create: "-o compression_type=zstd", after: []string{"convert -c -O qcow2 -o compression_type=zstd base.raw x.qcow2"}, what: amend.BlockedByZstd},
	"zstd not used":   {create: "-o compression_type=zstd"},
	"snapshot's size": {after: []string{"snapshot -c a x.qcow2", "resize -q x.qcow2 2M"}, what: amend.BlockedBySnapshots},
	"bitmaps":         {after: []string{"bitmap --add x.qcow2 b"}, what: amend.BlockedByBitmaps, here: true},
	"several": {create: "-o extended_l2=on,refcount_bits=32,data_file=d.raw", after: []string{"bitmap --add x.qcow2 b"},
		what: strings.Join([]string{amend.BlockedByWidth, amend.BlockedByDataFile, amend.BlockedByExtendedL2, amend.BlockedByBitmaps}, ", ")},
	"lazy refcounts": {create: "-o lazy_refcounts=on"},
}

func TestVersionRefusedLikeQEMU(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.write("base.raw", bytes.Repeat([]byte("x"), 1<<20))
			b.img("create -q -f qcow2 " + c.create + " x.qcow2 1M")
			for _, line := range c.after {
				b.img(line)
			}
			if c.what == "" {
				b.same()
				return
			}
			r := b.both()
			var got []string
			for _, blocker := range r.blocked {
				got = append(got, blocker.What)
			}
			if strings.Join(got, ", ") != c.what {
				t.Errorf("blocked by %q", got)
			}
			if (r.refused != nil) == c.here {
				t.Errorf("QEMU says %v", r.refused)
			}
		})
	}
}

// The longest backing file name that QEMU fits into the longer header fits into ours, and
// no longer one.
func TestVersionHeaderRoom(t *testing.T) {
	for n := 370; n <= 384; n++ {
		b := newBench(t)
		b.write("base.raw", make([]byte, 1<<20))
		name := "./" + strings.Repeat("/", n-len("./base.raw")) + "base.raw"
		b.img("create -q -f qcow2 -o compat=0.10,cluster_size=512 -b " + name + " -F raw x.qcow2 1M")
		b.write("theirs.qcow2", b.read("x.qcow2"))
		_, refused := b.run("qemu-img", "amend", "-o", "compat=1.1", "theirs.qcow2")
		s := b.subject()
		c, blocked := s.version(t, 3)
		if (refused != nil) != (blocked != nil) {
			t.Errorf("a name of %d bytes: QEMU %v, we %+v", n, refused, blocked)
		}
		if blocked != nil {
			if blocked[0].What != amend.BlockedByHeaderRoom {
				t.Errorf("blocked by %q", blocked[0].What)
			}
			continue
		}
		s.kept(t, c, 3)
		b.write("ours.qcow2", fileOf(t, s.after(t, c.Plan)))
		if got, want := b.facts("ours.qcow2"), b.facts("theirs.qcow2"); got != want {
			t.Errorf("info says\n%s\nof QEMU's\n%s", got, want)
		}
	}
}

// A backing file's name that does not fit into the first sector, before or after, is written
// where the old header has none: the switch stays one write of a sector.
func TestVersionSwitchesInOneSector(t *testing.T) {
	for _, version := range []string{"0.10", "1.1"} {
		for _, n := range []int{20, 376, 377, 380, 400, 416, 417, 450, 600, 1000} {
			b := newBench(t)
			b.write("base.raw", make([]byte, 1<<20))
			name := "./" + strings.Repeat("/", n-len("./base.raw")) + "base.raw"
			b.img("create -q -f qcow2 -o compat=" + version + " -b " + name + " -F raw x.qcow2 1M")
			s := b.subject()
			r := b.both()
			if r.refused != nil || r.blocked != nil {
				t.Fatalf("refused by QEMU: %v, by us: %+v", r.refused, r.blocked)
			}
			if got, want := b.facts("ours.qcow2"), b.facts("theirs.qcow2"); got != want {
				t.Errorf("info says\n%s\nof QEMU's\n%s", got, want)
			}
			s.kept(t, r.change, 5-s.open(t).Header.Version)
			s.cuts(t, r.change.Plan)
			for _, batch := range r.change.Plan.Batches {
				for _, w := range batch {
					if w.Off < 512 && w.End() > 512 {
						t.Errorf("a name of %d bytes, from %s: the first sector is written with what follows it\n%s", n, version, r.change.Plan)
					}
				}
			}
		}
	}
}

// randomCases is how many random images are made.
func randomCases() uint64 {
	if os.Getenv("QCOWSCOPE_FULL") != "" {
		return 250
	}
	return 25
}

// Random images with snapshots, zeros, holes and compressed clusters, up and down.
func TestVersionOfRandomImages(t *testing.T) {
	for seed := range randomCases() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			rng := rand.New(rand.NewPCG(7, seed))
			version := []string{"0.10", "1.1", "1.1"}[rng.IntN(3)]
			create := fmt.Sprintf("create -q -f qcow2 -o cluster_size=%d,compat=%s", 512<<rng.IntN(8), version)
			if rng.IntN(2) == 0 {
				backed(b, create, []string{"raw", "qcow2"}[rng.IntN(2)])
			} else {
				b.img(create + " x.qcow2 1M")
			}
			b.same(b.churn(rng)...)
		})
	}
}

// churn writes at random and takes, applies and deletes snapshots; it tells which are left.
func (b bench) churn(rng *rand.Rand) (snapshots []string) {
	size := b.subject().open(b.t).Geo.ClusterSize()
	for step := range 4 + rng.IntN(5) {
		var cmds []string
		for range 1 + rng.IntN(6) {
			off := rng.Int64N(1<<20) &^ 511
			length := min(1<<20-off, (1+rng.Int64N(200<<10))&^511+512)
			whole := func(cmd string) string {
				return fmt.Sprintf("%s %d %d", cmd, off&^(size-1), max(size, length&^(size-1)))
			}
			cmds = append(cmds, []string{
				fmt.Sprintf("write -P %d %d %d", 1+rng.IntN(255), off, length),
				whole("write -z"), whole("write -z -u"), whole("discard"),
				fmt.Sprintf("write -c -P %d %d %d", 1+rng.IntN(255), off&^(size-1), size)}[rng.IntN(5)])
		}
		for _, c := range cmds {
			// Some cannot be done (zeros in version 2, compressing what is there): no matter.
			_, _ = b.run("qemu-io", "-f", "qcow2", "x.qcow2", "-c", c)
		}
		switch rng.IntN(4) {
		case 0, 1:
			snapshots = append(snapshots, fmt.Sprint("s", step))
			b.img("snapshot -c " + snapshots[len(snapshots)-1] + " x.qcow2")
		case 2:
			if len(snapshots) > 0 {
				b.img("snapshot -a " + snapshots[rng.IntN(len(snapshots))] + " x.qcow2")
			}
		case 3:
			if len(snapshots) > 0 {
				i := rng.IntN(len(snapshots))
				b.img("snapshot -d " + snapshots[i] + " x.qcow2")
				snapshots = slices.Delete(snapshots, i, i+1)
			}
		}
	}
	return snapshots
}

// So many zero clusters over a backing file that their refcounts need a longer reftable:
// it is found room for, and switched to before anything needs it.
func TestVersionGrowsTheReftable(t *testing.T) {
	b := newBench(t)
	b.img("create -q -f raw base.raw 32M")
	b.must("qemu-io", "-f", "raw", "-c", "write -P 0x99 0 32M", "base.raw")
	b.img("create -q -f qcow2 -o cluster_size=512 -b base.raw -F raw x.qcow2 32M")
	b.io("write -z 0 24M", "write -P 1 5M 64k")
	s := b.subject()
	was := s.open(t).Header.RefcountTableClusters
	b.same()
	now := subject{src: source.Bytes(b.read("ours.qcow2"))}.open(t).Header.RefcountTableClusters
	if now <= was {
		t.Errorf("the reftable has %d clusters, it had %d", now, was)
	}
}

// What nothing references and still has a refcount is never taken, in the file; past its
// end a stale refcount stands for nothing.
func TestVersionTakesOnlyFreeClusters(t *testing.T) {
	for _, version := range []string{"0.10", "1.1"} {
		b := newBench(t)
		b.img("create -q -f qcow2 -o cluster_size=512,compat=" + version + " x.qcow2 1M")
		b.io("write -P 1 0 4k", "discard 1k 2k")
		b.img("snapshot -c a x.qcow2")
		s := b.subject()
		leaked := b.leakAndShorten(s)
		c, blocked := leaked.version(t, 5-s.open(t).Header.Version)
		if blocked != nil {
			t.Fatal(blocked)
		}
		before, after := leaked.check(t), leaked.after(t, c.Plan).check(t)
		if after.Leaks != before.Leaks || after.Leaks == 0 || after.Corruptions > 0 {
			t.Errorf("%d leaks, there were %d; %d corruptions", after.Leaks, before.Leaks, after.Corruptions)
		}
	}
}

// leakAndShorten raises the refcounts of all free clusters of the image, and of some past
// its end. For version 2 the snapshot's extra data is cut, so that it must be added.
func (b bench) leakAndShorten(s subject) subject {
	b.t.Helper()
	img, r := s.open(b.t), s.check(b.t)
	p := patch.New(s.src.Size())
	for c := range r.Refcounts.Len() + 5 {
		if r.Refcounts.Counts(0, r.Refcounts.Len()); c >= r.Refcounts.Len() || r.Refcounts.Counts(c, c+1)[0] == 0 {
			p.Add(0, int64(img.Reftable[0].Refblock())+2*c, []byte{0, 1}, "leak")
		}
	}
	if img.Header.Version == 2 {
		at := r.Snapshots.Offsets[0]
		tail := append([]byte{0, 0, 0, 0}, fileOf(b.t, s)[at+40+24:][:8]...)
		p.Add(1, at+36, tail, "no extra data")
	}
	return s.after(b.t, p)
}

// Lazy refcounts on and off give QEMU's header.
func TestLazyRefcountsLikeQEMU(t *testing.T) {
	for _, on := range []bool{true, false} {
		b := newBench(t)
		b.img(map[bool]string{true: "create -q -f qcow2 x.qcow2 1M", false: "create -q -f qcow2 -o lazy_refcounts=on x.qcow2 1M"}[on])
		s := b.subject()
		c, err := amend.LazyRefcounts(t.Context(), s.open(t), on)
		if err != nil {
			t.Fatal(err)
		}
		now := s.after(t, c.Plan)
		b.write("ours.qcow2", fileOf(t, now))
		b.img("amend -o lazy_refcounts=" + map[bool]string{true: "on", false: "off"}[on] + " x.qcow2")
		if !bytes.Equal(b.read("ours.qcow2"), b.read("x.qcow2")) {
			t.Errorf("on=%v: QEMU's file is another one", on)
		}
		if again, err := amend.LazyRefcounts(t.Context(), now.open(t), on); err != nil || !again.Plan.Empty() {
			t.Errorf("on=%v, once more: %v %v", on, again, err)
		}
	}
}

// QEMU's own downgrade overwrites data of a snapshot with zeros: should a later one not do
// so, this test says that our reason to do otherwise is gone.
func TestQEMUZeroesSharedData(t *testing.T) {
	b := newBench(t)
	b.img("create -q -f qcow2 x.qcow2 1M")
	b.io("write -P 1 0 256k")
	b.img("snapshot -c a x.qcow2")
	b.io("write -z 64k 64k")
	b.both()
	if bytes.Equal(b.disks("theirs.qcow2", []string{"a"})["a"], b.disks("x.qcow2", []string{"a"})["a"]) {
		t.Error("QEMU keeps the snapshot's bytes")
	}
	if r := (subject{src: source.Bytes(b.read("theirs.qcow2"))}).check(t); r.Group(check.CopiedL2) == nil {
		t.Error("QEMU sets COPIED rightly")
	}
}
