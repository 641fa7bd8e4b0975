package testimages

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed recipes/*.recipe
var recipeFiles embed.FS

const recipeExt = ".recipe"

// Names lists the recipes in alphabetical order.
func Names() []string { return namesIn("recipes") }

// Load parses a recipe.
func Load(name string) (Recipe, error) { return load("recipes", name) }

func namesIn(dir string) []string {
	entries, err := recipeFiles.ReadDir(dir)
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
	source, err := recipeFiles.ReadFile(path.Join(dir, name+recipeExt))
	if err != nil {
		return Recipe{}, fmt.Errorf("testimages: no recipe %q", name)
	}
	return parse(name, string(source))
}
