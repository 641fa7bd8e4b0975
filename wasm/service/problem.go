package service

import (
	"context"
	"errors"
	"fmt"

	"qcowscope/core/image"
	"qcowscope/core/qcow2"
	"qcowscope/core/refcount"
	"qcowscope/core/source"
)

// problemOf puts an error into the words a user needs.
func problemOf(err error) Problem {
	var (
		not   *image.NotQcow2Error
		field *qcow2.FieldError
		read  *source.ReadError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return Problem{Kind: "cancelled", Title: "Cancelled.", Advice: "What was found so far is still shown. Check again to go on."}
	case errors.As(err, &not):
		return Problem{Kind: "not-qcow2", Title: "This is not a qcow2 image. It looks like " + not.Looks + ".", Where: "the file's first bytes",
			Advice: not.Advice, Detail: not.Error()}
	case errors.As(err, &field):
		return Problem{Kind: "header", Title: fmt.Sprintf("The header is damaged: the field %s %s, but it is %d.", field.Field, field.Rule, field.Value),
			Where:  fmt.Sprintf("%s at 0x%x", field.Field, field.Off),
			Advice: "Without this field no other table can be found. Do not write to the file; keep a copy. If you have an older copy of the image, its first cluster may serve.",
			Detail: err.Error()}
	case errors.As(err, &read):
		return Problem{Kind: "read", Title: fmt.Sprintf("The file could not be read at 0x%x.", read.Off), Where: fmt.Sprintf("0x%x", read.Off),
			Advice: "Either the file changed after you chose it (is the VM running?), or it was moved, or the drive has a bad spot or was unplugged. Choose the file again; if it fails at the same place, copy the file with a tool that skips bad sectors.",
			Detail: err.Error()}
	case errors.Is(err, refcount.ErrTooManyClusters):
		return Problem{Kind: "memory", Title: "The file has too many clusters for a browser tab.",
			Advice: "Use the command line: qcowscope check.", Detail: err.Error()}
	}
	return Problem{Kind: "internal", Title: "Something went wrong in the checker itself.", Advice: "Your file was not changed. Reload the page and try again.", Detail: err.Error()}
}
