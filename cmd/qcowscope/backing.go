package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"qcowscope/core/image"
	"qcowscope/core/patch"
	"qcowscope/core/qcow2"
	"qcowscope/core/source"
)

// otherFile is where a name in an image leads: a path, "" when it is no plain file name.
// Names are relative to the folder of the image that holds them.
func otherFile(imagePath, name string) string {
	name = strings.TrimPrefix(name, "file:")
	if colon := strings.IndexByte(name, ':'); colon >= 0 && !strings.Contains(name[:colon], "/") {
		return "" // nbd:, json:, ...
	}
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(imagePath), name)
}

// warnNames says when the copy no longer finds a file that the image names, and when both
// would write to the same one. dataOut is where the copy's own data file goes, "" if it has none.
func (c *command) warnNames(f *file, img *image.Image, o copying, dataOut string) {
	if o.inPlace {
		return // names stay where they are
	}
	if from, there := otherFile(f.path, img.BackingFile), otherFile(o.path, img.BackingFile); from != there && !o.rebase && !sameFile(from, there) {
		fmt.Fprintf(c.err, "qcowscope %s: the image names its backing file %s relative to itself, and from %s that leads elsewhere: --rebase-backing keeps it valid\n",
			c.verb.name, printable(img.BackingFile), printable(o.path))
	}
	if img.Geo.DataFile && dataOut == "" {
		fmt.Fprintf(c.err, "qcowscope %s: the data is in the file %s, which the image and its copy share: use only one of them from now on\n", c.verb.name, printable(img.DataFile))
	}
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

const maxBackingName = 1023

// rebaseBacking adds to the plan what makes the backing file's name valid from out.
func rebaseBacking(plan *patch.Plan, f *file, img *image.Image, out string) error {
	from := otherFile(f.path, img.BackingFile)
	if from == "" || filepath.IsAbs(strings.TrimPrefix(img.BackingFile, "file:")) {
		return nil // nothing that depends on where the image lies
	}
	name, err := nameFrom(out, from)
	if err != nil {
		return err
	}
	after := patch.NewOverlay(f)
	if err := after.Apply(plan); err != nil {
		return err
	}
	off, old := int64(img.Header.BackingFileOffset), int64(len(img.BackingFile))
	size := max(old, int64(len(name)))
	if len(name) > maxBackingName || off+size > img.Geo.ClusterSize() {
		return errNoRoom(name)
	}
	room := make([]byte, size)
	if err := source.ReadFull(after, room, off); err != nil {
		return err
	}
	if len(bytes.TrimLeft(room[old:], "\x00")) > 0 {
		return errNoRoom(name) // something lies behind the old name
	}
	clear(room)
	copy(room, name)
	length := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	n := len(plan.Batches)
	plan.Add(n, off, room, fmt.Sprintf("backing file name: %q", name))
	plan.Add(n, qcow2.OffBackingSize, length, "backing_file_size: length of the new name")
	return nil
}

func errNoRoom(name string) error {
	return errors.New("--rebase-backing: the header has no room for the name " + name)
}

// nameFrom is the name of a file as an image at path would have it: relative if it can be.
func nameFrom(path, name string) (string, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	name, err = filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(dir, name); err == nil {
		return rel, nil
	}
	return name, nil
}
