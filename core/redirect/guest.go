package redirect

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// fingerprint stands for all bytes that a guest reads, through the active layer and through
// each snapshot. Prints of one process can be compared.
type fingerprint []layerPrint

type layerPrint struct {
	name string // of the snapshot; of the files that the active layer stands on
	size uint64 // of the disk
	sum  uint64
}

var printSeed = maphash.MakeSeed()

// equal tells whether the guest reads the same.
func (f fingerprint) equal(other fingerprint) bool {
	if len(f) != len(other) {
		return false
	}
	for i := range f {
		if f[i] != other[i] {
			return false
		}
	}
	return true
}

// printer reads what a guest reads. Of an image with more than limit bytes of data it takes
// a sample, the same clusters each time.
type printer struct {
	ctx    context.Context
	img    *image.Image
	limit  int64
	one    uint64 // of how many clusters one is read
	reader *image.GuestReader
	buf    []byte
	sum    uint64
}

// printGuest is the fingerprint of an image. What cannot be read counts as such.
func printGuest(ctx context.Context, img *image.Image, snaps *image.SnapshotTable, limit int64) (fingerprint, error) {
	plain := *img
	plain.Header.CryptMethod = qcow2.CryptNone // compare what is encrypted as it stands there
	p := printer{ctx: ctx, img: &plain, limit: limit, buf: make([]byte, img.Geo.ClusterSize()), one: 1}
	if size := uint64(img.Src.Size()); limit > 0 && size > uint64(limit) {
		p.one = size / uint64(limit)
	}
	sum, err := p.layer(img.L1)
	if err != nil {
		return nil, err
	}
	// The files that it stands on belong to what is read.
	all := fingerprint{{name: img.BackingFile + "\x00" + img.BackingFormat + "\x00" + img.DataFile, size: img.VirtualSize(), sum: sum}}
	for i := range snaps.Snapshots {
		s := &snaps.Snapshots[i]
		print := layerPrint{name: string(s.ID) + " " + string(s.Name)}
		print.size, _ = s.DiskSize()
		if l1, err := img.SnapshotL1(s); err == nil {
			if print.sum, err = p.layer(l1); err != nil {
				return nil, err
			}
		}
		all = append(all, print)
	}
	return all, nil
}

// layer reads through one L1 table. The order of the clusters does not matter to the sum.
func (p *printer) layer(l1 image.L1Table) (uint64, error) {
	g := p.img.Geo
	outside := image.Outside{Data: stand{'d'}}
	if p.img.Header.BackingFileOffset != 0 {
		outside.Backing = stand{'b'}
	}
	p.sum = 0
	p.reader = image.NewGuestReader(p.ctx, p.img, l1, math.MaxInt64, outside)
	entries := make([]byte, 64<<10)
	inFile := min(l1.Entries, max(0, p.img.Src.Size()-int64(l1.Off)+7)/8)
	for first := int64(0); first < inFile; first += int64(len(entries) / 8) {
		b := entries[:min(int64(len(entries)), 8*(inFile-first))]
		if err := source.ReadFull(p.img.Src, b, int64(l1.Off)+8*first); err != nil {
			return 0, err
		}
		for i := int64(0); i < int64(len(b)/8); i++ {
			e := qcow2.L1Entry(binary.BigEndian.Uint64(b[8*i:]))
			if e.L2Table() == 0 || first+i > math.MaxInt64/g.L2Span()-1 {
				continue
			}
			if err := p.table(e.L2Table(), first+i); err != nil {
				return 0, err
			}
		}
	}
	return p.sum, nil
}

// table reads what an L2 table maps.
func (p *printer) table(off qcow2.HostOff, l1 int64) error {
	g := p.img.Geo
	if !g.Aligned(off) {
		return p.cluster(g.GuestOffset(l1, 0)) // no guest can read through it
	}
	table := make(qcow2.L2Table, g.ClusterSize())
	if err := source.ReadFull(p.img.Src, table, int64(off)); err != nil {
		return err
	}
	for j := range g.L2Entries() {
		e := table.At(g, j)
		if e.Entry == 0 && e.Bitmap == 0 || p.one > 1 && mixed(uint64(g.GuestOffset(l1, j)))%p.one != 0 {
			continue
		}
		if err := p.cluster(g.GuestOffset(l1, j)); err != nil {
			return err
		}
	}
	return nil
}

// cluster adds a guest cluster, unless it reads as if nothing mapped it.
func (p *printer) cluster(at qcow2.GuestOff) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	_, err := p.reader.ReadAt(p.buf, int64(at))
	var bad *image.UnreadableError
	switch {
	case errors.As(err, &bad):
		p.sum += mixed(uint64(at) ^ maphash.String(printSeed, bad.Err.Error()))
		return nil
	case err != nil:
		return err
	}
	if p.img.Header.BackingFileOffset == 0 && zero(p.buf) {
		return nil
	}
	p.sum += mixed(uint64(at) ^ maphash.Bytes(printSeed, p.buf))
	return nil
}

func zero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
	}
	return true
}

// mixed spreads the bits of x.
func mixed(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// stand stands in for a file beside the image: its bytes tell where they are.
type stand struct{ of byte }

func (s stand) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = s.of ^ byte((off+int64(i))>>9) | 1
	}
	return len(p), nil
}
