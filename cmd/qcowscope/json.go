package main

import (
	"encoding/json"
	"io"

	"qcowscope/core/report"
)

// schema is the version of what is printed as JSON.
const schema = report.Schema

// writeJSON prints like qemu-img: an indent of four, names as they are.
func writeJSON(w io.Writer, v any) {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	if err := e.Encode(v); err != nil {
		// Every value here is plain data: only the writer can fail, and then nobody reads.
		return
	}
}

// exact is a number that a script may take for a double.
type exact = report.Exact
