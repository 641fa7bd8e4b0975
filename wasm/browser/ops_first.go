//go:build js && wasm && first

package main

import "qcowscope/wasm/service"

// moreOperations are none here: the page has an engine with all of them loaded for the first
// other one that it needs.
func moreOperations(*service.Session) map[string]operation { return nil }
