package patch

import (
	"encoding/json"
	"fmt"
	"slices"

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
	Kept       guarded       `json:"kept,omitempty"` // of an undo plan, see Guards
	Made       guarded       `json:"made,omitempty"`
}

// EncodeJSON is the plan as JSON with the old bytes, read from src, the file before it.
func (p *Plan) EncodeJSON(src source.Source) ([]byte, error) {
	out, err := p.json(src)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(out, "", "  ")
}

func (p *Plan) json(src source.Source) (*jsonPlan, error) {
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
	return &out, nil
}

// EncodeUndoJSON is the plan that leads from the patched file back to src, as JSON.
func (p *Plan) EncodeUndoJSON(src source.Source) ([]byte, error) {
	return p.EncodeGuardedUndoJSON(src, Guards{})
}

// EncodeGuardedUndoJSON is the undo plan with guards, which DecodeJSON holds the file to.
func (p *Plan) EncodeGuardedUndoJSON(src source.Source, g Guards) ([]byte, error) {
	undo, err := p.Undo(src)
	if err != nil {
		return nil, err
	}
	after := NewOverlay(src)
	if err := after.Apply(p); err != nil {
		return nil, err
	}
	out, err := undo.json(after)
	if err != nil {
		return nil, err
	}
	if len(p.Batches) > 1 && !p.replaces(p.Batches[0]) {
		out.Batches = append(out.Batches, []jsonWrite{}) // it stands for the change's first batch
	}
	if err := out.guard(src, after, g); err != nil {
		return nil, err
	}
	return json.MarshalIndent(out, "", "  ")
}

// oldBytes is how many bytes the write replaces: those past the file's end are not there.
func (p *Plan) oldBytes(w Write) int64 { return max(0, min(w.End(), p.SizeBefore)-w.Off) }

// replaces tells whether the batch writes over any bytes of the file before the plan.
func (p *Plan) replaces(batch []Write) bool {
	return slices.ContainsFunc(batch, func(w Write) bool { return p.oldBytes(w) > 0 })
}

// DecodeJSON reads a saved plan and refuses one whose old bytes, or guards, are not what src
// holds.
func DecodeJSON(b []byte, src source.Source) (*Plan, error) {
	in, p, err := decodeJSON(b)
	if err != nil {
		return nil, err
	}
	if err := p.Check(src.Size()); err != nil {
		return nil, err
	}
	for _, b := range in.Batches {
		for _, w := range b {
			if err := w.matches(src); err != nil {
				return nil, err
			}
		}
	}
	if err := in.Kept.match(src); err != nil {
		return nil, err
	}
	p.Compact()
	return p, in.Made.match(src)
}

// decodeJSON reads a saved plan as it stands there.
func decodeJSON(b []byte) (*jsonPlan, *Plan, error) {
	var in jsonPlan
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, nil, fmt.Errorf("patch: not a plan: %w", err)
	}
	if in.File == "" {
		in.File = TargetImage
	}
	if in.File != TargetImage && in.File != TargetDataFile {
		return nil, nil, fmt.Errorf("patch: the plan is for %q, which is no file of an image", in.File)
	}
	p := &Plan{File: in.File, SizeBefore: in.SizeBefore, SizeAfter: in.SizeAfter}
	for i, b := range in.Batches {
		p.Batches = append(p.Batches, nil)
		for _, w := range b {
			p.Batches[i] = append(p.Batches[i], Write{w.Offset, w.New, w.Why})
			if want := p.oldBytes(p.Batches[i][len(p.Batches[i])-1]); int64(len(w.Old)) != want {
				return nil, nil, fmt.Errorf("patch: the write at 0x%x has %d old bytes, it replaces %d", w.Offset, len(w.Old), want)
			}
		}
	}
	return &in, p, p.Check(p.SizeBefore)
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
