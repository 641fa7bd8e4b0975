package main

import (
	"errors"
	"os"
	"syscall"
)

const (
	seekData   = 3
	seekHole   = 4
	ioctlClone = 0x40049409 // FICLONE
)

// nextData is the first run of the file that is not a hole, from off on: the whole rest
// where the file system does not tell. It is empty, at the end, when only a hole follows.
func (f *file) nextData(off int64) (start, end int64, err error) {
	start, err = f.Seek(off, seekData)
	switch {
	case errors.Is(err, syscall.ENXIO):
		return f.size, f.size, nil
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ESPIPE):
		return off, f.size, nil
	case err != nil:
		return 0, 0, plainError(err)
	}
	if end, err = f.Seek(start, seekHole); err != nil {
		return 0, 0, plainError(err)
	}
	return min(start, f.size), min(end, f.size), nil
}

// cloneFile makes dst share all blocks of src, where the file system can.
func cloneFile(dst, src *os.File) error {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, dst.Fd(), ioctlClone, src.Fd()); errno != 0 {
		return errno
	}
	return nil
}

// Allocated is how many bytes the file takes on its disk.
func (f *file) Allocated() int64 {
	if st, ok := f.info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return f.size
}
