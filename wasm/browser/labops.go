//go:build js && wasm

package main

import (
	"context"
	"syscall/js"

	"qcowscope/wasm/service"
)

// labOperations are those of the Lab.
func labOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"labTrace":    asking(s.LabTrace),
		"labSteps":    numbers(s.LabSteps),
		"labWords":    asking(s.LabWords),
		"labOldTable": oldTable(s),
		"labLane":     packed(s.LabLane),
		"labCounts":   asking(s.LabCounts),
		"labApply":    plain(s.LabApply),
	}
}

// numbers is an operation whose reply is a Float64Array.
func numbers[Request any](answer func(context.Context, Request) ([]float64, error)) operation {
	return func(ctx context.Context, v js.Value) (js.Value, error) {
		var request Request
		if err := decode(v, &request); err != nil {
			return js.Value{}, err
		}
		reply, err := answer(ctx, request)
		if err != nil {
			return js.Value{}, err
		}
		return encodeFloats(reply), nil
	}
}

func oldTable(s *service.Session) operation {
	return func(ctx context.Context, _ js.Value) (js.Value, error) {
		places, err := s.LabOldTable(ctx)
		if err != nil {
			return js.Value{}, err
		}
		return encodeFloats(places), nil
	}
}
