package repair_test

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"

	"qcowscope/testimages"
)

var be = binary.BigEndian

// view reads an image the plain way, byte by byte from the specification, so that what the
// guest sees can be told without the code under test.
type view struct {
	file, data, backing []byte
	bits                uint
	version             uint32
	ext, external, zstd bool
	size                int64
}

// newView is false when the header has no geometry.
func newView(b *testimages.Built, file []byte) (v view, ok bool) {
	v = view{file: file, data: b.Side[b.DataFile]}
	if v.word(0)>>32 != 0x514649fb {
		return v, false
	}
	v.version, v.bits, v.size = uint32(v.word(0)), uint(v.word(16)&0xffffffff), int64(v.word(24)&^511)
	if v.version != 2 && v.version != 3 || v.bits < 9 || v.bits > 21 {
		return v, false
	}
	if v.version == 3 {
		incompatible := v.word(72)
		v.ext, v.external = incompatible&16 != 0, incompatible&4 != 0
		v.zstd = incompatible&8 != 0
	}
	if v.word(8) != 0 {
		v.backing = b.Side["base.raw"]
	}
	return v, true
}

// word is the 8 bytes at off; past the end there are zeros.
func (v *view) word(off int64) uint64 {
	var b [8]byte
	if off >= 0 && off < int64(len(v.file)) {
		copy(b[:], v.file[off:])
	}
	return be.Uint64(b[:])
}

func (v *view) cluster() int64 { return 1 << v.bits }

// place is a cluster of a disk: of the active layer or of a snapshot.
type place struct {
	root  string // id of the snapshot, "" for the active layer
	guest int64  // guest cluster
}

// cell is how a place is mapped.
type cell struct {
	kind   string // "normal", "zero", "compressed", "subclusters", or "error": cannot be read
	host   int64
	len    int64
	bitmap uint64
}

// cells are all places that some root maps; those that are not there are unallocated.
func (v *view) cells() map[place]cell {
	all := map[place]cell{}
	v.root(all, "", int64(v.word(40)), int64(v.word(32)&0xffffffff))
	off := int64(v.word(64))
	for n := 1; n <= int(v.word(60)>>32) && n < 100; n++ {
		id, name, extra := int64(v.word(off+8)>>16&0xffff), int64(v.word(off+8)&0xffff), int64(v.word(off+32)&0xffffffff)
		end := off + 40 + extra + id + name
		if off < 0 || extra > 1024 || id == 0 || end > int64(len(v.file)) {
			break
		}
		v.root(all, string(v.file[off+40+extra:][:id]), int64(v.word(off)), int64(v.word(off+8)>>32))
		off = (end + 7) &^ 7
	}
	return all
}

func (v *view) root(all map[place]cell, id string, off, entries int64) {
	if off < 0 || off&(v.cluster()-1) != 0 {
		return
	}
	per := v.cluster() / v.entrySize()
	for i := range min(entries, max(0, int64(len(v.file))-off+7)/8) {
		e := v.word(off + 8*i)
		table := int64(e & 0x00fffffffffffe00)
		if table == 0 || table >= int64(len(v.file)) || table&(v.cluster()-1) != 0 {
			continue // no table, or one that reads as zeros, or an error for the whole range
		}
		for j := range per {
			p := place{id, i*per + j}
			at := table + j*v.entrySize()
			bitmap := uint64(0)
			if v.ext {
				bitmap = v.word(at + 8)
			}
			if c := v.cell(p, v.word(at), bitmap); c.kind != "" {
				all[p] = c
			}
		}
	}
}

func (v *view) entrySize() int64 {
	if v.ext {
		return 16
	}
	return 8
}

// cell is the state of one entry; no kind means unallocated.
func (v *view) cell(p place, e, bitmap uint64) cell {
	host, zero := int64(e&0x00fffffffffffe00), e&1 == 1 && !v.ext
	c := cell{kind: "normal", host: host, len: v.cluster(), bitmap: bitmap}
	switch {
	case e>>62&1 == 1 && v.external:
		c.kind = "error"
	case e>>62&1 == 1:
		x := 62 - (v.bits - 8)
		start := int64(e & (1<<x - 1))
		end := start&^511 + int64(e>>x&(1<<(v.bits-8)-1)+1)*512
		return cell{kind: "compressed", host: start, len: end - start}
	case zero && v.version == 2:
		return cell{kind: "error"}
	case zero:
		return cell{kind: "zero"}
	case v.ext:
		return v.subclusters(p, e, c)
	case host == 0 && !(v.external && e>>63 == 1):
		return cell{}
	case host&(v.cluster()-1) != 0, v.external && host != p.guest<<v.bits:
		c.kind = "error"
	}
	return c
}

func (v *view) subclusters(p place, e uint64, c cell) cell {
	alloc, zero := uint32(c.bitmap), uint32(c.bitmap>>32)
	there := c.host != 0 || v.external && e>>63 == 1
	switch {
	case alloc&zero != 0, alloc != 0 && !there, alloc != 0 && c.host&(v.cluster()-1) != 0:
		c.kind = "error"
	case c.bitmap == 0:
		return cell{}
	case alloc == 0:
		return cell{kind: "subclusters", bitmap: c.bitmap}
	case v.external && c.host != p.guest<<v.bits:
		c.kind = "error"
	default:
		c.kind = "subclusters"
	}
	return c
}

// read is what the guest reads at the place; ok is false when it gets an error.
func (v *view) read(p place, c cell) (b []byte, ok bool) {
	b = make([]byte, v.cluster())
	from := v.file
	if v.external {
		from = v.data
	}
	host := make([]byte, c.len)
	if c.host < int64(len(from)) {
		copy(host, from[c.host:])
	}
	switch c.kind {
	case "error":
		return nil, false
	case "zero":
	case "normal":
		copy(b, host)
	case "compressed":
		return b, v.inflate(host, b) == nil
	case "subclusters", "":
		sub := v.cluster() / 32
		for i := range int64(32) {
			switch part := b[i*sub : (i+1)*sub]; {
			case c.bitmap>>i&1 == 1:
				copy(part, host[i*sub:])
			case c.bitmap>>(32+i)&1 == 0 && p.root == "":
				if off := p.guest<<v.bits + i*sub; off < int64(len(v.backing)) {
					copy(part, v.backing[off:])
				}
			}
		}
	}
	return b, true
}

func (v *view) inflate(stream, into []byte) error {
	if !v.zstd {
		_, err := io.ReadFull(flate.NewReader(bytes.NewReader(stream)), into)
		return err
	}
	d, err := zstd.NewReader(bytes.NewReader(stream), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer d.Close()
	_, err = io.ReadFull(d, into)
	return err
}

// stored is the refcount on disk of a host cluster.
func (v *view) stored(c int64) uint64 {
	order := uint(4)
	if v.version == 3 {
		order = uint(v.word(96) >> 32)
	}
	per := v.cluster() * 8 >> order
	if k := c / per; order > 6 || k >= int64(v.word(56)>>32)*v.cluster()/8 {
		return 0
	}
	block := int64(v.word(int64(v.word(48))+8*(c/per)) &^ 511)
	if block <= 0 || block&(v.cluster()-1) != 0 {
		return 0
	}
	bit := c % per << order
	word := v.word(block + bit/64*8)
	if order >= 3 {
		return word >> (64 - 1<<order - bit%64) & (^uint64(0) >> (64 - 1<<order))
	}
	return word >> (56 - bit%64/8*8) & 0xff >> (bit % 8) & (1<<(1<<order) - 1)
}

// guests judges what a guest reads against what it read before the damage.
type guests struct {
	built *testimages.Built
	model map[string]*testimages.Guest // by root; nil when the bytes on disk are encrypted
}

func guestsOf(b *testimages.Built) guests {
	g := guests{built: b}
	if b.Encryption == "" && (len(b.Side) == 0 || b.Side["base.raw"] != nil || b.DataFile != "") {
		g.model = map[string]*testimages.Guest{"": b.Guest}
		for _, s := range b.Snapshots {
			g.model[s.ID] = s.Guest
		}
	}
	return g
}

// good tells whether the place reads as it did before the damage. What that was is not
// known for encrypted images and beyond the disk's end: there everything readable is good.
func (g guests) good(v *view, p place, c cell) bool {
	got, ok := v.read(p, c)
	if !ok {
		return false
	}
	off := p.guest << v.bits
	model := g.model[p.root]
	if model == nil || off >= model.Size {
		return true
	}
	want := make([]byte, min(v.cluster(), model.Size-off))
	if _, err := model.ReadAt(want, off); err != nil && err != io.EOF {
		return false
	}
	return bytes.Equal(got[:len(want)], want)
}

// The view reads every healthy recipe as the guest model says, so that it can judge.
func TestViewReadsHealthyImages(t *testing.T) {
	read := 0
	for _, name := range testimages.Names() {
		b := testimages.Make(t, name)
		golden, err := testimages.GoldenFor(name)
		if err != nil {
			t.Fatal(err)
		}
		g := guestsOf(b)
		if golden.Check.Exit != 0 || golden.Check.Guest != testimages.Intact || g.model == nil {
			continue
		}
		v, ok := newView(b, b.Image)
		if !ok {
			t.Fatalf("%s has no geometry", name)
		}
		read++
		cells := v.cells()
		for guest := range min(5000, (v.size+v.cluster()-1)>>v.bits) {
			if p := (place{"", guest}); !g.good(&v, p, cells[p]) {
				t.Errorf("%s: guest cluster %d is not read right: %+v", name, guest, cells[p])
			}
		}
		for p, c := range cells {
			if !g.good(&v, p, c) {
				t.Errorf("%s: %+v is not read right: %+v", name, p, c)
			}
		}
		for i := range int64(len(b.Image)) >> v.bits {
			if golden.Check.Counts.Leaks == 0 && fmt.Sprint(v.stored(i)) == "0" && i < 3 {
				t.Errorf("%s: refcount of cluster %d is read as 0", name, i)
			}
		}
	}
	if read < 50 {
		t.Errorf("only %d healthy recipes read", read)
	}
}
