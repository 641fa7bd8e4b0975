//go:build !js

// Edge-images writes the images that the Worker's tests check as a fleet: one of each recipe
// and random damage of images that QEMU made.
//
//	go run ./scripts/edge-images -o DIR [-n N] [-seed S]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"qcowscope/differential"
	"qcowscope/testimages"
)

// share is which part of the images are made from recipes.
const share = 3

func main() {
	dir := flag.String("o", "", "folder to write to")
	n := flag.Int("n", 150, "how many images")
	seed := flag.Uint64("seed", 1, "of the damage")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := write(*dir, *n, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "edge-images:", err)
		os.Exit(1)
	}
}

// write makes the folder and its images. Which recipes are among few images, the seed says.
func write(dir string, n int, seed uint64) error {
	names := testimages.Names()
	recipes := min(n/share, len(names))
	for i := range recipes {
		name := names[(i*len(names)/recipes+int(seed))%len(names)]
		if err := writeRecipe(filepath.Join(dir, folders[i%len(folders)]), name); err != nil {
			return err
		}
	}
	random := filepath.Join(dir, "random")
	if err := os.MkdirAll(random, 0o755); err != nil {
		return err
	}
	rest := n - recipes
	return differential.Collect(context.Background(), random, rest, max(8, rest/16), seed)
}

// folders are hard for whoever handles keys carelessly.
var folders = []string{"vm", "größe 100%+", "a&b=c#d", "Ω/ß"}

func writeRecipe(dir, name string) error {
	recipe, err := testimages.Load(name)
	if err != nil {
		return err
	}
	img, err := recipe.Build()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".qcow2"), img.Image, 0o644)
}
