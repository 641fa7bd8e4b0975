//go:build js && wasm

package main

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

type chained struct {
	next *chained
	_    [6]int
}

// Whatever runs as WebAssembly is linked so that a collection is all that is done while it
// lasts: on the only thread one beside the program would end too late. A program that runs
// on meanwhile is made to assist whenever it allocates.
func TestCollectionsStopTheProgram(t *testing.T) {
	var live, garbage *chained
	for range 1 << 18 {
		live = &chained{next: live}
	}
	for i := range 1 << 20 {
		if i%1000 == 0 {
			garbage = nil
		}
		garbage = &chained{next: garbage}
	}
	runtime.GC()
	runtime.KeepAlive(live)
	spent := []metrics.Sample{{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"}}
	metrics.Read(spent)
	if assisting, collecting := spent[0].Value.Float64(), spent[1].Value.Float64(); assisting > 0 || collecting <= 0 {
		t.Errorf("assisted for %f s, collected for %f s: is the linker's flag of scripts/build.mjs missing?", assisting, collecting)
	}
}
