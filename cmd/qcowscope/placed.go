package main

import (
	"fmt"
	"io"

	"qcowscope/core/patch"
)

// placedJSON is where a change went, and how: in every report of a verb that writes.
type placedJSON struct {
	InPlace  bool          `json:"in-place,omitempty"`
	Undo     string        `json:"undo,omitempty"`
	Redirect *redirectJSON `json:"redirect,omitempty"`
}

func (o *copying) placed(f *file, plan *patch.Plan) placedJSON {
	j := placedJSON{InPlace: o.inPlace, Undo: o.undo, Redirect: o.redirecting.json()}
	if o.inPlace && !plan.Empty() {
		j.Undo = o.undoPath(f)
	}
	return j
}

// written is the file that holds the changed image.
func (o *copying) written(f *file) string {
	if o.inPlace {
		return f.path
	}
	return o.path
}

// writePlaced says where the change went. It is false when there was none.
func (o *copying) writePlaced(w io.Writer, f *file, plan *patch.Plan) bool {
	switch {
	case o.inPlace && plan.Empty():
		fmt.Fprintf(w, "%s was not written to: there was nothing to change.\n", printable(f.path))
	case o.inPlace:
		writeChangedInPlace(w, f.path, o.undoPath(f))
	default:
		fmt.Fprintf(w, "%s is written and checked. The image was not touched.\n", printable(o.path))
		if plan.Empty() {
			fmt.Fprintln(w, "There was nothing to change: it is a plain copy.")
		}
	}
	o.redirecting.write(w)
	return !plan.Empty()
}

func writeChangedInPlace(w io.Writer, path, undo string) {
	fmt.Fprintf(w, "%s was changed in place, read back and checked.\n", printable(path))
	fmt.Fprintf(w, "%s has the old bytes: qcowscope apply %s %s --in-place puts them back.\n", printable(undo), printable(shellWord(path)), printable(shellWord(undo)))
}
