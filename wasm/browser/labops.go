//go:build js && wasm

package main

import "qcowscope/wasm/service"

// labOperations are those of the Lab.
func labOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"labTrace":    asking(s.LabTrace),
		"labSteps":    asking(s.LabSteps),
		"labWords":    asking(s.LabWords),
		"labOldTable": plain(s.LabOldTable),
		"labLane":     asking(s.LabLane),
		"labCounts":   asking(s.LabCounts),
		"labApply":    plain(s.LabApply),
	}
}
