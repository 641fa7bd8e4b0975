package testimages

import (
	"os"
	"runtime"
)

// Each is of how many recipes a test that looks at all of them takes one: under js, which is
// many times slower, that many, unless everything is asked for. Natively it takes them all.
func Each(js int) int {
	if runtime.GOOS == "js" && os.Getenv("QCOWSCOPE_FULL") == "" {
		return js
	}
	return 1
}
