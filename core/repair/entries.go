package repair

import (
	"encoding/binary"

	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

func putBE64(b []byte, v uint64) { binary.BigEndian.PutUint64(b, v) }

// entries corrects L2 entries where only one correction is possible and the guest reads
// the same afterwards.
func (r *repairer) entries() error {
	if r.opt.Scope == Leaks {
		return nil
	}
	r.eachFinding(check.PreallocUnaligned, "turn an unaligned preallocation into plain zeros", func(f check.Finding) {
		b := r.zeroPlain(f)
		r.stage.Add(0, int64(f.At.Off), b, f.At.Field()+": an unaligned preallocated cluster holds no data, so it becomes plain zeros")
	})
	r.eachFinding(check.CompressedCopied, "clear a COPIED flag that compressed clusters never have", func(f check.Finding) {
		r.stage.Add(0, int64(f.At.Off), be64bytes(f.Got&^qcow2.FlagCopied), f.At.Field()+": a compressed cluster has no COPIED flag")
	})
	r.eachFinding(check.CompressedBitmap, "clear a subcluster bitmap that compressed clusters never have", func(f check.Finding) {
		r.stage.Add(0, int64(f.At.Off)+8, be64bytes(0), f.At.Field()+": a compressed cluster has no subclusters")
	})
	return nil
}

// eachFinding mends the findings of a code, once for each place in the file.
func (r *repairer) eachFinding(code check.Code, what string, mend func(check.Finding)) {
	g := r.report.Group(code)
	if g == nil {
		return
	}
	done := map[qcow2.HostOff]bool{}
	for _, f := range g.Findings {
		if f.At.Off >= 0 && !done[f.At.Off] {
			done[f.At.Off] = true
			mend(f)
		}
	}
	r.step(code, uint64(len(done)), what)
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
