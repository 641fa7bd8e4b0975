package redirect

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Move is a node that has a new place.
type Move struct {
	Node Cursor
	Kind Kind
	From qcow2.HostOff // -1: it is new
	To   qcow2.HostOff
	Len  int64
}

// Result is a redirected plan.
type Result struct {
	Plan *patch.Plan
	Log  Log
	// After is the check of the image with the plan applied.
	After *check.Report
	// Moves are the nodes that have a new place, tables before what they point to.
	Moves []Move
	// Unsafe says what could not be redirected and is overwritten where it is: empty when no
	// crash can harm the image.
	Unsafe []string
}

// Bytes is how many bytes of tables, and of guest data, have a new place.
func (r *Result) Bytes() (tables, data int64) {
	for _, m := range r.Moves {
		if m.Kind == KindData || m.Kind == KindStream {
			data += m.Len
		} else {
			tables += m.Len
		}
	}
	return tables, data
}

// Commit ends the transaction: the plan with all that was redirected, checked.
func (t *Tx) Commit() (*Result, error) {
	if err := t.split(); err != nil {
		return nil, err
	}
	l, err := t.settle()
	if err != nil {
		return nil, err
	}
	log, err := t.record(l)
	if err != nil {
		return nil, err
	}
	r := &Result{Log: log, Unsafe: t.unsafe}
	if r.Plan, err = log.Replay(t.old.Src); err != nil {
		return nil, err
	}
	for _, n := range t.order {
		if !n.moved {
			continue
		}
		m := Move{n.cursor, n.kind, n.off, n.to, n.len}
		if n.fresh {
			m.From = -1
		}
		r.Moves = append(r.Moves, m)
	}
	return r, t.verify(r)
}

// verify checks the image that the redirected plan makes: it must not be worse than the one
// that the plan itself makes.
func (t *Tx) verify(r *Result) error {
	if len(r.Moves) == 0 && r.Plan.SizeAfter == t.plan.SizeAfter {
		r.After = t.after // nothing went elsewhere
		return nil
	}
	over := patch.NewOverlay(t.old.Src)
	if err := over.Apply(r.Plan); err != nil {
		return err
	}
	img, err := image.Open(t.ctx, over)
	if err != nil {
		return fmt.Errorf("redirect: the result does not open: %w", err)
	}
	if r.After, err = check.Run(t.ctx, img, t.opt.Check); err != nil {
		return err
	}
	is, was := r.After, t.after
	if is.Corruptions > was.Corruptions || is.CheckErrors > was.CheckErrors || is.Refused && !was.Refused || is.Aborted && !was.Aborted {
		return cannot("the image is too damaged: it would have %d corruptions and %d errors where the plan leaves %d and %d",
			is.Corruptions, is.CheckErrors, was.Corruptions, was.CheckErrors)
	}
	had, has := troubles(t.before), troubles(t.after)
	for code, n := range troubles(r.After) {
		if n > max(had[code], has[code]) {
			return cannot("the image is too damaged: where things lie across each other it would have a new kind of fault, %s", code)
		}
	}
	return nil
}

// record writes the log.
func (t *Tx) record(l *layout) (Log, error) {
	var log Log
	for _, g := range l.grants {
		log = append(log, Record{Op: OpAlloc, Node: g.of, Kind: g.of.Kind(), Off: t.g.Offset(g.start), Len: g.n << t.g.ClusterBits})
	}
	for _, part := range []func(*layout, *Log) error{t.recordCopies, t.recordFree, t.recordCounts} {
		if err := part(l, &log); err != nil {
			return nil, err
		}
	}
	header, err := t.recordUpdates(l, &log)
	if err != nil {
		return nil, err
	}
	size := t.sizeAfter(l)
	if err := t.recordLate(size, &log); err != nil {
		return nil, err
	}
	if err := t.recordHeader(header, &log); err != nil {
		return nil, err
	}
	return append(log, Record{Op: OpCommit, Kind: KindL1, New: uint64(size)}), nil
}

// recordCopies fills the new places.
func (t *Tx) recordCopies(l *layout, log *Log) error {
	for _, n := range t.order {
		if !n.moved {
			continue
		}
		r := Record{Op: OpCopy, Node: n.cursor, Kind: n.kind, Off: n.to}
		if n.fresh {
			r.Op, r.Len, r.Data, r.Why = OpWrite, n.len, make([]byte, n.len), "new "+n.kind.String()+" "+n.cursor.String()
			*log = append(*log, r)
			continue
		}
		e := n.copied(t.g)
		r.From, r.Len = n.off, e.to-e.from
		*log = append(*log, r)
		if more := (l.tableLen - n.span(t.g)) << t.g.ClusterBits; n.kind == KindReftable && more > 0 {
			*log = append(*log, Record{Op: OpWrite, Node: n.cursor, Kind: n.kind, Off: n.to + qcow2.HostOff(r.Len), Len: more,
				Data: make([]byte, more), Why: "longer refcount table"})
		}
		for _, c := range t.changed.within(e.from, e.to) {
			w := Record{Op: OpWrite, Node: n.cursor, Kind: n.kind, Off: n.to + qcow2.HostOff(c.from-e.from), Why: n.kind.String() + " " + n.cursor.String()}
			if err := t.content(&w, c); err != nil {
				return err
			}
			*log = append(*log, w)
		}
	}
	return t.recordNew(log)
}

// content takes the bytes from the image with the plan.
func (t *Tx) content(r *Record, e extent) error {
	r.Len, r.Data = e.to-e.from, make([]byte, e.to-e.from)
	if err := t.ctx.Err(); err != nil {
		return err
	}
	return source.ReadFull(t.img.Src, r.Data, e.from)
}

// recordNew writes what the plan itself puts into clusters that were free, as far as
// something refers to them.
func (t *Tx) recordNew(log *Log) error {
	why := t.reasons()
	var failed error
	t.changed.eachCluster(t.g, func(c qcow2.HostCluster) {
		if c == 0 || t.live.has(c) || failed != nil || !t.usedAfter(c) {
			return
		}
		from := int64(t.g.Offset(c))
		for _, e := range t.changed.within(from, from+t.g.ClusterSize()) {
			r := Record{Op: OpWrite, Kind: KindData, Off: qcow2.HostOff(e.from), Why: why[e.from>>t.g.ClusterBits]}
			if failed = t.content(&r, e); failed != nil {
				return
			}
			*log = append(*log, r)
		}
	})
	return failed
}

// usedAfter tells whether something refers to the cluster in the image with the plan, or
// keeps it.
func (t *Tx) usedAfter(c qcow2.HostCluster) bool {
	return t.behind.all || t.after.Refcounts.Count(c) > 0 || t.after.Refcounts.Role(c) == refcount.Leaked
}

// reasons are those that the plan gives, by cluster.
func (t *Tx) reasons() map[int64]string {
	why := map[int64]string{}
	for _, b := range t.plan.Batches {
		for _, w := range b {
			for c := w.Off >> t.g.ClusterBits; c <= (w.End()-1)>>t.g.ClusterBits; c++ {
				why[c] = w.Why
			}
		}
	}
	return why
}

// recordFree says what is free after the commit.
func (t *Tx) recordFree(l *layout, log *Log) error {
	for _, n := range t.order {
		if !n.moved || n.fresh {
			continue
		}
		for c := range n.clusters(t.g) {
			if v, changes := l.stored[c]; changes && v == 0 {
				*log = append(*log, Record{Op: OpFree, Node: n.cursor, Kind: n.kind, Off: t.g.Offset(c), Len: t.g.ClusterSize()})
			}
		}
	}
	return nil
}

// recordCounts sets the refcounts that change.
func (t *Tx) recordCounts(l *layout, log *Log) error {
	per := t.g.RefblockEntries()
	for _, c := range sortedClusters(l.stored) {
		now, err := l.storedNow(c)
		if err != nil {
			return err
		}
		if now == l.stored[c] {
			continue
		}
		block := t.at[At(Reftable, int64(c)/per)]
		*log = append(*log, Record{Op: OpCount, Node: block.cursor, Kind: KindRefblock, Off: block.to, Len: block.len,
			Index: int64(c) % per, Order: t.g.RefcountOrder, Old: now, New: l.stored[c]})
	}
	return nil
}

// recordUpdates sets the pointers to new places. Those in the header are returned with the
// header cluster.
func (t *Tx) recordUpdates(l *layout, log *Log) (header []byte, err error) {
	if header, err = t.headerOf(t.img.Src); err != nil {
		return nil, err
	}
	for _, n := range t.order {
		for _, f := range n.fields {
			word, err := l.flagged(n, f.word&^f.mask|uint64(n.to)&f.mask)
			if err != nil {
				return nil, err
			}
			if word != f.word {
				*log = append(*log, f.update(n, word, header))
			}
		}
	}
	for _, f := range t.own {
		*log = append(*log, Record{Op: OpUpdate, Node: f.cursor, Kind: f.cursor.Kind(), Off: f.parent.to + qcow2.HostOff(f.at), Len: 8,
			Parent: f.parent.to, Old: f.word, New: f.word | qcow2.FlagCopied})
	}
	if table := t.at[At(Reftable)]; table != nil && l.tableLen > 0 {
		binary.BigEndian.PutUint32(header[qcow2.OffReftableLen:], uint32(l.tableLen))
	}
	return header, nil
}

// update is the record that sets the field, which leads to the node. A field of the header
// is set there.
func (f *field) update(n *node, word uint64, header []byte) Record {
	r := Record{Op: OpUpdate, Node: f.cursor, Kind: n.kind, Off: qcow2.HostOff(f.at), Len: 8, Old: f.word, New: word}
	if f.parent == nil {
		binary.BigEndian.PutUint64(header[f.at:], word)
		return r
	}
	r.Parent = f.parent.to
	r.Off += r.Parent
	return r
}

// sizeAfter is the file's size. A tail that was freed by the redirection itself is cut off.
func (t *Tx) sizeAfter(l *layout) int64 {
	size := max(t.plan.SizeAfter, l.end()<<t.g.ClusterBits)
	if t.opt.Fixed || size != t.plan.SizeBefore || size&(t.g.ClusterSize()-1) != 0 {
		return size
	}
	for c := size>>t.g.ClusterBits - 1; c > 0; c-- {
		if v, moved := l.stored[qcow2.HostCluster(c)]; !moved || v != 0 || l.minus[qcow2.HostCluster(c)] == 0 {
			break
		}
		size = c << t.g.ClusterBits
	}
	return size
}

// recordLate writes changed bytes that nothing refers to through the new header: of leaked
// clusters, and those that had to stay where they are.
func (t *Tx) recordLate(size int64, log *Log) error {
	add := func(e extent, why string) error {
		if e.to = min(e.to, size); e.from >= e.to {
			return nil
		}
		r := Record{Op: OpLate, Kind: KindData, Off: qcow2.HostOff(e.from), Why: why}
		err := t.content(&r, e)
		*log = append(*log, r)
		return err
	}
	var failed error
	t.changed.eachCluster(t.g, func(c qcow2.HostCluster) {
		if c == 0 || !t.live.has(c) || failed != nil || t.after.Refcounts.Role(c) != refcount.Leaked {
			return
		}
		from := int64(t.g.Offset(c))
		for _, e := range t.changed.within(from, from+t.g.ClusterSize()) {
			if failed == nil {
				failed = add(e, "leaked cluster")
			}
		}
	})
	for _, where := range t.inPlace {
		for _, e := range t.changed.within(where.from, where.to) {
			if failed == nil {
				failed = add(e, "data that cannot go elsewhere")
			}
		}
	}
	return failed
}

// recordHeader adds the steps of the switch.
func (t *Tx) recordHeader(header []byte, log *Log) error {
	was, err := t.headerOf(t.old.Src)
	if err != nil {
		return err
	}
	s := t.switchHeader(was, header)
	if t.before.Refcounts.Count(0) > 1 && len(s.early) > 0 || t.after.Refcounts.Count(0) > 1 && !bytes.Equal(was, header) {
		return cannot("the header is read as another table, too, which would change with it")
	}
	if s.unsafe != "" {
		t.unsafe = append(t.unsafe, s.unsafe)
	}
	add := func(op Op, step int, w patch.Write) {
		*log = append(*log, Record{Op: op, Off: qcow2.HostOff(w.Off), Len: int64(len(w.Data)), Step: step, Data: w.Data, Why: w.Why})
	}
	for _, w := range s.early {
		add(OpWrite, 0, w)
	}
	for i, step := range s.steps {
		for _, w := range step {
			add(OpHeader, i, w)
		}
	}
	for _, w := range s.late {
		add(OpLate, 0, w)
	}
	return nil
}
