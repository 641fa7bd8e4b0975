package redirect

import (
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// AsQEMU is a plan as QEMU's repairs and changes of the refcount width carry it out in place:
// they wait for the disk before and after they write to the header, and when all is done. The
// second result is for CrashOptions.Flushed.
func AsQEMU(p *patch.Plan) (*patch.Plan, func(batch int) bool) {
	split := patch.New(p.SizeBefore)
	split.SizeAfter = p.SizeAfter
	header := map[int]bool{}
	for _, ws := range p.Batches {
		var rest, head []patch.Write
		for _, w := range ws {
			if w.Off < qcow2.SectorSize {
				head = append(head, w)
			} else {
				rest = append(rest, w)
			}
		}
		if len(rest) > 0 {
			split.Batches = append(split.Batches, rest)
		}
		if len(head) > 0 {
			header[len(split.Batches)] = true
			split.Batches = append(split.Batches, head)
		}
	}
	return split, func(batch int) bool { return header[batch] || header[batch-1] }
}
