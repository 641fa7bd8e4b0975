//go:build js && wasm

package main

import (
	"context"
	"syscall/js"

	"qcowscope/wasm/service"
)

// takeawayOperations take files out of the page, piece by piece.
func takeawayOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"take":       asking(s.Take),
		"takeNext":   segments(s.TakeNext),
		"takeEnd":    plain(s.TakeEnd),
		"reportFile": asking(s.ReportFile),
	}
}

// segments is an operation whose reply is the next part of a file: ranges and new bytes.
func segments(answer func(context.Context) (service.SegmentsReply, error)) operation {
	return func(ctx context.Context, _ js.Value) (js.Value, error) {
		reply, err := answer(ctx)
		o := js.Global().Get("Object").New()
		if err == nil {
			o.Set("starts", encodeFloats(reply.Starts))
			o.Set("lengths", encodeFloats(reply.Lengths))
			o.Set("patch", encodeBytes(reply.Patch))
		}
		return o, err
	}
}
