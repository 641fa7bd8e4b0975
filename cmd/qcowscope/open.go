package main

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/image"
	"qcowscope/core/report"
	"qcowscope/core/source"
)

// problem is why an image cannot be looked at: what, where, and what to do.
type problem struct {
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
	Advice string `json:"advice"`
	exit   int
}

// problemJSON is what stands in place of a result.
type problemJSON struct {
	Filename string  `json:"filename"`
	Problem  problem `json:"problem"`
	Schema   int     `json:"schema"`
}

// openImage opens the file and the image in it. When it is nil the problem was said and the
// call ends with the exit code.
func (c *command) openImage(path string, form output) (*file, *image.Image, int) {
	return opened(c, path, form, func() (*file, error) { return openFile(path) })
}

// openToLook is openImage for verbs that only look: the image may lie on a web server.
func (c *command) openToLook(path string, form output) (input, *image.Image, int) {
	return opened(c, path, form, func() (input, error) { return openInput(c.ctx, path) })
}

func opened[T input](c *command, path string, form output, open func() (T, error)) (f T, img *image.Image, code int) {
	f, img, p := openedIn(c.ctx, path, open)
	if p == nil {
		return f, img, exitOK
	}
	if c.ctx.Err() != nil {
		return f, nil, c.fail(c.ctx.Err())
	}
	return f, nil, c.giveUp(nameOf(path), form, *p)
}

// openedIn opens the image, or says why it cannot be looked at.
func openedIn[T input](ctx context.Context, path string, open func() (T, error)) (f T, img *image.Image, p *problem) {
	f, err := open()
	if err != nil {
		advice := "Check the name and the permissions of the file."
		if isURL(path) {
			advice = "Check the address, and that the server gives the image to you."
		}
		return f, nil, &problem{What: err.Error(), Advice: advice, exit: exitFailed}
	}
	if img, err = image.Open(ctx, f); err != nil {
		f.Close()
		why := explain(f.name(), err)
		return f, nil, &why
	}
	return f, img, nil
}

func (c *command) giveUp(path string, form output, p problem) int {
	if form == "json" {
		writeJSON(c.out, problemJSON{path, p, schema})
	}
	fmt.Fprintf(c.err, "qcowscope %s: %s\n", c.verb.name, printable(p.What))
	if p.Where != "" {
		fmt.Fprintf(c.err, "Where: %s\n", printable(p.Where))
	}
	fmt.Fprintln(c.err, printable(p.Advice))
	return p.exit
}

// explain puts into words why an image does not open at all.
func explain(path string, err error) problem {
	var read *source.ReadError
	if errors.As(err, &read) {
		err = &source.ReadError{Off: read.Off, Len: read.Len, Err: plainError(read.Err)}
	}
	p, exit := report.Explain(path, err)
	return problem{p.What, p.Where, p.Advice, exit}
}
