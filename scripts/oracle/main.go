//go:build !js

// Oracle asks qemu-img about every recipe and sample and compares its answers
// with testimages/golden, or with -write replaces what is there.
//
//	go run ./scripts/oracle [-write] [NAME...]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"

	"qcowscope/testimages"
	"qcowscope/testimages/qemu"
)

const goldenDir = "testimages/golden"

func main() {
	write := flag.Bool("write", false, "replace the goldens")
	flag.Parse()
	if err := run(*write, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(write bool, names []string) error {
	if err := qemu.Available(); err != nil {
		return err
	}
	recipes, err := chosen(names)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "oracle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	wrong := 0
	for i, problems := range judgeAll(recipes, dir, write) {
		for _, p := range problems {
			fmt.Printf("%s: %s\n", recipes[i].Name, p)
			wrong++
		}
	}
	if write && len(names) == 0 {
		if err := removeOthers(recipes); err != nil {
			return err
		}
	}
	fmt.Printf("%d images judged, %d disagreements\n", len(recipes), wrong)
	if wrong > 0 {
		return fmt.Errorf("recipes, goldens and qemu-img disagree")
	}
	return nil
}

// chosen loads the named recipes and samples, or all of them.
func chosen(names []string) ([]testimages.Recipe, error) {
	var out []testimages.Recipe
	for _, set := range []struct {
		names []string
		load  func(string) (testimages.Recipe, error)
	}{{testimages.Names(), testimages.Load}, {testimages.SampleNames(), testimages.LoadSample}} {
		for _, name := range set.names {
			if len(names) > 0 && !slices.Contains(names, name) {
				continue
			}
			r, err := set.load(name)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
	}
	if len(out) == 0 || len(names) > 0 && len(out) != len(names) {
		return nil, fmt.Errorf("found %d of the recipes %v", len(out), names)
	}
	return out, nil
}

// judgeAll judges two images at a time and returns what is wrong with each.
func judgeAll(recipes []testimages.Recipe, dir string, write bool) [][]string {
	problems := make([][]string, len(recipes))
	var wait sync.WaitGroup
	places := make(chan struct{}, 2)
	for i, r := range recipes {
		wait.Add(1)
		places <- struct{}{}
		go func() {
			defer func() { <-places; wait.Done() }()
			found, err := judge(r, filepath.Join(dir, r.Name), write)
			if err != nil {
				found = append(found, err.Error())
			}
			problems[i] = found
		}()
	}
	wait.Wait()
	return problems
}

func judge(r testimages.Recipe, dir string, write bool) ([]string, error) {
	built, err := r.Build()
	if err != nil {
		return nil, err
	}
	got, err := qemu.Judge(context.Background(), built, dir)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	var problems []string
	if said := got.Check.Expect(); said != r.Expect {
		problems = append(problems, fmt.Sprintf("the recipe expects %+v, qemu-img says %+v", r.Expect, said))
	}
	if write {
		text, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			return problems, err
		}
		return problems, os.WriteFile(filepath.Join(goldenDir, r.Name+".json"), append(text, '\n'), 0o644)
	}
	want, err := testimages.GoldenFor(r.Name)
	if err == nil && !reflect.DeepEqual(want, got) {
		have, _ := json.Marshal(got)
		problems = append(problems, "golden differs; qemu-img says "+string(have))
	}
	return problems, err
}

// removeOthers deletes goldens whose recipe is gone.
func removeOthers(recipes []testimages.Recipe) error {
	entries, err := os.ReadDir(goldenDir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		known := slices.ContainsFunc(recipes, func(r testimages.Recipe) bool { return r.Name+".json" == e.Name() })
		if !known {
			if err := os.Remove(filepath.Join(goldenDir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
