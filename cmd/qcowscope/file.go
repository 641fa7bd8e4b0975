package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// file is an image file, opened for reading only unless it is changed in place. It is a
// source.Source.
type file struct {
	*os.File
	path  string
	size  int64
	info  fs.FileInfo
	alone bool // it is locked against other programs
}

// openFile opens a regular file or a block device for reading.
func openFile(path string) (*file, error) { return openFileFor(path, os.O_RDONLY) }

// openFileFor opens it in the way that the flag says, of os.OpenFile.
func openFileFor(path string, flag int) (*file, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, plainError(err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return nil, fmt.Errorf("%s is a folder: give the image file in it", path)
	case mode&fs.ModeDevice != 0 && mode&fs.ModeCharDevice == 0, mode.IsRegular():
	default:
		return nil, fmt.Errorf("%s is not a file (%s): copy what it gives into a file first", path, mode.Type())
	}
	f, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, plainError(err)
	}
	size := info.Size()
	if !info.Mode().IsRegular() {
		if size, err = f.Seek(0, io.SeekEnd); err != nil {
			f.Close()
			return nil, fmt.Errorf("%s: its size cannot be told: %w", path, err)
		}
	}
	return &file{File: f, path: path, size: size, info: info}, nil
}

// plainError is an error of the operating system without the name of the system call.
func plainError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}

// Size is the length in bytes when the file was opened.
func (f *file) Size() int64 { return f.size }

// changed says whether somebody has written to the file since it was opened.
func (f *file) changed() error {
	if !f.info.Mode().IsRegular() {
		return nil
	}
	now, err := f.Stat()
	if err != nil {
		return plainError(err)
	}
	if now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()) {
		return fmt.Errorf("%s changed at %s while it was read: stop what uses it and try again", f.path, now.ModTime().Format(time.TimeOnly))
	}
	return nil
}
