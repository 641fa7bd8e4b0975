//go:build !linux

package main

// lockedByWriter is not known here.
func (f *file) lockedByWriter() bool { return false }
