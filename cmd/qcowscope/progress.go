package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress is one line on a terminal that is written again and again; without a terminal
// it is silent.
type progress struct {
	w     io.Writer
	last  time.Time
	shown bool
}

const progressEvery = 100 * time.Millisecond

func (c *command) progress() *progress {
	if f, ok := c.err.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return &progress{w: f, last: time.Now()}
		}
	}
	return &progress{}
}

// show replaces the line, at most ten times a second.
func (p *progress) show(what string, done, total int64) {
	if p.w == nil || total <= 0 || time.Since(p.last) < progressEvery {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K%s: %d %%", what, min(100, done*100/total))
}

// end takes the line away.
func (p *progress) end() {
	if p.shown {
		io.WriteString(p.w, "\r\x1b[K")
		p.shown = false
	}
}
