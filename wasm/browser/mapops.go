//go:build js && wasm

package main

import (
	"context"
	"syscall/js"

	"qcowscope/wasm/service"
)

// mapOperations are those of the map.
func mapOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"mapTile": packed(s.MapTile),
		"mapPins": arrays(s.MapPins, func(r service.MapPins, o js.Value) {
			o.Set("clusters", encodeFloats(r.Clusters))
			o.Set("counts", encodeFloats(r.Counts))
			o.Set("severities", encodeBytes(r.Severities))
		}),
		"mapCell":   asking(s.MapCell),
		"mapScan":   plain(s.MapScan),
		"mapTotals": asking(s.MapTotals),
		"mapRuns":   asking(s.MapRuns),
		"mapLayers": asking(s.MapLayers),
		"mapLinks": arrays(s.MapLinks, func(r service.MapLinks, o js.Value) {
			o.Set("firsts", encodeFloats(r.Firsts))
			o.Set("counts", encodeFloats(r.Counts))
			o.Set("more", encodeBytes(r.More))
		}),
		"mapSubclusters": packed(s.MapSubclusters),
		"guestCluster":   asking(s.GuestCluster),
	}
}

// arrays is an operation whose reply is an object of typed arrays, which set puts into it.
func arrays[Request, Reply any](answer func(context.Context, Request) (Reply, error), set func(Reply, js.Value)) operation {
	return func(ctx context.Context, v js.Value) (js.Value, error) {
		var request Request
		if err := decode(v, &request); err != nil {
			return js.Value{}, err
		}
		reply, err := answer(ctx, request)
		if err != nil {
			return js.Value{}, err
		}
		o := js.Global().Get("Object").New()
		set(reply, o)
		return o, nil
	}
}
