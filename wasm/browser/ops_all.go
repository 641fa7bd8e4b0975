//go:build js && wasm && !first

package main

import (
	"maps"

	"qcowscope/wasm/service"
)

// moreOperations are all beside those that show the verdict, the map and the findings.
func moreOperations(s *service.Session) map[string]operation {
	ops := map[string]operation{
		"plan":     asking(s.Plan),
		"writes":   asking(s.Writes),
		"apply":    plain(s.Apply),
		"undo":     plain(s.Undo),
		"bytes":    asking(s.Bytes),
		"segments": segments(s.Segments),
		"planFile": asking(s.PlanFile),
		"report":   plain(s.Report),
	}
	maps.Copy(ops, findingsOperations(s))
	maps.Copy(ops, hexOperations(s))
	maps.Copy(ops, labOperations(s))
	maps.Copy(ops, layersOperations(s))
	maps.Copy(ops, redirectOperations(s))
	maps.Copy(ops, takeawayOperations(s))
	maps.Copy(ops, writeOperations(s))
	return ops
}
