package testimages

import "fmt"

// entriesPerRefblock is how many host clusters one refblock counts.
func (b *builder) entriesPerRefblock() int64 { return b.cs * 8 / int64(b.opt.refcountBits) }

// refcountSlot is the place of a host cluster's refcount; an error when no
// refblock covers it.
func (b *builder) refcountSlot(c hostCluster) (slot, error) {
	e := b.entriesPerRefblock()
	block, ok := b.refblocks[int64(c)/e]
	if c < 0 || !ok {
		return slot{}, fmt.Errorf("no refblock covers host cluster %d", c)
	}
	bits := b.opt.refcountBits
	at := int64(c) % e * int64(bits)
	return slot{block + hostOff(at/8), bits, int(at % 8)}, nil
}

// addRef changes a refcount by delta.
func (b *builder) addRef(c hostCluster, delta int64) error {
	s, err := b.refcountSlot(c)
	if err != nil {
		return err
	}
	v, err := b.get(s)
	if err != nil {
		return err
	}
	if delta < 0 && v == 0 {
		return fmt.Errorf("refcount of host cluster %d would drop below 0", c)
	}
	if err := b.put(s, v+uint64(delta)); err != nil {
		return fmt.Errorf("refcount of host cluster %d: %w", c, err)
	}
	return nil
}

// canShare tells whether a host cluster's refcount may still grow.
func (b *builder) canShare(c hostCluster) bool {
	s, err := b.refcountSlot(c)
	if err != nil {
		return false
	}
	v, err := b.get(s)
	return err == nil && (s.bits == 64 || v < 1<<s.bits-1)
}

// alloc takes n consecutive host clusters with refcount 1.
func (b *builder) alloc(n int64) (hostCluster, error) {
	// A refblock made on the way lands before the clusters and moves them on, so
	// regions are looked at again until all are covered.
	e := b.entriesPerRefblock()
	for k := int64(b.next) / e; k <= (int64(b.next)+n-1)/e; k++ {
		if err := b.ensureRefblock(k); err != nil {
			return 0, err
		}
	}
	c, err := b.take(n)
	if err != nil {
		return 0, err
	}
	for i := range n {
		if err := b.addRef(c+hostCluster(i), 1); err != nil {
			return 0, err
		}
	}
	return c, nil
}

// ensureRefblock makes the refblock of reftable entry k. The first one of a
// region that lies in that region counts itself.
func (b *builder) ensureRefblock(k int64) error {
	if _, ok := b.refblocks[k]; ok {
		return nil
	}
	if k >= b.opt.reftableClusters*b.cs/8 {
		return fmt.Errorf("the reftable is full: give reftable_clusters=")
	}
	if home := int64(b.next) / b.entriesPerRefblock(); home != k {
		if err := b.ensureRefblock(home); err != nil {
			return err
		}
	}
	c, err := b.take(1)
	if err != nil {
		return err
	}
	b.refblocks[k] = b.host(c)
	b.putWord(b.reftable+hostOff(8*k), uint64(b.host(c)))
	return b.addRef(c, 1)
}

// layFoundations places header, reftable, first refblocks and the L1 table, in
// the order in which qemu-img create does.
func (b *builder) layFoundations() error {
	base, err := b.take(1 + b.opt.reftableClusters)
	if err != nil {
		return err
	}
	b.reftable = b.host(base + 1)
	for c := base; c <= base+hostCluster(b.opt.reftableClusters); c++ {
		if err := b.ensureRefblock(int64(c) / b.entriesPerRefblock()); err != nil {
			return err
		}
		if err := b.addRef(c, 1); err != nil {
			return err
		}
	}
	c, err := b.alloc(b.clustersFor(b.l1Size * 8))
	b.l1 = b.host(c)
	return err
}
