package testimages

import (
	"hash/fnv"
	"os"
	"runtime"
)

// Each is of how many recipes a test that goes over all of them takes one: natively of short,
// under js, which is many times slower, of js. When everything is asked for it takes them all.
func Each(short, js int) int {
	switch {
	case os.Getenv("QCOWSCOPE_FULL") != "":
		return 1
	case runtime.GOOS == "js":
		return js
	}
	return short
}

// Taken tells whether the test of that name takes number i when it takes one of each: other
// tests take others, so that together they take far more.
func Taken(test string, i, each int) bool {
	h := fnv.New32a()
	h.Write([]byte(test))
	return (i+int(h.Sum32()%uint32(each)))%each == 0
}
