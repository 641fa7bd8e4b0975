package amend

import (
	"context"
	"encoding/binary"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
)

// LazyRefcounts is the plan that turns lazy refcounts on or off. Turned off, a dirty image is
// checked: when its refcounts are right the dirty bit is cleared with the same write. What
// forbids the change is told by a *BlockedError; other errors are those of reading, or the
// context's.
func LazyRefcounts(ctx context.Context, img *image.Image, on bool) (*Change, error) {
	h := &img.Header
	c := &Change{Plan: patch.New(img.Src.Size())}
	if on == (h.CompatibleFeatures&qcow2.CompatLazyRefcounts != 0) {
		return c, nil
	}
	blocked := unusable(img)
	if h.Version < 3 {
		b := Blocker{What: BlockedByVersion, Why: "version 2 knows no lazy refcounts", Advice: "change the image to version 3 in the same amend"}
		b.add("version", qcow2.OffVersion)
		blocked = append(blocked, b)
	}
	if len(blocked) > 0 {
		return nil, &BlockedError{blocked}
	}
	incompatible, compatible := h.IncompatibleFeatures, h.CompatibleFeatures^qcow2.CompatLazyRefcounts
	if !on && h.Has(qcow2.IncompatDirty) {
		if err := rightRefcounts(ctx, img); err != nil {
			return nil, err
		}
		incompatible &^= qcow2.IncompatDirty
		c.Notes = append(c.Notes, "the dirty bit is cleared: all refcounts are right")
	}
	bits := binary.BigEndian.AppendUint64(nil, incompatible)
	bits = binary.BigEndian.AppendUint64(bits, compatible)
	why := "compatible_features: lazy refcounts off"
	if on {
		why = "compatible_features: lazy refcounts on"
	}
	c.Plan.Add(0, qcow2.OffIncompatible, bits, why) // both fields lie in the first sector
	return c, nil
}

// rightRefcounts is nil when a check finds nothing wrong but leaks.
func rightRefcounts(ctx context.Context, img *image.Image) error {
	r, err := check.Run(ctx, img, check.Options{})
	if err != nil {
		return err
	}
	if r.Incomplete != nil {
		return r.Incomplete
	}
	if b, damaged := damage(r); damaged {
		return &BlockedError{[]Blocker{b}}
	}
	return nil
}
