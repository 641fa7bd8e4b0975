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
		"take": asking(s.Take),
		"takeNext": func(ctx context.Context, _ js.Value) (js.Value, error) {
			reply, err := s.TakeNext(ctx)
			if err != nil {
				return js.Value{}, err
			}
			return encodeSegments(reply), nil
		},
		"takeEnd":    plain(s.TakeEnd),
		"reportFile": packed(s.ReportFile),
	}
}
