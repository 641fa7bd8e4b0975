//go:build !js

package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// imageFile is the name of every base's image, in a folder of its own.
const imageFile = "image.qcow2"

// command is one program call of a base's recipe.
type command struct {
	args []string
	// mayFail tells that QEMU may refuse: a narrow refcount cannot count one more reference,
	// or long runs of compressed writes go wrong in QEMU itself. The image is then as if the
	// command had not been given.
	mayFail bool
	// dies tells that the program ends itself without closing the image.
	dies bool
}

func (c command) String() string {
	quoted := make([]string, len(c.args))
	for i, a := range c.args {
		if quoted[i] = a; strings.ContainsAny(a, " ") {
			quoted[i] = "'" + a + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// recipe strings together the commands that make a base.
type recipe struct {
	s        shape
	noise    *rand.Rand
	commands []command
	pending  []string // qemu-io commands not yet in a command
	snaps    []string
	bitmaps  []string
	drawn    int
}

// newRecipe draws the commands for a shape.
func newRecipe(s shape, noise *rand.Rand) []command {
	r := &recipe{s: s, noise: noise}
	r.create()
	switch s.feature {
	case bitmaps, inUse, mixed:
		if s.version == 3 {
			r.addBitmap()
			r.addBitmap()
		}
	}
	for range 3 + noise.IntN(4) {
		r.round()
	}
	r.flush(false)
	if s.feature == inUse {
		r.write("write", r.place(4))
		r.pending = append(r.pending, "flush", "abort")
		r.flush(true)
	}
	return r.commands
}

func (r *recipe) run(args ...string) *command {
	r.commands = append(r.commands, command{args: args})
	return &r.commands[len(r.commands)-1]
}

// open gives the arguments by which qemu-img or qemu-io open the image.
func (r *recipe) open() []string {
	if !r.s.feature.encrypted() {
		return []string{imageFile}
	}
	return []string{"--object", "secret,id=key,data=" + secret, "--image-opts",
		fmt.Sprintf("driver=qcow2,encrypt.format=%s,encrypt.key-secret=key,file.driver=file,file.filename=%s", r.s.feature, imageFile)}
}

func (r *recipe) create() {
	size := fmt.Sprint(r.s.size)
	args := []string{"qemu-img", "create", "-q"}
	switch r.s.feature {
	case converted:
		r.run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", r.s.createOptions(), "source.raw", imageFile)
		return
	case backingQcow2:
		r.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", "base.qcow2", fmt.Sprint(r.s.size/2&^511))
		r.run("qemu-io", "-f", "qcow2", "-c", "write -P 0xb5 0 3000", "base.qcow2")
		args = append(args, "-b", "base.qcow2", "-F", "qcow2")
	case backingRaw:
		args = append(args, "-b", "base.raw", "-F", "raw")
	case luks, aes:
		args = append(args, "--object", "secret,id=key,data="+secret)
	}
	r.run(append(args, "-f", "qcow2", "-o", r.s.createOptions(), imageFile, size)...)
}

// flush makes one qemu-io call of the pending commands.
func (r *recipe) flush(dies bool) {
	if len(r.pending) == 0 {
		return
	}
	args := []string{"qemu-io"}
	for _, p := range r.pending {
		args = append(args, "-c", p)
	}
	r.pending = nil
	c := r.run(append(args, r.open()...)...)
	c.dies, c.mayFail = dies, !dies
}

// round is a few guest actions, then something about the image as a whole.
func (r *recipe) round() {
	if r.s.feature == empty {
		return
	}
	for range 1 + r.noise.IntN(4) {
		r.guestAction()
	}
	f := r.s.feature
	if f == snapshots || f == mixed || f == vmState || f == long || r.noise.IntN(5) == 0 && !f.external() {
		r.snapshot()
	}
	if len(r.bitmaps) > 0 && r.noise.IntN(2) == 0 {
		r.bitmapAction()
	}
}

// span is a run of bytes on the virtual disk.
type span struct{ off, n int64 }

func (s span) String() string { return fmt.Sprintf("%d %d", s.off, s.n) }

// place draws up to most clusters, in whole clusters or in sectors.
func (r *recipe) place(most int64) span {
	cs := int64(1) << r.s.clusterBits
	disk := r.s.size / 512 * 512
	grain := cs
	if r.noise.IntN(4) == 0 || disk < cs {
		grain = 512
	}
	off := r.noise.Int64N(max(1, disk/grain)) * grain
	return span{off, max(512, min((1+r.noise.Int64N(most))*grain, (disk-off)/grain*grain))}
}

// write adds a write of a byte that the image has not seen before, cluster by cluster.
func (r *recipe) write(verb string, s span) {
	cs := int64(1) << r.s.clusterBits
	for s.n > 0 {
		n := min(s.n, max(cs, s.n/8/cs*cs))
		r.drawn++
		r.pending = append(r.pending, fmt.Sprintf("%s -q -P %d %d %d", verb, 1+r.drawn%255, s.off, n))
		s.off, s.n = s.off+n, s.n-n
	}
}

func (r *recipe) guestAction() {
	cs := int64(1) << r.s.clusterBits
	most := max(2, min(24, 256<<10/cs))
	if r.s.feature == long {
		most = 2400
	}
	s := r.place(most)
	switch n := r.noise.IntN(10); {
	case n < 5 || r.s.version == 2 && n < 8:
		r.write("write", s)
	case n == 5 && r.s.version == 3:
		r.pending = append(r.pending, "write -q -z "+s.String())
	case n == 6:
		r.pending = append(r.pending, "write -q -z -u "+s.String())
	case n == 7:
		r.pending = append(r.pending, "discard -q "+s.String())
	case n == 8 && r.s.feature == vmState:
		r.pending = append(r.pending, fmt.Sprintf("write -q -b -P 0x77 %d %d", r.noise.Int64N(8)*cs, cs))
	case r.compresses():
		// Compression needs whole clusters that were not written before.
		s.off, s.n = s.off/cs*cs, min(max(1, s.n/cs)*cs, (r.s.size-s.off/cs*cs)/cs*cs)
		if s.n > 0 {
			r.pending = append(r.pending, "discard -q "+s.String())
			r.write("write -c", s)
		}
	default:
		r.write("write", s)
	}
}

func (r *recipe) snapshot() {
	r.flush(false)
	args := append([]string{"qemu-img", "snapshot"}, r.snapshotVerb()...)
	r.run(append(args, r.open()...)...).mayFail = true
}

// snapshotVerb takes a snapshot, or deletes one so that the table gets shorter.
func (r *recipe) snapshotVerb() []string {
	if len(r.snaps) > 2 || len(r.snaps) > 0 && r.noise.IntN(5) == 0 {
		i := r.noise.IntN(len(r.snaps))
		name := r.snaps[i]
		r.snaps = append(r.snaps[:i:i], r.snaps[i+1:]...)
		return []string{"-d", name}
	}
	name := fmt.Sprintf("s%d", len(r.commands))
	r.snaps = append(r.snaps, name)
	return []string{"-c", name}
}

func (r *recipe) addBitmap() {
	name := fmt.Sprintf("b%d", len(r.bitmaps))
	r.bitmaps = append(r.bitmaps, name)
	r.run("qemu-img", "bitmap", "--add", "-g", fmt.Sprint(512<<r.noise.IntN(8)), imageFile, name)
}

func (r *recipe) bitmapAction() {
	r.flush(false)
	name := r.bitmaps[r.noise.IntN(len(r.bitmaps))]
	switch r.noise.IntN(4) {
	case 0:
		r.run("qemu-img", "bitmap", "--disable", imageFile, name)
	case 1:
		r.run("qemu-img", "bitmap", "--clear", imageFile, name)
	case 2:
		r.run("qemu-img", "bitmap", "--merge", r.bitmaps[0], imageFile, name)
	default:
		if len(r.bitmaps) < 4 {
			r.addBitmap()
		}
	}
}

// compresses tells whether QEMU compresses here: only into clusters that it can discard
// first, which version 2 cannot over a backing file.
func (r *recipe) compresses() bool {
	f := r.s.feature
	over := f == backingQcow2 || f == backingRaw
	return !f.external() && !f.encrypted() && !(over && r.s.version == 2)
}
