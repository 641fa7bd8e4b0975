package main

import (
	"fmt"
	"io"
)

func usage(w io.Writer) {
	io.WriteString(w, "qcowscope checks and repairs qcow2 disk images. The image itself is written to only with --in-place.\n\n")
	for _, v := range verbs() {
		fmt.Fprintf(w, "  qcowscope %-8s %-30s %s\n", v.name, v.args, v.short)
	}
	io.WriteString(w, "  qcowscope help     COMMAND                        flags and exit codes of a command\n")
	io.WriteString(w, "  qcowscope version\n")
}

func (v *verb) text() string {
	return fmt.Sprintf("usage: qcowscope %s %s\n%s.\n\n%s", v.name, v.args, v.short, v.help)
}

func help(args []string, out, err io.Writer) int {
	if len(args) == 0 {
		usage(out)
		return exitOK
	}
	v := verbNamed(args[0])
	if v == nil {
		return noVerb(args[0], err)
	}
	io.WriteString(out, v.text())
	return exitOK
}

// noVerb says that there is no verb of that name, and which there are.
func noVerb(name string, err io.Writer) int {
	fmt.Fprintf(err, "qcowscope: there is no command %s\n\n", printable(name))
	usage(err)
	return exitFailed
}
