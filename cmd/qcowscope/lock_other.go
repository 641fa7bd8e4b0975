//go:build !linux

package main

import "errors"

// lockedByWriter is not known here.
func (f *file) lockedByWriter() bool { return false }

// lockAlone fails: without QEMU's locks nobody knows whether a VM is running.
func (f *file) lockAlone() error {
	return errors.New("images are changed in place only on Linux, where the locks show whether a VM uses them: write a copy with -o OUT")
}
