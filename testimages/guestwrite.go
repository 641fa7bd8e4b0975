package testimages

import "fmt"

const allZero = uint64(0xffffffff) << 32 // bitmap: every subcluster reads as zeros

var guestKeys = map[string]kind{"guest": num, "len": num}

func keysWith(more map[string]kind) map[string]kind {
	out := map[string]kind{}
	for _, m := range []map[string]kind{guestKeys, more} {
		for key, k := range m {
			out[key] = k
		}
	}
	return out
}

var guestVerbs = map[string]verb{
	"write":    {keysWith(map[string]kind{"fill": num}), []string{"guest", "len", "fill"}, (*builder).runWrite, false},
	"compress": {keysWith(map[string]kind{"fill": num}), []string{"guest", "len", "fill"}, (*builder).runCompress, false},
	"zero":     {keysWith(map[string]kind{"prealloc": flag}), []string{"guest", "len"}, (*builder).runZero, false},
	"discard":  {guestKeys, []string{"guest", "len"}, (*builder).runDiscard, false},
	"prealloc": {guestKeys, []string{"guest", "len"}, (*builder).runPrealloc, false},
}

// guestRange reads guest= and len= and holds them to multiples of grain; the
// last piece of the disk may be shorter.
func (b *builder) guestRange(a args, grain int64) (g guestOff, n int64, err error) {
	off, err := a.num(b, "guest", 0)
	if err != nil {
		return 0, 0, err
	}
	if n, err = a.num(b, "len", 0); err != nil {
		return 0, 0, err
	}
	if n <= 0 || off > b.opt.size || n > b.opt.size-off {
		return 0, 0, fmt.Errorf("guest range %#x+%#x is not on the disk of %#x bytes", off, n, b.opt.size)
	}
	if off%grain != 0 || n%grain != 0 && off+n != b.opt.size {
		return 0, 0, fmt.Errorf("guest range %#x+%#x is not in units of %d bytes", off, n, grain)
	}
	return guestOff(off), n, nil
}

func (a args) fill(b *builder) (byte, error) {
	v, err := a.num(b, "fill", 0)
	if err == nil && v > 0xff {
		return 0, fmt.Errorf("fill must be one byte")
	}
	return byte(v), err
}

// eachGuestCluster calls do for the guest clusters of [g, g+n): start of the
// cluster, and the part lo to hi of it that the range touches.
func (b *builder) eachGuestCluster(g guestOff, n int64, do func(start guestOff, lo, hi int64) error) error {
	end := int64(g) + n
	for start := int64(g) / b.cs * b.cs; start < end; start += b.cs {
		lo, hi := max(int64(g)-start, 0), min(end-start, b.cs)
		if start+hi == b.opt.size {
			hi = b.cs // the image end counts as aligned
		}
		if err := do(guestOff(start), lo, hi); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) runWrite(a args) error {
	g, n, err := b.guestRange(a, sectorSize)
	if err != nil {
		return err
	}
	fill, err := a.fill(b)
	if err != nil {
		return err
	}
	b.guest.put(int64(g), n, fill)
	return b.eachGuestCluster(g, n, b.writeCluster)
}

// writeCluster stores the guest view of one guest cluster after a write to its
// part [lo, hi): in place when the host cluster is its own, else in a new one.
func (b *builder) writeCluster(g guestOff, lo, hi int64) error {
	at, err := b.entryOff(g)
	if err != nil {
		return err
	}
	old := b.word(at)
	entry := old &^ entryZero
	if !inPlace(old) {
		if entry, err = b.newHost(g); err != nil {
			return err
		}
		if err := b.release(old); err != nil {
			return err
		}
	}
	var bitmap uint64
	if b.opt.extendedL2 {
		touched := b.subclusters(lo, hi)
		bitmap = (b.word(at+8) | touched) &^ (touched << 32)
		if old&entryCompressed != 0 {
			bitmap = 0xffffffff
		}
		b.putWord(at+8, bitmap)
	}
	b.putWord(at, entry)
	return b.storeData(g, entry, bitmap)
}

func (b *builder) runZero(a args) error {
	if b.opt.version == 2 {
		return fmt.Errorf("version 2 has no zero clusters")
	}
	grain := b.cs
	if b.opt.extendedL2 {
		grain = b.cs / 32
	}
	g, n, err := b.guestRange(a, grain)
	if err != nil {
		return err
	}
	b.guest.put(int64(g), n, 0)
	if b.opt.dataFileRaw {
		clear(b.dataFile[g : int64(g)+n])
	}
	return b.eachGuestCluster(g, n, func(start guestOff, lo, hi int64) error {
		return b.zeroCluster(start, lo, hi, a.flags["prealloc"])
	})
}

// zeroCluster makes [lo, hi) of a guest cluster read as zeros. The host cluster
// stays when prealloc asks for one or when a part of it is still in use.
func (b *builder) zeroCluster(g guestOff, lo, hi int64, prealloc bool) error {
	at, err := b.entryOff(g)
	if err != nil {
		return err
	}
	old := b.word(at)
	whole := lo == 0 && hi == b.cs
	if old&entryCompressed != 0 && !whole {
		return fmt.Errorf("a part of a compressed cluster cannot be zeroed")
	}
	entry := old
	switch {
	case prealloc && !inPlace(old):
		if entry, err = b.newStaleHost(g); err != nil {
			return err
		}
		err = b.release(old)
	case !prealloc && whole:
		entry, err = 0, b.release(old)
	}
	if err != nil {
		return err
	}
	if !b.opt.extendedL2 {
		b.putWord(at, entry|entryZero)
		return nil
	}
	b.putWord(at, entry)
	bitmap := allZero
	if !whole {
		touched := b.subclusters(lo, hi)
		bitmap = b.word(at+8)&^touched | touched<<32
	}
	b.putWord(at+8, bitmap)
	if entry == old {
		return nil
	}
	// The other subclusters move to the new host cluster with their data.
	return b.storeData(g, entry, bitmap)
}

// newStaleHost allocates a host cluster whose bytes must not be read: 0xa5.
func (b *builder) newStaleHost(g guestOff) (uint64, error) {
	entry, err := b.newHost(g)
	if err != nil || b.dataFile != nil {
		return entry, err
	}
	stale := b.file[entry&entryOffset:][:b.cs]
	for i := range stale {
		stale[i] = 0xa5
	}
	return entry, nil
}

func (b *builder) runDiscard(a args) error {
	if b.opt.backing != "" {
		return fmt.Errorf("discard would show the backing file: use zero")
	}
	g, n, err := b.guestRange(a, b.cs)
	if err != nil {
		return err
	}
	b.guest.remove(int64(g), n)
	return b.eachGuestCluster(g, n, func(start guestOff, _, _ int64) error { return b.unmap(start) })
}

// unmap leaves a guest cluster unallocated.
func (b *builder) unmap(g guestOff) error {
	at, err := b.entryOff(g)
	if err != nil {
		return err
	}
	old := b.word(at)
	b.putWord(at, 0)
	if b.opt.extendedL2 {
		b.putWord(at+8, 0)
	}
	return b.release(old)
}

func (b *builder) runPrealloc(a args) error {
	if !b.opt.extendedL2 {
		return fmt.Errorf("prealloc needs extended_l2 (zero ... prealloc works without)")
	}
	g, n, err := b.guestRange(a, b.cs)
	if err != nil {
		return err
	}
	return b.eachGuestCluster(g, n, func(start guestOff, _, _ int64) error {
		at, err := b.entryOff(start)
		if err != nil {
			return err
		}
		if b.word(at) != 0 {
			return fmt.Errorf("guest cluster at %#x already has a host cluster", start)
		}
		entry, err := b.newStaleHost(start)
		b.putWord(at, entry)
		return err
	})
}
