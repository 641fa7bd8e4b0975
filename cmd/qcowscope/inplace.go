package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/patch"
	"qcowscope/core/source"
)

// inPlaceHelp are the lines of the help that the verbs with --in-place share.
const inPlaceHelp = `  --in-place               change the image itself, redirected, so that no crash can harm it; first the old bytes go to
                           IMAGE.undo.json (or --undo=FILE), which is never overwritten. The image must not be in use
`

// openToChange opens an image that is to be changed in place, for this program alone.
func openToChange(path string) (*file, error) {
	f, err := openFileFor(path, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	if !f.info.Mode().IsRegular() {
		err = fmt.Errorf("%s is a device: only files are changed in place", path)
	} else if err = f.lockAlone(); err == nil {
		f.info, err = f.Stat() // nobody changes it from now on
		f.size = f.info.Size()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// undoName is where the old bytes of a change in place go unless something else is asked for.
func undoName(path string) string { return path + ".undo.json" }

// changeInPlace makes the change of a plan that is safe in place: it writes the undo file,
// then the batches, and reads all of it back. after is the check of what the plan makes, nil
// if it was not checked.
func (c *command) changeInPlace(f *file, plan *patch.Plan, undo undoFile, after *check.Report) error {
	if plan.Empty() {
		return nil
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if err := f.changed(); err != nil {
		return err
	}
	promised, err := promisedBytes(f, plan)
	if err != nil {
		return err
	}
	if err := undo.write(f, plan); err != nil {
		return err
	}
	err = carryOut(c.ctx, f.File, plan)
	if err == nil {
		if err = c.readBack(f, plan, promised, after); err != nil {
			err = &stoppedError{stage: stageRead, err: fmt.Errorf("what was read back is not what was written: %w", err)}
		}
	}
	var stopped *stoppedError
	if errors.As(err, &stopped) {
		stopped.what = stopped.whatToDo(f.path, undo.name)
	}
	return err
}

// undoFile is where the old bytes of a change go, and what undoing it depends on.
type undoFile struct {
	name   string
	guards patch.Guards
}

// write writes the undo file and makes it durable. It never replaces a file.
func (u undoFile) write(f *file, plan *patch.Plan) error {
	t := target{path: u.name}
	if _, err := os.Lstat(u.name); err == nil {
		return fmt.Errorf("%s exists, and it may be what undoes an earlier change: move it away, or name another with --undo=FILE. Nothing was written", u.name)
	}
	if err := t.refuse(f); err != nil {
		return err
	}
	u.guards.Made = append(u.guards.Made, filled(plan)...)
	text, err := plan.EncodeGuardedUndoJSON(f, u.guards)
	if err != nil {
		return err
	}
	out, err := t.begin(f.info.Mode()) // it holds bytes of the image
	if err != nil {
		return err
	}
	defer out.discard()
	if _, err := out.Write(append(text, '\n')); err != nil {
		return plainError(err)
	}
	return out.keep()
}

// filled are the ranges that the plan fills before it switches the header, and leaves so:
// undoing gives them up, and what a VM has put there since.
func filled(plan *patch.Plan) (all []patch.Range) {
	first := 0
	for first < len(plan.Batches) && !switches(plan.Batches[first]) {
		first++
	}
	var later []patch.Write
	for _, b := range plan.Batches[first:] {
		later = append(later, b...)
	}
	for _, b := range plan.Batches[:first] {
		for _, w := range b {
			if !slices.ContainsFunc(later, func(l patch.Write) bool { return l.Off < w.End() && w.Off < l.End() }) {
				all = append(all, patch.Range{Off: w.Off, Len: int64(len(w.Data))})
			}
		}
	}
	return all
}

// promisedBytes are the bytes that the file must have where the plan writes.
func promisedBytes(f *file, plan *patch.Plan) ([]patch.Write, error) {
	over := patch.NewOverlay(f)
	if err := over.Apply(plan); err != nil {
		return nil, err
	}
	var all []patch.Write
	off := int64(0)
	for s := range over.Segments() {
		if s.Data != nil {
			all = append(all, patch.Write{Off: off, Data: s.Data})
		}
		off += s.Len
	}
	return all, nil
}

// readBack reads from the disk what was written, and checks the image.
func (c *command) readBack(f *file, plan *patch.Plan, promised []patch.Write, after *check.Report) error {
	f.forget()
	again, err := openFile(f.path)
	if err != nil {
		return err
	}
	defer again.Close()
	if !os.SameFile(again.info, f.info) || again.size != plan.SizeAfter {
		return fmt.Errorf("the file has %d bytes, not %d", again.size, plan.SizeAfter)
	}
	for _, w := range promised {
		now := make([]byte, len(w.Data))
		if err := source.ReadFull(again, now, w.Off); err != nil {
			return err
		}
		if !bytes.Equal(now, w.Data) {
			return fmt.Errorf("at 0x%x there are other bytes", w.Off)
		}
	}
	if after == nil {
		return nil
	}
	return c.sameReport(again, after)
}

// whatToDo says what state the image is in, and what to do.
func (e *stoppedError) whatToDo(image, undo string) string {
	state := [...]string{
		stageFree: "The image is as it was: only clusters that nothing uses were written.",
		stageSwitch: "The header is the old one or the new one, and the image is whole with either: " +
			"qcowscope check tells.",
		stageDone: "The change itself was made; what is left to do concerns only free clusters.",
		stageRead: "The disk, or what lies before it, does not keep what it is given: do not trust it.",
	}[e.stage]
	return fmt.Sprintf("\n%s\nTo get the old bytes back, to the last one:\n  qcowscope apply %s %s --in-place\n"+
		"After that the change can be tried again. Keep %s until then.", state, shellWord(image), shellWord(undo), undo)
}

// shellWord is a path as it can be given to a shell.
func shellWord(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-", r)
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
