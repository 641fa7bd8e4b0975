package patch

import (
	"encoding/json"
	"fmt"

	"qcowscope/core/source"
)

// jsonWrite is one write of a saved plan; Old lets whoever applies it see that the file is
// the one it was made for.
type jsonWrite struct {
	Offset int64  `json:"offset"`
	Old    []byte `json:"old"` // what the file holds now, shorter past its end
	New    []byte `json:"new"`
	Why    string `json:"why"`
}

type jsonPlan struct {
	File       Target        `json:"file"`
	SizeBefore int64         `json:"size-before"`
	SizeAfter  int64         `json:"size-after"`
	Batches    [][]jsonWrite `json:"batches"`
}

// EncodeJSON is the plan as JSON with the old bytes, read from src, the file before it.
func (p *Plan) EncodeJSON(src source.Source) ([]byte, error) {
	out := jsonPlan{File: p.File, SizeBefore: p.SizeBefore, SizeAfter: p.SizeAfter, Batches: [][]jsonWrite{}}
	for _, b := range p.Batches {
		batch := []jsonWrite{}
		for _, w := range b {
			old := make([]byte, p.oldBytes(w))
			if err := source.ReadFull(src, old, w.Off); err != nil {
				return nil, err
			}
			batch = append(batch, jsonWrite{w.Off, old, w.Data, w.Why})
		}
		out.Batches = append(out.Batches, batch)
	}
	return json.MarshalIndent(out, "", "  ")
}

// EncodeUndoJSON is the plan that leads from the patched file back to src, as JSON.
func (p *Plan) EncodeUndoJSON(src source.Source) ([]byte, error) {
	undo, err := p.Undo(src)
	if err != nil {
		return nil, err
	}
	after := NewOverlay(src)
	if err := after.Apply(p); err != nil {
		return nil, err
	}
	return undo.EncodeJSON(after)
}

// oldBytes is how many bytes the write replaces: those past the file's end are not there.
func (p *Plan) oldBytes(w Write) int64 { return max(0, min(w.End(), p.SizeBefore)-w.Off) }

// DecodeJSON reads a saved plan and refuses one whose old bytes are not what src holds.
func DecodeJSON(b []byte, src source.Source) (*Plan, error) {
	var in jsonPlan
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("patch: not a plan: %w", err)
	}
	if in.File == "" {
		in.File = TargetImage
	}
	if in.File != TargetImage && in.File != TargetDataFile {
		return nil, fmt.Errorf("patch: the plan is for %q, which is no file of an image", in.File)
	}
	p := &Plan{File: in.File, SizeBefore: in.SizeBefore, SizeAfter: in.SizeAfter}
	for i, b := range in.Batches {
		p.Batches = append(p.Batches, nil)
		for _, w := range b {
			p.Batches[i] = append(p.Batches[i], Write{w.Offset, w.New, w.Why})
		}
	}
	if err := p.Check(src.Size()); err != nil {
		return nil, err
	}
	for i, b := range in.Batches {
		for j, w := range b {
			if want := p.oldBytes(p.Batches[i][j]); int64(len(w.Old)) != want {
				return nil, fmt.Errorf("patch: the write at 0x%x has %d old bytes, it replaces %d", w.Offset, len(w.Old), want)
			}
			if err := w.matches(src); err != nil {
				return nil, err
			}
		}
	}
	return p, nil
}

func (w jsonWrite) matches(src source.Source) error {
	now := make([]byte, len(w.Old))
	if err := source.ReadFull(src, now, w.Offset); err != nil {
		return err
	}
	for i := range now {
		if now[i] != w.Old[i] {
			return fmt.Errorf("%w: at 0x%x it expects %02x, the file has %02x", ErrPlanMismatch, w.Offset+int64(i), w.Old[i], now[i])
		}
	}
	return nil
}
