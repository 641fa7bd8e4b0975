// Gen-protocol writes the TypeScript twin of the protocol between the page and the core.
//
// Usage, from the repository's root:
//
//	go run ./scripts/gen-protocol          write web/src/protocol/protocol.gen.ts
//	go run ./scripts/gen-protocol -check   exit 1 if that file is not current
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const (
	goFiles = "wasm/service/*protocol.go"
	tsFile  = "web/src/protocol/protocol.gen.ts"
)

func main() {
	check := flag.Bool("check", false, "do not write; exit 1 if the file is not current")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "gen-protocol:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	names, err := filepath.Glob(goFiles)
	if err != nil || len(names) == 0 {
		return fmt.Errorf("%s: found nothing (%v)", goFiles, err)
	}
	var sources []goSource
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		sources = append(sources, goSource{filepath.ToSlash(name), text})
	}
	want, err := translate(sources...)
	if err != nil {
		return err
	}
	if check {
		return compare(want)
	}
	if err := os.MkdirAll(filepath.Dir(tsFile), 0o755); err != nil {
		return err
	}
	return os.WriteFile(tsFile, want, 0o644)
}

func compare(want []byte) error {
	got, err := os.ReadFile(tsFile)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not what %s says: run `go run ./scripts/gen-protocol`", tsFile, goFiles)
	}
	return nil
}
