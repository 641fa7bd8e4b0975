package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"qcowscope/core/clustermap"
)

var mapVerb = verb{
	name: "map", args: "IMAGE", short: "what the guest reads from where",
	help: `  --output=human|json  the same as qemu-img map prints: runs of data, and in JSON also zeros and what no layer holds

Backing files and an external data file are opened, for reading, by the names in the image.

exit codes:
  0   the whole disk was mapped
  1   some of it cannot be read; the rest was mapped
  63  not a qcow2 image
`,
}

func init() { mapVerb.run = runMap }

func runMap(c *command) int {
	form := c.outputFlag()
	if code, ok := c.parse(1); !ok {
		return code
	}
	f, img, code := c.openImage(c.words[0], *form)
	if img == nil {
		return code
	}
	ch := &backingChain{}
	defer ch.close()
	if why := ch.follow(c.ctx, f, img); why != "" {
		fmt.Fprintf(c.err, "qcowscope map: only the layers above are mapped: %s\n", printable(why))
	}
	w := bufio.NewWriter(c.out)
	defer w.Flush()
	p := mapPrinter{w: w, names: ch.names}
	if *form == "json" {
		return c.printMap(ch, &p, p.json, "[", "]\n")
	}
	return c.printMap(ch, &p, p.human, fmt.Sprintf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File"), "")
}

// printMap prints every run; what cannot be read is said on standard error.
func (c *command) printMap(ch *backingChain, p *mapPrinter, line func(clustermap.Run), head, tail string) int {
	code := exitOK
	io.WriteString(p.w, head)
	for run, err := range clustermap.Chain(c.ctx, ch.layers, ch.open) {
		switch {
		case errors.Is(err, clustermap.ErrUnreadableGuest):
			fmt.Fprintf(c.err, "qcowscope map: %v\n", err)
			code = exitFailed
		case err != nil:
			io.WriteString(p.w, tail)
			return c.fail(err)
		default:
			line(run)
		}
	}
	if p.lines == 0 && code == exitOK {
		line(clustermap.Run{}) // a disk of no size is one run of no length
	}
	io.WriteString(p.w, tail)
	return code
}

// mapPrinter prints runs as qemu-img map does.
type mapPrinter struct {
	w     io.Writer
	names []mapNames
	lines int
}

// mapNames are the names of a layer's file and of the file that its data is in.
type mapNames struct{ image, data string }

func (p *mapPrinter) json(r clustermap.Run) {
	if p.lines++; p.lines > 1 {
		io.WriteString(p.w, ",\n")
	}
	fmt.Fprintf(p.w, `{ "start": %d, "length": %d, "depth": %d, "present": %t, "zero": %t, "data": %t`,
		r.Guest.Start, r.Guest.Len, r.Depth, r.Present, r.Zero, r.Data)
	if r.Placed {
		fmt.Fprintf(p.w, `, "offset": %d`, r.Offset)
	}
	io.WriteString(p.w, "}")
}

// human prints runs of data only. qemu-img gives up at compressed and encrypted ones.
func (p *mapPrinter) human(r clustermap.Run) {
	p.lines++
	if !r.Data || r.Zero {
		return
	}
	to := hex(int64(r.Offset))
	switch {
	case r.Compressed:
		to = "compressed"
	case !r.Placed:
		to = "encrypted"
	}
	fmt.Fprintf(p.w, "%-16s%-16s%-16s%s\n", hex(int64(r.Guest.Start)), hex(int64(r.Guest.Len)), to, printable(p.names[r.Depth].data))
}

// hex is C's %#x, which has no prefix for zero.
func hex(n int64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", n)
}
