package repair

import (
	"qcowscope/core/check"
	"qcowscope/core/qcow2"
)

// cutCodes are the findings whose pointer can be given up by consent: nobody knows where it
// should lead.
var cutCodes = []check.Code{check.RegionBeyondEOF, check.DataUnaligned, check.L2TableUnaligned, check.L1ReservedBits, check.L2ReservedBits,
	check.SubclusterAllocNoHost, check.CompressedWithDataFile, check.L2TableGarbage}

// cutPointers replaces, by consent, pointers that lead nowhere by entries that read as
// zeros (or, for a whole L2 table, as unallocated). The clusters that they may have meant
// stay as they are.
func (r *repairer) cutPointers() error {
	var accepted []check.Code
	for _, c := range cutCodes {
		if r.accepts(c) {
			accepted = append(accepted, c)
		}
	}
	found, err := r.places(accepted...)
	if err != nil {
		return err
	}
	done := map[qcow2.HostOff]bool{}
	n := map[check.Code]uint64{}
	for _, f := range found {
		if f.At.Kind != check.FieldL1 && f.At.Kind != check.FieldL2 || done[f.At.Off] {
			continue
		}
		done[f.At.Off] = true
		n[f.Code]++
		r.lose(f)
		r.stage.Add(0, int64(f.At.Off), r.cutEntry(f), f.At.Field()+": given up by consent; the guest reads zeros")
	}
	for _, c := range accepted {
		r.step(c, n[c], "give up pointers that lead nowhere")
	}
	r.cut = r.cut || len(done) > 0
	return nil
}

// cutEntry is what stands in for the pointer.
func (r *repairer) cutEntry(f check.Finding) []byte {
	switch {
	case f.At.Kind == check.FieldL1 || r.img.Geo.Version == 2:
		return be64bytes(0)
	case r.img.Geo.ExtendedL2:
		return append(be64bytes(0), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	}
	return be64bytes(qcow2.FlagZero)
}
