package testimages

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed recipes samples golden
var files embed.FS

const (
	recipeDir = "recipes"
	sampleDir = "samples"
	recipeExt = ".recipe"
)

// Names lists the recipes in alphabetical order.
func Names() []string { return namesIn(recipeDir) }

// Load parses a recipe.
func Load(name string) (Recipe, error) { return load(recipeDir, name) }

// SampleNames lists the samples of the page in alphabetical order.
func SampleNames() []string { return namesIn(sampleDir) }

// LoadSample parses a sample, which is a recipe with a title. Its name begins
// with sample_, so that recipes and samples share one namespace of goldens.
func LoadSample(name string) (Recipe, error) { return load(sampleDir, name) }

func namesIn(dir string) []string {
	entries, err := files.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), recipeExt))
	}
	return out
}

func load(dir, name string) (Recipe, error) {
	source, err := files.ReadFile(path.Join(dir, name+recipeExt))
	if err != nil {
		return Recipe{}, fmt.Errorf("testimages: no recipe %q", name)
	}
	return Parse(name, string(source))
}
