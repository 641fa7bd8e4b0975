package repair

import (
	"encoding/binary"
	"slices"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

func putBE64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }

func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// entryCodes are the findings of single entries in the order in which they are mended: where
// one entry has several, the first decides where it points.
var entryCodes = []check.Code{check.DataFileOffset, check.PreallocUnaligned, check.CompressedCopied, check.CompressedBitmap, check.ZeroBitInExtended,
	check.ZeroInVersion2, check.SubclusterZeroAndAlloc, check.SubclusterAllocNoHost}

// entries corrects L2 entries where only one correction is possible and the guest reads
// at least what it read before.
func (r *repairer) entries() error {
	if r.opt.Scope == Leaks {
		return nil
	}
	n := map[check.Code]uint64{}
	// An entry with several findings is met again after the first of them is mended.
	for range entryCodes {
		more, err := r.someEntries(n)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := r.commitPart(); err != nil {
			return err
		}
	}
	for _, c := range entryCodes {
		r.step(c, n[c], entrySteps[c])
	}
	return nil
}

// someEntries corrects each entry once; more is true when one of them has another finding.
func (r *repairer) someEntries(n map[check.Code]uint64) (more bool, err error) {
	found, err := r.places(entryCodes...)
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(found, func(a, b check.Finding) int {
		return slices.Index(entryCodes, a.Code) - slices.Index(entryCodes, b.Code)
	})
	done, e := map[qcow2.HostOff]bool{}, r.evidence()
	for _, f := range found {
		if done[f.At.Off] {
			more = true
			continue
		}
		w, ok, err := r.correctEntry(e, f)
		if err != nil {
			return false, err
		}
		if ok {
			n[f.Code]++
			done[f.At.Off] = true
			r.stage.Add(0, w.Off, w.Data, f.At.Field()+": "+w.Why)
		}
	}
	return more, nil
}

var entrySteps = map[check.Code]string{
	check.PreallocUnaligned:      "turn unaligned preallocations into plain zeros",
	check.CompressedCopied:       "clear COPIED flags that compressed clusters never have",
	check.CompressedBitmap:       "clear subcluster bitmaps that compressed clusters never have",
	check.ZeroBitInExtended:      "clear a bit that extended entries do not have",
	check.ZeroInVersion2:         "clear the zero flag, which version 2 does not have",
	check.DataFileOffset:         "point entries to their place in the data file",
	check.SubclusterZeroAndAlloc: "decide by their bytes whether subclusters are zero or data",
	check.SubclusterAllocNoHost:  "clear allocation bits of subclusters that have no cluster",
}

// correctEntry is the write that mends the entry; ok is false when there is more than one
// way, or none.
func (r *repairer) correctEntry(e *evidence, f check.Finding) (w patch.Write, ok bool, err error) {
	w = patch.Write{Off: int64(f.At.Off)}
	switch f.Code {
	case check.PreallocUnaligned:
		w.Data, w.Why = r.zeroPlain(f), "an unaligned preallocated cluster holds no data, so it becomes plain zeros"
	case check.CompressedCopied:
		w.Data, w.Why = be64bytes(f.Got&^qcow2.FlagCopied), "a compressed cluster has no COPIED flag"
	case check.CompressedBitmap:
		w.Off, w.Data, w.Why = w.Off+8, be64bytes(0), "a compressed cluster has no subclusters"
	case check.ZeroBitInExtended:
		w.Data, w.Why = be64bytes(f.Got&^qcow2.FlagZero), "bit 0 means nothing in an extended entry"
	case check.ZeroInVersion2:
		if f.Got&qcow2.OffsetMask == 0 && r.img.Header.BackingFileOffset != 0 {
			return w, false, nil // zeros or the backing file's bytes: not ours to choose
		}
		if f.Got&qcow2.OffsetMask != 0 && !e.alone(f) {
			return w, false, nil // what it points to was not its own
		}
		w.Data, w.Why = be64bytes(f.Got&^qcow2.FlagZero), "version 2 has no zero flag"
	case check.DataFileOffset:
		w.Data = be64bytes(f.Got&^qcow2.OffsetMask | uint64(f.Guest.Start) | qcow2.FlagCopied)
		w.Why = "in a data file the host offset is the guest offset"
	default:
		return r.correctBitmap(f)
	}
	return w, true, nil
}

// zeroPlain is the entry that reads as the unaligned one does, without a host cluster.
func (r *repairer) zeroPlain(f check.Finding) []byte {
	if !r.img.Geo.ExtendedL2 {
		return be64bytes(qcow2.FlagZero)
	}
	// No subcluster is allocated, or the finding would be another: the zero bits stay.
	return be64bytes(0)
}

func be64bytes(v uint64) []byte {
	b := make([]byte, 8)
	putBE64(b, v)
	return b
}
