package check

import (
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// flags checks the COPIED flags of the active L1 table and its L2 tables against the
// stored refcounts. The comparison has noted the clusters whose flags cannot be right, so
// the tables are read again only when there are any.
func (c *checker) flags() error {
	if c.wrongCopied == nil && !c.report.Refcounts.CopiedUnknown {
		return nil
	}
	c.stored = storedCache{c: c}
	l1 := c.img.L1
	inFile := max(0, min(l1.Bytes(), c.img.Src.Size()-int64(l1.Off)))
	buf := make([]byte, (inFile+7)/8*8)
	if err := source.ReadFull(c.img.Src, buf, int64(l1.Off)); err != nil {
		return c.lostFlags(err)
	}
	judged := source.NewInTurn(c.ctx, c.img.Src, tablesAhead, c.flagsRead)
	n := int(c.img.Geo.ClusterSize())
	tables := tableBudget{left: repeatedFlags}
	for i := range len(buf) / 8 {
		e := qcow2.L1Entry(be64(buf[8*i:]))
		if e.L2Table() == 0 || !c.l1Flag(int64(i), e) || int64(e.L2Table()) >= c.img.Src.Size() || !tables.take(c, int64(i), e.L2Table()) {
			continue
		}
		if err := judged.Add(int64(e.L2Table()), n, i); err != nil {
			return err
		}
		c.progress(PhaseFlags, int64(i), l1.Entries)
	}
	return judged.Finish()
}

// repeatedFlags bounds the bytes of L2 tables that are judged again, because several L1
// entries name them, or that lie across cluster boundaries.
const repeatedFlags = 256 << 20

// tableBudget keeps an L1 table whose entries all name one L2 table from taking forever.
type tableBudget struct {
	seen []uint64 // a bit a cluster: an L2 table there was judged
	left int64
}

// take tells whether the table is to be judged.
func (b *tableBudget) take(c *checker, l1Index int64, off qcow2.HostOff) bool {
	i := int64(c.img.Geo.Cluster(off))
	if b.seen == nil {
		b.seen = make([]uint64, c.img.HostClusters()/64+1)
	}
	if first := b.seen[i/64]>>(i%64)&1 == 0; first && c.img.Geo.Aligned(off) {
		b.seen[i/64] |= 1 << (i % 64)
		return true
	}
	before := b.left
	if b.left -= c.img.Geo.ClusterSize(); b.left < 0 && before >= 0 {
		c.report.Aborted = true
		c.add(Finding{Code: TablesOverlap, Times: 1, Host: qcow2.Range[qcow2.HostOff]{Start: off, Len: qcow2.HostOff(c.img.Geo.ClusterSize())},
			At: Place{Kind: FieldL1, Role: refcount.L2, L1Index: l1Index, L2Index: -1, Off: c.img.L1.Off + qcow2.HostOff(8*l1Index)}})
	}
	return b.left >= 0
}

func (c *checker) lostFlags(err error) error {
	if c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	c.readError(err)
	return nil
}

// l1Flag judges the flag of an L1 entry. It is false when the refcount cannot be read:
// QEMU then passes over the L2 table as well.
func (c *checker) l1Flag(i int64, e qcow2.L1Entry) bool {
	one, ok := c.storedIsOne(e.L2Table())
	if !ok {
		return false
	}
	if one != e.Copied() {
		c.add(Finding{Code: CopiedL1, Times: 1, Count: c.flagCount(CopiedL1, e.L2Table()), Got: uint64(e), Want: uint64(e) ^ qcow2.FlagCopied,
			Host:  qcow2.Range[qcow2.HostOff]{Start: e.L2Table(), Len: qcow2.HostOff(c.img.Geo.ClusterSize())},
			Guest: c.guest(refcount.Trouble{L1Index: i, L2Index: -1}),
			At:    Place{Kind: FieldL1, Role: refcount.L2, L1Index: i, L2Index: -1, Off: c.img.L1.Off + qcow2.HostOff(8*i)}})
	}
	return true
}

// flagsRead judges the flags of the L2 table of an L1 entry, when it was read.
func (c *checker) flagsRead(l1Index int, r source.Request, err error) error {
	if err != nil {
		return c.lostFlags(err)
	}
	c.l2Flags(int64(l1Index), qcow2.HostOff(r.Off), r.Buf)
	return nil
}

// l2Flags judges the flags of one L2 table's entries.
func (c *checker) l2Flags(l1Index int64, off qcow2.HostOff, table qcow2.L2Table) {
	g := c.img.Geo
	run := flagRun{c: c, l1Index: l1Index, table: off}
	for j := range g.L2Entries() {
		e := table.At(g, j)
		if e.Entry == 0 {
			continue
		}
		if k := e.Kind(g); k != qcow2.Normal && k != qcow2.ZeroAlloc {
			continue
		}
		if c.flagWrong(e) {
			run.add(j, e)
		}
	}
	run.flush()
}

// flagWrong tells whether the entry's flag does not go with the stored refcount. For a
// cluster in the table the comparison has noted that.
func (c *checker) flagWrong(e qcow2.L2Entry) bool {
	if c.img.Geo.DataFile {
		return !e.Copied()
	}
	i := int64(c.img.Geo.Cluster(e.Host()))
	if wrong, one := c.wrongCopied.has(i); wrong {
		return one != e.Copied()
	}
	if i < c.report.Refcounts.Len() {
		return false
	}
	n, ok := c.stored.at(i)
	return ok && (n == 1) != e.Copied()
}

// flagRun joins wrong flags of neighbouring entries with neighbouring clusters, unless
// somebody wants to be told each.
type flagRun struct {
	c        *checker
	l1Index  int64
	table    qcow2.HostOff
	first, n int64
	entry    qcow2.L2Entry // the first one
}

func (r *flagRun) add(j int64, e qcow2.L2Entry) {
	follows := r.n > 0 && j == r.first+r.n && e.Copied() == r.entry.Copied() &&
		e.Host() == r.entry.Host()+qcow2.HostOff(r.n<<r.c.img.Geo.ClusterBits)
	if follows && r.c.onFinding == nil {
		r.n++
		return
	}
	r.flush()
	r.first, r.n, r.entry = j, 1, e
}

func (r *flagRun) flush() {
	if r.n == 0 {
		return
	}
	c, g, e := r.c, r.c.img.Geo, r.entry
	guest := c.guest(refcount.Trouble{L1Index: r.l1Index, L2Index: r.first})
	guest.Len *= qcow2.GuestOff(r.n)
	c.add(Finding{Code: CopiedL2, Times: uint64(r.n), Count: c.flagCount(CopiedL2, e.Host()), Got: e.Entry, Want: e.Entry ^ qcow2.FlagCopied,
		Host:  qcow2.Range[qcow2.HostOff]{Start: e.Host(), Len: qcow2.HostOff(r.n << g.ClusterBits)},
		Guest: guest,
		At: Place{Kind: FieldL2, Role: refcount.Data, L1Index: r.l1Index, L2Index: r.first,
			Off: r.table + qcow2.HostOff(r.first*g.L2EntrySize())}})
	r.n = 0
}

// storedIsOne tells whether the stored refcount of the cluster at off is 1. For a cluster
// in the table that is known from the comparison, unless its refcount could not be read.
func (c *checker) storedIsOne(off qcow2.HostOff) (one, ok bool) {
	i := int64(c.img.Geo.Cluster(off))
	if wrong, one := c.wrongCopied.has(i); wrong {
		return one, true
	}
	n, ok := c.stored.at(i)
	return n == 1, ok
}

// flagLookups bounds the refblocks that are read only to tell the refcount beside a flag.
const flagLookups = 256

// flagCount is the stored refcount of the cluster whose flag is wrong. Where the cluster
// is in no trouble it is the counted one; else it is read, for the first findings.
func (c *checker) flagCount(code Code, off qcow2.HostOff) uint64 {
	hc := c.img.Geo.Cluster(off)
	if c.img.Geo.DataFile && code == CopiedL2 {
		return 1
	}
	if t := c.report.Refcounts; int64(hc) < t.Len() && !t.Conflict(hc) {
		return t.Capped(hc)
	}
	if c.stored.loads >= flagLookups {
		return UnknownCount
	}
	n, ok := c.stored.at(int64(hc))
	if !ok {
		return UnknownCount
	}
	return n
}

// storedCache reads stored refcounts one by one and keeps what it read last: a refblock, or
// after many of them, as garbage entries ask for in no order, only a part of one.
type storedCache struct {
	c     *checker
	off   int64 // in the file, of what is kept
	data  []byte
	bad   bool // it cannot be read
	loads int
}

// storedPart is how many bytes of a refblock are read when flagLookups of them were.
const storedPart = 4 << 10

// at is the stored refcount of cluster i; ok is false when it cannot be read. Where there is
// no refblock what is kept stays.
func (s *storedCache) at(i int64) (n uint64, ok bool) {
	g := s.c.img.Geo
	k := i / g.RefblockEntries()
	if k >= int64(len(s.c.img.Reftable)) {
		return 0, true
	}
	off, ok := s.c.refblock(k)
	if !ok {
		h := s.c.img.Reftable[k].Refblock()
		return 0, h >= 0 && g.Aligned(h)
	}
	entry := i % g.RefblockEntries()
	if at := off + entry<<g.RefcountOrder/8; at < s.off || at >= s.off+int64(len(s.data)) {
		s.load(off, at)
	}
	if s.bad {
		return 0, false
	}
	return qcow2.Refblock(s.data).At(g.RefcountOrder, entry-(s.off-off)*8>>g.RefcountOrder), true
}

// load reads the refblock at off, or the part of it with the byte at.
func (s *storedCache) load(off, at int64) {
	n := s.c.img.Geo.ClusterSize()
	if s.loads >= flagLookups {
		n = min(n, storedPart)
		off = at / n * n
	}
	s.loads++
	if int64(len(s.data)) != n {
		s.data = make([]byte, n)
	}
	s.off = off
	s.bad = source.ReadFull(s.c.img.Src, s.data, off) != nil
}
