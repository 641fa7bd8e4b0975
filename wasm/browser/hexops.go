//go:build js && wasm

package main

import "qcowscope/wasm/service"

// hexOperations are those of the Hex part.
func hexOperations(s *service.Session) map[string]operation {
	return map[string]operation{
		"hex":       asking(s.Hex),
		"hexField":  asking(s.HexField),
		"hexChange": asking(s.HexChange),
		"hexFind":   asking(s.HexFind),
	}
}
