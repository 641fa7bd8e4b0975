//go:build amd64 || arm64 || riscv64

package main

import "syscall"

const adviseDontNeed = 4 // POSIX_FADV_DONTNEED

// forget has the system drop what it remembers of the file, so that what is read next comes
// from the disk. Not every file system does it.
func (f *file) forget() {
	syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, adviseDontNeed, 0, 0)
}
