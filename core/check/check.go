package check

import (
	"context"
	"errors"
	"iter"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// Phase names a step of the check, for progress.
type Phase string

// The phases, in order.
const (
	PhaseSnapshots Phase = "snapshots"
	PhaseTables    Phase = "tables"
	PhaseCompare   Phase = "compare"
	PhaseFlags     Phase = "flags"
	PhaseStreams   Phase = "streams" // of a deep check; in bytes of the file
)

// Options steer a check.
type Options struct {
	Limit       int   // findings kept of each code; 0 means 10,000
	PackBytes   int64 // room for those beyond, see Group.From; 0 means that they are only counted
	MaxClusters int64 // see refcount.Options
	// Deep asks for every compressed cluster to be decoded, too.
	Deep bool
	// Parts are a recount that others made, see refcount.Options.
	Parts iter.Seq2[*refcount.Part, error]
	// OnFinding is told every single finding, before neighbours are joined.
	OnFinding func(Finding)
	// Progress is told often: done and total in the phase's own unit, and how many places
	// with findings there are so far.
	Progress func(p Phase, done, total int64, places int)

	streamRoom int // entries that a deep check remembers at a time; 0 means maxStreamRefs
}

const defaultLimit = 10000

type checker struct {
	ctx    context.Context
	img    *image.Image
	opt    Options
	report *Report
	collector
	size        int64 // of the file, bytes
	mismatch    mismatch
	wrongCopied *copiedSet
	stored      storedCache
	garbage     garbageFilter
}

// Run checks the image. The error is the context's, or that of a file too large to count;
// what the image has wrong, and what could not be read of it, is in the report.
func Run(ctx context.Context, img *image.Image, opt Options) (*Report, error) {
	if opt.Limit == 0 {
		opt.Limit = defaultLimit
	}
	r := &Report{Total: uint64(img.Geo.Clusters(int64(min(img.VirtualSize(), 1<<63-1<<22))))}
	c := &checker{ctx: ctx, img: img, size: img.Src.Size(), opt: opt, report: r}
	c.collector = collector{report: r, limit: opt.Limit, room: opt.PackBytes, onFinding: opt.OnFinding, groups: map[Code]*Group{}}
	for _, phase := range []func() error{c.header, c.snapshots, c.recount, c.compare, c.flags, c.bitmaps, c.excess, c.guardLostMapping, c.streams} {
		if err := phase(); err != nil {
			return nil, err
		}
	}
	c.finish()
	return r, nil
}

func (c *checker) progress(p Phase, done, total int64) {
	if c.opt.Progress != nil {
		c.opt.Progress(p, done, total, c.places)
	}
}

func (c *checker) readError(err error) {
	if c.report.Incomplete == nil {
		c.report.Incomplete = err
	}
	f := Finding{Code: TableReadError, Times: 1, Err: err, At: headerPlace("", -1)}
	var re *source.ReadError
	if errors.As(err, &re) {
		f.Host = qcow2.Range[qcow2.HostOff]{Start: qcow2.HostOff(re.Off), Len: qcow2.HostOff(re.Len)}
	}
	c.add(f)
}

// recount walks all references and turns the troubles it meets into findings.
func (c *checker) recount() error {
	res, err := refcount.Calculate(c.ctx, c.img, c.report.Snapshots, refcount.Options{
		MaxClusters: c.opt.MaxClusters,
		Parts:       c.opt.Parts,
		Visit:       c.trouble,
		Progress:    func(done, total int64) { c.progress(PhaseTables, done, total) },
	})
	if err != nil {
		return err
	}
	c.garbage.flush(c)
	c.report.Refcounts = res
	c.report.Stats = res.Stats
	c.report.Aborted = c.report.Aborted || res.Aborted
	c.imageEnd(0) // QEMU starts from cluster 0, used or not
	return nil
}

// trouble makes a finding of what the walk met. Troubles in the header that QEMU takes for
// an L2 table are counted as it counts them, but only the L1 entry is shown.
func (c *checker) trouble(t refcount.Trouble) {
	code := codeOf[t.Kind]
	switch {
	case t.Kind == refcount.RegionBeyondEOF && t.Role == refcount.InactiveL1:
		code = SnapshotL1Outside
	case t.Kind == refcount.RegionBeyondEOF && t.Role == refcount.SnapshotTable:
		code = SnapshotTableOutside
	}
	switch t.Kind {
	case refcount.ReftableReservedBits, refcount.RefblockUnaligned, refcount.RefblockShared, refcount.RefblockOutside:
		c.report.NeedsRebuild = true
	case refcount.TableReadError:
		if c.report.Incomplete == nil {
			c.report.Incomplete = t.Err
		}
	}
	if t.Phantom {
		if code.Class() == Corruption {
			c.report.Corruptions += t.Times
		}
		return
	}
	f := Finding{Code: code, At: c.place(t), Host: t.Host, Got: t.Entry, Count: t.Count, Times: t.Times, Err: t.Err}
	if t.Kind == refcount.RefcountOverflow {
		f.Got, f.Want = c.img.Geo.RefcountMax(), t.Count
	}
	f.Guest = c.guest(t)
	c.garbage.take(c, f)
}

// guest is the part of the disk that the entry maps.
func (c *checker) guest(t refcount.Trouble) (r qcow2.Range[qcow2.GuestOff]) {
	if t.L1Index < 0 || t.Root < 0 || c.img.Geo.L2Span() > 1<<62/(t.L1Index+1) {
		return r
	}
	if t.L2Index < 0 {
		return qcow2.Range[qcow2.GuestOff]{Start: c.img.Geo.GuestOffset(t.L1Index, 0), Len: qcow2.GuestOff(c.img.Geo.L2Span())}
	}
	return qcow2.Range[qcow2.GuestOff]{Start: c.img.Geo.GuestOffset(t.L1Index, t.L2Index), Len: qcow2.GuestOff(c.img.Geo.ClusterSize())}
}

func (c *checker) place(t refcount.Trouble) Place {
	p := Place{Role: t.Role, Root: t.Root, L1Index: t.L1Index, L2Index: t.L2Index, Off: t.At}
	switch {
	case t.Role == refcount.Refblock:
		p.Kind = FieldReftable
	case t.Role == refcount.BitmapData:
		p.Kind = FieldBitmap
	case t.Kind == refcount.RefcountOverflow:
		p.Kind, p.L1Index, p.Off = FieldRefcount, int64(c.img.Geo.Cluster(t.Host.Start)), -1
	case t.L2Index >= 0:
		p.Kind = FieldL2
	case t.L1Index >= 0:
		p.Kind = FieldL1
	case t.Role == refcount.InactiveL1:
		p.Kind, p.Name = FieldSnapshot, "l1_table_offset"
		if t.Root > 0 && t.Root <= len(c.report.Snapshots.Offsets) {
			p.Off = qcow2.HostOff(c.report.Snapshots.Offsets[t.Root-1])
		}
	default:
		p.Name, p.Off = headerFieldOf(t.Role)
	}
	return p
}

// headerPlace is a field of the header, or a place that has none.
func headerPlace(name string, off int64) Place {
	return Place{Kind: FieldHeader, Name: name, Role: refcount.Header, Root: -1, L1Index: -1, L2Index: -1, Off: qcow2.HostOff(off)}
}

// headerFieldOf is the header field that points to a structure.
func headerFieldOf(r refcount.Role) (string, qcow2.HostOff) {
	switch r {
	case refcount.L1:
		return "l1_table_offset", qcow2.OffL1Table
	case refcount.SnapshotTable:
		return "snapshots_offset", qcow2.OffSnapshots
	case refcount.Reftable:
		return "refcount_table_offset", qcow2.OffReftable
	case refcount.Crypto:
		return "LUKS extension", -1
	}
	return "nb_snapshots", qcow2.OffNbSnapshots
}
