//go:build js && wasm

package main

import "qcowscope/wasm/service"

// layersOperations are those of the Layers part.
func layersOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"layersScan":      plain(s.LayersScan),
		"layersSizes":     plain(s.LayersSizes),
		"layersSnapshots": asking(s.LayersSnapshots),
		"layersFreed":     asking(s.LayersFreed),
		"layersBitmaps":   asking(s.LayersBitmaps),
		"layersStrip":     asking(s.LayersStrip),
		"layersDirty":     asking(s.LayersDirty),
		"layersChain":     plain(s.LayersChain),
		"layersAttach":    asking(s.LayersAttach),
		"layersDetach":    asking(s.LayersDetach),
		"layersFall":      plain(s.LayersFall),
		"layersGuest":     asking(s.LayersGuest),
	}
}
