//go:build !js

package testimages

import (
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The encoder of the test images must be independent of the code it tests.
func TestBuilderSharesNothingWithCore(t *testing.T) {
	read := 0
	for _, dir := range []string{".", "qemu"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), dir+"/"+e.Name(), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			read++
			for _, i := range f.Imports {
				if strings.HasPrefix(i.Path.Value, `"qcowscope/`) && !strings.HasPrefix(i.Path.Value, `"qcowscope/testimages`) {
					t.Errorf("%s imports %s", e.Name(), i.Path.Value)
				}
			}
		}
	}
	if read < 20 {
		t.Errorf("read only %d files", read)
	}
}
