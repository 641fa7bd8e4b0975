package testimages

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// deflateWindow is the history that QEMU's reader of compressed clusters keeps.
const deflateWindow = 4096

// Encoders are kept: each has a megabyte of tables, and a cluster may have only a few bytes.
var (
	deflaters   sync.Pool // of *flate.Writer
	zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	})
)

func (b *builder) runCompress(a args) error {
	if b.dataFile != nil {
		return fmt.Errorf("a data file cannot hold compressed clusters")
	}
	if b.cipher != nil {
		return fmt.Errorf("QEMU does not compress what it encrypts")
	}
	g, n, err := b.guestRange(a, b.cs)
	if err != nil {
		return err
	}
	fill, err := a.fill(b)
	if err != nil {
		return err
	}
	b.guest.put(int64(g), n, fill)
	return b.eachGuestCluster(g, n, func(start guestOff, _, _ int64) error { return b.compressCluster(start) })
}

func (b *builder) compressCluster(g guestOff) error {
	at, err := b.entryOff(g)
	if err != nil {
		return err
	}
	data := make([]byte, b.cs)
	b.guest.read(data, int64(g))
	stream, err := b.compress(data)
	if err != nil {
		return err
	}
	if int64(len(stream)) >= b.cs {
		return fmt.Errorf("the cluster at %#x does not get smaller", g)
	}
	if err := b.release(b.word(at)); err != nil {
		return err
	}
	b.putWord(at, 0)
	off, err := b.packStream(stream)
	if err != nil {
		return err
	}
	last := off + hostOff(len(stream)) - 1
	sectors := uint64(last/sectorSize - off/sectorSize)
	x := 62 - (b.opt.clusterBits - 8)
	b.putWord(at, entryCompressed|sectors<<x|uint64(off))
	if b.opt.extendedL2 {
		b.putWord(at+8, 0)
	}
	return nil
}

func (b *builder) compress(data []byte) ([]byte, error) {
	if b.opt.zstd {
		e, err := zstdEncoder()
		if err != nil {
			return nil, err
		}
		return e.EncodeAll(data, nil), nil
	}
	var out bytes.Buffer
	w, ok := deflaters.Get().(*flate.Writer)
	if !ok {
		var err error
		if w, err = flate.NewWriterWindow(&out, deflateWindow); err != nil {
			return nil, err
		}
	}
	defer deflaters.Put(w)
	w.Reset(&out)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// packStream places a compressed stream: behind the previous one while it fits
// in the same host cluster, else in a new one. Each stream counts one reference
// on every cluster that it touches.
func (b *builder) packStream(stream []byte) (hostOff, error) {
	home := b.clusterOf(b.pack)
	fits := b.pack != 0 && b.clusterOf(b.pack+hostOff(len(stream))-1) == home && b.canShare(home)
	if fits {
		if err := b.addRef(home, 1); err != nil {
			return 0, err
		}
	} else {
		c, err := b.alloc(1)
		if err != nil {
			return 0, err
		}
		b.straddle(c)
		if b.pack == 0 {
			b.pack = b.host(c)
		} else if err := b.addRef(home, 1); err != nil {
			return 0, err
		}
	}
	off := b.pack
	copy(b.file[off:], stream)
	b.pack += hostOff(len(stream))
	if int64(b.pack)%b.cs == 0 {
		b.pack = 0
	}
	return off, nil
}

// straddle decides whether the next stream may run from the current cluster into
// the new cluster c: they must be neighbours, and the first must take one more
// reference.
func (b *builder) straddle(c hostCluster) {
	home := b.clusterOf(b.pack)
	if b.pack != 0 && (c != home+1 || !b.canShare(home)) {
		b.pack = 0
	}
}
