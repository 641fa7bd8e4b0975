package main

import (
	"strings"
	"testing"
)

// TestInfoLayersOfEveryRecipe: whatever is wrong, the waterfall leads from the disk to the
// file, and the text says what the JSON does.
func TestInfoLayersOfEveryRecipe(t *testing.T) {
	eachRecipe(t, 3, func(t *testing.T, name string) {
		_, _, path := place(t, name)
		r := cli(t, "info", "--layers", "--output=json", path)
		if r.code != exitOK {
			return // TestInfoOfEveryRecipe says which may
		}
		i := decode[struct {
			FileSize int64 `json:"file-size"`
			Layers   *struct {
				Reason    string
				Waterfall []waterfallJSON
				Layers    []layerJSON
				Outside   []outsideJSON
			}
			Snapshots []struct{ ID string }
		}](t, r.out)
		if i.Layers == nil {
			t.Fatal("no layers")
		}
		steps, sum := i.Layers.Waterfall, int64(0)
		for _, s := range steps[:len(steps)-1] {
			sum += s.Bytes
		}
		if last := steps[len(steps)-1].Bytes; sum != last || last != i.FileSize || i.Layers.Reason == "" {
			t.Errorf("the steps lead to %d of %d: %+v", sum, i.FileSize, steps)
		}
		if len(i.Layers.Layers) != len(i.Snapshots)+1 {
			t.Errorf("%d layers, %d snapshots", len(i.Layers.Layers), len(i.Snapshots))
		}
		text := cli(t, "info", "--layers", path).want(t, exitOK)
		text.says(t, "from the disk to the file")
		for _, o := range i.Layers.Outside {
			text.says(t, o.Warning)
		}
	})
}

func TestInfoLayersText(t *testing.T) {
	_, _, path := place(t, "healthy_snapshot_and_bitmap")
	text := cli(t, "info", "--layers", path).want(t, exitOK)
	for _, words := range []string{"what the layers hold", "Deleting all snapshots would free", "what the bitmaps mark as dirty"} {
		text.says(t, words)
	}
	_, _, path = place(t, "healthy_backing_qcow2")
	cli(t, "info", "--layers", path).want(t, exitOK).says(t, "of the disk come from the backing file")
	if strings.Contains(cli(t, "info", path).out, "from the disk to the file") {
		t.Error("without --layers they are told, too")
	}
}
