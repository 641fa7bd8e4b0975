//go:build !js

// Samples writes the page's sample images and the list that the page shows.
//
//	go run ./scripts/samples -o DIR
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"qcowscope/testimages"
)

// maxSample bounds a sample: it is fetched when somebody clicks on it.
const maxSample = 300_000

// order is the one in which the page offers the samples: from whole to torn.
var order = []string{
	"disk_in_order", "leftover_clusters", "crashed_server", "lost_refcounts", "torn_subclusters", "cut_off_copy", "hole_in_the_middle",
}

// sample is one entry of samples.json.
type sample struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Story  string `json:"story"`
	File   string `json:"file"`
	Size   int    `json:"size"` // bytes of the file
	Expect expect `json:"expect"`
}

// expect is the verdict that the page must reach.
type expect struct {
	Corruptions int64 `json:"corruptions"`
	Leaks       int64 `json:"leaks"`
	Exit        int64 `json:"exit"`
}

func main() {
	dir := flag.String("o", "", "folder to write to")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := writeAll(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "samples:", err)
		os.Exit(1)
	}
}

// writeAll writes every sample and samples.json to a folder.
func writeAll(dir string) error {
	if have := len(testimages.SampleNames()); have != len(order) {
		return fmt.Errorf("there are %d samples, but the page's order names %d", have, len(order))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var list []sample
	for _, name := range order {
		s, err := write(dir, name)
		if err != nil {
			return err
		}
		list = append(list, s)
	}
	text, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "samples.json"), append(text, '\n'), 0o644)
}

// write builds one sample and writes its image.
func write(dir, name string) (sample, error) {
	r, err := testimages.LoadSample(name)
	if err != nil {
		return sample{}, err
	}
	built, err := r.Build()
	if err != nil {
		return sample{}, err
	}
	if r.Title == "" || len(built.Image) > maxSample || len(built.Side) > 0 {
		return sample{}, fmt.Errorf("%s: a sample has a title, one file and at most %d bytes, not %d", name, maxSample, len(built.Image))
	}
	s := sample{
		ID: name, Title: r.Title, Story: r.Story, File: name + ".qcow2", Size: len(built.Image),
		Expect: expect{r.Expect.Corruptions, r.Expect.Leaks, r.Expect.Exit},
	}
	return s, os.WriteFile(filepath.Join(dir, s.File), built.Image, 0o644)
}
