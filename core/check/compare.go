package check

import (
	"encoding/binary"

	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// tablesAhead is for refblocks and L2 tables.
var tablesAhead = source.Ahead{Batches: 2, Bytes: 2 << 20, Most: 256}

// compare holds the stored refcounts against the counted ones, refblock by refblock.
func (c *checker) compare() error {
	t, g := c.report.Refcounts, c.img.Geo
	perBlock := g.RefblockEntries()
	blocks := (t.Len() + perBlock - 1) / perBlock
	stored := source.NewInTurn(c.ctx, c.img.Src, tablesAhead, c.compareRead)
	for k := range blocks {
		off, ok := c.refblock(k)
		n := int(g.ClusterSize())
		if !ok {
			off, n = 0, 0 // no such refblock: an empty request keeps the order
		}
		if err := stored.Add(off, n, int(k)); err != nil {
			return err
		}
		c.progress(PhaseCompare, k, blocks)
	}
	err := stored.Finish()
	c.flushMismatch()
	return err
}

// refblock is where refblock k lies; ok is false when there is none to read.
func (c *checker) refblock(k int64) (off int64, ok bool) {
	if k >= int64(len(c.img.Reftable)) {
		return 0, false
	}
	h := c.img.Reftable[k].Refblock()
	if h <= 0 || !c.img.Geo.Aligned(h) || int64(h) >= c.size {
		return 0, false
	}
	return int64(h), true
}

// compareRead compares refblock k, when it was read.
func (c *checker) compareRead(k int, r source.Request, err error) error {
	switch {
	case err == nil:
		c.compareBlock(int64(k), r.Buf)
	case c.ctx.Err() == nil:
		c.unreadableBlock(int64(k), err)
	}
	return c.ctx.Err()
}

// unreadableBlock notes that the refcounts of a whole block cannot be had. QEMU counts one
// error for each cluster.
func (c *checker) unreadableBlock(k int64, err error) {
	if err != nil && c.report.Incomplete == nil {
		c.report.Incomplete = err
	}
	from, to := c.blockRange(k)
	c.report.NeedsRebuild = true
	c.add(Finding{Code: RefcountUnreadable, Times: uint64(to - from), Err: err, Host: c.clusters(from, to-from), Got: uint64(c.img.Reftable[k]),
		At: Place{Kind: FieldReftable, Role: refcount.Refblock, Root: -1, L1Index: k, L2Index: -1,
			Off: qcow2.HostOff(c.img.Header.RefcountTableOffset) + qcow2.HostOff(8*k)}})
}

// blockRange is the clusters that refblock k counts, within the table.
func (c *checker) blockRange(k int64) (from, to int64) {
	per := c.img.Geo.RefblockEntries()
	return k * per, min((k+1)*per, c.report.Refcounts.Len())
}

func (c *checker) clusters(from, n int64) qcow2.Range[qcow2.HostOff] {
	g := c.img.Geo
	return qcow2.Range[qcow2.HostOff]{Start: g.Offset(qcow2.HostCluster(from)), Len: qcow2.HostOff(n << g.ClusterBits)}
}

// compareBlock compares one refblock; an empty block stands for refcounts of zero.
func (c *checker) compareBlock(k int64, block qcow2.Refblock) {
	if len(block) == 0 && k < int64(len(c.img.Reftable)) {
		if h := c.img.Reftable[k].Refblock(); !c.img.Geo.Aligned(h) || h < 0 {
			c.unreadableBlock(k, nil)
			return
		}
	}
	from, to := c.blockRange(k)
	if len(block) > 0 && to-from < c.img.Geo.RefblockEntries() {
		c.pastEnd(from, to, block)
	}
	counts, roles := c.report.Refcounts.Counts(from, to), c.report.Refcounts.Roles(from, to)
	switch {
	case len(block) == 0:
		for i, n := range counts {
			if n != 0 {
				c.compareOne(from+int64(i), 0)
			}
		}
	case c.img.Geo.RefcountOrder == 4:
		c.compare16(from, block, counts, roles)
	default:
		order := c.img.Geo.RefcountOrder
		for i, n := range counts {
			if stored := block.At(order, int64(i)); stored != 0 || n != 0 {
				c.compareOne(from+int64(i), stored)
			}
		}
	}
}

// compare16 is the ordinary width. Its loop looks only for what is not as it should be:
// stored equal to counted, and COPIED seen exactly where the refcount is 1.
func (c *checker) compare16(from int64, block qcow2.Refblock, counts, roles []uint8) {
	block = block[:2*len(counts)]
	roles = roles[:len(counts)]
	last := -1
	for i := 0; i < len(counts); i++ {
		if i+8 <= len(counts) && eightOnce(block[2*i:], counts[i:], roles[i:]) {
			i += 7
			last = i
			continue
		}
		n := counts[i]
		stored := uint16(block[2*i])<<8 | uint16(block[2*i+1])
		if stored != uint16(n) || n == 255 || refcount.CopiedWrong(roles[i], uint64(stored)) {
			c.compareOne(from+int64(i), uint64(stored))
		}
		if n != 0 {
			last = i
		}
	}
	if last >= 0 {
		c.imageEnd(from + int64(last))
	}
}

// eightOnce tells of eight clusters at a time that each has one reference and refcount 1,
// and that no pointer to them lacks COPIED: what most of a large image is.
func eightOnce(block, counts, roles []uint8) bool {
	const counted, stored = 0x0101010101010101, 0x0100010001000100
	le := binary.LittleEndian
	return le.Uint64(counts) == counted && le.Uint64(block) == stored && le.Uint64(block[8:]) == stored &&
		!refcount.AnyUncopied(le.Uint64(roles))
}

func (c *checker) imageEnd(cluster int64) {
	c.report.ImageEnd = max(c.report.ImageEnd, (cluster+1)<<c.img.Geo.ClusterBits)
}

// compareOne judges one cluster of which not both are zero.
func (c *checker) compareOne(i int64, stored uint64) {
	t, hc := c.report.Refcounts, qcow2.HostCluster(i)
	counted := t.Capped(hc)
	if stored == 0 && counted == 0 {
		return
	}
	c.imageEnd(i)
	if refcount.CopiedWrong(t.Roles(i, i+1)[0], stored) {
		c.wrongCopied = c.wrongCopied.with(t.Len(), i, stored == 1)
	}
	if stored == counted {
		return
	}
	code := RefcountTooHigh
	switch {
	case stored == 0:
		code = RefcountZero
		c.report.NeedsRebuild = true
	case stored < counted:
		code = RefcountTooLow
	case counted == 0:
		code = LeakedCluster
		t.MarkLeaked(hc)
	}
	role := t.Role(hc)
	if code != LeakedCluster {
		t.MarkTrouble(hc)
	}
	if m := &c.mismatch; m.n > 0 && m.from+m.n == i && m.code == code && m.role == role && m.stored == stored && m.counted == counted {
		m.n++
		return
	}
	c.flushMismatch()
	c.mismatch = mismatch{code, role, i, 1, stored, counted}
}

// mismatch is a run of clusters whose refcounts are wrong in the same way: a lost refblock
// makes tens of thousands of them.
type mismatch struct {
	code            Code
	role            refcount.Role
	from, n         int64
	stored, counted uint64
}

// flushMismatch makes the run a finding.
func (c *checker) flushMismatch() {
	m := c.mismatch
	c.mismatch.n = 0
	if m.n > 0 {
		c.add(Finding{Code: m.code, Host: c.clusters(m.from, m.n), Got: m.stored, Want: m.counted, Times: uint64(m.n),
			At: Place{Kind: FieldRefcount, Role: m.role, Root: -1, L1Index: m.from, L2Index: -1, Off: c.refcountField(m.from)}})
	}
}

// refcountField is where the refcount of cluster i is stored, -1 if it has no place.
func (c *checker) refcountField(i int64) qcow2.HostOff {
	per := c.img.Geo.RefblockEntries()
	off, ok := c.refblock(i / per)
	if !ok {
		return -1
	}
	return qcow2.HostOff(off + i%per<<c.img.Geo.RefcountOrder/8)
}

// copiedSet remembers the clusters whose COPIED flags are suspicious and whether their
// stored refcount is 1: two bits a cluster, made when the first one turns up.
type copiedSet struct{ wrong, one []uint64 }

func (s *copiedSet) with(n, i int64, one bool) *copiedSet {
	if s == nil {
		words := (n + 63) / 64
		s = &copiedSet{make([]uint64, words), make([]uint64, words)}
	}
	s.wrong[i/64] |= 1 << (i % 64)
	if one {
		s.one[i/64] |= 1 << (i % 64)
	}
	return s
}

func (s *copiedSet) has(i int64) (wrong, one bool) {
	if s == nil || i < 0 || i/64 >= int64(len(s.wrong)) {
		return false, false
	}
	return s.wrong[i/64]>>(i%64)&1 != 0, s.one[i/64]>>(i%64)&1 != 0
}
