package check

import (
	"cmp"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// StreamReport is what a deep check did.
type StreamReport struct {
	Decoded, Broken uint64 // compressed streams, each counted once
	Complete        bool   // false when the image has more L2 tables than are remembered
}

// Bounds of a deep check: entries that are remembered at a time, and what is read, decoded
// and in flight together.
const (
	maxStreamRefs = 2 << 20
	streamBytes   = 2 << 20  // of streams in a batch
	streamOutput  = 16 << 20 // of clusters that a batch decodes to
	streamGap     = 4 << 10  // between streams that is read along with them
	streamsAhead  = 3
)

// stream is a compressed stream, all entries that lead to it, and what came of it.
type stream struct {
	refs []streamRef
	host qcow2.Range[qcow2.HostOff]
	data []byte
	used int
	err  error
}

// streamCheck decodes the compressed streams in the order in which they lie in the file. It
// goes over the tables as often as their entries do not fit its memory: a round is the
// streams with keys in [from, to).
type streamCheck struct {
	*checker
	refs     []streamRef
	room     int // for refs
	from, to uint64
	workers  []streamWorker
	done     int64 // bytes of the file that are behind us
	// The stream that reaches furthest so far.
	last, end qcow2.HostOff
}

type streamWorker struct {
	streams *image.Decompressor
	cluster []byte
}

// streams decodes every compressed stream of the active layer and the snapshots, if a deep
// check was asked for. QEMU's check never does: it finds out when the guest reads.
func (c *checker) streams() error {
	if !c.opt.Deep || c.img.Geo.DataFile || c.groups[CompressionWrong] != nil {
		return nil
	}
	tree := c.report.Refcounts.Tree
	c.report.Streams = &StreamReport{Complete: tree.Complete}
	s := &streamCheck{checker: c, room: cmp.Or(c.opt.streamRoom, maxStreamRefs)}
	for range min(runtime.GOMAXPROCS(0), s.mostStreams()) {
		d, err := image.NewDecompressor(&c.img.Header)
		if err != nil {
			return nil // it is a finding already
		}
		s.workers = append(s.workers, streamWorker{d, make([]byte, c.img.Geo.ClusterSize())})
	}
	for s.from < ^uint64(0) {
		s.to = ^uint64(0)
		if err := s.collect(); err != nil {
			return err
		}
		if err := s.decodeAll(); err != nil {
			return err
		}
		s.from = s.to
	}
	return nil
}

func (s *streamCheck) tell() { s.progress(PhaseStreams, s.done, s.size) }

// streamBatch is streams that are read and decoded together.
type streamBatch struct {
	streams []stream
	spans   []span
	bytes   int64 // of the spans
}

// span is a part of the file that is read as one; first is the first stream in it.
type span struct {
	start, end qcow2.HostOff
	first      int
}

// add takes the stream in, which must not begin before those that are there. It is false
// when the batch is full.
func (b *streamBatch) add(st stream, most int) bool {
	last := len(b.spans) - 1
	more := int64(st.host.Len)
	near := last >= 0 && st.host.Start <= b.spans[last].end+streamGap
	if near {
		more = max(0, int64(st.host.End()-b.spans[last].end))
	}
	if len(b.streams) == most || len(b.streams) > 0 && b.bytes+more > streamBytes {
		return false
	}
	if near {
		b.spans[last].end += qcow2.HostOff(more)
	} else {
		b.spans = append(b.spans, span{st.host.Start, st.host.End(), len(b.streams)})
	}
	b.bytes += more
	b.streams = append(b.streams, st)
	return true
}

// mostStreams is how many streams a batch has at most.
func (s *streamCheck) mostStreams() int { return max(1, int(streamOutput/s.img.Geo.ClusterSize())) }

// decodeAll decodes the round's streams.
func (s *streamCheck) decodeAll() error {
	pipe := source.NewPipeline(s.ctx, s.img.Src, streamsAhead, streamBytes)
	for first := 0; first < len(s.refs); {
		var b streamBatch
		for first < len(s.refs) {
			n := 1
			for first+n < len(s.refs) && s.refs[first+n].key == s.refs[first].key {
				n++
			}
			if !b.add(stream{refs: s.refs[first : first+n], host: s.streamRange(s.refs[first].key)}, s.mostStreams()) {
				break
			}
			first += n
		}
		reads := pipe.Next()
		for _, sp := range b.spans {
			reads.Add(int64(sp.start), int(sp.end-sp.start), sp.first)
		}
		if err := pipe.Submit(reads, func(r *source.Batch, err error) error { return s.decodeBatch(b.streams, r, err) }); err != nil {
			return err
		}
	}
	return pipe.Drain()
}

// decodeBatch decodes streams that were read and judges them in their order.
func (s *streamCheck) decodeBatch(streams []stream, b *source.Batch, err error) error {
	for k, r := range b.Reqs {
		last := len(streams)
		if k+1 < len(b.Jobs) {
			last = b.Jobs[k+1]
		}
		for i := b.Jobs[k]; i < last; i++ {
			st := &streams[i]
			st.data = r.Buf[int64(st.host.Start)-r.Off:][:st.host.Len]
			if err != nil {
				st.err = source.ReadFull(s.img.Src, st.data, int64(st.host.Start))
			}
		}
	}
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	s.decode(streams)
	for i := range streams {
		s.judge(&streams[i])
	}
	s.tell()
	return nil
}

// decode decodes the streams side by side.
func (s *streamCheck) decode(streams []stream) {
	if len(s.workers) == 1 {
		for i := range streams {
			s.workers[0].decode(&streams[i])
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for k := range s.workers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(streams)); i = next.Add(1) - 1 {
				s.workers[k].decode(&streams[i])
			}
		})
	}
	all.Wait()
}

func (w *streamWorker) decode(st *stream) {
	if st.err == nil {
		st.used, st.err = w.streams.Decode(w.cluster, st.data)
	}
}

// judge makes findings of a stream that does not decode, lies across another, or is that of
// several places of the disk.
func (s *streamCheck) judge(st *stream) {
	s.done = int64(st.host.Start)
	s.report.Streams.Decoded++
	overlaps := st.host.Start < s.end
	if st.err != nil {
		s.report.Streams.Broken++
		var read *source.ReadError
		if s.report.Incomplete == nil && errors.As(st.err, &read) {
			s.report.Incomplete = st.err
		}
	}
	for i, ref := range st.refs {
		f := s.finding(ref, st.host)
		if st.err != nil {
			broken := f
			broken.Code, broken.Err = CompressedBroken, st.err
			s.add(broken)
		}
		if overlaps || i > 0 {
			f.Code, f.Count = CompressedOverlap, uint64(st.host.Start)
			if overlaps {
				f.Count = uint64(s.last)
			}
			if st.err == nil {
				f.Host.Len = qcow2.HostOff(st.used)
			}
			s.add(f)
		}
	}
	if end := st.host.Start + qcow2.HostOff(st.used); st.err == nil && end > s.end {
		s.last, s.end = st.host.Start, end
	}
}

// finding is the place of an entry and its stream.
func (s *streamCheck) finding(ref streamRef, host qcow2.Range[qcow2.HostOff]) Finding {
	t := &s.report.Refcounts.Tree.Tables[ref.table]
	f := Finding{Host: host, Got: s.entry(ref.key), Times: 1,
		Guest: s.guest(refcount.Trouble{Root: t.Root, L1Index: t.L1Index, L2Index: int64(ref.index)}),
		At: Place{Kind: FieldL2, Role: refcount.CompressedData, Root: t.Root, L1Index: t.L1Index, L2Index: int64(ref.index),
			Off: t.Off + qcow2.HostOff(int64(ref.index)*s.img.Geo.L2EntrySize())}}
	if t.Root > 0 {
		f.At.Role = refcount.InactiveData
	}
	if ref.copied {
		f.Got |= qcow2.FlagCopied
	}
	return f
}
