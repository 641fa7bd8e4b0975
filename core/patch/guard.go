package patch

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"qcowscope/core/source"
)

// Range is Len bytes of a file from Off on.
type Range struct{ Off, Len int64 }

// Guards are what an undo plan depends on and does not write itself: where it finds other
// bytes the file was used since, and undoing would mix two states of it.
type Guards struct {
	// Kept are ranges that the change leaves alone, and that count again when it is undone.
	Kept []Range
	// Made are ranges that the change fills.
	Made []Range
}

// GuardsOf are the guards of a saved plan.
func GuardsOf(saved []byte) (g Guards, err error) {
	in, _, err := decodeJSON(saved)
	if err != nil {
		return g, err
	}
	return Guards{Kept: in.Kept.ranges(), Made: in.Made.ranges()}, nil
}

// guarded is ranges with the sums of what they must hold.
type guarded []jsonRange

// jsonRange is one of them.
type jsonRange struct {
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	SHA256 []byte `json:"sha256"`
}

// guard sums up what the ranges hold after the change, as far as they are in the file then.
func (p *jsonPlan) guard(before, after source.Source, g Guards) error {
	for _, r := range g.Kept {
		r.Len = max(0, min(r.Len, before.Size()-r.Off, after.Size()-r.Off)) // zeros behind the end come back by themselves
		was, err := sumOf(before, r)
		if err != nil {
			return err
		}
		is, err := sumOf(after, r)
		if err != nil {
			return err
		}
		if r.Len > 0 && bytes.Equal(was, is) {
			p.Kept = append(p.Kept, jsonRange{r.Off, r.Len, is})
		}
	}
	for _, r := range g.Made {
		r.Len = max(0, min(r.Len, after.Size()-r.Off))
		is, err := sumOf(after, r)
		if err != nil {
			return err
		}
		p.Made = append(p.Made, jsonRange{r.Off, r.Len, is})
	}
	return nil
}

func sumOf(src source.Source, r Range) ([]byte, error) {
	const chunk = 1 << 20
	h := sha256.New()
	buf := make([]byte, min(chunk, r.Len))
	for off := int64(0); off < r.Len; off += chunk {
		b := buf[:min(chunk, r.Len-off)]
		if err := source.ReadFull(src, b, r.Off+off); err != nil {
			return nil, err
		}
		h.Write(b)
	}
	return h.Sum(nil), nil
}

func (g guarded) ranges() (all []Range) {
	for _, r := range g {
		all = append(all, Range{r.Offset, r.Length})
	}
	return all
}

// match says which range holds something else.
func (g guarded) match(src source.Source) error {
	for _, r := range g {
		if r.Offset < 0 || r.Length < 0 || r.Offset > src.Size() || r.Length > src.Size()-r.Offset {
			return fmt.Errorf("%w: 0x%x+0x%x is behind the end of the file", ErrPlanMismatch, r.Offset, r.Length)
		}
		sum, err := sumOf(src, Range{r.Offset, r.Length})
		if err != nil {
			return err
		}
		if !bytes.Equal(sum, r.SHA256) {
			return fmt.Errorf("%w: the file was changed at 0x%x since", ErrPlanMismatch, r.Offset)
		}
	}
	return nil
}
