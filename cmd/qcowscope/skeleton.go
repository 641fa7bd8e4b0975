package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"qcowscope/core/check"
	"qcowscope/core/image"
	"qcowscope/core/skeleton"
)

var skeletonVerb = verb{
	name: "skeleton", args: "IMAGE -o OUT", short: "write a copy with the structure and without the data, for a bug report",
	help: `  -o OUT      where the copy goes; as long as the image, but sparse
  --keep=LIST what of yours the copy keeps: names, or of them snapshots, bitmaps, backing, data-file;
              extensions (that are not known), bitmap-data (which parts of the disk are dirty),
              luks (the encryption header with its keys); nothing by default
  --force     replace OUT if it exists
  --output=human|json

Header, tables, refcounts, snapshot table and bitmap directory are kept where they are. Blank are the
disk's data, compressed or not, the state of virtual machines, what nothing points to, and what lies
behind the end of tables. Names become others of the same length. Where data was written over a table,
the words that cannot be entries become others with the same consequence.

exit codes:
  0   the copy was written, and a check finds the same in it
  1   nothing was written
  2   the copy was written; a check of it finds something else
  63  not a qcow2 image
`,
}

func init() { skeletonVerb.run = runSkeleton }

// skeletonJSON is what a copy keeps and leaves out, in bytes.
type skeletonJSON struct {
	Filename   string `json:"filename"`
	Output     string `json:"output"`
	Size       int64  `json:"size"`
	Tables     int64  `json:"tables"`
	Data       int64  `json:"blank-data"`
	Compressed int64  `json:"blank-compressed"`
	Unused     int64  `json:"blank-unused"`
	BitmapData int64  `json:"blank-bitmap-data"`
	Keys       bool   `json:"blank-keys"`
	Names      int    `json:"names-replaced"`
	Words      int64  `json:"words-replaced"`
	Same       bool   `json:"same-findings"`
	Schema     int    `json:"schema"`
}

func runSkeleton(c *command) int {
	var t target
	var list string
	form := c.outputFlag()
	c.flags.StringVar(&t.path, "o", "", "")
	c.flags.BoolVar(&t.force, "force", false, "")
	c.flags.StringVar(&list, "keep", "", "")
	if code, ok := c.parse(1); !ok {
		return code
	}
	keep, err := keptThings(list)
	if err != nil {
		return c.misuse(err.Error())
	}
	f, img, code := c.openImage(c.words[0], *form)
	if img == nil {
		return code
	}
	defer f.Close()
	if f.lockedByWriter() {
		return c.fail(errInUse(f.path))
	}
	if err := t.refuse(f); err != nil {
		return c.fail(err)
	}
	made, same, err := c.skeleton(f, img, t, keep)
	if err != nil {
		return c.fail(err)
	}
	j := newSkeletonJSON(f.path, t.path, made, same)
	if *form == "json" {
		writeJSON(c.out, j)
	} else {
		writeSkeleton(c.out, j)
	}
	if !same {
		return exitCorrupt
	}
	return exitOK
}

// keptThings reads the list of --keep.
func keptThings(list string) (k skeleton.Keep, err error) {
	things := map[string][]*bool{
		"names":     {&k.Snapshots, &k.Bitmaps, &k.Backing, &k.DataFile},
		"snapshots": {&k.Snapshots}, "bitmaps": {&k.Bitmaps}, "backing": {&k.Backing}, "data-file": {&k.DataFile},
		"extensions": {&k.Extensions}, "bitmap-data": {&k.BitmapData}, "luks": {&k.LUKS},
	}
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		if things[word] == nil {
			return k, fmt.Errorf("--keep: %s is none of names, snapshots, bitmaps, backing, data-file, extensions, bitmap-data, luks", word)
		}
		for _, v := range things[word] {
			*v = true
		}
	}
	return k, nil
}

// skeleton writes the copy, and tells whether a check of it finds what it finds in the image.
func (c *command) skeleton(f *file, img *image.Image, t target, keep skeleton.Keep) (*skeleton.Copy, bool, error) {
	opt, end := c.checkOptions(keptFindings)
	report, err := check.Run(c.ctx, img, opt)
	end()
	if err != nil {
		return nil, false, err
	}
	made, err := skeleton.Make(img, report, keep)
	if err != nil {
		return nil, false, err
	}
	out, err := t.begin(0o666)
	if err != nil {
		return nil, false, err
	}
	defer out.discard()
	if err := c.writeSparse(out.File, made); err != nil {
		return nil, false, err
	}
	if err := f.changed(); err != nil {
		return nil, false, err
	}
	same, err := c.sameFindings(out.Name(), report)
	if err != nil {
		return nil, false, err
	}
	return made, same, out.keep()
}

func (c *command) writeSparse(out *os.File, made *skeleton.Copy) error {
	p := c.progress()
	defer p.end()
	off := int64(0)
	for s, err := range made.Segments(c.ctx) {
		if err == nil && s.Data != nil {
			err = writeNonzero(out, s.Data, off)
		}
		if err != nil {
			return err
		}
		off += s.Len
		p.show("copying", off, made.Size())
	}
	return plainError(out.Truncate(made.Size()))
}

// sameFindings checks the copy.
func (c *command) sameFindings(path string, want *check.Report) (bool, error) {
	copied, err := openFile(path)
	if err != nil {
		return false, err
	}
	defer copied.Close()
	img, err := image.Open(c.ctx, copied)
	if err != nil {
		return false, nil
	}
	opt, end := c.checkOptions(keptFindings)
	defer end()
	got, err := check.Run(c.ctx, img, opt)
	if err != nil {
		return false, err
	}
	return skeleton.SameFindings(got, want), nil
}

func newSkeletonJSON(path, out string, made *skeleton.Copy, same bool) skeletonJSON {
	s := made.Summary
	return skeletonJSON{Filename: path, Output: out, Size: s.Size, Tables: s.Tables, Data: s.Data, Compressed: s.Compressed, Unused: s.Unused,
		BitmapData: s.BitmapData, Keys: s.LUKS, Names: s.Names, Words: made.Replaced, Same: same, Schema: schema}
}

func writeSkeleton(w io.Writer, j skeletonJSON) {
	fmt.Fprintf(w, "%s is written: %s long, of which %s are kept and the rest is empty.\n", printable(j.Output), size(uint64(j.Size)), size(uint64(j.Tables)))
	for _, part := range []struct {
		bytes int64
		what  string
	}{
		{j.Data, "of data and saved states of virtual machines"}, {j.Compressed, "of compressed data: these clusters cannot be decoded in the copy"},
		{j.Unused, "that nothing points to"}, {j.BitmapData, "of bitmaps"},
	} {
		if part.bytes > 0 {
			fmt.Fprintf(w, "  - left out: %s %s\n", size(uint64(part.bytes)), part.what)
		}
	}
	if j.Keys {
		fmt.Fprintln(w, "  - left out: the keys of the encryption")
	}
	if j.Names > 0 {
		fmt.Fprintf(w, "  - replaced: %s (--keep=names keeps them)\n", count(j.Names, "name"))
	}
	if j.Words > 0 {
		fmt.Fprintf(w, "  - replaced: %s of tables that were no entries\n", count(j.Words, "word"))
	}
	if j.Same {
		fmt.Fprintln(w, "A check finds in it what it finds in the image.")
	} else {
		fmt.Fprintln(w, "A check of it does not find the same as in the image: say so when you hand it on.")
	}
}
