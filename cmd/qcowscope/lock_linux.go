package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// QEMU tells other programs how it uses an image by locks of the open file description on
// single bytes: byte 100+n says that it has permission n, byte 200+n that others may not
// have it. All locks are shared; who wants to know asks whether an exclusive one would fit.
const (
	qemuHas     = 100
	qemuForbids = 200
	qemuAll     = 5 // permissions
)

// The permissions of a program that changes an image.
const (
	qemuRead   = 0
	qemuWrite  = 1
	qemuResize = 3
)

// The commands of fcntl for locks of the open file description.
const (
	getLockOFD = 36 // F_OFD_GETLK
	setLockOFD = 37 // F_OFD_SETLK
)

// lockedByWriter tells whether a QEMU has the image open for writing.
func (f *file) lockedByWriter() bool {
	if !f.info.Mode().IsRegular() {
		return false
	}
	locked, err := f.lockedElsewhere(qemuHas+qemuWrite, 1)
	return err == nil && locked
}

// lockedElsewhere tells whether another open file description has a lock on the bytes.
func (f *file) lockedElsewhere(start, n int64) (bool, error) {
	l := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart, Start: start, Len: n}
	err := syscall.FcntlFlock(f.Fd(), getLockOFD, &l)
	return l.Type != syscall.F_UNLCK, err
}

// lockAlone takes the locks of a QEMU that changes the image and lets nobody else open it,
// until the file is closed. It fails when another program uses the image.
func (f *file) lockAlone() error {
	// First the own locks, then the question for others: of two who do so at once at least
	// one sees the other.
	mine := []syscall.Flock_t{{Start: qemuForbids, Len: qemuAll}}
	for _, p := range []int64{qemuRead, qemuWrite, qemuResize} {
		mine = append(mine, syscall.Flock_t{Start: qemuHas + p, Len: 1})
	}
	f.alone = true
	for _, l := range mine {
		l.Type, l.Whence = syscall.F_RDLCK, io.SeekStart
		err := syscall.FcntlFlock(f.Fd(), setLockOFD, &l)
		if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
			return errUsedElsewhere(f.path)
		}
		if err != nil {
			return fmt.Errorf("%s cannot be locked, so that another program could change it at the same time: %w", f.path, err)
		}
	}
	others := [][2]int64{{qemuHas, qemuAll}, {qemuForbids + qemuRead, 2}, {qemuForbids + qemuResize, 1}}
	for _, o := range others {
		locked, err := f.lockedElsewhere(o[0], o[1])
		if err != nil {
			return fmt.Errorf("%s: its locks cannot be seen: %w", f.path, err)
		}
		if locked {
			return errUsedElsewhere(f.path)
		}
	}
	return nil
}

func errUsedElsewhere(path string) error {
	return fmt.Errorf("%s is open in another program, perhaps a running VM: stop it first", path)
}

// Close gives the locks back before the file, so that a program that was started meanwhile
// does not keep them.
func (f *file) Close() error {
	if f.alone {
		l := syscall.Flock_t{Type: syscall.F_UNLCK, Whence: io.SeekStart, Start: qemuHas, Len: qemuForbids + qemuAll - qemuHas}
		// Closing the file does the same in any case.
		_ = syscall.FcntlFlock(f.Fd(), setLockOFD, &l)
	}
	return f.File.Close()
}
