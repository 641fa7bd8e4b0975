//go:build js && wasm

package main

import "qcowscope/wasm/service"

// findingsOperations are those of the Findings and Repair parts beside the first ones.
func findingsOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"findingsAt": asking(s.FindingsAt),
		"judge":      asking(s.Judge),
		"effect":     plain(s.Effect),
		"verify":     plain(s.Verify),
		"written":    asking(s.Written),
	}
}
