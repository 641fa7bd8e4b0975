package testimages

import "fmt"

// l2Entries is the number of entries in one L2 table.
func (b *builder) l2Entries() int64 { return b.cs / b.opt.l2EntrySize() }

// entryOff is the place of the active L2 entry of a guest cluster. The table is
// made, or copied when a snapshot shares it, so that the entry may be written.
func (b *builder) entryOff(g guestOff) (hostOff, error) {
	index := int64(g) / b.cs
	i, j := index/b.l2Entries(), index%b.l2Entries()
	if i >= b.l1Size {
		return 0, fmt.Errorf("guest offset %#x is beyond the L1 table", g)
	}
	at := b.l1 + hostOff(8*i)
	old := b.word(at)
	if old&entryCopied == 0 {
		c, err := b.alloc(1)
		if err != nil {
			return 0, err
		}
		if old != 0 {
			copy(b.file[b.host(c):], b.file[old&entryOffset:][:b.cs])
			if err := b.addRef(b.clusterOf(hostOff(old&entryOffset)), -1); err != nil {
				return 0, err
			}
		}
		b.l2Tables[i] = b.host(c)
		b.putWord(at, uint64(b.host(c))|entryCopied)
	}
	return b.l2Tables[i] + hostOff(j*b.opt.l2EntrySize()), nil
}

// compressedSpan is the byte range of the 512-byte sectors that a compressed
// entry claims: from its first byte to the end of its last sector.
func (b *builder) compressedSpan(entry uint64) (off hostOff, n int64) {
	x := 62 - (b.opt.clusterBits - 8)
	off = hostOff(entry & (1<<x - 1))
	sectors := int64(entry>>x&(1<<(b.opt.clusterBits-8)-1)) + 1
	return off, sectors*sectorSize - int64(off)%sectorSize
}

// eachCluster calls do for every host cluster that an L2 entry refers to.
func (b *builder) eachCluster(entry uint64, do func(hostCluster) error) error {
	if entry&entryCompressed != 0 {
		off, n := b.compressedSpan(entry)
		for c := b.clusterOf(off); c <= b.clusterOf(off+hostOff(n)-1); c++ {
			if err := do(c); err != nil {
				return err
			}
		}
		return nil
	}
	if entry&entryOffset == 0 || b.dataFile != nil {
		return nil
	}
	return do(b.clusterOf(hostOff(entry & entryOffset)))
}

// release takes one reference away from what an L2 entry refers to.
func (b *builder) release(entry uint64) error {
	return b.eachCluster(entry, func(c hostCluster) error {
		// A cluster that becomes free must not receive another compressed stream.
		b.pack = 0
		return b.addRef(c, -1)
	})
}

// inPlace tells whether the host cluster of an entry belongs to this entry alone.
func inPlace(entry uint64) bool {
	return entry&entryCompressed == 0 && entry&entryCopied != 0
}

// newHost gives the guest cluster at g a host cluster of its own and returns the
// entry that points there. In a data file its place is given.
func (b *builder) newHost(g guestOff) (uint64, error) {
	if b.dataFile != nil {
		return uint64(g) | entryCopied, nil
	}
	c, err := b.alloc(1)
	return uint64(b.host(c)) | entryCopied, err
}

// subclusters is the bitmap of the subclusters that [lo, hi) of a cluster touches.
func (b *builder) subclusters(lo, hi int64) uint64 {
	sc := b.cs / 32
	var out uint64
	for i := lo / sc; i < (hi+sc-1)/sc; i++ {
		out |= 1 << i
	}
	return out
}

// storeData writes the guest view of the subclusters in alloc (of the whole
// cluster without extended L2) to the host cluster of an entry.
func (b *builder) storeData(g guestOff, entry, alloc uint64) error {
	data := make([]byte, b.cs)
	b.guest.read(data, int64(g))
	off := hostOff(entry & entryOffset)
	if b.dataFile != nil {
		return b.storeSubclusters(b.dataFile, off, data, alloc)
	}
	if b.cipher != nil {
		b.cipher.encrypt(data, g, off)
	}
	return b.storeSubclusters(b.file, off, data, alloc)
}

func (b *builder) storeSubclusters(file []byte, off hostOff, data []byte, alloc uint64) error {
	if !b.opt.extendedL2 {
		copy(file[off:], data)
		return nil
	}
	sc := b.cs / 32
	for i := range int64(32) {
		if at := int64(off) + i*sc; alloc>>i&1 != 0 && at < int64(len(file)) {
			copy(file[at:], data[i*sc:(i+1)*sc])
		}
	}
	return nil
}
