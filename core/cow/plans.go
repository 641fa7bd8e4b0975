package cow

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// Plans are an outcome as bytes to be written.
type Plans struct {
	Image *patch.Plan
	// DataFile is what goes to the external data file; nil if nothing does. All of it is
	// durable before the first batch of Image.
	DataFile *patch.Plan
}

// Why the bytes of an outcome cannot be had.
var (
	ErrNoBacking = errors.New("cow: bytes of the backing file are copied, and it is not given")
)

// Batches of a round, in their order. Each is durable before the next begins.
const (
	batchMark    = iota // what the header and the bitmaps promise no more
	batchData           // data and copies, new tables that nothing points to yet
	batchCounts         // refcounts that rise
	batchHook           // reftable; a round with several hookGroups has as many of these
	batchLink           // L1 and L2 entries
	batchRelease        // refcounts that fall
)

// builder makes the plans of an outcome.
type builder struct {
	ctx  context.Context
	w    *Writer
	g    qcow2.Geometry
	file *patch.Overlay // the image as it is before the round
	now  *patch.Plan    // of the round
	data *patch.Plan
	more int         // hook batches of the round beyond the first: later batches move by as many
	same [256][]byte // many times the same byte, for each
}

// fillBytes is the longest write of one byte; longer ones are cut.
const fillBytes = 1 << 20

// Plans reads what is copied and makes the plans. The error is the context's, one of a
// source, ErrNoBacking, image.ErrNoDataFile, or why a compressed cluster cannot be decoded.
func (o *Outcome) Plans(ctx context.Context) (*Plans, error) {
	return o.w.plans(ctx, o.rounds, o.after.dirty)
}

func (w *Writer) plans(ctx context.Context, rounds []*round, dirty bool) (*Plans, error) {
	b := &builder{ctx: ctx, w: w, g: w.g, file: patch.NewOverlay(w.img.Src)}
	if w.dataFileBytes(rounds) > 0 {
		if w.opt.Data == nil {
			return nil, image.ErrNoDataFile
		}
		b.data = patch.New(w.opt.Data.Size())
		b.data.File = patch.TargetDataFile
	}
	whole, promised := patch.New(b.file.Size()), false
	for _, r := range rounds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b.now, b.more = patch.New(b.file.Size()), max(0, len(r.hookGroups(b.g))-1)
		if r.changes() && !promised {
			for _, p := range w.promises() {
				b.now.Add(batchMark, p.off, p.data, p.why)
			}
			promised = true
		}
		if err := b.round(r); err != nil {
			return nil, err
		}
		whole.Batches = append(whole.Batches, b.now.Batches...)
		whole.SizeAfter = b.now.SizeAfter
		if err := b.file.Apply(b.now); err != nil {
			return nil, err
		}
	}
	if dirty {
		whole.Add(len(whole.Batches), qcow2.OffIncompatible, be64Bytes(w.img.Header.IncompatibleFeatures), "incompatible_features: clean again")
	}
	whole.Compact()
	if b.data != nil {
		b.data.Compact()
	}
	return &Plans{Image: whole, DataFile: b.data}, nil
}

// changes tells whether the round changes anything.
func (r *round) changes() bool { return len(r.runs)+len(r.l2)+len(r.counts)+len(r.zeroed) > 0 }

// DataFileBytes is how many bytes go to the external data file.
func (o *Outcome) DataFileBytes() int64 { return o.w.dataFileBytes(o.rounds) }

func (w *Writer) dataFileBytes(rounds []*round) int64 {
	if !w.g.DataFile {
		return 0
	}
	n := qcow2.GuestOff(0)
	for _, r := range rounds {
		for _, run := range r.runs {
			n += run.Covered().Len
		}
		for _, z := range r.zeroed {
			n += z.Len
		}
	}
	return int64(n)
}

func be64Bytes(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// round adds the batches of one round.
func (b *builder) round(r *round) error {
	if r.dirty {
		b.now.Add(batchMark, qcow2.OffIncompatible, be64Bytes(b.w.img.Header.IncompatibleFeatures|qcow2.IncompatDirty), "incompatible_features: dirty, refcounts may be behind")
	}
	for _, z := range r.zeroed {
		b.constant(b.data, z.Len, int64(z.Start), 0, "zeros for who reads the data file alone")
	}
	for _, run := range r.runs {
		if err := b.run(run); err != nil {
			return err
		}
	}
	if err := b.tables(r); err != nil {
		return err
	}
	if err := b.refcounts(r); err != nil {
		return err
	}
	b.reftable(r)
	return nil
}

// run writes the data of a run and what it copies.
func (b *builder) run(run *Run) error {
	plan := b.now
	if b.g.DataFile {
		plan = b.data
	}
	head, tail := b.w.copies(run)
	for _, p := range slices.Concat(head, tail) {
		if err := b.copy(plan, run, p); err != nil {
			return err
		}
	}
	switch req := run.req; {
	case run.zeros:
		b.constant(plan, run.Guest.Len, int64(run.Host), 0, "zeros at guest "+run.Guest.String())
	case req.Bytes == nil:
		b.constant(plan, run.Guest.Len, int64(run.Host), req.Fill, "data of guest "+run.Guest.String())
	default:
		at := run.Guest.Start - req.Offset
		plan.Add(batchData, int64(run.Host), req.Bytes[at:at+run.Guest.Len], "data of guest "+run.Guest.String())
	}
	return nil
}

// constant writes n times the same byte, out of one buffer.
func (b *builder) constant(plan *patch.Plan, n qcow2.GuestOff, off int64, fill byte, why string) {
	if want := min(int64(n), fillBytes); int64(len(b.same[fill])) < want {
		b.same[fill] = bytes.Repeat([]byte{fill}, int(want))
	}
	for left := int64(n); left > 0; {
		piece := b.same[fill][:min(left, fillBytes)]
		plan.Add(batchData, off, piece, why)
		off += int64(len(piece))
		left -= int64(len(piece))
	}
}

// copy writes what the guest sees now at the piece to the run's clusters.
func (b *builder) copy(plan *patch.Plan, run *Run, p Piece) error {
	to := int64(run.Host) + int64(p.Guest.Start-run.Guest.Start)
	why := fmt.Sprintf("copy of guest %v from %v", p.Guest, p.Source)
	if p.Source == FromNothing {
		b.constant(plan, p.Guest.Len, to, 0, why)
		return nil
	}
	buf := make([]byte, p.Guest.Len)
	if err := b.readPiece(buf, p); err != nil {
		return err
	}
	plan.Add(batchData, to, buf, why)
	return nil
}

func (b *builder) readPiece(buf []byte, p Piece) error {
	switch p.Source {
	case FromCluster:
		return source.ReadBatch(b.ctx, b.file, []source.Request{{Off: int64(p.Host), Buf: buf}})
	case FromBacking:
		if b.w.opt.Backing == nil {
			return ErrNoBacking
		}
		n, err := b.w.opt.Backing.ReadAt(buf, int64(p.Guest.Start))
		if err == io.EOF {
			clear(buf[n:])
			return nil
		}
		return err
	}
	return b.decode(buf, p)
}

// decode reads a part of a compressed cluster.
func (b *builder) decode(buf []byte, p Piece) error {
	d, err := image.NewDecompressor(&b.w.img.Header)
	if err != nil {
		return err
	}
	r := p.entry.CompressedRange(b.g)
	stream, cluster := make([]byte, r.Len), make([]byte, b.g.ClusterSize())
	if err := source.ReadBatch(b.ctx, b.file, []source.Request{{Off: int64(r.Start), Buf: stream}}); err != nil {
		return err
	}
	if _, err := d.Decode(cluster, stream); err != nil {
		return fmt.Errorf("cow: guest %v: %w", p.Guest, err)
	}
	copy(buf, cluster[int64(p.Guest.Start)%b.g.ClusterSize():])
	return nil
}
