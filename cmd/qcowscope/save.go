package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"qcowscope/core/patch"
)

// target is where a changed copy goes.
type target struct {
	path  string
	force bool // replace what is there
}

// refuse says why a copy of in cannot go to the target.
func (t target) refuse(in *file) error {
	if t.path == "" {
		return errors.New("-o OUT says where the copy goes: the image itself is written to only with --in-place")
	}
	now, err := os.Stat(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t.refuseFolder()
	}
	switch {
	case err != nil:
		return plainError(err)
	case in != nil && os.SameFile(now, in.info):
		return fmt.Errorf("%s is the image itself: give the copy another name", t.path)
	case !now.Mode().IsRegular():
		return fmt.Errorf("%s is not a file that could be replaced", t.path)
	case !t.force:
		return fmt.Errorf("%s exists: --force replaces it", t.path)
	}
	return t.refuseFolder()
}

func (t target) refuseFolder() error {
	dir := filepath.Dir(t.path)
	info, err := os.Stat(dir)
	if err != nil {
		return plainError(err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	return nil
}

// pending is a file that does not have its name yet. It goes away unless it is kept.
type pending struct {
	*os.File
	target target
	kept   bool
}

// begin makes an unnamed file beside the target, for the rename to be atomic.
func (t target) begin(mode fs.FileMode) (*pending, error) {
	random := make([]byte, 6)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	name := filepath.Join(filepath.Dir(t.path), fmt.Sprintf(".%s.%x.part", filepath.Base(t.path), random))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode.Perm()|0o600)
	if err != nil {
		return nil, plainError(err)
	}
	return &pending{File: f, target: t}, nil
}

// discard closes the file and removes it if it was not kept.
func (p *pending) discard() {
	p.Close()
	if !p.kept {
		os.Remove(p.Name())
	}
}

// keep gives the file its name, durably.
func (p *pending) keep() error {
	if err := p.Sync(); err != nil {
		return plainError(err)
	}
	if err := p.rename(); err != nil {
		return err
	}
	p.kept = true
	return syncFolder(filepath.Dir(p.target.path))
}

// rename replaces nothing unless it was asked to: a link fails where a rename would not.
func (p *pending) rename() error {
	if !p.target.force {
		err := os.Link(p.Name(), p.target.path)
		if err == nil {
			return os.Remove(p.Name())
		}
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists: --force replaces it", p.target.path)
		}
		// The file system has no hard links; there is a moment between looking and renaming.
		if _, err := os.Lstat(p.target.path); err == nil {
			return fmt.Errorf("%s exists: --force replaces it", p.target.path)
		}
	}
	return os.Rename(p.Name(), p.target.path)
}

// syncFolder makes a new name durable. Not every system can; the file itself is safe.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return plainError(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return plainError(err)
	}
	return nil
}

// save writes a copy of in with the plan applied to the target. verify looks at the
// finished copy before it gets its name.
func (c *command) save(in *file, t target, plan *patch.Plan, verify func(*file) error) error {
	out, err := t.begin(in.info.Mode())
	if err != nil {
		return err
	}
	defer out.discard()
	p := c.progress()
	defer p.end()
	if err := copySparse(c.ctx, out.File, in, p); err != nil {
		return err
	}
	if err := in.changed(); err != nil {
		return err
	}
	if err := applyPlan(c.ctx, out.File, plan); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return plainError(err)
	}
	copied, err := openFile(out.Name())
	if err != nil {
		return err
	}
	defer copied.Close()
	p.end()
	if err := verify(copied); err != nil {
		return err
	}
	return out.keep()
}

// applyPlan writes the plan to a file that nobody uses yet, so its batches need no barrier.
func applyPlan(ctx context.Context, f *os.File, plan *patch.Plan) error {
	for _, batch := range plan.Batches {
		for _, w := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := f.WriteAt(w.Data, w.Off); err != nil {
				return plainError(err)
			}
		}
	}
	return plainError(f.Truncate(plan.SizeAfter))
}
