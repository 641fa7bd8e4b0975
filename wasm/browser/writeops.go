//go:build js && wasm

package main

import "qcowscope/wasm/service"

// writeOperations are those of the simulator of guest writes.
func writeOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"writeOpen":       plain(s.WriteOpen),
		"writePlan":       asking(s.WritePlan),
		"writeApply":      asking(s.WriteApply),
		"writeQueue":      asking(s.WriteQueue),
		"writeQueueApply": asking(s.WriteQueueApply),
		"writeStates":     asking(s.WriteStates),
		"writeTrace":      asking(s.WriteTrace),
	}
}
