package main

import (
	"context"
	"io"

	"qcowscope/core/source"
)

// input is where an image that is only looked at comes from: a file or a web server.
type input interface {
	source.Source
	io.Closer
	// name is how the input is called in what is printed.
	name() string
	// changed says whether somebody has written to it since it was opened.
	changed() error
	lockedByWriter() bool
}

// name is the path as it was given.
func (f *file) name() string { return f.path }

// openInput opens a file, or what lies under an address.
func openInput(ctx context.Context, path string) (input, error) {
	if isURL(path) {
		r, err := openRemote(ctx, path)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}
