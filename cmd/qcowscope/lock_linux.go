package main

import (
	"io"
	"syscall"
)

// QEMU holds a lock on this byte of an image that it may write to (the byte of the
// permission "write"), and asks for it with locks of the open file description.
const (
	qemuWriteByte = 101
	getLockOFD    = 36 // F_OFD_GETLK
)

// lockedByWriter tells whether a QEMU has the image open for writing.
func (f *file) lockedByWriter() bool {
	if !f.info.Mode().IsRegular() {
		return false
	}
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: qemuWriteByte, Len: 1}
	err := syscall.FcntlFlock(f.Fd(), getLockOFD, &l)
	return err == nil && l.Type != syscall.F_UNLCK
}
