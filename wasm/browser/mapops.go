//go:build js && wasm

package main

import (
	"syscall/js"

	"qcowscope/wasm/service"
)

// mapOperations are those of the map.
func mapOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"mapTile": asking(s.MapTile),
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
		"mapSubclusters": asking(s.MapSubclusters),
		"guestCluster":   asking(s.GuestCluster),
	}
}
